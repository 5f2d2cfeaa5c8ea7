import { assert, type Cancel, type Clock, mergeUpdates } from '@tideweave/shared';
import type { DialectFrames } from './dialect-frames.ts';
import type { Contributor, Member } from './member.ts';

/** One contributor's updates of a batch, merged. */
export interface Segment {
  readonly contributor: Contributor;
  readonly update: Uint8Array;
}

/** Consecutive updates of one contributor as one: who wrote what stays apart, in order. */
export function segmentsOf(batch: readonly Segment[]): Segment[] {
  const segments: Segment[] = [];
  for (let at = 0; at < batch.length;) {
    const first = batch[at];
    assert(first !== undefined, 'within the batch');
    const updates: Uint8Array[] = [];
    for (; batch[at]?.contributor === first.contributor; at++) {
      const update = batch[at]?.update;
      if (update !== undefined) updates.push(update);
    }
    // A single one is copied, as it is a view into a frame that would be kept alive with it.
    segments.push({
      contributor: first.contributor,
      update: updates.length === 1 ? first.update.slice() : mergeUpdates(updates),
    });
  }
  return segments;
}

/**
 * A batch on its way to the members: encoded once per dialect, whatever the number of readers; a contributor's own
 * segments are left out of what it gets.
 */
export class FanOut {
  readonly #room: number;
  readonly #segments: readonly Segment[];
  readonly #contributors: ReadonlySet<Contributor>;
  readonly #encoded = new Map<DialectFrames, readonly Uint8Array[]>();
  readonly #whole = new Map<DialectFrames, Uint8Array>();

  constructor(room: number, segments: readonly Segment[]) {
    this.#room = room;
    this.#segments = segments;
    this.#contributors = new Set(segments.map((segment) => segment.contributor));
  }

  /** The frames for one member, or null when all of the batch is its own. */
  framesFor(member: Member): Uint8Array | null {
    const { frames } = member;
    if (!this.#contributors.has(member)) {
      let whole = this.#whole.get(frames);
      if (whole === undefined) {
        whole = frames.frame(this.#encode(frames));
        this.#whole.set(frames, whole);
      }
      return whole;
    }
    if (this.#contributors.size === 1) return null;
    const others = this.#encode(frames).filter((_, at) => this.#segments[at]?.contributor !== member);
    return frames.frame(others);
  }

  #encode(frames: DialectFrames): readonly Uint8Array[] {
    let encoded = this.#encoded.get(frames);
    if (encoded === undefined) {
      encoded = this.#segments.map(({ update }) => frames.segment(this.#room, update));
      this.#encoded.set(frames, encoded);
    }
    return encoded;
  }
}

/**
 * When a room may send next: at once while it is idle; while it is busy, after a pause in proportion to what sending
 * cost, since in a busy room each write then carries many changes instead of one. What people type waits less than where
 * their cursors are.
 */
export class FanOutWindow {
  readonly #clock: Clock;
  readonly #opens: () => void;
  #opensAtMs: Readonly<Record<Change, number>> = { update: 0, presence: 0 };
  #timer: { readonly atMs: number; readonly cancel: Cancel } | null = null;
  /** Updates, and people whose presence changed, that are sent in this turn. */
  #changes = 0;

  /** `opens` is called when what had to wait may be sent. */
  constructor(clock: Clock, opens: () => void) {
    this.#clock = clock;
    this.#opens = opens;
  }

  /** Whether what is at hand, the most urgent of which is a `change`, may be sent at once. */
  isOpen(change: Change): boolean {
    const atMs = this.#opensAtMs[change];
    const waitMs = atMs - this.#clock.now();
    if (waitMs < waitMsMin) return true;
    if (this.#timer === null || this.#timer.atMs > atMs) {
      this.cancel();
      const cancel = this.#clock.after(waitMs, () => {
        this.#timer = null;
        this.#opens();
      });
      this.#timer = { atMs, cancel };
    }
    return false;
  }

  /** This many more changes are sent in this turn. */
  sends(changes: number): void {
    this.#changes += changes;
  }

  /** The turn is over, and its writes are done. */
  turnTook(startedAtMs: number, endedAtMs: number): void {
    if (this.#changes === 0) return;
    const pauseMs = (endedAtMs - startedAtMs) * (this.#changes > 1 ? busyPauseFactor : pauseFactor);
    this.#opensAtMs = {
      update: endedAtMs + Math.min(windowMsMax.update, pauseMs),
      presence: endedAtMs + Math.min(windowMsMax.presence, pauseMs),
    };
    this.#changes = 0;
  }

  /** Nothing waits any more. */
  cancel(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }
}

/** What a room sends to its members. */
export type Change = 'update' | 'presence';

/** Longest time that a change waits for others to join it; a cursor that moves 30 times a second moves smoothly. */
const windowMsMax: Readonly<Record<Change, number>> = { update: 8, presence: 30 };
/** A pause of this many times the cost of sending: what one person types is not held up for more. */
const pauseFactor = 1;
/** The same once updates come faster than they are sent. */
const busyPauseFactor = 15;
/** Below what a timer can tell apart, waiting costs more than it saves. */
const waitMsMin = 1;
