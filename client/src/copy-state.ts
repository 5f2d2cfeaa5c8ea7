import type { CopyDifference } from '@tideweave/shared';
import { Comparisons, snapshotDigest } from '@tideweave/shared/comparison';
import * as Y from 'yjs';

export { Comparisons };

/** What is here, for whoever has it handed over. */
export interface CopyReaders {
  readonly Comparisons: typeof Comparisons;
  readonly digestOf: typeof digestOf;
  readonly differenceOf: typeof differenceOf;
}

/** What comparing a Y.Doc with the relay's document takes (C1): read from the struct store, once while it is quiet. */
export function digestOf(doc: Y.Doc): Uint8Array {
  return snapshotDigest(Y.encodeSnapshot(Y.snapshot(doc)));
}

/** What is between a Y.Doc and a snapshot, `there`. */
export function differenceOf(doc: Y.Doc, there: Uint8Array): CopyDifference {
  const here = Y.snapshot(doc);
  const other = Y.decodeSnapshot(there);
  const lacks = without(other.ds, here.ds);
  const deletes = without(here.ds, other.ds);
  const insertions = isAhead(here.sv, other.sv);
  const isStated = insertions || hasStated(doc, deletes);
  return {
    lacks: lacks.clients.size > 0 ? deletionsOnly(lacks) : null,
    lacksInsertions: isAhead(other.sv, here.sv),
    surplus: isStated ? Y.encodeStateAsUpdate(doc, Y.encodeStateVector(other.sv)) : deletionsOnly(deletes),
    isStated,
  };
}

function isAhead(one: ReadonlyMap<number, number>, other: ReadonlyMap<number, number>): boolean {
  return [...one].some(([client, clock]) => clock > (other.get(client) ?? 0));
}

type Deletes = Y.Snapshot['ds'];

/** What is in `one` and not in `other`. */
function without(one: Deletes, other: Deletes): Deletes {
  const rest = Y.createDeleteSet();
  for (const [client, ranges] of one.clients) {
    const taken = (other.clients.get(client) ?? []).toSorted((a, b) => a.clock - b.clock);
    const left: typeof ranges = [];
    const add = (from: number, to: number): void => {
      if (from < to) left.push({ clock: from, len: to - from });
    };
    let at = 0;
    for (const { clock, len } of ranges) {
      let from = clock;
      const to = clock + len;
      for (let next = taken[at]; next !== undefined && next.clock < to; next = taken[at]) {
        add(from, Math.min(next.clock, to));
        from = Math.max(from, next.clock + next.len);
        if (from > to) break;
        at++;
      }
      add(from, to);
    }
    if (left.length > 0) rest.clients.set(client, left);
  }
  return rest;
}

/** An update that deletes, and nothing else: no structs before the delete set, and without the state vector behind it. */
function deletionsOnly(deletes: Deletes): Uint8Array {
  return Uint8Array.of(0, ...Y.encodeSnapshot(Y.createSnapshot(deletes, new Map())).slice(0, -1));
}

/**
 * Whether any of `deletes` had to be said by somebody. What Yjs deletes by itself follows from the rest of the document:
 * a map's value that another one came after, and whatever was put into something deleted.
 */
function hasStated(doc: Y.Doc, deletes: Deletes): boolean {
  for (const [client, ranges] of deletes.clients) {
    const structs = doc.store.clients.get(client) ?? [];
    for (const { clock, len } of ranges) {
      const last = Y.findIndexSS(structs, clock + len - 1);
      for (const struct of structs.slice(Y.findIndexSS(structs, clock), last + 1)) {
        // What is left of an item without its parent (Y.GC) was in something deleted.
        if (struct instanceof Y.Item && isStatedItem(struct)) return true;
      }
    }
  }
  return false;
}

function isStatedItem(item: Y.Item): boolean {
  const follows = item.parentSub !== null && item.right !== null;
  const parent = item.parent instanceof Y.AbstractType ? item.parent._item : null;
  return !follows && parent?.deleted !== true;
}
