/**
 * Four documents in one: the merged document holds every item that base, mine and theirs have, in an order that agrees
 * with each of them, so that which of its items a document has and shows is all there is to know about that document.
 */
import type { IdRange } from '@tideweave/shared';
import * as Y from 'yjs';

/** A shared type seen from outside of its class. */
export type SharedType = Y.Doc['share'] extends Map<string, infer Type> ? Type : never;

/** One document as a selection of the merged one's items. */
export interface View {
  /** Whether the document has the item, deleted or not. */
  has(item: Y.Item): boolean;
  /** Whether the item is there and not deleted. */
  shows(item: Y.Item): boolean;
}

/** Whatever a document holds now. */
export const presentView: View = { has: () => true, shows: (item) => !item.deleted };
/** An empty document. */
export const emptyView: View = { has: () => false, shows: () => false };

class SnapshotView implements View {
  readonly snapshot: Y.Snapshot;

  constructor(snapshot: Y.Snapshot) {
    this.snapshot = snapshot;
  }

  has(item: Y.Item): boolean {
    return item.id.clock < (this.snapshot.sv.get(item.id.client) ?? 0);
  }

  shows(item: Y.Item): boolean {
    return this.has(item) && !Y.isDeleted(this.snapshot.ds, item.id);
  }
}

/** A side's changes: what it added and which items of the base it deleted. */
export interface SideView extends View {
  readonly added: readonly Y.Item[];
  readonly deleted: readonly Y.Item[];
}

export interface World {
  readonly doc: Y.Doc;
  readonly base: View;
  readonly mine: SideView;
  readonly theirs: SideView;
  /** False when some update waits for content that nobody brought. */
  readonly complete: boolean;
}

/**
 * Builds the temporary documents and hands them to `look`. Inside it no item straddles a border between the documents:
 * the merged document is still in its transaction, before Yjs joins items.
 */
export function inMergedDocument<Result>(
  { base, mine, theirs }: Record<'base' | 'mine' | 'theirs', readonly Uint8Array[]>,
  look: (world: World) => Result,
): Result {
  const mineDoc = temporaryDoc();
  // What the base builds on of mine, the other side had seen: there an acknowledgement got lost on its way.
  let known = 0;
  const [baseShot, mineShot] = mineDoc.transact(() => {
    for (const update of base) Y.applyUpdate(mineDoc, update);
    while (!isComplete(mineDoc) && known < mine.length) Y.applyUpdate(mineDoc, mine[known++] as Uint8Array);
    const before = Y.snapshot(mineDoc);
    for (const update of mine.slice(known)) Y.applyUpdate(mineDoc, update);
    return [before, Y.snapshot(mineDoc)];
  });
  const doc = temporaryDoc();
  try {
    return doc.transact((transaction) => {
      for (const update of [...base, ...mine.slice(0, known), ...theirs]) Y.applyUpdate(doc, update);
      const theirsShot = Y.snapshot(doc);
      const theirsComplete = isComplete(doc);
      for (const update of mine.slice(known)) Y.applyUpdate(doc, update);
      const mineDeleted = subtract(mineShot, baseShot);
      const theirsDeleted = subtract(theirsShot, baseShot);
      for (const { sv } of [baseShot, mineShot, theirsShot]) {
        for (const [client, clock] of sv) cut(transaction, client, clock);
      }
      // Yjs cuts at a deletion only what is not deleted yet: not what came into a type that the other side deleted.
      const deletedOwn = [mineShot, theirsShot].flatMap((shot) => deletedSince(shot, baseShot));
      for (const [client, start, end] of [...mineDeleted, ...theirsDeleted, ...deletedOwn]) {
        cut(transaction, client, start);
        cut(transaction, client, end);
      }
      const mineView = new SnapshotView(mineShot);
      const theirsView = new SnapshotView(theirsShot);
      const theirsAdded = addedItems(doc, theirsShot, baseShot).filter((item) => !mineView.has(item));
      return look({
        doc,
        base: new SnapshotView(baseShot),
        mine: side(mineView, addedItems(doc, mineShot, baseShot), itemsIn(doc, mineDeleted)),
        theirs: side(theirsView, theirsAdded, itemsIn(doc, theirsDeleted)),
        complete: theirsComplete && isComplete(mineDoc),
      });
    });
  } finally {
    mineDoc.destroy();
    doc.destroy();
  }
}

