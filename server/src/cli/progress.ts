/** One line on a terminal that says how far something is; nothing anywhere else. */

const width = 30;
const everyMs = 100;

export class Progress {
  readonly #write: ((text: string) => void) | null;
  readonly #what: string;
  readonly #total: number;
  #shownAt = Number.NEGATIVE_INFINITY;

  /** `write` is null where there is no terminal. */
  constructor(what: string, total: number, write: ((text: string) => void) | null) {
    this.#what = what;
    this.#total = total;
    this.#write = write;
  }

  show(done: number): void {
    const now = performance.now();
    if (this.#write === null || now - this.#shownAt < everyMs) return;
    this.#shownAt = now;
    const share = this.#total === 0 ? 1 : done / this.#total;
    const bar = '#'.repeat(Math.round(width * share)).padEnd(width, '.');
    this.#write(`\r${this.#what} [${bar}] ${done} of ${this.#total}`);
  }

  /** Takes the line away. */
  end(): void {
    this.#write?.('\r\u001b[K');
  }
}
