import type { IdRange } from '@tideweave/shared';

interface Stretch<Value> {
  readonly start: number;
  readonly end: number;
  readonly value: Value;
  /** The furthest end of this stretch and those before it. */
  reach: number;
}

/** What is known of ranges of ids, which may overlap; sorted when it is first asked. */
export class Stretches<Value> {
  readonly #clients = new Map<number, Stretch<Value>[]>();
  #isSorted = true;

  static of(ranges: readonly IdRange[]): Stretches<null> {
    const stretches = new Stretches<null>();
    for (const range of ranges) stretches.add(range, null);
    return stretches;
  }

  add([client, start, end]: IdRange, value: Value): void {
    const stretch = { start, end, value, reach: end };
    const stretches = this.#clients.get(client);
    if (stretches === undefined) this.#clients.set(client, [stretch]);
    else stretches.push(stretch);
    this.#isSorted = false;
  }

  /** What is known of one id: where stretches overlap, by the one that begins last, or was added last of those; or null. */
  at(client: number, clock: number): Value | null {
    return this.#last(client, clock, clock + 1)?.value ?? null;
  }

  /** Whether anything is known of any of these ids. */
  overlaps([client, start, end]: IdRange): boolean {
    return this.#last(client, start, end) !== null;
  }

  /** The last stretch that has any of the clocks from `start` to `end` (exclusive). */
  #last(client: number, start: number, end: number): Stretch<Value> | null {
    this.#sort();
    const stretches = this.#clients.get(client) ?? [];
    let low = 0;
    let high = stretches.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((stretches[middle]?.start ?? 0) < end) low = middle + 1;
      else high = middle;
    }
    for (let stretch = stretches[--low]; stretch !== undefined && stretch.reach > start; stretch = stretches[--low])
      if (stretch.end > start) return stretch;
    return null;
  }

  #sort(): void {
    if (this.#isSorted) return;
    this.#isSorted = true;
    for (const stretches of this.#clients.values()) {
      stretches.sort((a, b) => a.start - b.start);
      let reach = 0;
      for (const stretch of stretches) {
        reach = Math.max(reach, stretch.end);
        stretch.reach = reach;
      }
    }
  }
}
