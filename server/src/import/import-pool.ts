/** Worker threads that build and compare documents. A document that takes too long or too much ends its thread only. */
import { availableParallelism } from 'node:os';

import { packTask } from '../compaction/merge-task.ts';
import { systemClock } from '../clock.ts';
import { pageStackMb, workerPool } from '../worker-pool.ts';
import { threadMemoryMb, threadsMax, workMsMax } from './bounds.ts';
import type { BuiltFromJson, Compared, CompareTask, FromJsonTask, Prepared, PrepareTask } from './import-task.ts';

type Task = PrepareTask | CompareTask | FromJsonTask;
type Answer = Prepared | Compared | BuiltFromJson;

export class ImportPool {
  readonly #pool = workerPool<Task, Answer>('import', Math.min(availableParallelism(), threadsMax), {
    stackSizeMb: pageStackMb,
    maxOldGenerationSizeMb: threadMemoryMb,
  });

  /** Rejects when the document cannot be built. */
  async prepare(updates: readonly Uint8Array[], salvage: boolean): Promise<Prepared> {
    return (await this.#run({ kind: 'prepare', source: packTask(null, updates), salvage })) as Prepared;
  }

  /** Rejects when either document cannot be built. */
  async compare(stored: readonly Uint8Array[], source: readonly Uint8Array[]): Promise<Compared> {
    const task = { kind: 'compare', stored: packTask(null, stored), source: packTask(null, source) } as const;
    return (await this.#run(task)) as Compared;
  }

  /** Rejects when the document is more than a thread can build. */
  async fromJson(json: string): Promise<BuiltFromJson> {
    return (await this.#run({ kind: 'from json', json })) as BuiltFromJson;
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  async #run(task: Task): Promise<Answer> {
    const controller = new AbortController();
    const cancel = systemClock.after(workMsMax, () => controller.abort());
    try {
      return await this.#pool.run(task, { signal: controller.signal });
    } catch (error) {
      if (controller.signal.aborted) throw new Error(`it takes longer than ${workMsMax / 1000} s`, { cause: error });
      // What Yjs throws may quote content; the class of the error does not.
      throw new Error(`it does not load (${error instanceof Error ? error.name : 'something was thrown'})`, {
        cause: error,
      });
    } finally {
      cancel();
    }
  }
}
