/** How merge reports are made. */
export interface MergeOptions {
  /**
   * Makes the worker that computes them, where a bundler does not follow `new Worker` into packages:
   * `() => new Worker(new URL('@tideweave/client/merge.worker', import.meta.url), { type: 'module' })`. `false` computes
   * them in the page. Default: a worker beside this package's files, and the page where that cannot be started.
   */
  readonly worker?: (() => Worker) | false;
  /**
   * Bytes of a document's history that are kept in memory for them, at most; default 16 MiB. Beyond that a report says
   * that both sides changed and nothing else (`complete: false`).
   */
  readonly historyBytesMax?: number;
}

export const defaultHistoryBytesMax: number = 16 * 1024 * 1024;
