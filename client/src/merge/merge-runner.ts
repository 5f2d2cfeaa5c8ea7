import type { Cancel, Clock, EntryAuthor } from '@tideweave/shared';
import { hasBothSides } from './both-sides.ts';
import type { MergeOptions } from './merge-options.ts';
import type { MergeRequest, MergeResponse } from './merge-task.ts';
import type { MergeReport, MergeReportInput } from './report-types.ts';
import { type WorkerEvents, type WorkerPort, startMergeWorker } from './worker-port.ts';

/** The log's entries that may have brought what the others did, the newest first; does not reject. */
export type EntriesSource = () => Promise<readonly EntryAuthor[]>;

/** Computes merge reports out of band. */
export interface MergeRunner {
  /**
   * The report, or null, at once and without any work, when only one side changed. Rejects when it takes too long, when
   * an update cannot be applied and when the runner is closed. Reports are computed one after another. `entries` is asked
   * for those of the log only when there is a report to be made.
   */
  compute(input: MergeReportInput, entries?: EntriesSource): Promise<MergeReport | null>;
  /** Ends the worker; what is being computed rejects. */
  close(): void;
}

export interface MergeRunnerOptions {
  readonly clock: Clock;
  /** A report that takes longer is given up, and its worker with it; default 30 s. */
  readonly timeoutMs?: number;
  /** A worker without work is ended after this time, so that its memory comes back; default 10 s. */
  readonly idleMs?: number;
  /** Makes the browser's worker, or none; default one beside this file. */
  readonly worker?: MergeOptions['worker'];
  /** Starts a worker, or returns null where there is none; default the platform's. */
  readonly startWorker?: (events: WorkerEvents) => WorkerPort | null;
}

const defaultTimeoutMs = 30_000;
const defaultIdleMs = 10_000;

/** Reports in a worker, or in the page where no worker can be started: workers blocked, or left out by a bundler. */
export function createMergeRunner(options: MergeRunnerOptions): MergeRunner {
  return new WorkerMergeRunner(options);
}

interface Task {
  readonly request: MergeRequest;
  readonly resolve: (report: MergeReport) => void;
  readonly reject: (error: Error) => void;
}

class WorkerMergeRunner implements MergeRunner {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #idleMs: number;
  readonly #startWorker: (events: WorkerEvents) => WorkerPort | null;
  readonly #queue: Task[] = [];
  #current: Task | null = null;
  #worker: WorkerPort | null = null;
  /** Whether the worker has said anything: one that fails before cannot be started here at all. */
  #workerReady = false;
  #workersWork = true;
  #cancelTimer: Cancel | null = null;
  #n = 0;
  #closed = false;

  constructor(options: MergeRunnerOptions) {
    this.#clock = options.clock;
    this.#timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
    this.#idleMs = options.idleMs ?? defaultIdleMs;
    this.#startWorker = options.startWorker ?? ((events) => startMergeWorker(events, options.worker));
  }

  async compute(sides: MergeReportInput, entries?: EntriesSource): Promise<MergeReport | null> {
    this.#checkOpen();
    if (!hasBothSides(sides)) return null;
    const input = entries === undefined ? sides : { ...sides, entries: await entries() };
    this.#checkOpen();
    return new Promise((resolve, reject) => {
      this.#queue.push({ request: { n: ++this.#n, input }, resolve, reject });
      if (this.#current === null) this.#next();
    });
  }

  close(): void {
    this.#closed = true;
    const tasks = this.#current === null ? this.#queue : [this.#current, ...this.#queue];
    this.#current = null;
    this.#endWorker();
    for (const { reject } of tasks.splice(0)) reject(new Error('the merge runner was closed'));
    this.#queue.length = 0;
  }

  #checkOpen(): void {
    if (this.#closed) throw new Error('the merge runner was closed');
  }

  #next(): void {
    this.#setTimer(null);
    const task = this.#queue.shift() ?? null;
    this.#current = task;
    if (task === null) {
      if (this.#worker !== null) this.#setTimer(this.#clock.after(this.#idleMs, () => this.#endWorker()));
      return;
    }
    const worker = this.#workersWork ? this.#ensureWorker() : null;
    if (worker === null) {
      void this.#computeHere(task);
      return;
    }
    this.#setTimer(this.#clock.after(this.#timeoutMs, () => this.#timedOut(task)));
    try {
      worker.post(task.request);
    } catch (error) {
      this.#fail(task, toError(error));
    }
  }

  #ensureWorker(): WorkerPort | null {
    if (this.#worker !== null) return this.#worker;
    // What a worker that was given up still says is nobody's business.
    let own: WorkerPort | null = null;
    const isCurrent = (): boolean => own !== null && own === this.#worker;
    try {
      own = this.#startWorker({
        message: (message) => {
          if (isCurrent()) this.#heard(message as MergeResponse);
        },
        failed: (reason) => {
          if (isCurrent()) this.#workerFailed(reason);
        },
      });
    } catch {
      // A page's policy may forbid workers by throwing.
    }
    this.#worker = own;
    this.#workerReady = false;
    if (own === null) this.#workersWork = false;
    return own;
  }

  #heard(response: MergeResponse): void {
    this.#workerReady = true;
    const task = this.#current;
    if ('ready' in response || task === null || response.n !== task.request.n) return;
    if ('report' in response) {
      task.resolve(response.report);
      this.#next();
    } else {
      this.#fail(task, new Error(response.error));
    }
  }

  #workerFailed(reason: string): void {
    const task = this.#current;
    const wasReady = this.#workerReady;
    this.#endWorker();
    if (!wasReady) this.#workersWork = false;
    if (task === null) return;
    if (wasReady) this.#fail(task, new Error(`the merge worker failed: ${reason}`));
    else void this.#computeHere(task);
  }

  #timedOut(task: Task): void {
    this.#endWorker();
    this.#fail(task, new Error(`the merge report took longer than ${this.#timeoutMs} ms`));
  }

  /** The code for it is only loaded where it is needed. */
  async #computeHere(task: Task): Promise<void> {
    try {
      const { computeMergeReport } = await import('./merge-report.ts');
      if (this.#current !== task) return;
      task.resolve(computeMergeReport(task.request.input));
      this.#next();
    } catch (error) {
      this.#fail(task, toError(error));
    }
  }

  #fail(task: Task, error: Error): void {
    if (this.#current !== task) return;
    task.reject(error);
    this.#next();
  }

  #endWorker(): void {
    this.#setTimer(null);
    this.#worker?.terminate();
    this.#worker = null;
  }

  #setTimer(cancel: Cancel | null): void {
    this.#cancelTimer?.();
    this.#cancelTimer = cancel;
  }
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
