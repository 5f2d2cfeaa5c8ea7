/**
 * When a document is worth compacting. Pure. The tail may grow in proportion to the snapshot, so that what is written
 * over a document's life stays proportional to what was typed, and opening it cold stays close to reading its snapshot.
 */
import type { Head } from '../log/document-log.ts';

/** `later`: there is a tail, and when the document goes quiet or is unloaded it is time. */
export type CompactionDecision = 'now' | 'later' | 'none';

/** What the decision depends on. */
export interface CompactionState {
  readonly head: Pick<Head, 'snapshotBytes' | 'tailBytes' | 'lastSeq' | 'snapshotSeq'>;
  /** Time since the last entry. */
  readonly quietMs: number;
  /** Time for which entries, joins and leaves have followed each other without a pause; 0 in one. */
  readonly busyMs: number;
  /** Time since the last compaction of this document ended, whether or not it succeeded; Infinity when there was none. */
  readonly sinceLastCompactionMs: number;
  /** Nobody has the document open any more. */
  readonly unloading: boolean;
}

/** A tail up to this is fine beside any snapshot. */
const tailBytesMin = 64 * 1024;
/** A larger one may have this share of the snapshot. */
const tailShare = 0.5;
/** People who return together or paste are through before so long, and are not to wait for a core that merges. */
const busyEnoughMs = 5000;
/** A document in which nothing happened for so long counts as quiet. */
const quietEnoughMs = 5000;
/** A quiet document is compacted when its tail has this many bytes and this share of the snapshot … */
const quietTailBytes = 16 * 1024;
const quietTailShare = 1 / 16;
/** … or so many entries: whoever opens it applies them one by one. */
const quietTailEntries = 1024;
/** Compactions of one document keep this distance. */
const distanceMs = 5000;

/** Whether to compact a document. */
export function decideCompaction(state: CompactionState): CompactionDecision {
  const { tailBytes, snapshotBytes, lastSeq, snapshotSeq } = state.head;
  const tailEntries = lastSeq - snapshotSeq;
  if (tailEntries === 0) return 'none';
  if (state.unloading) return 'now';
  if (state.sinceLastCompactionMs < distanceMs) return 'later';
  if (tailBytes > Math.max(tailBytesMin, tailShare * snapshotBytes)) {
    return state.busyMs === 0 || state.busyMs >= busyEnoughMs ? 'now' : 'later';
  }
  const worthIt =
    tailBytes >= Math.max(quietTailBytes, quietTailShare * snapshotBytes) || tailEntries >= quietTailEntries;
  return worthIt && state.quietMs >= quietEnoughMs ? 'now' : 'later';
}
