import type { Random } from '../base/random.ts';
import { retryAfterMsMax } from '../protocol/limits.ts';

/**
 * When to try again: full jitter (Marc Brooker, "Exponential Backoff And Jitter", AWS 2015): a uniform draw between
 * nothing and an exponentially growing cap, so that a crowd that lost the same relay does not come back in waves.
 */
export class Backoff {
  readonly #random: Random;
  readonly #baseMs: number;
  readonly #capMs: number;
  #attempts = 0;

  constructor(random: Random, options?: { baseMs?: number; capMs?: number }) {
    this.#random = random;
    this.#baseMs = options?.baseMs ?? 250;
    this.#capMs = options?.capMs ?? 30_000;
  }

  /** Milliseconds to wait before the next attempt; never less than `atLeastMs`, of which an hour counts at most. */
  next(atLeastMs = 0): number {
    const cap = Math.min(this.#capMs, this.#baseMs * 2 ** Math.min(this.#attempts, 30));
    this.#attempts++;
    return Math.min(atLeastMs, retryAfterMsMax) + this.#random() * cap;
  }

  /** Something went through: the next failure starts from the shortest wait again. */
  reset(): void {
    this.#attempts = 0;
  }
}
