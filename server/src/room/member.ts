import type { PresenceSession, StateVector } from '@tideweave/shared';
import type { DialectFrames } from './dialect-frames.ts';

/** Whoever hands a room updates and wants to know when they are durable. */
export interface Contributor {
  /** Identity from the grant. */
  readonly user: string;
  /** Device as it names itself. */
  readonly device: string;
  /** Everything accepted under tickets up to `ticket` is durable. */
  committed(ticket: number): void;
  /** The room ended; nothing that was not committed will be. */
  ended(error: Error): void;
}

/** One session in a room, of any dialect: what the room needs to send to it. */
export interface Member extends Contributor, PresenceSession {
  /** How the room's frames look to it: the same object for all readers of the same bytes. */
  readonly frames: DialectFrames;
  /** Whether its socket has more waiting than a live reader should. */
  readonly congested: boolean;
  /** Bytes that wait to be sent over its socket, which other documents may share. */
  readonly bufferedBytes: number;
  /** Writes bytes that are whole WebSocket frames. */
  write(frames: Uint8Array): void;
  /** Writes updates that bring it up to date in place. */
  catchUp(updates: readonly Uint8Array[]): void;
  /** Everything up to the room's committed entries has been sent to it; `settled`: and nothing beyond them. */
  watermark(settled: boolean): void;
}

/** Where a member stands in the stream of its room. */
export interface Standing {
  /** `live`: gets every frame. `behind`: gets nothing until its socket drained and the log brought it up to date. */
  flow: 'live' | 'behind' | 'resuming';
  /** While not live: every entry up to here has been sent to it. */
  sentSeq: number;
  /** Where it was told last to resume from; null when it was not. */
  toldSeq: number | null;
  /** State vector it brought: what it has for certain when the log cannot say what it missed. */
  readonly stateVector: StateVector;
}
