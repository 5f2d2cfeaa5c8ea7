import type { EntryAuthor, IdRange } from '@tideweave/shared';
import { Stretches } from './stretches.ts';
import type { ReportAuthor } from './report-types.ts';
import { IdsOf, type UpdateRanges } from './update-ranges.ts';

interface Known {
  readonly index: number;
  readonly author: { -readonly [Key in keyof ReportAuthor]: ReportAuthor[Key] };
}

/** Finds who inserted or deleted an id, and sums up who wrote. */
export class AuthorIndex {
  readonly authors: readonly ReportAuthor[];
  readonly #inserts = new Stretches<number>();
  readonly #deletes = new Stretches<number>();
  readonly #found = new Map<string, Known>();

  /**
   * `entries`: those of the log that may have brought `updates`, the newest first. `names`: how clients call themselves,
   * which is all there is of what no entry is known of.
   */
  constructor(
    updates: readonly UpdateRanges[],
    entries: readonly EntryAuthor[] = [],
    names: ReadonlyMap<number, string> = new Map(),
  ) {
    const written = Stretches.of(updates.flatMap(({ inserts }) => inserts));
    const deleted = Stretches.of(updates.flatMap(({ deletes }) => deletes));
    for (const entry of entries) {
      const inserts = entry.inserts.filter((range) => written.overlaps(range));
      const deletes = entry.deletes.filter((range) => deleted.overlaps(range));
      if (inserts.length + deletes.length > 0) this.#byEntry(entry, inserts, deletes, names);
    }
    const told = new IdsOf(entries);
    for (const { inserts, deletes } of updates)
      this.#byName(
        inserts.filter(([client, start, end]) => !told.inserts.has(client, start, end)),
        deletes.filter(([client, start, end]) => !told.deletes.has(client, start, end)),
        names,
      );
    this.authors = [...this.#found.values()].map(({ author }) => author);
  }

  /** Of two entries that brought the same the older one counts: it is added last. */
  #byEntry(
    { user, device, time }: EntryAuthor,
    inserts: readonly IdRange[],
    deletes: readonly IdRange[],
    names: ReadonlyMap<number, string>,
  ): void {
    const name = inserts.map(([client]) => names.get(client)).find((known) => known !== undefined) ?? '';
    const { author, index } = this.#known(user, device, name);
    author.firstTime = Math.min(author.firstTime ?? time, time);
    author.lastTime = Math.max(author.lastTime ?? time, time);
    author.updates++;
    for (const range of inserts) this.#inserts.add(range, index);
    for (const range of deletes) this.#deletes.add(range, index);
  }

  /** Who inserted is known by the id. Who deleted is not said, and assumed only where one client wrote all of the update. */
  #byName(inserts: readonly IdRange[], deletes: readonly IdRange[], names: ReadonlyMap<number, string>): void {
    const writers = new Set<Known | null>();
    for (const range of inserts) {
      const name = names.get(range[0]);
      const known = name === undefined ? null : this.#known('', '', name);
      if (known !== null) this.#inserts.add(range, known.index);
      writers.add(known);
    }
    for (const known of writers) if (known !== null) known.author.updates++;
    const [only] = writers;
    if (writers.size === 1 && only) for (const range of deletes) this.#deletes.add(range, only.index);
  }

  /** The author that is known already, or a new one: by user and device, or else by name. */
  #known(user: string, device: string, name: string): Known {
    const key = JSON.stringify([user, device, user + device === '' ? name : null]);
    let known = this.#found.get(key);
    if (known === undefined) {
      const author = { user, device, name, firstTime: null, lastTime: null, updates: 0 };
      known = { author, index: this.#found.size };
      this.#found.set(key, known);
    }
    known.author.name ||= name;
    return known;
  }

  ofInsert({ client, clock }: { readonly client: number; readonly clock: number }): number | null {
    return this.#inserts.at(client, clock);
  }

  /** Null too for what Yjs deleted by itself along with something else. */
  ofDelete({ client, clock }: { readonly client: number; readonly clock: number }): number | null {
    return this.#deletes.at(client, clock);
  }
}
