import type { Random } from '../base/random.ts';
import { Backoff } from './backoff.ts';

/** When the application is asked for a new token, so that no grant of the connection ends meanwhile (A1). */
export class TokenRenewal {
  readonly #random: Random;
  readonly #backoff: Backoff;
  #asked = false;
  #atMs = Infinity;

  constructor(random: Random) {
    this.#random = random;
    this.#backoff = new Backoff(random);
  }

  /** When `tick` is due next (monotonic ms). */
  get deadline(): number {
    return this.#atMs;
  }

  /** A grant ends in `endsInMs`, or never (0): plans to ask in good time. */
  granted(endsInMs: number, now: number): void {
    if (endsInMs === 0) return;
    const inGoodTime = Math.min(0.8 * endsInMs, Math.max(endsInMs - aheadMs, endsInMs / 2));
    this.want(now + Math.max(pauseMsMin, inGoodTime * (0.9 + 0.1 * this.#random())));
  }

  /** A new token is needed at `atMs`; one that is asked for already will do. */
  want(atMs: number): void {
    if (!this.#asked) this.#atMs = Math.min(this.#atMs, atMs);
  }

  /** Whether to ask now. */
  tick(now: number): boolean {
    if (now < this.#atMs) return false;
    this.#asked = true;
    this.#atMs = now + answerWithinMs;
    return true;
  }

  /** The application gave a token, or could not: then it is asked again later. */
  answered(given: boolean, now: number): void {
    this.#asked = false;
    if (given) this.forget();
    else this.#atMs = now + this.#backoff.next();
  }

  /** A new connection brings a token of its own. */
  forget(): void {
    this.#asked = false;
    this.#atMs = Infinity;
    this.#backoff.reset();
  }
}

/** How long before the end of a grant a new token is asked for, at the latest; of short grants, half their time. */
const aheadMs = 5000;
/** Between two questions, however short the grants are. */
const pauseMsMin = 500;
/** How long the application may take before it is asked once more. */
const answerWithinMs = 10_000;
