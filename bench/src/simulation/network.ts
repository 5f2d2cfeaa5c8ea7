/**
 * Connections between simulated processes, as TCP has them: nothing is lost, doubled or reordered within one, but it may
 * take its time, stop in one direction, and end at any frame, of which either side may hear late or never.
 */
import type { EndOfTurn, FrameWriter, Turn } from '@tideweave/server/testing';
import type { Cancel, Clock } from '@tideweave/shared';
import type { Dice } from './dice.ts';
import type { ProcessClock, Timeline } from './timeline.ts';
import type { WireWatch } from './wire-watch.ts';

/** What arrives at one end. `closed` comes at most once, and last. */
export interface Receiver {
  received(frame: Uint8Array): void;
  closed(code: number): void;
  /** A ping at the client's end, its pong at the relay's. */
  control(): void;
}

/** How a way is at the moment; shared by all connections of a device, so that a fault holds for the next one too. */
export interface WayState {
  /** Nothing arrives before this (virtual ms). */
  blockedUntilMs: number;
  /** Bytes per millisecond. */
  bytesPerMs: number;
  /** Milliseconds that every frame takes. */
  latencyMs: number;
  /** Share of packets that are lost: they are sent again, later, and what comes after them waits, as TCP has it. */
  lossRate: number;
  /** Share of frames that arrive twice, where that is harmless by the protocol. */
  duplicateRate: number;
}

/** What a way knows of where it leads. */
export interface WayOptions {
  readonly timeline: Timeline;
  readonly dice: Dice;
  readonly state: WayState;
  readonly receiver: Receiver & { opened?(): void };
  /** Whether the protocol takes a frame twice (C3). */
  readonly isIdempotent: (frame: Uint8Array) => boolean;
  readonly onFault: (kind: 'loss' | 'duplicate') => void;
}

type Item = { readonly atMs: number } & (
  | { readonly kind: 'open' | 'control' }
  | { readonly kind: 'frame'; readonly frame: Uint8Array }
  | { readonly kind: 'close'; readonly code: number }
);

/** One direction of a connection. */
export class Way {
  readonly #timeline: Timeline;
  readonly #dice: Dice;
  readonly #state: WayState;
  #receiver: Receiver & { opened?(): void };
  #drained: () => void = () => undefined;
  readonly #isIdempotent: WayOptions['isIdempotent'];
  readonly #onFault: WayOptions['onFault'];
  readonly #items: Item[] = [];
  #bytes = 0;
  #freeAtMs = 0;
  #wake: Cancel | null = null;
  /** Takes nothing more; what is in it still arrives. */
  #ended = false;

  constructor({ timeline, dice, state, receiver, isIdempotent, onFault }: WayOptions) {
    this.#timeline = timeline;
    this.#dice = dice;
    this.#state = state;
    this.#receiver = receiver;
    this.#isIdempotent = isIdempotent;
    this.#onFault = onFault;
  }

