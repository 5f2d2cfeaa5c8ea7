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

  /** `names`: how clients call themselves, for updates without an author. */
  constructor(updates: readonly AuthoredUpdate[], names: ReadonlyMap<number, string> = new Map()) {
    const found = new Map<string, Known>();
    for (const { ranges, author } of updates) {
      if (author === null) {
        this.#byName(ranges, names, found);
        continue;
      }
      const { user, device, time } = author;
      const known = knownAs(found, { user, device, name: '', firstTime: time, lastTime: time, updates: 0 });
      known.author.firstTime = Math.min(known.author.firstTime ?? time, time);
      known.author.lastTime = Math.max(known.author.lastTime ?? time, time);
      known.author.updates++;
      for (const range of ranges.inserts) add(this.#inserts, range, known.index);
      for (const range of ranges.deletes) add(this.#deletes, range, known.index);
    }
    this.authors = [...found.values()].map(({ author }) => author);
    for (const stretches of [...this.#inserts.values(), ...this.#deletes.values()]) {
      stretches.sort((a, b) => a[0] - b[0]);
    }
  }

  /** Who inserted is known by the id. Who deleted is not said, and assumed only where one client wrote all of the update. */
  #byName({ inserts, deletes }: UpdateRanges, names: ReadonlyMap<number, string>, found: Map<string, Known>): void {
    const writers = new Set<Known | null>();
    for (const range of inserts) {
      const name = names.get(range[0]);
      const known =
        name === undefined
          ? null
          : knownAs(found, { user: '', device: '', name, firstTime: null, lastTime: null, updates: 0 });
      if (known !== null) add(this.#inserts, range, known.index);
      writers.add(known);
    }
    for (const known of writers) if (known !== null) known.author.updates++;
    const [only] = writers;
    if (writers.size === 1 && only) for (const range of deletes) add(this.#deletes, range, only.index);
  }

  ofInsert({ client, clock }: { readonly client: number; readonly clock: number }): number | null {
    return find(this.#inserts.get(client), clock);
  }

  /** Null too for what Yjs deleted by itself along with something else. */
  ofDelete({ client, clock }: { readonly client: number; readonly clock: number }): number | null {
    return find(this.#deletes.get(client), clock);
  }
}

interface AuthoredUpdate {
  readonly ranges: UpdateRanges;
  readonly author: UpdateAuthor | null;
}

/** The author that is known already, or else this one. */
function knownAs(found: Map<string, Known>, author: Known['author']): Known {
  const key = JSON.stringify([author.user, author.device, author.name]);
  const known = found.get(key) ?? { author, index: found.size };
  found.set(key, known);
  return known;
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
