import type { ReportAuthor, UpdateAuthor } from './report-types.ts';
import type { Range, UpdateRanges } from './update-ranges.ts';

type Stretch = readonly [start: number, end: number, author: number];

interface Known {
  readonly index: number;
  readonly author: { -readonly [Key in keyof ReportAuthor]: ReportAuthor[Key] };
}

/** Finds who inserted or deleted an id, and sums up who wrote. */
export class AuthorIndex {
  readonly authors: readonly ReportAuthor[];
  readonly #inserts = new Map<number, Stretch[]>();
  readonly #deletes = new Map<number, Stretch[]>();

  constructor(updates: readonly { readonly ranges: UpdateRanges; readonly author: UpdateAuthor | null }[]) {
    const found = new Map<string, Known>();
    for (const { ranges, author } of updates) {
      if (author === null) continue;
      const { user, device, time } = author;
      const key = JSON.stringify([user, device]);
      let known = found.get(key);
      if (known === undefined) {
        known = { author: { user, device, firstTime: time, lastTime: time, updates: 0 }, index: found.size };
        found.set(key, known);
      }
      known.author.firstTime = Math.min(known.author.firstTime, time);
      known.author.lastTime = Math.max(known.author.lastTime, time);
      known.author.updates++;
      for (const range of ranges.inserts) add(this.#inserts, range, known.index);
      for (const range of ranges.deletes) add(this.#deletes, range, known.index);
    }
    this.authors = [...found.values()].map(({ author }) => author);
    for (const stretches of [...this.#inserts.values(), ...this.#deletes.values()]) {
      stretches.sort((a, b) => a[0] - b[0]);
    }
  }

  ofInsert({ client, clock }: { readonly client: number; readonly clock: number }): number | null {
    return find(this.#inserts.get(client), clock);
  }

  /** Null too for what Yjs deleted by itself along with something else. */
  ofDelete({ client, clock }: { readonly client: number; readonly clock: number }): number | null {
    return find(this.#deletes.get(client), clock);
  }
}

function add(index: Map<number, Stretch[]>, [client, start, end]: Range, author: number): void {
  const stretches = index.get(client);
  if (stretches === undefined) index.set(client, [[start, end, author]]);
  else stretches.push([start, end, author]);
}

/** How many stretches back one is looked for that began earlier and is longer: only deletes overlap, and seldom. */
const overlapsMax = 16;

function find(stretches: readonly Stretch[] | undefined, clock: number): number | null {
  if (stretches === undefined) return null;
  let low = 0;
  let high = stretches.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((stretches[middle]?.[0] ?? 0) <= clock) low = middle + 1;
    else high = middle;
  }
  for (let at = low - 1; at >= 0 && at >= low - overlapsMax; at--) {
    const stretch = stretches[at];
    if (stretch !== undefined && clock < stretch[1]) return stretch[2];
  }
  return null;
}
