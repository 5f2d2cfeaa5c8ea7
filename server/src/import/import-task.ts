/** What the importer and its worker threads say to each other. Updates travel packed, as those of a compaction do. */
import type { LeftOut, MergeTask } from '../compaction/merge-task.ts';

/** Make one update of a document's updates, or say what is wrong with them. */
export interface PrepareTask {
  readonly kind: 'prepare';
  readonly source: MergeTask;
  /** Leave out what cannot be applied, and content that builds on what is not there. */
  readonly salvage: boolean;
}

/** Compare a document in the log with one from elsewhere. */
export interface CompareTask {
  readonly kind: 'compare';
  readonly stored: MergeTask;
  readonly source: MergeTask;
}

/** Make an update of a document's root types as JSON. */
export interface FromJsonTask {
  readonly kind: 'from json';
  readonly json: string;
}

/** The update of a document, or why its JSON is none. */
export type BuiltFromJson =
  | { readonly update: Uint8Array; readonly problem: null }
  | { readonly update: null; readonly problem: string };

export interface Prepared {
  /** The document as Yjs encodes it. */
  readonly update: Uint8Array;
  /** For `sliceSnapshot`. */
  readonly index: Uint8Array;
  /** It keeps to the limits of a single update. */
  readonly isEntry: boolean;
  /** Nothing was ever in it. */
  readonly isEmpty: boolean;
  /** Updates that cannot be taken, and why; with `salvage` these are left out, without it nothing is to be imported. */
  readonly bad: readonly LeftOut[];
}

/**
 * How a stored document relates to one from elsewhere: nothing is in it; it is the same, to the byte; it has all of the
 * other and more; it has the same clocks and deletions with other content; it lacks something, and the two have edits of
 * the same client in common; they have nothing in common.
 */
export type Relation = 'empty' | 'same' | 'more' | 'differs' | 'behind' | 'unrelated';

export interface Compared {
  readonly relation: Relation;
  /** SHA-256 over state vector, delete set and content of the stored document, in hex. */
  readonly digest: string;
  /** What the stored document lacks, when it is behind. */
  readonly missing: Uint8Array | null;
}
