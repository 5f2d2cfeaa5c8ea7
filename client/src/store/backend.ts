/** What a store needs of the device: an ordered map from texts to bytes, with atomic and durable batches. */

/** Keys from `gte` (inclusive) to `lt` (exclusive). */
export interface KeyRange {
  readonly gte: string;
  readonly lt: string;
}

/** Writes of one batch; null deletes. */
export type Batch = ReadonlyMap<string, Uint8Array | null>;

export interface StoreBackend {
  /** Values in the order of `keys`; undefined where there is none. */
  getMany(keys: readonly string[]): Promise<(Uint8Array | undefined)[]>;
  /** In the order of keys. Of one moment where the device can do that; otherwise keys are looked at in their order. */
  entries(range: KeyRange): Promise<[string, Uint8Array][]>;
  keys(range: KeyRange): Promise<string[]>;
  /** All of it or nothing, after everything written before; resolves when it is durable. */
  write(batch: Batch): Promise<void>;
  /** Whether the error says that the database was closed underneath. */
  isClosed(error: unknown): boolean;
  /** After a write that failed it is only to be trusted when it was opened again. */
  readonly isSuspectAfterFailure: boolean;
  /** Closes what is left and opens it again. */
  reopen(): Promise<void>;
  close(): Promise<void>;
}
