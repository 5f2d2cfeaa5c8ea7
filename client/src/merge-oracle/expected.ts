/** What a merge report must say, from the model alone; who won a key is read off the merged document. */
import * as Y from 'yjs';
import type { DeltaOp } from '../merge/report-types.ts';
import {
  type Node,
  type Model,
  type SharedType,
  type Unit,
  attributesText,
  nodeJson,
  textJson,
  textOf,
  valueJson,
  yjsJson,
} from './model.ts';

export type State = { state: 'absent' } | { state: 'deleted' } | { state: 'value'; value: unknown };
type Side = 'mine' | 'theirs';

export interface ExpectedKey {
  label: string;
  key: string;
  base: State;
  mine: State;
  theirs: State;
  outcome: Side | 'agreed';
}

export interface ExpectedList {
  label: string;
  base: Node;
  mine: Node;
  theirs: Node;
  merged: unknown;
  agreed: boolean;
}

export interface ExpectedLost {
  side: Side;
  container: string;
  value: unknown;
  replacedBy: State;
  keys: { key: string; base: State; value: State }[];
  lists: { base: Node; now: Node }[];
}

export interface ExpectedStranded {
  side: Side;
  label: string;
  content: unknown;
}

export interface Expected {
  keys: ExpectedKey[];
  lists: ExpectedList[];
  lost: ExpectedLost[];
  stranded: ExpectedStranded[];
}

function same(a: unknown, b: unknown): boolean {
  return text(a) === text(b);
}

export function text(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    inner === null || typeof inner !== 'object' || Array.isArray(inner)
      ? inner
      : Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1))),
  );
}

export function expectedOf(base: Model, mine: Model, theirs: Model, merged: ReadonlyMap<string, SharedType>): Expected {
  const expected: Expected = { keys: [], lists: [], lost: [], stranded: [] };
  const mineAlive = mine.alive();
  const theirsAlive = theirs.alive();
  for (const [label, before] of base.alive()) {
    const my = mineAlive.get(label);
    const their = theirsAlive.get(label);
    if (my !== undefined && their !== undefined) {
      const type = merged.get(label);
      if (type === undefined) throw new Error(`the merge lost ${label}`);
      for (const key of mine.touched.get(label) ?? []) {
        if (theirs.touched.get(label)?.has(key) !== true) continue;
        expected.keys.push(expectedKey(label, key, before, my, their, type));
      }
      if (isListChanged(before, my) && isListChanged(before, their)) {
        const result = listJson(type);
        // Two sides that format the same text may still leave it in other formats: only a look at the result tells.
        const isSame = sameUnits(my, their) && (!(type instanceof Y.Text) || same(result, nodeListJson(my)));
        expected.lists.push({ label, base: before, mine: my, theirs: their, merged: result, agreed: isSame });
        expected.stranded.push(
          ...stranded('mine', label, before, my, their),
          ...stranded('theirs', label, before, their, my),
        );
      }
    } else if (my !== undefined) {
      addLost(expected.lost, 'mine', before, my, theirsAlive, mineAlive, merged);
    } else if (their !== undefined) {
      addLost(expected.lost, 'theirs', before, their, mineAlive, theirsAlive, merged);
    }
  }
  return expected;
}

function stateOf(node: Node, key: string, none: 'absent' | 'deleted'): State {
  const slot = node.keys.get(key);
  return slot === undefined ? { state: none } : { state: 'value', value: valueJson(slot.value) };
}

function mergedState(type: SharedType, key: string): State {
  if (type instanceof Y.Map) {
    return type.has(key) ? { state: 'value', value: yjsJson(type.get(key)) } : { state: 'deleted' };
  }
  const attributes: Record<string, unknown> = (type as Y.XmlElement).getAttributes();
  return key in attributes ? { state: 'value', value: attributes[key] } : { state: 'deleted' };
}

function expectedKey(label: string, key: string, before: Node, my: Node, their: Node, type: SharedType): ExpectedKey {
  const mine = stateOf(my, key, 'deleted');
  const theirs = stateOf(their, key, 'deleted');
  const now = mergedState(type, key);
  const isMine = same(now, mine);
  const isTheirs = same(now, theirs);
  if (!isMine && !isTheirs) throw new Error(`${label} ${key} became neither: ${text([now, mine, theirs])}`);
  const outcome = isMine && isTheirs ? 'agreed' : isMine ? 'mine' : 'theirs';
  return { label, key, base: stateOf(before, key, 'absent'), mine, theirs, outcome };
}

const uidsOf = (node: Node): Map<number, Unit> => new Map(node.units.map((unit) => [unit.uid, unit]));

function isListChanged(before: Node, after: Node): boolean {
  return !sameUnits(before, after);
}

/** Whether two sides show the very same units in the same formats. */
function sameUnits(a: Node, b: Node): boolean {
  return (
    a.units.length === b.units.length &&
    a.units.every((unit, index) => {
      const other = b.units[index];
      return other?.uid === unit.uid && attributesText(other.attributes) === attributesText(unit.attributes);
    })
  );
}

