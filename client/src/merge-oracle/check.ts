/** Holds a merge report against what it must say. */
import * as Y from 'yjs';
import type {
  DeltaOp,
  JsonValue,
  KeyEntry,
  MergeEntry,
  MergeReport,
  Path,
  TypeIdentity,
} from '../merge/report-types.ts';
import { type Expected, isDeltaBetween, text } from './expected.ts';
import { type Roots, type SharedType, type TextStep, labelOf, textOf, typesIn, yjsJson } from './model.ts';

/** Throws an `Error` that says what is wrong: an entry too much, too little, or with anything else in it than it must have. */
export function checkReport(report: MergeReport, expected: Expected, merged: Y.Doc, roots: Roots): void {
  const types = typesIn(merged, roots);
  const keys = ofKind(report, 'key');
  const found = keys.map((entry) => ({ ...pickKey(entry), label: label(entry.type) }));
  same(sorted(found), sorted(expected.keys), 'keys');
  for (const { path, type } of keys) checkPath(types, path.slice(0, -1), type);
  checkLists(report, expected, types);
  checkStranded(report, expected, types);
  checkLost(report, expected);
}

function checkLists(report: MergeReport, expected: Expected, types: ReadonlyMap<string, SharedType>): void {
  const lists = ofKind(report, 'list');
  same(lists.map(({ type }) => label(type)).sort(), expected.lists.map((list) => list.label).sort(), 'lists');
  for (const list of expected.lists) {
    const entry = lists.find(({ type }) => label(type) === list.label);
    must(entry !== undefined, 'the list');
    const isText = list.base.kind === 'text' || list.base.kind === 'xmlText';
    must(isDeltaBetween(list.base, list.mine, entry.mine.ops), `my delta in ${list.label}`);
    must(isDeltaBetween(list.base, list.theirs, entry.theirs.ops), `their delta in ${list.label}`);
    const content = isText ? entry.merged.ops : entry.merged.ops.flatMap((op) => ('insert' in op ? op.insert : []));
    same(content, list.merged, `merged list ${list.label}`);
    same(entry.outcome === 'agreed', list.agreed, `agreed list ${list.label}`);
    checkPath(types, entry.path, entry.type);
  }
}

function checkStranded(report: MergeReport, expected: Expected, types: ReadonlyMap<string, SharedType>): void {
  const entries = ofKind(report, 'stranded');
  const contents = entries.map(({ side, type, insertions, of }) => {
    const ops = insertions.flatMap(({ content }) => content.ops);
    const isText = of === 'text' || of === 'xmlText';
    return { side, label: label(type), content: isText ? joined(ops) : valuesOf(ops) };
  });
  same(sorted(contents), sorted(expected.stranded), 'stranded');
  for (const { type, index, insertions } of entries) {
    const shared = types.get(label(type));
    const op = insertions[0]?.content.ops[0];
    must(shared !== undefined && op !== undefined && 'insert' in op, 'the place of what is stranded');
    const first: unknown = typeof op.insert === 'string' ? op.insert[0] : (op.insert as unknown[])[0];
    const there: unknown =
      shared instanceof Y.Text ? charsOf(shared)[index] : yjsJson((shared as Y.Array<unknown>).get(index));
    same(there, first, 'index of what is stranded');
  }
}

function checkLost(report: MergeReport, expected: Expected): void {
  const lost = ofKind(report, 'lost');
  const found = lost.map(({ side, container, value, replacedBy, edits }) => ({
    side,
    container: label(container),
    value: value.state === 'value' ? value.value : value,
    replacedBy,
    keys: sorted(
      edits.flatMap((one) => (one.kind === 'key' ? [{ key: one.key, base: one.base, value: one.value }] : [])),
    ),
    lists: edits.filter(({ kind }) => kind === 'list').length,
  }));
  const wanted = expected.lost.map((one) => ({ ...one, keys: sorted(one.keys), lists: one.lists.length }));
  same(sorted(found), sorted(wanted), 'lost');
  for (const one of expected.lost) {
    const deltas = lost
      .filter(({ side, container }) => side === one.side && label(container) === one.container)
      .flatMap(({ edits }) => edits.flatMap((inner) => (inner.kind === 'list' ? [inner.delta.ops] : [])));
    for (const { base, now } of one.lists)
      must(
        deltas.some((ops) => isDeltaBetween(base, now, ops)),
        `delta of what is lost in ${one.container}`,
      );
  }
}

/** The place for people leads to the type that the identity names. */
function checkPath(types: ReadonlyMap<string, SharedType>, [root, ...steps]: Path, identity: TypeIdentity): void {
  let type = types.get(String(root)) as SharedType;
  for (const step of steps) type = (type as Y.Map<SharedType>).get(step as string) as SharedType;
  if (!('root' in identity)) same(labelOf(type), label(identity), 'path');
}

function must(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(`the report is wrong: ${what}`);
}

function same(found: unknown, wanted: unknown, what: string): void {
  const [is, should] = [text(found), text(wanted)];
  must(is === should, `${what}: ${is} and not ${should}`);
}

const label = (of: TypeIdentity): string => ('root' in of ? of.root : `${of.client}:${of.clock}`);
const sorted = (items: readonly unknown[]): string[] => items.map(text).sort();

function ofKind<Kind extends MergeEntry['kind']>(
  { entries }: MergeReport,
  kind: Kind,
): Extract<MergeEntry, { kind: Kind }>[] {
  return entries.filter((entry): entry is Extract<MergeEntry, { kind: Kind }> => entry.kind === kind);
}

function pickKey({ key, base, mine, theirs, outcome }: KeyEntry): object {
  return { key, base, mine, theirs, outcome };
}

function joined(ops: readonly DeltaOp[]): TextStep[] {
  const scratch = new Y.Doc().getText('scratch');
  scratch.applyDelta([...ops]);
  return textOf(scratch);
}

const valuesOf = (ops: readonly DeltaOp[]): JsonValue[] => ops.flatMap((op) => ('insert' in op ? op.insert : []));

const charsOf = (type: Y.Text): string =>
  textOf(type)
    .map(({ insert }) => insert)
    .join('');
