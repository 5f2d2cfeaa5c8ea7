/** Puts back what a merge took from me, as an ordinary edit: undo, sync and the others see it like any other. */
import * as Y from 'yjs';
import { stateOf } from './content.ts';
import { canDecode, decodeOps, decodeValue } from './decode-value.ts';
import { isText } from './kinds.ts';
import type {
  DeltaOp,
  ItemId,
  KeyEntry,
  KeyState,
  LostEntry,
  MergeEntry,
  StrandedEntry,
  TypeIdentity,
  TypeKind,
} from './report-types.ts';
import { sameState } from './values.ts';
import { type SharedType, holderOf, presentView } from './views.ts';

/**
 * What came of an attempt to restore. `restored`: the document shows mine again. `nothing`: it shows mine already, or the
 * entry takes nothing from me (`theirs`, lists that hold what both did). `changed`: somebody wrote there since the merge;
 * `overwrite` restores all the same. `gone`: the place is no more, or the value was too large to be kept in the report.
 */
export type RestoreResult = 'restored' | 'nothing' | 'changed' | 'gone';

export interface RestoreOptions {
  /** Origin of the transaction, as undo managers track it; default null. */
  readonly origin?: unknown;
  /** Restore over what was written after the merge; default false. */
  readonly overwrite?: boolean;
}

/** Edits that an entry asks for, ready to be made, or why there are none. */
type Restoration = (() => void) | Exclude<RestoreResult, 'restored'>;

/** Whether `restoreMine` has something to put back and a place to put it, be it over what was written since. */
export function canRestore(doc: Y.Doc, entry: MergeEntry): boolean {
  return typeof prepare(doc, entry, true) === 'function';
}

/**
 * Edits the live document so that it shows mine again, in one transaction.
 * - A key that theirs won gets my value, or is deleted if I had deleted it; nested values come back as new types.
 * - A nested type that they deleted while I edited it comes back as I left it, under its key (in place of what they put
 *   there) or where it was in its list.
 * - An insertion of mine that is not to be seen any more comes back where it was.
 * Places in lists move with what is around them; there, doing it twice makes two.
 */
export function restoreMine(
  doc: Y.Doc,
  entry: MergeEntry,
  { origin = null, overwrite = false }: RestoreOptions = {},
): RestoreResult {
  const restore = prepare(doc, entry, overwrite);
  if (typeof restore !== 'function') return restore;
  doc.transact(restore, origin);
  return 'restored';
}

function prepare(doc: Y.Doc, entry: MergeEntry, overwrite: boolean): Restoration {
  switch (entry.kind) {
    case 'key':
      return prepareKey(doc, entry, overwrite);
    case 'lost':
      return entry.side === 'mine' ? prepareLost(doc, entry, overwrite) : 'nothing';
    case 'stranded':
      return entry.side === 'mine' ? prepareInsertions(doc, entry) : 'nothing';
    case 'list':
      return 'nothing';
  }
}

function prepareKey(doc: Y.Doc, { type, of, key, mine, theirs, outcome }: KeyEntry, overwrite: boolean): Restoration {
  const shared = findType(doc, type);
  if (shared === null) return 'gone';
  const left = overwrite ? null : outcome === 'theirs' ? theirs : mine;
  return prepareSet(doc, shared, of, key, mine, left);
}

function prepareLost(
  doc: Y.Doc,
  { parent, parentOf, key, value, container, replacedBy }: LostEntry,
  overwrite: boolean,
): Restoration {
  const shared = findType(doc, parent);
  if (shared === null) return 'gone';
  if (key !== null) return prepareSet(doc, shared, parentOf, key, value, overwrite ? null : replacedBy);
  if (value.state !== 'value' || !canDecode(value.value) || !hasPlace(doc, container)) return 'gone';
  const ops: DeltaOp[] = [{ insert: isText(parentOf) ? value.value : [value.value] }];
  return () => insertAt(doc, shared, parentOf, container, ops);
}

/** `left`: what the merge left under the key, where that matters. */
function prepareSet(
  doc: Y.Doc,
  shared: SharedType,
  of: TypeKind,
  key: string,
  mine: KeyState,
  left: KeyState | null,
): Restoration {
  const now = stateOf(shared, key, presentView, false);
  if (sameState(now, mine)) return 'nothing';
  if (left !== null && !isStill(now, left)) return 'changed';
  if (mine.state === 'large' || (mine.state === 'value' && !canDecode(mine.value))) return 'gone';
  return () => {
    const type = withClass(doc, shared, of);
    if (type instanceof Y.Map) {
      if (mine.state === 'value') type.set(key, decodeValue(mine.value));
      else type.delete(key);
    } else if (type instanceof Y.XmlElement || type instanceof Y.Text) {
      if (mine.state === 'value') type.setAttribute(key, decodeValue(mine.value));
      else type.removeAttribute(key);
    }
  };
}

