/** Worker threads for what takes Yjs: a document that takes too long, too much or too deep a stack ends its thread only. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';

/** A thread without work is ended after this time, so that its memory comes back. */
const idleThreadMs = 10_000;

/** As little stack as a page or a Node main thread has: what overflows there must not pass here (L1). Node gives workers 4. */
export const pageStackMb = 1;

/** What each thread may take; Node's own limits otherwise. */
export interface ThreadLimits {
  readonly stackSizeMb?: number;
  readonly maxOldGenerationSizeMb?: number;
}

/**
 * A pool of at most `maxThreads` threads that run `name`'s code, as `scripts/bundle.mjs` has put it together: one file, with
 * everything that it imports. Throws where it was not built.
 */
export function workerPool<Task, Result>(
  name: 'compaction' | 'content' | 'import',
  maxThreads: number,
  resourceLimits: ThreadLimits = {},
): Piscina<Task, Result> {
  const file = new URL(`../workers/${name}.worker.js`, import.meta.url);
  if (!existsSync(file)) throw new Error(`there is no ${fileURLToPath(file)}: run npm run build`);
  return new Piscina<Task, Result>({
    filename: file.href,
    minThreads: 0,
    maxThreads,
    idleTimeout: idleThreadMs,
    resourceLimits,
  });
}
