import { pageStackMb, workerPool } from '../worker-pool.ts';
import type { MergeResult, MergeTask, Merger } from './merge-task.ts';

/** Merges in a worker thread, one at a time. */
export class MergePool implements Merger {
  readonly #pool = workerPool<MergeTask, MergeResult>('compaction', 1, { stackSizeMb: pageStackMb });

  async merge(task: MergeTask, signal: AbortSignal): Promise<MergeResult> {
    const { snapshot, packed, ends } = task;
    const transferList = [packed.buffer, ends.buffer, ...(snapshot === null ? [] : [snapshot.buffer])];
    return this.#pool.run(task, { transferList, signal });
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}
