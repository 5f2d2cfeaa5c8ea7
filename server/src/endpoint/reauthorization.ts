import { type Clock, tokensMsMin } from '@tideweave/shared';

/**
 * The new tokens that a connection brings: one at a time is put to the authorizer, the newest of those that came meanwhile
 * next, and not before a pause, so that nobody makes it work faster than that (A4).
 */
export class Reauthorization {
  readonly #clock: Clock;
  readonly #authorize: (token: string) => Promise<void>;
  #next: string | null = null;
  #running = false;
  #notBeforeMs = -Infinity;

  /** `authorize` does not reject. */
  constructor(clock: Clock, authorize: (token: string) => Promise<void>) {
    this.#clock = clock;
    this.#authorize = authorize;
  }

  take(token: string): void {
    this.#next = token;
    this.tick();
  }

  /** Begins with what has waited for long enough. */
  tick(): void {
    const token = this.#next;
    const now = this.#clock.now();
    if (token === null || this.#running || now < this.#notBeforeMs) return;
    this.#next = null;
    this.#running = true;
    this.#notBeforeMs = now + tokensMsMin;
    void this.#authorize(token).finally(() => (this.#running = false));
  }
}

/** Runs `work` for each of `items`, `atOnce` of them at a time. */
export async function eachOf<Item>(
  items: readonly Item[],
  atOnce: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const rest = items.values();
  const worker = async (): Promise<void> => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
