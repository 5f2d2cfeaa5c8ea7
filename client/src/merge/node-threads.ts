/**
 * Node's threads without Node's types: reached through `process.getBuiltinModule` (Node 20.16 and later), because the
 * client compiles without them, and so that a bundler for browsers has nothing to resolve.
 */

/** What of Node's worker_threads is used. */
export interface WorkerThreads {
  readonly Worker: new (url: URL) => {
    postMessage(message: unknown): void;
    terminate(): Promise<number>;
    unref(): void;
    on(event: 'message' | 'error' | 'exit', listener: (value: unknown) => void): void;
  };
  readonly parentPort: {
    postMessage(message: unknown): void;
    on(event: 'message', listener: (value: unknown) => void): void;
  } | null;
}

/** Node's threads, or null elsewhere. */
export function nodeThreads(): WorkerThreads | null {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } };
  return (process?.getBuiltinModule?.('worker_threads') as WorkerThreads | undefined) ?? null;
}
