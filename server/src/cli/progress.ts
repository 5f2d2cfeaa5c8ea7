/** Says how far something is: one line that is drawn again and again on a terminal, or a line now and then. */

const width = 30;
const everyMs = { bar: 100, lines: 5000 } as const;

export class Progress {
  readonly #write: ((text: string) => void) | null;
  readonly #what: string;
  readonly #total: number | null;
  readonly #style: 'bar' | 'lines';
  #shownAt = performance.now();

  /** `total` is null where it is not known; `write` where nothing is to be said. With `lines` it is given lines, without their ends. */
  constructor(
    what: string,
    total: number | null,
    write: ((text: string) => void) | null,
    style: 'bar' | 'lines' = 'bar',
  ) {
    this.#what = what;
    this.#total = total;
    this.#write = write;
    this.#style = style;
  }

  show(done: number): void {
    const now = performance.now();
    if (this.#write === null || now - this.#shownAt < everyMs[this.#style]) return;
    this.#shownAt = now;
    const count = this.#total === null ? String(done) : `${done} of ${this.#total}`;
    if (this.#style === 'lines') {
      this.#write(`${this.#what}: ${count}`);
      return;
    }
    if (this.#total === null) {
      this.#write(`\r${this.#what}: ${count}`);
      return;
    }
    const share = this.#total === 0 ? 1 : done / this.#total;
    const bar = '#'.repeat(Math.round(width * share)).padEnd(width, '.');
    this.#write(`\r${this.#what} [${bar}] ${count}`);
  }

  /** Takes the line of a terminal away. */
  end(): void {
    if (this.#style === 'bar') this.#write?.('\r\u001b[K');
  }
}
