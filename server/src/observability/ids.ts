/** Names connections and requests in the log: short, unique in a process, and by their first part between processes. */
export class Ids {
  readonly #prefix: string;
  #last = 0;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  next(): string {
    this.#last += 1;
    return `${this.#prefix}-${this.#last.toString(36)}`;
  }
}
