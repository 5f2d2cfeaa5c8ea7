/** One copy of a document on one device, as the oracle knows it. */
import type * as Y from 'yjs';
import type { Coverage } from './coverage.ts';

/** An edit that somebody made. */
export interface Edit {
  /** Its number in the client's outbox; 0 for stock clients, who have none. */
  readonly n: number;
  readonly update: Uint8Array;
  readonly coverage: Coverage;
}

export interface Replica {
  readonly device: string;
  readonly document: string;
  readonly dialect: 'tideweave' | 'y-websocket';
  readonly access: 'read' | 'write';
  readonly doc: Y.Doc;
  readonly clientId: number;
  /** Ids under which edits were made that this copy may push: its own, and those it had before it was loaded again. */
  readonly authors: ReadonlySet<number>;
  /** The edits that no acknowledgement has covered, the oldest first. */
  unacknowledged: Edit[];
  /** The history that it knows it belongs to: the first that it was told of, or that it was kept with. Empty: none yet. */
  epoch: string;
}
