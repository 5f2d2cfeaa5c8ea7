/** The one place that starts workers. merge.worker.ts does not import it: a bundler would bundle it within itself. */
import type { MergeOptions } from './merge-options.ts';
import { type WorkerThreads, nodeThreads } from './node-threads.ts';

/** A running worker, as the runner sees it. */
export interface WorkerPort {
  post(message: unknown): void;
  terminate(): void;
}

/** What a worker tells. `failed`: it could not start, threw outside of a task, or ended. */
export interface WorkerEvents {
  readonly message: (message: unknown) => void;
  readonly failed: (reason: string) => void;
}

/** Starts the worker that computes merge reports; null where there are no workers, or none is wanted. */
export function startMergeWorker(events: WorkerEvents, make?: MergeOptions['worker']): WorkerPort | null {
  if (make === false) return null;
  const threads = nodeThreads();
  if (threads !== null) return startThread(threads, events);
  if (typeof Worker !== 'function') return null;
  const worker = make?.() ?? new Worker(new URL('./merge.worker.js', import.meta.url), { type: 'module' });
  worker.onmessage = (event: MessageEvent<unknown>): void => events.message(event.data);
  worker.onerror = (event): void => events.failed(event.message);
  worker.onmessageerror = (): void => events.failed('a message could not be read');
  return { post: (message) => worker.postMessage(message), terminate: () => worker.terminate() };
}

function startThread(threads: WorkerThreads, events: WorkerEvents): WorkerPort {
  const worker = new threads.Worker(new URL('./merge.worker.js', import.meta.url));
  // A report that nobody waits for any more must not keep the process alive.
  worker.unref();
  worker.on('message', events.message);
  worker.on('error', (error) => events.failed(error instanceof Error ? error.message : String(error)));
  worker.on('exit', () => events.failed('the worker ended'));
  return {
    post: (message) => worker.postMessage(message),
    terminate: () => void worker.terminate(),
  };
}