  /** Bytes that have not arrived, beyond what is under way without being in anybody's buffer. */
  get bufferedBytes(): number {
    return Math.max(0, this.#bytes - inFlightBytes);
  }

  onDrain(drained: () => void): void {
    this.#drained = drained;
  }

  open(): void {
    this.#put({ kind: 'open', atMs: this.#arrival() });
  }

  send(frame: Uint8Array): void {
    if (this.#ended) return;
    this.#bytes += frame.length;
    this.#put({ kind: 'frame', frame, atMs: this.#arrival() });
  }

  /** Sends a ping or a pong. */
  control(): void {
    if (!this.#ended) this.#put({ kind: 'control', atMs: this.#arrival() });
  }

  /** The sender closes: what was sent before arrives first. */
  close(code: number): void {
    if (this.#ended) return;
    this.#put({ kind: 'close', code, atMs: this.#arrival() });
    this.#ended = true;
  }

  /** The way is cut: a beginning of what is in it still arrives, and then the news, or never anything again. */
  cut(learns: boolean): void {
    if (this.#items.at(-1)?.kind === 'close') this.#items.pop();
    this.#ended = false;
    const arrive = this.#dice.below(this.#items.length + 1);
    for (const item of this.#items.splice(arrive)) if (item.kind === 'frame') this.#bytes -= item.frame.length;
    if (learns) this.close(1006);
    this.#ended = true;
  }

  /** The state of the way has changed for the better. */
  stateChanged(): void {
    this.#freeAtMs = 0;
    this.#wake?.();
    this.#wake = null;
    this.#plan();
  }

  /** Nobody is there any more to receive. */
  forget(): void {
    this.#items.length = 0;
    this.#bytes = 0;
    this.#ended = true;
    this.#receiver = nobody;
    this.#drained = (): void => undefined;
  }

  #arrival(): number {
    const { latencyMs, lossRate } = this.#state;
    let atMs = this.#timeline.now + latencyMs * (0.5 + this.#dice.random());
    for (let waitMs = retransmitMs + 2 * latencyMs; lossRate > 0 && this.#dice.chance(lossRate); waitMs *= 2) {
      this.#onFault('loss');
      atMs += Math.min(waitMs, retransmitMsMax);
    }
    return atMs;
  }

  #put(item: Item): void {
    this.#items.push(item);
    this.#plan();
  }

  #plan(): void {
    const first = this.#items[0];
    if (first === undefined || this.#wake !== null) return;
    const dueMs = Math.max(first.atMs, this.#freeAtMs, this.#state.blockedUntilMs);
    this.#wake = this.#timeline.after(dueMs - this.#timeline.now, () => {
      this.#wake = null;
      this.#arrive();
      this.#plan();
    });
  }

  /** One read: one frame, or several that have arrived together. */
  #arrive(): void {
    const { now } = this.#timeline;
    const atOnce = this.#dice.chance(0.5) ? 1 : 8;
    for (let count = 0; count < atOnce; count++) {
      const item = this.#items[0];
      if (item === undefined || item.atMs > now || this.#freeAtMs > now || this.#state.blockedUntilMs > now) return;
      this.#items.shift();
      const wasBuffered = this.bufferedBytes > 0;
      if (item.kind === 'open') this.#receiver.opened?.();
      else if (item.kind === 'control') this.#receiver.control();
      else if (item.kind === 'close') this.#receiver.closed(item.code);
      else if (item.kind === 'frame') {
        this.#bytes -= item.frame.length;
        this.#freeAtMs = now + item.frame.length / this.#state.bytesPerMs;
        this.#receiver.received(item.frame);
        const { duplicateRate } = this.#state;
        if (duplicateRate > 0 && this.#dice.chance(duplicateRate) && this.#isIdempotent(item.frame)) {
          this.#onFault('duplicate');
          this.#receiver.received(item.frame);
        }
      }
      if (wasBuffered && this.bufferedBytes === 0) this.#drained();
    }
  }
}

/** The relay's end of a connection, as its drivers see it; gathers what is written over a turn, as the real one does. */
export class RelaySocket implements FrameWriter, EndOfTurn {
  readonly #toClient: Way;
  readonly #turn: Turn;
  readonly #clock: Clock;
  readonly #bufferBytesMax: number;
  readonly #closedByRelay: (code: number, reason: string) => void;
  readonly #wrote: (payload: Uint8Array, congested: boolean) => void;
  #frames: Uint8Array[] = [];
  #frameBytes = 0;
  /** The beginning of a frame whose rest is written next. */
  #begun: Uint8Array = new Uint8Array(0);
  #open = true;
  #drained: () => void = () => undefined;

  constructor(options: {
    readonly toClient: Way;
    readonly turn: Turn;
    readonly clock: Clock;
    readonly bufferBytesMax: number;
    /** The relay has closed it. */
    readonly closedByRelay: (code: number, reason: string) => void;
    /** Told of every payload that is written, and whether the socket was congested then. */
    readonly wrote: (payload: Uint8Array, congested: boolean) => void;
  }) {
    this.#toClient = options.toClient;
    this.#turn = options.turn;
    this.#clock = options.clock;
    this.#bufferBytesMax = options.bufferBytesMax;
    this.#closedByRelay = options.closedByRelay;
    this.#wrote = options.wrote;
  }

  get isOpen(): boolean {
    return this.#open;
  }

  get congested(): boolean {
    return this.bufferedBytes > this.#bufferBytesMax;
  }

  get bufferedBytes(): number {
    return this.#toClient.bufferedBytes + this.#frameBytes;
  }

  write(frames: Uint8Array): void {
    if (!this.#open) return;
    if (this.#frames.length === 0) this.#turn.connectionHasWork(this);
    let rest: Uint8Array = this.#begun.length === 0 ? frames : Buffer.concat([this.#begun, frames]);
    for (let payload = firstPayload(rest); payload !== null; payload = firstPayload(rest)) {
      this.#wrote(payload, this.congested);
      this.#frames.push(payload);
      rest = rest.subarray(payload.byteOffset - rest.byteOffset + payload.length);
    }
    this.#begun = rest;
    this.#frameBytes += frames.length;
  }

  endTurn(): void {
    const frames = this.#frames;
    const wasCongested = this.congested;
    this.#frames = [];
    this.#frameBytes = 0;
    if (!this.#open) return;
    for (const frame of frames) this.#toClient.send(frame);
    if (wasCongested && this.#toClient.bufferedBytes === 0) this.#clock.soon(() => this.#drained());
  }

  /** Calls `drained` whenever there was too much and all that was waiting has gone to the system. */
  onDrain(drained: () => void): void {
    this.#drained = drained;
    this.#toClient.onDrain(drained);
  }

  ping(): void {
    if (this.#open) this.#toClient.control();
  }

  close(code: number, reason: string): void {
    if (!this.#open) return;
    this.endTurn();
    this.#toClient.close(code);
    this.#open = false;
    this.#closedByRelay(code, reason);
  }

  /** The connection is gone. */
  gone(): void {
    this.#open = false;
  }
}

/** A connection attempt, and the connection that comes of it. */
export class Link {
  readonly toRelay: Way;
  readonly toClient: Way;
  readonly watch: WireWatch;

  constructor(options: {
    readonly watch: WireWatch;
    readonly timeline: Timeline;
    readonly dice: Dice;
    readonly ways: { readonly toRelay: WayState; readonly toClient: WayState };
    readonly client: ProcessClock;
    readonly atRelay: Receiver & { opened(): void };
    readonly atClient: Receiver & { opened(): void };
    readonly onFault: WayOptions['onFault'];
  }) {
    const { timeline, dice, ways, client, atClient, watch, onFault } = options;
    this.watch = watch;
    this.toRelay = new Way({
      timeline,
      dice,
      state: ways.toRelay,
      receiver: options.atRelay,
      isIdempotent: (frame) => watch.mayRepeat('sent', frame),
      onFault,
    });
    this.toClient = new Way({
      timeline,
      dice,
      state: ways.toClient,
      receiver: {
        opened: () => client.alive && atClient.opened(),
        received: (frame) => client.alive && atClient.received(frame),
        closed: (code) => client.alive && atClient.closed(code),
        // Every WebSocket library answers a ping by itself.
        control: () => client.alive && this.toRelay.control(),
      },
      isIdempotent: (frame) => watch.mayRepeat('written', frame),
      onFault,
    });
  }

  /** Cuts both ways; who learns of it does so when the news arrives. */
  cut(learns: { readonly client: boolean; readonly relay: boolean }): void {
    this.toClient.cut(learns.client);
    this.toRelay.cut(learns.relay);
  }
}

const nobody: Receiver = { received: () => undefined, closed: () => undefined, control: () => undefined };
/** What fits into the network and the system's buffers: a socket that holds no more has nothing waiting. */
const inFlightBytes = 1024;

/** How long TCP waits before it sends again what was lost, at first and at most. */
const retransmitMs = 200;
const retransmitMsMax = 5000;

/** The payload of the first of some unmasked, unfragmented WebSocket frames; null when it is not whole. */
function firstPayload(frames: Uint8Array): Uint8Array | null {
  const [, short = 0, high = 0, low = 0] = frames;
  const from = short === 126 ? 4 : short === 127 ? 10 : 2;
  if (frames.length < from) return null;
  let length = short;
  if (short === 126) length = high * 256 + low;
  else if (short === 127) length = Number(new DataView(frames.buffer, frames.byteOffset + 2, 8).getBigUint64(0));
  return frames.length < from + length ? null : frames.subarray(from, from + length);
}
