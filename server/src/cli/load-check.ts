/** Loads stored documents as a relay's compaction does (L1): in a worker thread, into a fresh Y.Doc, and encodes them again. */
import { type MergeResult, type MergeTask, packTask } from '../compaction/merge-task.ts';
import type { DocumentImage } from '../log/document-log.ts';
import { pageStackMb, workerPool } from '../worker-pool.ts';

const threadsMax = 2;

export class LoadCheck {
  readonly #pool = workerPool<MergeTask, MergeResult>('compaction', threadsMax, { stackSizeMb: pageStackMb });

  /** What is wrong with the document, or null. An entry that cannot be applied is found and set aside by the next compaction. */
  async problemOf({ head, snapshot, entries }: Omit<DocumentImage, 'quarantined'>): Promise<string | null> {
    const tail = entries.filter(({ seq }) => seq > head.snapshotSeq).map(({ update }) => update);
    if (snapshot === null && tail.length === 0) return null;
    try {
      const { leftOut, count } = await this.#pool.run(packTask(snapshot?.update ?? null, tail));
      if (leftOut.length > 0) return `${leftOut.length} entries cannot be applied; the next compaction sets them aside`;
      return count < tail.length ? `entry ${head.snapshotSeq + count + 1} builds on content that is not there` : null;
    } catch (error) {
      return `it does not load: ${error instanceof Error ? error.message : 'the worker failed'}`;
    }
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}