/** Of a value that was too long for the report only its length is known. */
function isStill(now: KeyState, left: KeyState): boolean {
  if (left.state !== 'large') return sameState(now, left);
  return now.state === 'value' && JSON.stringify(now.value).length === left.chars;
}

function prepareInsertions(doc: Y.Doc, { type, of, insertions }: StrandedEntry): Restoration {
  const shared = findType(doc, type);
  if (shared === null) return 'gone';
  const missing: { at: ItemId; ops: DeltaOp[] }[] = [];
  for (const { client, clock, content } of insertions) {
    if (content.truncated || !content.ops.every((op) => 'insert' in op && canDecode(op.insert))) return 'gone';
    let from = clock;
    for (const unit of content.ops.flatMap(unitsOf)) {
      const at = { client, clock: from };
      const item = structAt(doc, at);
      if (item === null) return 'gone';
      if (item.deleted) {
        const last = missing.at(-1);
        const follows = last?.at.client === client && last.at.clock + last.ops.length === from;
        if (follows) last.ops.push(unit);
        else missing.push({ at, ops: [unit] });
      }
      from++;
    }
  }
  if (missing.length === 0) return 'nothing';
  return () => {
    for (const { at, ops } of missing) insertAt(doc, shared, of, at, ops);
  };
}

/** One step for each clock that an insertion took. */
function unitsOf(op: DeltaOp): DeltaOp[] {
  if (!('insert' in op)) return [];
  const { insert } = op;
  if (typeof insert === 'string')
    return Array.from({ length: insert.length }, (_, i) => ({ ...op, insert: insert[i] ?? '' }));
  return Array.isArray(insert) ? insert.map((value) => ({ insert: [value] })) : [op];
}

/** Inserts where an item is or was: its place outlives it, and moves with its neighbours. */
function insertAt(doc: Y.Doc, shared: SharedType, of: TypeKind, place: ItemId, ops: readonly DeltaOp[]): void {
  const relative = Y.createRelativePositionFromJSON({ item: place });
  const index = Y.createAbsolutePositionFromRelativePosition(relative, doc)?.index ?? 0;
  const type = withClass(doc, shared, of);
  if (type instanceof Y.Text) {
    type.applyDelta([...(index > 0 ? [{ retain: index }] : []), ...decodeOps(ops)]);
    return;
  }
  const values = decodeOps(ops).flatMap((op) => (op as { insert: unknown[] }).insert);
  if (type instanceof Y.XmlFragment) type.insert(index, values as Y.XmlElement[]);
  else if (type instanceof Y.Array) type.insert(index, values);
}

function hasPlace(doc: Y.Doc, id: ItemId): boolean {
  return structAt(doc, id) !== null;
}

/** The item that holds an id; null when it is not here, or collected together with what it was in. */
function structAt(doc: Y.Doc, { client, clock }: ItemId): Y.Item | null {
  if (clock >= Y.getState(doc.store, client)) return null;
  const struct: unknown = Y.getItem(doc.store, Y.createID(client, clock));
  return struct instanceof Y.Item ? struct : null;
}

/** A type that is alive in the document. One that was deleted and came back by undo is found under its new identity. */
function findType(doc: Y.Doc, identity: TypeIdentity): SharedType | null {
  if ('root' in identity) return doc.share.get(identity.root) ?? null;
  let item = structAt(doc, identity);
  while (item?.deleted === true && item.redone !== null) item = structAt(doc, item.redone);
  if (item === null || item.deleted || !(item.content instanceof Y.ContentType)) return null;
  return item.content.type as SharedType;
}

/** A root that nobody asked for by its class yet gets the one that its content shows. */
function withClass(doc: Y.Doc, type: SharedType, of: TypeKind): unknown {
  if (holderOf(type) !== null || type.constructor !== Y.AbstractType) return type;
  const name = Y.findRootTypeKey(type);
  switch (of) {
    case 'map':
    case 'xmlHook':
      return doc.getMap(name);
    case 'array':
      return doc.getArray(name);
    case 'text':
    case 'xmlText':
      return doc.getText(name);
    case 'xmlFragment':
    case 'xmlElement':
      return doc.getXmlFragment(name);
  }
}
