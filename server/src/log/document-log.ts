/**
 * The one interface between the relay and whatever keeps its documents (DESIGN section 7). A document is an
 * append-only log of updates plus a snapshot; everything a relay may say about safety follows from `append`.
 * `document-log.contract.ts` in the tests runs on every implementation.
 */

/** What the relay hands over to be stored: one update and who made it. */
export interface NewEntry {
  /** When the relay accepted it, milliseconds since 1970. */
  readonly time: number;
  /** Identity from the grant; empty when nobody asked for one. */
  readonly user: string;
  /** Device as the client names itself; empty for stock clients. */
  readonly device: string;
  /** A validated Yjs V1 update. */
  readonly update: Uint8Array;
}

/** A stored update. Sequence numbers start at 1, are gap-free within a document and follow commit order. */
export interface Entry extends NewEntry {
  readonly seq: number;
}

/** What the log knows of a document without reading it. */
export interface Head {
  readonly name: string;
  /** Identity of the document's history, 16 hex digits (C6). New when a document is created or created again. */
  readonly epoch: string;
  /** Identity of this copy of the log, 16 hex digits: a cursor names it, and a restored backup gets another one (C7). */
  readonly logId: string;
  /** Sequence number of the newest entry; 0 when there is none. */
  readonly lastSeq: number;
  /** Entries up to here are contained in the snapshot; 0 when there is none. */
  readonly snapshotSeq: number;
  /** Oldest raw entry still kept: `read` works for every `after >= firstSeq - 1`. */
  readonly firstSeq: number;
  /** Bytes of the snapshot. */
  readonly snapshotBytes: number;
  /** Bytes of the updates after the snapshot. */
  readonly tailBytes: number;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** Time of the newest entry, milliseconds since 1970. */
  readonly updatedAt: number;
  /** When it was deleted, milliseconds since 1970, or null while it lives. A tombstone has no entries and no snapshot. */
  readonly deletedAt: number | null;
}

/** Everything up to `seq` as one update, with the index that `sliceSnapshot` needs. */
export interface Snapshot {
  readonly seq: number;
  readonly update: Uint8Array;
  readonly index: Uint8Array;
}

/** An entry that passed validation but could not be applied (L1): kept aside for people, never sent again. */
export interface QuarantinedEntry extends Entry {
  readonly reason: string;
}

/** All that a log has of one document, to be carried to another log. */
export interface DocumentImage {
  readonly head: Head;
  readonly snapshot: Snapshot | null;
  /** Raw entries from `head.firstSeq` to `head.lastSeq`. */
  readonly entries: readonly Entry[];
  readonly quarantined: readonly QuarantinedEntry[];
}

/** New entries of one document, in order; they become durable together or not at all. */
export interface Append {
  readonly name: string;
  /** History the caller writes to, or null when it has not seen one: refused as TW_EPOCH_MISMATCH if it is another. */
  readonly epoch: string | null;
  readonly entries: readonly NewEntry[];
}

/** What became of one `Append`: the new head, or why this one document was refused (deleted, corrupt, epoch). */
export type AppendResult = { readonly head: Head } | { readonly refused: Error };

/** What a compaction puts in place of entries. */
export interface Compaction {
  readonly snapshot: Snapshot;
  /** Epoch and snapshotSeq of the head that the compaction started from; anything else by now refuses it. */
  readonly from: { readonly epoch: string; readonly snapshotSeq: number };
  /** Raw entries before this one are dropped; at most `snapshot.seq + 1`. */
  readonly keepFrom: number;
  /** Entries that the snapshot leaves out; they are set aside with their reason. Forces `keepFrom` to `snapshot.seq + 1`. */
  readonly quarantined: readonly QuarantinedEntry[];
}

export interface DocumentLog {
  /**
   * Makes entries durable: when it resolves, every result with a head survives power loss (D1, D2). A document that is
   * not there is created. Rejects, having acknowledged nothing, when the storage fails (D5); calling again is safe and
   * reopens the storage where that helps. Callers keep one append in flight; `WriteBatcher` does that.
   */
  append(appends: readonly Append[]): Promise<readonly AppendResult[]>;
  /** The document's head, a tombstone's included, or null when the name was never used. Throws RefusedError TW_DOCUMENT_CORRUPT when its record is damaged. */
  head(name: string): Promise<Head | null>;
  /**
   * Entries after sequence number `after`, oldest first, all of them up to `head.lastSeq`. Throws RefusedError
   * TW_DOCUMENT_CORRUPT when a record is damaged or missing (D4), and a RangeError when `after < firstSeq - 1`.
   */
  read(name: string, after: number): Promise<readonly Entry[]>;
  /** The current snapshot, or null before the first compaction. Throws RefusedError TW_DOCUMENT_CORRUPT when it is damaged (D4). */
  snapshot(name: string): Promise<Snapshot | null>;
  /** Switches to a new snapshot in one atomic step; a crash at any point leaves the old state or the new (D3). */
  compact(name: string, compaction: Compaction): Promise<Head>;
  /** Entries set aside by compactions, oldest first. */
  quarantined(name: string): Promise<readonly QuarantinedEntry[]>;
  /** Creates an empty document with a new epoch, over a tombstone too. Throws RefusedError TW_DOCUMENT_EXISTS. */
  create(name: string): Promise<Head>;
  /** Leaves a tombstone in place of the document; false when there was nothing to delete. */
  delete(name: string): Promise<boolean>;
  /** Living documents in order of their names' UTF-8 bytes, after `after` (exclusive; null from the start). */
  list(options: { readonly after: string | null; readonly limit: number }): Promise<readonly Head[]>;
  /**
   * Every name that was ever used, in the order of `list`: those of deleted and of damaged documents too.
   */
  names(options: { readonly after: string | null; readonly limit: number }): Promise<readonly string[]>;
  /**
   * Takes over a document from another log: the same history and content, under a new log id, so that cursors from before
   * are looked at twice (C7). A crash leaves all of it or nothing. Throws RefusedError TW_DOCUMENT_EXISTS when the name
   * was ever used here.
   */
  restore(image: DocumentImage): Promise<Head>;
  /** Resolves when the storage takes a durable write and gives it back; rejects otherwise. */
  probe(): Promise<void>;
  close(): Promise<void>;
}
