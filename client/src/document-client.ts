import type { ConnectionState, Divergence, DocumentStatus, RefusalStatus } from '@tideweave/shared';
import type * as Y from 'yjs';
import type { DocumentMerge } from './merge/document-merges.ts';
import type { MergeList } from './merge/merge-list.ts';
import type { StoredDocument } from './store/offline-store.ts';

/**
 * What keeps the documents of a `SyncClient` in sync: a connection of its own (`relay/`), or that of somebody else on
 * this device. Whatever it is, the handles of the application see no difference.
 */
export interface DocumentClient {
  readonly connection: ConnectionState;
  /** Why the relay ended the connection last, or null. */
  readonly error: RefusalStatus | null;
  /** Begins to connect, and does it again whenever the connection is lost; does nothing when it does already. */
  connect(): void;
  /** Stays without a connection until `connect()`. */
  disconnect(): void;
  /** Keeps a document in sync until the link is closed. Throws `RefusedError` TW_INVALID_NAME. */
  link(document: LinkedDocument): DocumentLink;
  /** Ends the connection for good, after what was done in this turn was sent. Links are closed before. */
  destroy(): void;
}

/** One document as it is kept in sync: what its handle asks and tells. */
export interface DocumentLink {
  readonly status: DocumentStatus;
  /** The document is being read from the device. */
  readonly isLoading: boolean;
  /** Number of the newest edit made in the document. */
  readonly lastEdit: number;
  /** Number of the newest edit that the device or the relay has durably, with all before it. */
  readonly durableEdit: number;
  /** Null where nobody wants merge reports. */
  readonly merges: MergeList | null;
  /** Takes an edit made here. */
  edit(update: Uint8Array): void;
  announce(awarenessUpdate: Uint8Array): void;
  /** Compares the copy here with the relay's document as soon as that can be (C1), if it does so by itself. */
  compareSoon(): void;
  /** Sends what waits for the end of the turn, now. */
  flush(): void;
  close(): void;
}

/** The document itself, as its link uses it: what has to be read of it, and what happens to it. */
export interface LinkedDocument {
  readonly name: string;
  /** Yjs V1 state vector of the copy here. */
  stateVector(): Uint8Array;
  /** Everything here beyond `stateVector`, as one Yjs V1 update. */
  difference(stateVector: Uint8Array): Uint8Array;
  /** What `reader` reads of the copy here, which it leaves as it is and does not keep. */
  read<Result>(reader: (doc: Y.Doc) => Result): Result;
  /** The document as the device kept it; its edits are sent by the link, not as new ones. */
  restore(stored: StoredDocument): void;
  /** The device has been read, or could not be. */
  loaded(): void;
  /** The device could not give the document, or cannot keep it. */
  storeFailed(error: unknown): void;
  /** Applies what arrived; false when all of it was here already. Throws what Yjs throws. */
  apply(update: Uint8Array): boolean;
  applyAwareness(update: Uint8Array): void;
  /** Open on a new connection: presence is told anew. */
  opened(): void;
  /** Everything that the relay had is here. */
  synced(): void;
  /** Every edit up to `n` is durable on the relay. */
  saved(n: number): void;
  diverged(divergence: Divergence): void;
  refused(error: RefusalStatus): void;
  /** `merges` of the link has changed; `merge` is a new report, or one that has grown. */
  mergesChanged(merge: DocumentMerge | null): void;
  /** `status` of the link has changed. */
  statusChanged(): void;
}
