/** What the compactor and its worker say to each other. Updates travel packed in one buffer, so that it can be transferred. */

/** A snapshot and the updates to merge into it. */
export interface MergeTask {
  readonly snapshot: Uint8Array<ArrayBuffer> | null;
  /** The updates one after another. */
  readonly packed: Uint8Array<ArrayBuffer>;
  /** Where each of them ends in `packed`. */
  readonly ends: Float64Array<ArrayBuffer>;
}

/** An update that has to be left out. */
export interface LeftOut {
  /** Its place among the task's updates. */
  readonly at: number;
  /** Why, without any of its content. */
  readonly reason: string;
}

/** The new snapshot. */
export interface MergeResult {
  readonly update: Uint8Array;
  /** For `sliceSnapshot`. */
  readonly index: Uint8Array;
  /** How many of the updates, from the first on, are dealt with: merged or left out. Fewer than given when some have to wait. */
  readonly count: number;
  readonly leftOut: readonly LeftOut[];
}

/** Where merging happens. */
export interface Merger {
  /** Merges; the task's buffers are given away. Rejects when it fails, and when `signal` fires first. */
  merge(task: MergeTask, signal: AbortSignal): Promise<MergeResult>;
  /** Merges under way reject. */
  close(): Promise<void>;
}

/** Packs a task into buffers of its own. */
export function packTask(snapshot: Uint8Array | null, updates: readonly Uint8Array[]): MergeTask {
  const ends = new Float64Array(updates.length);
  let bytes = 0;
  for (const [at, update] of updates.entries()) {
    bytes += update.byteLength;
    ends[at] = bytes;
  }
  const packed = new Uint8Array(bytes);
  for (const [at, update] of updates.entries()) packed.set(update, (ends[at] ?? 0) - update.byteLength);
  return { snapshot: snapshot === null ? null : new Uint8Array(snapshot), packed, ends };
}

/** The updates of a task again. */
export function unpackUpdates({ packed, ends }: MergeTask): Uint8Array[] {
  return Array.from(ends, (end, at) => packed.subarray(ends[at - 1] ?? 0, end));
}
