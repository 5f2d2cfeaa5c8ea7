/** What of a document something holds: which clocks are inserted and which are deleted. Read with Yjs, not with our scanner. */
import * as Y from 'yjs';

/** Clocks of one client that are deleted, as disjoint ranges in order. */
type Ranges = [from: number, to: number][];

/** The clocks of clients that an update, an edit or a document holds. */
export class Coverage {
  /** The next clock of each client. */
  readonly inserted: Map<number, number> = new Map<number, number>();
  readonly #deleted = new Map<number, Ranges>();

  static ofUpdate(update: Uint8Array): Coverage {
    const coverage = new Coverage();
    const { structs, ds } = Y.decodeUpdate(update);
    for (const { id, length, constructor } of structs) {
      if (constructor !== Y.Skip) coverage.insert(id.client, id.clock + length);
    }
    for (const [client, items] of ds.clients)
      for (const { clock, len } of items) coverage.remove(client, clock, clock + len);
    return coverage;
  }

  static ofDocument(doc: Y.Doc): Coverage {
    const coverage = new Coverage();
    for (const [client, structs] of doc.store.clients) {
      const last = structs.at(-1);
      if (last !== undefined) coverage.insert(client, last.id.clock + last.length);
      for (const { deleted, id, length } of structs) if (deleted) coverage.remove(client, id.clock, id.clock + length);
    }
    return coverage;
  }

  get isEmpty(): boolean {
    return this.inserted.size === 0 && this.#deleted.size === 0;
  }

  insert(client: number, end: number): void {
    if (end > (this.inserted.get(client) ?? 0)) this.inserted.set(client, end);
  }

  remove(client: number, from: number, to: number): void {
    const ranges = this.#deleted.get(client);
    if (ranges === undefined) {
      this.#deleted.set(client, [[from, to]]);
      return;
    }
    let at = 0;
    while (at < ranges.length && (ranges[at]?.[1] ?? 0) < from) at++;
    let end = at;
    let [low, high] = [from, to];
    for (let range = ranges[end]; range !== undefined && range[0] <= to; range = ranges[++end]) {
      low = Math.min(low, range[0]);
      high = Math.max(high, range[1]);
    }
    ranges.splice(at, end - at, [low, high]);
  }

  add(other: Coverage): void {
    for (const [client, end] of other.inserted) this.insert(client, end);
    for (const [client, ranges] of other.#deleted) for (const [from, to] of ranges) this.remove(client, from, to);
  }

  /** What of `other` is not in here, in words; null when all of it is. */
  lacks(other: Coverage): string | null {
    for (const [client, end] of other.inserted) {
      const has = this.inserted.get(client) ?? 0;
      if (has < end) return `clocks ${has} to ${end} of client ${client}`;
    }
    for (const [client, ranges] of other.#deleted) {
      for (const [from, to] of ranges) {
        if (!this.#hasDeleted(client, from, to)) return `the deletion of clocks ${from} to ${to} of client ${client}`;
      }
    }
    return null;
  }

  /** How this and another differ, in words; null when they do not. */
  difference(other: Coverage): string | null {
    const missing = this.lacks(other);
    if (missing !== null) return `lacks ${missing}`;
    const surplus = other.lacks(this);
    return surplus === null ? null : `has ${surplus} too much`;
  }

  /** For traces. */
  toString(): string {
    const inserted = [...this.inserted].map(([client, end]) => `${client}<${end}`);
    const deleted = [...this.#deleted].flatMap(([client, ranges]) =>
      ranges.map(([from, to]) => `-${client}:${from}..${to}`),
    );
    return [...inserted, ...deleted].join(' ');
  }

  #hasDeleted(client: number, from: number, to: number): boolean {
    for (const range of this.#deleted.get(client) ?? []) if (range[0] <= from && range[1] >= to) return true;
    return false;
  }
}

/** A document with these updates and an id that nobody has. */
export function documentOf(updates: readonly Uint8Array[]): Y.Doc {
  // Yjs would draw a random name otherwise, which takes longer than many a document.
  const doc = new Y.Doc({ guid: 'reading' });
  doc.clientID = 1;
  doc.transact(() => {
    for (const update of updates) Y.applyUpdate(doc, update);
  });
  return doc;
}

/** Whether something waits for content that is not there (C5). */
export function isIncomplete(doc: Y.Doc): boolean {
  return doc.store.pendingStructs !== null || doc.store.pendingDs !== null;
}