function listJson(type: SharedType): unknown {
  return type instanceof Y.Text ? textOf(type) : (type as Y.Array<unknown>).toArray().map(yjsJson);
}

function nodeListJson(node: Node): unknown {
  return node.kind === 'text' || node.kind === 'xmlText'
    ? textJson(node.units)
    : node.units.map(({ value }) => valueJson(value));
}

function stranded(side: Side, label: string, before: Node, own: Node, other: Node): ExpectedStranded[] {
  const inBase = uidsOf(before);
  const inOther = uidsOf(other);
  const kept = own.units.filter(({ uid }) => inBase.has(uid));
  const nothingLeft = kept.length > 0 && kept.every(({ uid }) => !inOther.has(uid));
  const isGone = (unit: Unit | undefined): boolean => (unit === undefined ? nothingLeft : !inOther.has(unit.uid));
  const found: ExpectedStranded[] = [];
  for (let gap = 0; gap <= kept.length; gap++) {
    const left = kept[gap - 1];
    const right = kept[gap];
    const from = left === undefined ? 0 : own.units.indexOf(left) + 1;
    const to = right === undefined ? own.units.length : own.units.indexOf(right);
    const inserted = own.units.slice(from, to);
    if (inserted.length > 0 && isGone(left) && isGone(right)) {
      found.push({ side, label, content: nodeListJson({ ...own, units: inserted }) });
    }
  }
  return found;
}

function addLost(
  lost: ExpectedLost[],
  side: Side,
  before: Node,
  own: Node,
  otherAlive: ReadonlyMap<string, Node>,
  ownAlive: ReadonlyMap<string, Node>,
  merged: ReadonlyMap<string, SharedType>,
): void {
  const keys = [...own.keys]
    .filter(([, { writer }]) => writer === side)
    .map(([key]) => ({ key, base: stateOf(before, key, 'absent'), value: stateOf(own, key, 'deleted') }));
  const inBase = uidsOf(before);
  const isEdited = own.units.some((unit) => {
    const old = inBase.get(unit.uid);
    return old === undefined || attributesText(old.attributes) !== attributesText(unit.attributes);
  });
  if (keys.length === 0 && !isEdited) return;
  let container = before;
  while (container.parent !== null && !otherAlive.has(container.parent.node.label)) container = container.parent.node;
  const lists = isEdited ? [{ base: before, now: own }] : [];
  const known = lost.find((entry) => entry.side === side && entry.container === container.label);
  if (known !== undefined) {
    known.keys.push(...keys);
    known.lists.push(...lists);
    return;
  }
  const now = ownAlive.get(container.label);
  const parent = merged.get(container.parent?.node.label ?? '');
  if (now === undefined || parent === undefined) throw new Error(`the model lost ${container.label}`);
  const key = container.parent?.key ?? null;
  const replacedBy: State = key === null ? { state: 'deleted' } : mergedState(parent, key);
  lost.push({ side, container: container.label, value: nodeJson(now), replacedBy, keys, lists });
}

/** Whether a delta makes the one list into the other, removing and keeping exactly the units that it should. */
export function isDeltaBetween(before: Node, after: Node, ops: readonly DeltaOp[]): boolean {
  const isText = before.kind === 'text' || before.kind === 'xmlText';
  const result: { uid: number | null; value: unknown; attributes: Record<string, unknown> }[] = [];
  let at = 0;
  const keep = (count: number, attributes: Record<string, unknown>): void => {
    for (const unit of before.units.slice(at, at + count)) {
      const merged = Object.entries({ ...unit.attributes, ...attributes }).filter(([, value]) => value !== null);
      result.push({ uid: unit.uid, value: valueJson(unit.value), attributes: Object.fromEntries(merged) });
    }
    at += count;
  };
  for (const op of ops) {
    if ('retain' in op) keep(op.retain, op.attributes ?? {});
    else if ('delete' in op) at += op.delete;
    else {
      // Of the wrong kind altogether: another list's delta.
      if (isText !== (typeof op.insert === 'string')) return false;
      const values = typeof op.insert === 'string' ? op.insert.split('') : (op.insert as unknown[]);
      for (const value of values) result.push({ uid: null, value, attributes: op.attributes ?? {} });
    }
  }
  keep(before.units.length - at, {});
  const inBase = uidsOf(before);
  return (
    at >= before.units.length &&
    result.length === after.units.length &&
    after.units.every((unit, index) => {
      const made = result[index];
      if (made === undefined || made.uid !== (inBase.has(unit.uid) ? unit.uid : null)) return false;
      // A nested type that was there is kept as it is, whatever happened inside of it.
      const isSameValue = made.uid !== null || same(made.value, valueJson(unit.value));
      return isSameValue && attributesText(made.attributes) === attributesText(unit.attributes);
    })
  );
}
