/** What the two sides of a merge did to each other: found first, and told (`tell`) only as far as the report has room. */
import type * as Y from 'yjs';
import type { AuthorIndex } from './authors.ts';
import type { Budget } from './budget.ts';
import { contentOf, deltaOf, encodeType, FormatWalk, listOf, sameList, stateOf } from './content.ts';
import { isText, kindOf } from './kinds.ts';
import { type Places, identityText } from './places.ts';
import type { DeltaOp, KeyState, LostEdit, MergeEntry, Path, Side } from './report-types.ts';
import { type TouchedType, touchedTypes } from './touches.ts';
import { sameState } from './values.ts';
import {
  type SharedType,
  type SideView,
  type View,
  type World,
  holderOf,
  isAlive,
  keyItem,
  listItems,
  parentOf,
  presentView,
} from './views.ts';

export interface Finding {
  readonly id: string;
  readonly path: Path;
  readonly agreed: boolean;
  readonly tell: (budget: Budget) => MergeEntry;
}

export interface FindingContext {
  readonly world: World;
  readonly places: Places;
  readonly authors: AuthorIndex;
}

export function findAll(context: FindingContext): Finding[] {
  const { world } = context;
  const findings: Finding[] = [];
  const lost = new Map<string, LostEdits>();
  for (const touched of touchedTypes(world)) {
    const { type, mine, theirs } = touched;
    const inMine = isAlive(type, world.mine);
    const inTheirs = isAlive(type, world.theirs);
    if (inMine && inTheirs) {
      for (const key of mine.keys) if (theirs.keys.has(key)) findings.push(...findKey(context, type, key));
      if (mine.list && theirs.list) findings.push(...findList(context, type));
    } else if (inMine) {
      collectLost(context, touched, 'mine', lost);
    } else if (inTheirs) {
      collectLost(context, touched, 'theirs', lost);
    }
  }
  for (const edits of lost.values()) findings.push(lostFinding(context, edits));
  return findings;
}

function findKey({ world, places, authors }: FindingContext, type: SharedType, key: string): Finding[] {
  const mineItem = keyItem(type, key, world.mine);
  const theirsItem = keyItem(type, key, world.theirs);
  // They wrote it after they had seen mine: an update of mine came back to me together with what followed it.
  if (mineItem !== null && !world.base.has(mineItem) && world.theirs.has(mineItem)) return [];
  // Somebody wrote it, and lost at once against what the base has: that side shows nothing else than before.
  const baseItem = keyItem(type, key, world.base);
  const isAsBefore = (item: Y.Item | null, view: View): boolean =>
    item === baseItem && (item === null || view.shows(item) === world.base.shows(item));
  if (isAsBefore(mineItem, world.mine) || isAsBefore(theirsItem, world.theirs)) return [];
  const mine = stateOf(type, key, world.mine, true);
  const theirs = stateOf(type, key, world.theirs, true);
  const agreed = sameState(mine, theirs);
  const wonByMine = keyItem(type, key, presentView) === mineItem && mineItem !== theirsItem;
  const path = [...places.pathOf(type), key];
  const identity = places.identityOf(type);
  const id = `key ${identityText(identity)} ${key}`;
  const tell = (budget: Budget): MergeEntry => {
    const isTheirs = theirsItem !== null && !world.base.has(theirsItem);
    const by = isTheirs
      ? authors.ofInsert(theirsItem.id)
      : theirsItem === null
        ? null
        : authors.ofDelete(theirsItem.lastId);
    return {
      kind: 'key',
      id,
      path,
      by: by === null ? [] : [by],
      type: identity,
      of: kindOf(type),
      key,
      base: budget.state(stateOf(type, key, world.base, false)),
      mine: budget.state(mine),
      theirs: budget.state(theirs),
      outcome: agreed ? 'agreed' : wonByMine ? 'mine' : 'theirs',
    };
  };
  return [{ id, path, agreed, tell }];
}

