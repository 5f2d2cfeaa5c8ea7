/** How long updates took from the writer's socket to where they are waited for. */
import type { Typing } from './keystrokes.ts';

export class SentTimes {
  readonly #byClient = new Map<number, Float64Array>();

  constructor(typings: readonly Typing[]) {
    for (const { client, updates } of typings)
      this.#byClient.set(client, new Float64Array(updates.length).fill(Number.NaN));
  }

  sent(client: number, index: number, now: number): void {
    const times = this.#byClient.get(client);
    if (times !== undefined) times[index] = now;
  }

  timesOf(client: number): Float64Array | undefined {
    return this.#byClient.get(client);
  }
}

/** One place where updates arrive, in order per writer. */
export class Arrivals {
  readonly latenciesMs: number[] = [];
  readonly #times: SentTimes;
  readonly #seen = new Map<number, number>();
  arrived = 0;

  constructor(times: SentTimes) {
    this.#times = times;
  }

  /** All of a client's updates below `end` are here. */
  upTo(client: number, end: number, now: number): void {
    const times = this.#times.timesOf(client);
    if (times === undefined) return;
    const from = this.#seen.get(client) ?? 0;
    const to = Math.min(end, times.length);
    for (let at = from; at < to; at++) this.latenciesMs.push(now - (times[at] ?? Number.NaN));
    if (to <= from) return;
    this.arrived += to - from;
    this.#seen.set(client, to);
  }

  seen(client: number): number {
    return this.#seen.get(client) ?? 0;
  }

  /** Counts what was sent and has not come, as having taken until now: a lower bound, instead of leaving it out. */
  giveUp(clients: Iterable<number>, now: number): void {
    for (const client of clients) {
      const times = this.#times.timesOf(client) ?? new Float64Array();
      for (let at = this.seen(client); at < times.length; at++) {
        const sent = times[at] ?? Number.NaN;
        if (!Number.isNaN(sent)) this.latenciesMs.push(now - sent);
      }
    }
  }
}
