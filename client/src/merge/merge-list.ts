import type * as Y from 'yjs';
import type { DocumentMerge } from './document-merges.ts';
import type { MergeEntry } from './report-types.ts';
import type { RestoreOptions, RestoreResult } from './restore.ts';

/** The merge reports of one document, as its handle sees them. */
export interface MergeList {
  /** Those that nobody has dismissed, oldest first; another array whenever it changes. */
  readonly merges: readonly DocumentMerge[];
  /** The newest of this session, when those under way are made; null when there was none. */
  settled(): Promise<DocumentMerge | null>;
  /** Forgets one, or all of them. */
  dismiss(merge?: DocumentMerge): void;
  /** See `DocumentHandle.restoreMine`. */
  restoreMine(doc: Y.Doc, entry: MergeEntry, options?: RestoreOptions): Promise<RestoreResult>;
}
