/** Two people who edit a document without hearing of each other. */
import * as Y from 'yjs';
import type { MergeEntry, MergeReportInput } from '../../src/merge/report-types.ts';

export interface SidesOptions {
  /** The higher id wins a key. Default: theirs is higher. */
  readonly mineId?: number;
  readonly theirsId?: number;
  readonly gc?: boolean;
}

export class Sides {
  readonly base: Uint8Array;
  readonly mine: Y.Doc;
  readonly theirs: Y.Doc;
  readonly mineUpdates: Uint8Array[] = [];
  readonly theirsUpdates: Uint8Array[] = [];

  constructor(setup: (doc: Y.Doc) => void, { mineId = 20, theirsId = 30, gc = true }: SidesOptions = {}) {
    const doc = new Y.Doc({ gc });
    doc.clientID = 10;
    setup(doc);
    this.base = Y.encodeStateAsUpdate(doc);
    this.mine = this.#fork(mineId, gc, this.mineUpdates);
    this.theirs = this.#fork(theirsId, gc, this.theirsUpdates);
  }

  #fork(client: number, gc: boolean, updates: Uint8Array[]): Y.Doc {
    const doc = new Y.Doc({ gc });
    doc.clientID = client;
    Y.applyUpdate(doc, this.base);
    doc.on('update', (update: Uint8Array, origin: unknown) => {
      if (origin !== 'remote') updates.push(update);
    });
    return doc;
  }

  get input(): MergeReportInput {
    return { base: [this.base], mine: this.mineUpdates, theirs: this.theirsUpdates };
  }

  /** My live document after the merge, and theirs. */
  merged(gc = true): [Y.Doc, Y.Doc] {
    const merge = (first: readonly Uint8Array[], second: readonly Uint8Array[], client: number): Y.Doc => {
      const doc = new Y.Doc({ gc });
      doc.clientID = client;
      for (const update of [this.base, ...first, ...second]) Y.applyUpdate(doc, update);
      return doc;
    };
    return [
      merge(this.mineUpdates, this.theirsUpdates, this.mine.clientID + 1000),
      merge(this.theirsUpdates, this.mineUpdates, this.theirs.clientID + 1000),
    ];
  }
}

export function sync(from: Y.Doc, to: Y.Doc): void {
  Y.applyUpdate(to, Y.encodeStateAsUpdate(from, Y.encodeStateVector(to)), 'remote');
}

export function entryOf<Kind extends MergeEntry['kind']>(
  entries: readonly MergeEntry[],
  kind: Kind,
  path?: readonly (string | number)[],
): Extract<MergeEntry, { kind: Kind }> {
  const found = entries.filter(
    (entry): entry is Extract<MergeEntry, { kind: Kind }> =>
      entry.kind === kind && (path === undefined || JSON.stringify(entry.path) === JSON.stringify(path)),
  );
  const [entry] = found;
  if (found.length !== 1 || entry === undefined) {
    throw new Error(`${found.length} entries of kind ${kind} in ${JSON.stringify(entries, null, 1)}`);
  }
  return entry;
}
