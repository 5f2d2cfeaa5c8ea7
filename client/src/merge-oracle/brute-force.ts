/**
 * What a merge report must say, found the long way: the documents of both sides are built in full, each by itself, and
 * read unit by unit. For tests and the simulator.
 */
import * as Y from 'yjs';
import type { MergeReport, MergeReportInput } from '../merge/report-types.ts';
import { checkReport } from './check.ts';
import { expectedOf } from './expected.ts';
import {
  type Model,
  type Node,
  type Roots,
  type SharedType,
  type Unit,
  type Value,
  type Writer,
  labelOf,
  rootOf,
  textOf,
  typesIn,
} from './model.ts';

/**
 * Holds the report of a merge against its updates; throws an `Error` that says what is wrong. False when nothing can be
 * compared, because some update waits for content that is not there. Neither side may have the other's updates.
 */
export function checkByBruteForce(
  { base, mine, theirs }: Pick<MergeReportInput, 'base' | 'mine' | 'theirs'>,
  report: MergeReport,
  roots: Roots,
): boolean {
  return inDocument(base, (baseDoc) =>
    inDocument([...base, ...mine], (mineDoc) =>
      inDocument([...base, ...theirs], (theirsDoc) =>
        inDocument([...base, ...theirs, ...mine], (merged) => {
          if (![baseDoc, mineDoc, theirsDoc, merged].every(isComplete)) return false;
          const uids = new Map<string, number>();
          const types = typesIn(baseDoc, roots);
          const modelOf = (doc: Y.Doc, side: Writer): Model => new CopyModel(doc, roots, side, types, uids);
          const [before, my, their] = [
            modelOf(baseDoc, 'base'),
            modelOf(mineDoc, 'mine'),
            modelOf(theirsDoc, 'theirs'),
          ];
          checkReport(report, expectedOf(before, my, their, typesIn(merged, roots)), merged, roots);
          return true;
        }),
      ),
    ),
  );
}

/** Looks at a document before Yjs tidies it at the end of the transaction. */
function inDocument<Result>(updates: readonly Uint8Array[], look: (doc: Y.Doc) => Result): Result {
  const doc = new Y.Doc({ gc: false, guid: 'reading' });
  doc.clientID = -1;
  try {
    return doc.transact(() => {
      for (const update of updates) Y.applyUpdate(doc, update);
      return look(doc);
    });
  } finally {
    doc.destroy();
  }
}

function isComplete({ store }: Y.Doc): boolean {
  return store.pendingStructs === null && store.pendingDs === null;
}

/** A document as a model: what Yjs shows, with the ids of its items as identities. */
class CopyModel implements Model {
  readonly touched: Map<string, Set<string>> = new Map();
  readonly #alive = new Map<string, Node>();
  readonly #side: Writer;
  readonly #base: ReadonlyMap<string, SharedType>;
  readonly #uids: Map<string, number>;

  constructor(
    doc: Y.Doc,
    roots: Roots,
    side: Writer,
    base: ReadonlyMap<string, SharedType>,
    uids: Map<string, number>,
  ) {
    this.#side = side;
    this.#base = base;
    this.#uids = uids;
    for (const [name, kind] of Object.entries(roots)) this.#read(rootOf(doc, name, kind), name, null);
  }

  alive(): Map<string, Node> {
    return this.#alive;
  }

  #read(type: SharedType, label: string, parent: Node['parent']): Node {
    const node: Node = { label, kind: kindOf(type), keys: new Map(), units: [], parent };
    this.#alive.set(label, node);
    const before = this.#base.get(label);
    for (const [key, item] of type._map) {
      const old = before?._map.get(key);
      const isOld = old !== undefined && old.id.client === item.id.client && old.id.clock === item.id.clock;
      if (!isOld || old.deleted !== item.deleted) this.#touch(label, key);
      if (item.deleted) continue;
      const shown: unknown = type instanceof Y.XmlElement ? type.getAttribute(key) : (type as Y.Map<unknown>).get(key);
      const value = this.#value(shown, node, key);
      node.keys.set(key, { value, writer: isOld ? 'base' : this.#side });
    }
    node.units = this.#units(type, node);
    return node;
  }

  #touch(label: string, key: string): void {
    const keys = this.touched.get(label) ?? new Set();
    this.touched.set(label, keys.add(key));
  }

  #units(type: SharedType, node: Node): Unit[] {
    if (type instanceof Y.Map) return [];
    const shown: { value: unknown; attributes: Record<string, unknown> }[] =
      type instanceof Y.Text
        ? textOf(type).flatMap(({ insert, attributes = {} }) =>
            insert.split('').map((value) => ({ value, attributes })),
          )
        : (type as Y.Array<unknown>).toArray().map((value) => ({ value, attributes: {} }));
    return idsOf(type).map((id, at) => {
      const { value, attributes } = shown[at] ?? { value: null, attributes: {} };
      return { uid: this.#uid(id), value: this.#value(value, node, null), attributes };
    });
  }

  #uid(id: string): number {
    const uid = this.#uids.get(id) ?? this.#uids.size;
    this.#uids.set(id, uid);
    return uid;
  }

  #value(value: unknown, node: Node, key: string | null): Value {
    if (!(value instanceof Y.AbstractType)) return value as Value;
    return this.#read(value as SharedType, labelOf(value as SharedType), { node, key });
  }
}

function kindOf(type: SharedType): Node['kind'] {
  if (type instanceof Y.XmlText) return 'xmlText';
  if (type instanceof Y.Text) return 'text';
  if (type instanceof Y.Map) return 'map';
  return type instanceof Y.XmlElement ? 'xmlElement' : 'array';
}

/** Of each unit that a list shows, in their order. */
function idsOf(type: SharedType): string[] {
  const ids: string[] = [];
  for (let item = type._start; item !== null; item = item.right) {
    if (item.deleted || !item.countable) continue;
    for (let at = 0; at < item.length; at++) ids.push(`${item.id.client}:${item.id.clock + at}`);
  }
  return ids;
}
