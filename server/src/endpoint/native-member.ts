import {
  RefusedError,
  type StateVector,
  encodeMessage,
  encodeMessages,
  partBytes,
  splitUpdate,
} from '@tideweave/shared';
import type { Grant } from '../auth/authorizer.ts';
import { type DialectFrames, tideweaveFrames } from '../room/dialect-frames.ts';
import type { Member } from '../room/member.ts';
import type { Room } from '../room/room.ts';
import type { Frames, PacedWriter } from './paced-writer.ts';
import { binaryFrame, frameEndingWith } from './websocket-frame.ts';

/** What a member tells of. */
export interface NativeMemberOwner {
  /** Everything under tickets up to `ticket` is durable in the member's room. */
  committed(member: NativeMember, ticket: number): void;
  /** The room ended. */
  ended(member: NativeMember, error: Error): void;
}

/** A native session's place in one room. */
export class NativeMember implements Member {
  readonly frames: DialectFrames = tideweaveFrames;
  readonly room: Room;
  readonly user: string;
  readonly device: string;
  readonly access: Grant['access'];
  /** What the client had when it opened the document. */
  readonly stateVector: StateVector;
  /** The client has seen entries that this log does not have: it was restored, or put back in time (C7). */
  readonly logWentBack: boolean;
  /** When what was granted ends (monotonic ms). */
  grantEndsAtMs: number = Infinity;
  /** Before this the copy is not compared again (monotonic ms). */
  comparableAtMs: number = -Infinity;
  /** Before this nobody is told again who wrote what (monotonic ms). */
  tellableAtMs: number = -Infinity;
  readonly #owner: NativeMemberOwner;
  readonly #out: PacedWriter;
  /** Of the history that the client was told it is in: in `opened`, or by the first watermark after it. */
  #epochTold: string;

  constructor(
    owner: NativeMemberOwner,
    out: PacedWriter,
    room: Room,
    grant: Grant,
    device: string,
    stateVector: StateVector,
    logWentBack: boolean,
  ) {
    this.#owner = owner;
    this.#out = out;
    this.room = room;
    this.#epochTold = room.head?.epoch ?? '';
    this.user = grant.user;
    this.access = grant.access;
    this.device = device;
    this.stateVector = stateVector;
    this.logWentBack = logWentBack;
  }

  /**
   * Goes on under a new grant. Throws `RefusedError` where it is not for the same: whose edits are on their way and which
   * of them count is decided when a document is opened.
   */
  renew({ user, access }: Grant, endsAtMs: number): void {
    if (user !== this.user) throw new RefusedError('TW_ACCESS_CHANGED', 'the new token belongs to another user');
    if (access !== this.access) throw new RefusedError('TW_ACCESS_CHANGED', `the new token allows to ${access}`);
    this.grantEndsAtMs = endsAtMs;
  }

  get congested(): boolean {
    return this.#out.congested;
  }

  get bufferedBytes(): number {
    return this.#out.bufferedBytes;
  }

  write(frames: Uint8Array): void {
    this.#out.write(frames);
  }

  catchUp(updates: readonly Uint8Array[]): void {
    this.#out.feed(catchUpFrames(this.room.number, updates));
  }

  watermark(settled: boolean): void {
    const { cursor, number } = this.room;
    if (cursor === null) return;
    // A history does not change while a room is open: said once, it is left out.
    const epoch = cursor.epoch === this.#epochTold ? '' : cursor.epoch;
    this.#epochTold = cursor.epoch;
    this.#out.write(
      binaryFrame([encodeMessages([{ type: 'watermark', doc: number, epoch, cursor: cursor.bytes, settled }])]),
    );
  }

  committed(ticket: number): void {
    this.#owner.committed(this, ticket);
  }

  ended(error: Error): void {
    this.#owner.ended(this, error);
  }
}

/** Frames that bring a client up to date; large updates in parts. */
function* catchUpFrames(doc: number, updates: readonly Uint8Array[]): Generator<Frames> {
  for (const update of updates) {
    const messages = splitUpdate(doc, update, partBytes, (rest) => ({ type: 'update', doc, update: rest }) as const);
    for (const message of messages) {
      if (message.type === 'part') yield frameEndingWith(encodeMessage({ ...message, bytes: nothing }), message.bytes);
      else yield frameEndingWith(encodeMessage({ ...message, update: nothing }), message.update);
    }
  }
}

const nothing = new Uint8Array(0);