function findList(context: FindingContext, type: SharedType): Finding[] {
  const { world, places } = context;
  const mine = deltaOf(type, world.base, world.mine);
  if (mine.length === 0) return [];
  const theirs = deltaOf(type, world.base, world.theirs);
  if (theirs.length === 0) return [];
  const agreed = sameList(type, world.mine, presentView) && sameList(type, world.theirs, presentView);
  const path = places.pathOf(type);
  const identity = places.identityOf(type);
  const id = `list ${identityText(identity)}`;
  const tell = (budget: Budget): MergeEntry => ({
    kind: 'list',
    id,
    path,
    by: authorsOf(context, listItems(type)),
    type: identity,
    of: kindOf(type),
    mine: budget.delta(mine),
    theirs: budget.delta(theirs),
    merged: budget.delta(listOf(type, presentView)),
    outcome: agreed ? 'agreed' : 'merged',
  });
  return [
    { id, path, agreed, tell },
    ...findStranded(context, type, 'mine', world.mine, world.theirs),
    ...findStranded(context, type, 'theirs', world.theirs, world.mine),
  ];
}

/** What a side inserted between two neighbours that it kept; null is the list's own end. */
interface Gap {
  readonly left: Y.Item | null;
  right: Y.Item | null;
  readonly inserted: { readonly item: Y.Item; readonly ops: DeltaOp[] }[];
}

function findStranded(context: FindingContext, type: SharedType, side: Side, own: View, other: View): Finding[] {
  const { world, places } = context;
  const formats = new FormatWalk();
  const gaps: Gap[] = [];
  let gap: Gap = { left: null, right: null, inserted: [] };
  let kept = false;
  let otherKeptNone = true;
  const text = isText(kindOf(type));
  for (const item of listItems(type)) {
    if (text) formats.step(item, own);
    if (!item.countable || !own.shows(item)) continue;
    if (world.base.has(item)) {
      kept = true;
      if (other.shows(item)) otherKeptNone = false;
      gap.right = item;
      if (gap.inserted.length > 0) gaps.push(gap);
      gap = { left: item, right: null, inserted: [] };
    } else if (!other.has(item)) {
      gap.inserted.push({ item, ops: contentOf(item, own, text ? formats.attributes : undefined) });
    }
  }
  if (gap.inserted.length > 0) gaps.push(gap);
  const edgeGone = kept && otherKeptNone;
  const isGone = (neighbour: Y.Item | null): boolean => (neighbour === null ? edgeGone : !other.shows(neighbour));
  const identity = places.identityOf(type);
  return gaps.flatMap(({ left, right, inserted }): Finding[] => {
    const first = inserted[0]?.item;
    if (first === undefined || !isGone(left) || !isGone(right)) return [];
    const path = places.pathOf(type);
    const id = `stranded ${side} ${first.id.client}:${first.id.clock}`;
    const tell = (budget: Budget): MergeEntry => ({
      kind: 'stranded',
      id,
      path,
      by: authorsOf(context, side === 'mine' ? neighbours(left, right) : inserted.map(({ item }) => item)),
      side,
      type: identity,
      of: kindOf(type),
      index: places.indexOf(first),
      insertions: budget.some(inserted, budget.limits.editsMax).map(({ item, ops }) => ({
        client: item.id.client,
        clock: item.id.clock,
        length: item.length,
        content: budget.delta(ops),
      })),
    });
    return [{ id, path, agreed: false, tell }];
  });
}

function neighbours(left: Y.Item | null, right: Y.Item | null): Y.Item[] {
  return [left, right].filter((item) => item !== null);
}

interface LostEdits {
  readonly side: Side;
  readonly holder: Y.Item;
  readonly container: SharedType;
  readonly items: Y.Item[];
  readonly edits: { readonly path: Path; readonly tell: (budget: Budget) => LostEdit }[];
}

