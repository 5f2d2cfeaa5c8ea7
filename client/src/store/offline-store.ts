/**
 * What a client keeps of its documents on the device, so that they open without a network and no edit is lost with the
 * process: the interface, whoever implements it. Its order of writes is its promise: what a crash or a full disk leaves
 * is always a beginning of what was written through one store, never a later write without an earlier one.
 */

/**
 * Names one stored update of one document. Opaque; made of time, the random id of the store that wrote it and a counter,
 * so that two tabs never make the same one. Keys sort in the order in which the updates were made on this device; only
 * those of two stores within the same millisecond may be the other way round, unless the later store loaded the document.
 */
export type EntryKey = string;

/**
 * `pending`: made here, not acknowledged as durable by the relay. `delivered`: came from the relay, no watermark has
 * confirmed it. `received`: known to be durable on the relay.
 */
export type EntryKind = 'pending' | 'delivered' | 'received';

/** One stored update (Yjs V1) and its key. */
export interface StoredEntry {
  readonly key: EntryKey;
  readonly update: Uint8Array;
}

/** One stored merge report and its key. */
export interface StoredReport {
  readonly key: EntryKey;
  /** The JSON value it was put as. */
  readonly report: unknown;
}

/** A copy that was set aside, and its key. */
export interface StoredAside {
  readonly key: EntryKey;
  /** By this device's clock (ms since 1970). */
  readonly setAsideAt: number;
  /** All that there was, as one Yjs V1 update. */
  readonly update: Uint8Array;
}

/** Where the relay's log is to be resumed. */
export interface ResumePoint {
  readonly epoch: string;
  readonly cursor: Uint8Array;
}

/** All that the device has of one document; of one that it has not, everything is empty. */
export interface StoredDocument {
  readonly name: string;
  /** Everything that was known to be durable on the relay at the last compaction, as one update; null before the first. */
  readonly base: Uint8Array | null;
  /** The same from after the compaction, in order. */
  readonly received: readonly Uint8Array[];
  /** To be handed back to the relay on reconnecting: it may have lost them. */
  readonly delivered: readonly StoredEntry[];
  /** To be pushed, in order. */
  readonly pending: readonly StoredEntry[];
  /** Null when only a full exchange says what is missing. */
  readonly resume: ResumePoint | null;
  /** Oldest first. */
  readonly reports: readonly StoredReport[];
}

/** What one document takes on the device, in bytes of updates (keys and the database's own overhead not counted). */
export interface StoredDocumentInfo {
  readonly name: string;
  readonly baseBytes: number;
  readonly receivedBytes: number;
  readonly deliveredBytes: number;
  readonly pendingBytes: number;
  readonly pendingUpdates: number;
  readonly reports: number;
  /** Copies set aside, and their bytes. */
  readonly asides: number;
  readonly asideBytes: number;
}

/** A write under way. */
export interface StoreWrite {
  readonly key: EntryKey;
  /**
   * Resolves when the device will not forget it any more, even without power; rejects with `StoreError`. A write that
   * failed is not given up: it stays in front of all later ones and is tried again, and `flush` says when it got there.
   */
  readonly durable: Promise<void>;
}

/** What the device has room for. */
export interface StoreEstimate {
  readonly usageBytes: number;
  /** Null where nothing says. */
  readonly quotaBytes: number | null;
  /** Whether the browser promised not to evict the data by itself; null where there is no such promise to make. */
  readonly persisted: boolean | null;
}

/** Documents on the device. Bytes handed in are copied, or may change after the call. */
export interface OfflineStore {
  /** Reads a document, with what was written here before the call and is not durable yet. */
  load(name: string): Promise<StoredDocument>;
  /** Adds an update. */
  append(name: string, kind: EntryKind, update: Uint8Array): StoreWrite;
  /** The relay has these pending updates durably: they become received, all of them at once. Unknown keys are skipped. */
  acknowledge(name: string, keys: readonly EntryKey[]): Promise<void>;
  /** A watermark: `confirmed`, delivered updates, become received, and the next session resumes here; both at once. */
  setResume(name: string, resume: ResumePoint, confirmed?: readonly EntryKey[]): Promise<void>;
  /** Keeps a merge report until it is dismissed; beyond a number of them the oldest go. `report` is any JSON value. */
  putReport(name: string, report: unknown): StoreWrite;
  removeReport(name: string, key: EntryKey): Promise<void>;
  /**
   * Removes all of a document and keeps `update` in its place, at once: a copy that is neither loaded nor sent nor merged
   * with what comes (C6). It is kept until it is removed or the document is deleted; beyond a number of them the oldest go.
   */
  setAside(name: string, update: Uint8Array): Promise<void>;
  /** What was set aside of a document, oldest first. */
  listAside(name: string): Promise<StoredAside[]>;
  removeAside(name: string, key: EntryKey): Promise<void>;
  /** Merges base and received into a new base now (it happens by itself as well); false when there was nothing to do. */
  compact(name: string): Promise<boolean>;
  /** All documents that the device has anything of, in no particular order. */
  list(): Promise<StoredDocumentInfo[]>;
  /** Removes all of a document, pending edits and what was set aside included. Close it first, in every tab: what is written later stays. */
  delete(name: string): Promise<void>;
  /** All that the device has of a document, pending edits included and what was set aside not, as one Yjs V1 update; null when it has nothing. */
  export(name: string): Promise<Uint8Array | null>;
  estimate(): Promise<StoreEstimate>;
  /** Resolves when everything written before the call is durable; tries again at once what failed before. */
  flush(): Promise<void>;
  /** Flushes and closes; every later call is refused. Rejects when the last writes failed, closed nevertheless. */
  close(): Promise<void>;
}

/** Runs `run` while nobody else on this device who asks for the same name does. */
export type Lock = (name: string, run: () => Promise<void>) => Promise<void>;

/**
 * `locked`: another process has the folder open. `newer`: written by a later version of Tideweave. `foreign`: something
 * else's data. `failed`: the device refused (`cause` says why; a full disk, mostly). `emptied`: the browser or the user
 * removed the data while it was open; open a new store and write the documents anew. `behind`: the device refused for so
 * long that what waits for it was given up. `too-large`: over a bound. `invalid-name`: no name of a
 * document. `closed`: after `close()`.
 */
export type StoreErrorCode =
  | 'locked'
  | 'newer'
  | 'foreign'
  | 'failed'
  | 'emptied'
  | 'behind'
  | 'too-large'
  | 'invalid-name'
  | 'closed';

/** Why the store did not do what it was asked. */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, reason: string, options?: { cause?: unknown }) {
    super(reason, options);
    this.code = code;
  }
}

/** Bounds of a store. */
export interface StoreLimits {
  /** Copies set aside that are kept of one document. */
  readonly asidesMax: number;
  /** Merge reports kept of one document. */
  readonly reportsMax: number;
  /** Largest merge report, as JSON. */
  readonly reportBytesMax: number;
  /** Bytes that may wait for the device before the store gives up. */
  readonly waitingBytesMax: number;
  /** Received updates of one document from which on it is compacted. */
  readonly compactEntries: number;
  /** Their bytes from which on it is compacted; or the size of the base, when that is more. */
  readonly compactBytes: number;
}

/** The bounds a store starts with. */
export const defaultStoreLimits: StoreLimits = {
  asidesMax: 4,
  reportsMax: 32,
  reportBytesMax: 256 * 1024,
  waitingBytesMax: 256 * 1024 * 1024,
  compactEntries: 1000,
  compactBytes: 256 * 1024,
};
