import { assert } from '@tideweave/shared';
import type { Contributor } from './member.ts';

/**
 * Which of a room's batches are durable, and who waits to hear of it. Each batch that goes to the group commit has a
 * ticket; they are committed in order.
 */
export class TicketLedger {
  #last = 0;
  #committed = 0;
  /** As `#committed`, but counts refused batches too, and goes on after the room has ended. */
  #settled = 0;
  readonly #waiting = new Map<number, Set<Contributor>>();
  readonly #whenSettled: (() => void)[] = [];

  /** Everything under tickets up to this one is durable. */
  get committed(): number {
    return this.#committed;
  }

  /** The newest ticket that was issued. */
  get last(): number {
    return this.#last;
  }

  /** Nothing is on its way to the log. */
  get isSettled(): boolean {
    return this.#settled === this.#last;
  }

  /** The ticket of the batch that is handed over now. */
  issue(): number {
    this.#last++;
    return this.#last;
  }

  /** The ticket that covers what was handed over, and what is `gathered` for the next batch; its commit is told to `contributor`. */
  await(contributor: Contributor, gathered: boolean): number {
    const ticket = gathered ? this.#last + 1 : this.#last;
    if (ticket <= this.#committed) return ticket;
    let waiting = this.#waiting.get(ticket);
    if (waiting === undefined) {
      waiting = new Set();
      this.#waiting.set(ticket, waiting);
    }
    waiting.add(contributor);
    return ticket;
  }

  /** The batch of `ticket` is durable: tells those who wait. */
  commit(ticket: number): void {
    this.#committed = ticket;
    for (const contributor of this.#waiting.get(ticket) ?? []) contributor.committed(ticket);
    this.#waiting.delete(ticket);
  }

  /** The log has answered for the batch of `ticket`, whatever the answer. */
  settle(ticket: number): void {
    assert(ticket === this.#settled + 1, 'batches settle in order');
    this.#settled = ticket;
    if (!this.isSettled) return;
    for (const resolve of this.#whenSettled.splice(0)) resolve();
  }

  /** Resolves when everything that was handed over is durable or refused. */
  whenSettled(): Promise<void> {
    if (this.isSettled) return Promise.resolve();
    return new Promise((resolve) => this.#whenSettled.push(resolve));
  }

  /** Nobody will be told of further commits; returns those who waited. */
  abandon(): Set<Contributor> {
    const waiting = new Set<Contributor>();
    for (const contributors of this.#waiting.values()) for (const contributor of contributors) waiting.add(contributor);
    this.#waiting.clear();
    return waiting;
  }
}