/** What a side did in a type that the other deleted, gathered under the outermost deleted type. */
function collectLost(
  { world, places }: FindingContext,
  touched: TouchedType,
  side: Side,
  lost: Map<string, LostEdits>,
): void {
  const { type } = touched;
  const own = world[side];
  const other = world[side === 'mine' ? 'theirs' : 'mine'];
  const edits: LostEdits['edits'] = [];
  const items: Y.Item[] = [];
  for (const key of [...touched[side].keys].sort()) {
    const item = keyItem(type, key, own);
    if (item === null || world.base.has(item) || !own.shows(item)) continue;
    items.push(item);
    const path = [...places.pathOf(type), key];
    edits.push({
      path,
      tell: (budget) => ({
        kind: 'key',
        path,
        key,
        base: budget.state(stateOf(type, key, world.base, false)),
        value: budget.state(stateOf(type, key, own, true)),
      }),
    });
  }
  const delta = touched[side].list ? deltaOf(type, world.base, own) : [];
  if (delta.some((op) => 'insert' in op || 'attributes' in op)) {
    const path = places.pathOf(type);
    edits.push({ path, tell: (budget) => ({ kind: 'list', path, of: kindOf(type), delta: budget.delta(delta) }) });
    for (const item of listItems(type)) if (own.shows(item) && !world.base.has(item)) items.push(item);
  }
  if (edits.length === 0) return;
  const { container, holder } = outermostDeleted(type, other);
  const id = `lost ${side} ${holder.id.client}:${holder.id.clock}`;
  const known = lost.get(id);
  if (known === undefined) lost.set(id, { side, holder, container, items, edits });
  else {
    known.edits.push(...edits);
    for (const item of items) known.items.push(item);
  }
}

function outermostDeleted(type: SharedType, view: View): { container: SharedType; holder: Y.Item } {
  let container = type;
  let holder = holderOf(container);
  while (holder !== null && !isAlive(parentOf(holder), view)) {
    container = parentOf(holder);
    holder = holderOf(container);
  }
  if (holder === null) throw new Error('a root type cannot be deleted');
  return { container, holder };
}

function lostFinding(context: FindingContext, lost: LostEdits): Finding {
  const { world, places } = context;
  const { side, holder, container, items, edits } = lost;
  const parent = parentOf(holder);
  const key = holder.parentSub;
  const path = places.pathOfItem(holder);
  const id = `lost ${side} ${holder.id.client}:${holder.id.clock}`;
  const own: View = world[side];
  const tell = (budget: Budget): MergeEntry => {
    const value: KeyState = { state: 'value', value: encodeType(container, own) };
    return {
      kind: 'lost',
      id,
      path,
      by: authorsOf(context, side === 'mine' ? [holder] : items),
      side,
      container: { client: holder.id.client, clock: holder.id.clock },
      of: kindOf(container),
      parent: places.identityOf(parent),
      parentOf: kindOf(parent),
      key,
      edits: budget.some(edits, budget.limits.editsMax).map((edit) => edit.tell(budget)),
      value: budget.state(value),
      replacedBy: key === null ? { state: 'deleted' } : budget.state(stateOf(parent, key, presentView, true)),
    };
  };
  return { id, path, agreed: false, tell };
}

/** Who among the others inserted these items, or deleted those that were in the base. */
function authorsOf({ world, authors }: FindingContext, items: Iterable<Y.Item>): number[] {
  if (authors.authors.length === 0) return [];
  const { base, theirs }: { base: View; theirs: SideView } = world;
  const found = new Set<number>();
  for (const item of items) {
    let author: number | null = null;
    if (base.has(item)) {
      if (base.shows(item) && !theirs.shows(item)) author = authorOfDeletion(authors, item, theirs);
    } else if (theirs.shows(item)) {
      author = authors.ofInsert(item.id);
    }
    if (author !== null) found.add(author);
  }
  return [...found].sort((a, b) => a - b);
}

/** A key's value may be gone because another took its place: then who wrote that deleted it. */
function authorOfDeletion(authors: AuthorIndex, item: Y.Item, theirs: View): number | null {
  const author = authors.ofDelete(item.id);
  if (author !== null || item.parentSub === null) return author;
  const next = keyItem(parentOf(item), item.parentSub, theirs);
  return next === null || next === item ? null : authors.ofInsert(next.id);
}