function side(view: View, added: readonly Y.Item[], deleted: readonly Y.Item[]): SideView {
  return { has: (item) => view.has(item), shows: (item) => view.shows(item), added, deleted };
}

function temporaryDoc(): Y.Doc {
  const doc = new Y.Doc({ gc: false });
  // An id that no update can have: Yjs would otherwise change it, and say so, when it meets its own.
  doc.clientID = -1;
  return doc;
}

function isComplete(doc: Y.Doc): boolean {
  return doc.store.pendingStructs === null && doc.store.pendingDs === null;
}

function cut(transaction: Y.Transaction, client: number, clock: number): void {
  const { store } = transaction.doc;
  if (clock > 0 && clock < Y.getState(store, client)) Y.getItemCleanStart(transaction, Y.createID(client, clock));
}

/** What `after` has deleted of what `before` did not have. */
function deletedSince(after: Y.Snapshot, before: Y.Snapshot): IdRange[] {
  return [...after.ds.clients].flatMap(([client, ranges]) => {
    const known = before.sv.get(client) ?? 0;
    return ranges
      .filter(({ clock, len }) => clock + len > known)
      .map(({ clock, len }): IdRange => [client, clock, clock + len]);
  });
}

/** What `after` has deleted of what `before` shows. Both delete sets are sorted and joined. */
function subtract(after: Y.Snapshot, before: Y.Snapshot): IdRange[] {
  const result: IdRange[] = [];
  for (const [client, ranges] of after.ds.clients) {
    const known = before.sv.get(client) ?? 0;
    const gone = before.ds.clients.get(client) ?? [];
    let next = 0;
    for (const { clock, len } of ranges) {
      const end = Math.min(clock + len, known);
      let start = clock;
      while (start < end) {
        while (next < gone.length && (gone[next]?.clock ?? 0) + (gone[next]?.len ?? 0) <= start) next++;
        const hole = gone[next];
        const stop = Math.min(end, hole?.clock ?? end);
        if (stop > start) result.push([client, start, stop]);
        start = hole === undefined ? end : Math.max(stop, Math.min(end, hole.clock + hole.len));
      }
    }
  }
  return result;
}

function addedItems(doc: Y.Doc, after: Y.Snapshot, before: Y.Snapshot): Y.Item[] {
  const ranges = [...after.sv].map(([client, end]): IdRange => [client, before.sv.get(client) ?? 0, end]);
  return itemsIn(doc, ranges);
}

/** The items of these ranges, which begin and end where items do; in an order that only depends on the ids. */
function itemsIn(doc: Y.Doc, ranges: readonly IdRange[]): Y.Item[] {
  const items: Y.Item[] = [];
  const sorted = [...ranges].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  for (const [client, start, end] of sorted) {
    const structs = doc.store.clients.get(client);
    if (structs === undefined || start >= end) continue;
    for (let index = Y.findIndexSS(structs, start); index < structs.length; index++) {
      const struct = structs[index];
      if (struct === undefined || struct.id.clock >= end) break;
      if (struct instanceof Y.Item) items.push(struct);
    }
  }
  return items;
}

/** The type that an integrated item is in. */
export function parentOf(item: Y.Item): SharedType {
  return item.parent as SharedType;
}

/** The item that holds a nested type; null for a root. */
export function holderOf(type: SharedType): Y.Item | null {
  return type._item;
}

/** Items of a list in their order, deleted ones included. */
export function* listItems(type: SharedType): Generator<Y.Item> {
  for (let item = type._start; item !== null; item = item.right) yield item;
}

/** The last item under a key that the view has, deleted or not: it decides what the key shows. */
export function keyItem(type: SharedType, key: string, view: View): Y.Item | null {
  let item = type._map.get(key) ?? null;
  while (item !== null && !view.has(item)) item = item.left;
  return item;
}

/** Keys that ever were, sorted. */
export function keysOf(type: SharedType): string[] {
  return [...type._map.keys()].sort();
}

/** Whether a type is there in a view: a root always, a nested one while it is not deleted (which deletes all within). */
export function isAlive(type: SharedType, view: View): boolean {
  const holder = holderOf(type);
  return holder === null || view.shows(holder);
}
