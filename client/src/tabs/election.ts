import type { Random } from '@tideweave/shared';

/** What the election asks of its driver. */
export type ElectionOutput =
  /** Wait in line for the lock; say `granted` when it is this tab's. */
  | 'queue'
  /** Take the lock from whoever has it; say `granted` then. */
  | 'steal'
  /** Give up the lock, or the place in the line for it. */
  | 'release'
  /** This tab has the connection from now on. */
  | 'lead'
  /** It has it no longer. */
  | 'resign';

/**
 * Which tab leads: the one that holds a lock which all of them wait for, and which the browser gives to the next when its
 * holder closes. A holder that does not answer is robbed of it. A value that is fed and drained.
 */
export class Election {
  readonly #random: Random;
  #state: 'apart' | 'queued' | 'leading' = 'apart';
  /** When the leader has been silent for too long (monotonic ms). */
  #deadlineMs = Infinity;
  #outputs: ElectionOutput[] = [];

  /** Chance keeps tabs from robbing each other. */
  constructor(random: Random) {
    this.#random = random;
  }

  get leads(): boolean {
    return this.#state === 'leading';
  }

  /** When `tick` is due next (monotonic ms). */
  get deadline(): number {
    return this.#deadlineMs;
  }

  drain(): readonly ElectionOutput[] {
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }

  /** This tab wants a connection. */
  join(): void {
    if (this.#state !== 'apart') return;
    this.#state = 'queued';
    this.#outputs.push('queue');
  }

  /** It wants none any more, or is about to be frozen. */
  leave(): void {
    if (this.#state === 'apart') return;
    if (this.leads) this.#outputs.push('resign');
    this.#outputs.push('release');
    this.#state = 'apart';
    this.#deadlineMs = Infinity;
  }

  /** The lock is this tab's. */
  granted(): void {
    if (this.#state !== 'queued') return;
    this.#state = 'leading';
    this.#deadlineMs = Infinity;
    this.#outputs.push('lead');
  }

  /** Another tab took the lock. */
  robbed(): void {
    if (!this.leads) return;
    this.#state = 'queued';
    this.#outputs.push('resign', 'queue');
  }

  /** The leader was asked for a link. */
  asked(now: number): void {
    if (this.#state !== 'queued' || this.#deadlineMs !== Infinity) return;
    this.#deadlineMs = now + silentMs * (1 + this.#random());
  }

  /** There is a leader, and it answers. */
  heard(): void {
    this.#deadlineMs = Infinity;
  }

  tick(now: number): void {
    if (now < this.#deadlineMs) return;
    this.#deadlineMs = now + silentMs * (1 + this.#random());
    if (this.#state === 'queued') this.#outputs.push('steal');
  }
}

/** How long a leader may leave a tab without an answer; up to twice that, by chance. */
const silentMs = 3000;
