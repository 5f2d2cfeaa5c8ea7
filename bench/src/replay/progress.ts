/** How far a replay is, for the bar that people watch and for the watchdog that ends a replay which is stuck. */
import { ReplayError } from './errors.ts';

const stuckMs = 30_000;
const lookMs = 500;

export class Progress {
  readonly #total: number;
  readonly #show: (done: number, total: number) => void;
  #done = 0;
  #doing = 'starting';
  #movedAt = performance.now();
  #stopped = false;

  constructor(total: number, show: (done: number, total: number) => void = () => undefined) {
    this.#total = total;
    this.#show = show;
  }

  /** Loops look at this: the replay was given up. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Begins something; said when it is stuck. */
  begin(doing: string): void {
    this.#doing = doing;
    this.moved();
  }

  typed(): void {
    this.#done++;
    this.moved();
  }

  moved(): void {
    this.#movedAt = performance.now();
  }

  /** Rejects with `ReplayError` when nothing moves for 30 s, or when `failure` gives a reason. */
  async watch<T>(failure: () => string | null, work: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const watchdog = new Promise<never>((_resolve, reject) => {
      timer = setInterval(() => {
        this.#show(this.#done, this.#total);
        const stuck = performance.now() - this.#movedAt > stuckMs;
        const reason = failure() ?? (stuck ? `nothing moved for ${stuckMs / 1000} s` : null);
        if (reason === null) return;
        reject(new ReplayError(`stopped after ${this.#done} of ${this.#total} edits while ${this.#doing}: ${reason}`));
      }, lookMs);
    });
    try {
      return await Promise.race([work, watchdog]);
    } finally {
      this.#stopped = true;
      clearInterval(timer);
      this.#show(this.#done, this.#total);
    }
  }
}

/** Lets sockets and timers have their turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
