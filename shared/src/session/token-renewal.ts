import type { Random } from '../base/random.ts';
import { Backoff } from './backoff.ts';

/**
 * When the application is asked for a new token on a connection that stays up: before the first of its grants ends (A1),
 * and, with growing waits, after a token was refused or the application had none. One question serves all documents.
 */
export class TokenRenewal {
  /** When `tick` is due next (monotonic ms). */
  deadline: number = Infinity;
  readonly #backoff: Backoff;
  /** A question is under way, or planned because of a refusal. */
  #isWanted = false;

  constructor(random: Random) {
    this.#backoff = new Backoff(random);
  }

  /** A grant ends in `endsInMs`, or never (0). */
  granted(endsInMs: number, now: number): void {
    if (endsInMs === 0) return;
    const inMs = Math.max(pauseMs, endsInMs / 2, endsInMs - aheadMs);
    this.deadline = Math.min(this.deadline, now + inMs);
  }

  /** There is no use in the present token for some document. */
  refused(retryAfterMs: number, now: number): void {
    if (!this.#isWanted) this.deadline = Math.min(this.deadline, now + this.#backoff.next(retryAfterMs));
    this.#isWanted = true;
  }

  /** Whether to ask now. */
  tick(now: number): boolean {
    if (now < this.deadline) return false;
    this.#isWanted = true;
    this.deadline = now + answerWithinMs;
    return true;
  }

  /** The application answered; also: a new connection brings a token of its own. */
  answered(): void {
    this.#isWanted = false;
    this.deadline = Infinity;
  }

  /** The application had none. */
  failed(now: number): void {
    this.answered();
    this.refused(0, now);
  }

  /** A token opened a document. */
  succeeded(): void {
    this.#backoff.reset();
  }
}

/** How long before the end of a grant a new token is asked for; of short grants, half their time. */
const aheadMs = 60_000;
/** From a grant to the question, however short it is. */
const pauseMs = 500;
/** How long the application may take before it is asked once more. */
const answerWithinMs = 10_000;
