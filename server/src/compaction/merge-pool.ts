import { Piscina } from 'piscina';

import { workerFile } from '../worker-file.ts';
import type { MergeResult, MergeTask, Merger } from './merge-task.ts';

/** A worker without work is ended after this time, so that its memory comes back. */
const idleThreadMs = 10_000;
/** As little stack as a page or a Node main thread has: what overflows there must not pass here (L1). Node gives workers 4. */
const mergeStackMb = 1;

/** Merges in a worker thread, one at a time. */
export class MergePool implements Merger {
  readonly #pool: Piscina<MergeTask, MergeResult> = new Piscina<MergeTask, MergeResult>({
    filename: workerFile('compaction'),
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: idleThreadMs,
    resourceLimits: { stackSizeMb: mergeStackMb },
  });

  async merge(task: MergeTask, signal: AbortSignal): Promise<MergeResult> {
    const { snapshot, packed, ends } = task;
    const transferList = [packed.buffer, ends.buffer, ...(snapshot === null ? [] : [snapshot.buffer])];
    return this.#pool.run(task, { transferList, signal });
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}
