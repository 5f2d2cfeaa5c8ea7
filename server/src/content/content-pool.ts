/** Shows what is in a document, as JSON: for export and for whoever looks after a relay. */
import { workerPool } from '../worker-pool.ts';

/** A document that takes longer is given up, so that the next one gets its turn. */
const contentMsMax = 60_000;

/** One document at a time, in a thread of its own, as everything that takes Yjs. */
export class ContentPool {
  readonly #pool = workerPool<Uint8Array, string>('content', 1);

  /** The types of a Yjs V1 update by their names, as a JSON text. Rejects where Yjs cannot apply it, or after a minute. */
  json(update: Uint8Array): Promise<string> {
    return this.#pool.run(update, { signal: AbortSignal.timeout(contentMsMax) });
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}
