/** Finds what each side changed, in time proportional to the changes: only there the two can have met. */
import type * as Y from 'yjs';
import type { Side } from './report-types.ts';
import { type SharedType, type SideView, type World, holderOf, isAlive, parentOf } from './views.ts';

/** What a side changed in one type of the base. */
export interface Touch {
  readonly keys: Set<string>;
  list: boolean;
}

export interface TouchedType {
  readonly type: SharedType;
  readonly mine: Touch;
  readonly theirs: Touch;
}

/**
 * The types of the base that a side touched, each once. What a side did inside of types that it created itself belongs to
 * the value of these; and deleting a type is one change, not one for everything in it.
 */
export function touchedTypes(world: World): TouchedType[] {
  const touched = new Map<SharedType, TouchedType>();
  const touch = (item: Y.Item, side: Side): void => {
    const type = parentOf(item);
    let both = touched.get(type);
    if (both === undefined) {
      both = { type, mine: { keys: new Set(), list: false }, theirs: { keys: new Set(), list: false } };
      touched.set(type, both);
    }
    if (item.parentSub === null) both[side].list = true;
    else both[side].keys.add(item.parentSub);
  };
  for (const side of ['mine', 'theirs'] as const) {
    const view: SideView = world[side];
    for (const item of view.added) {
      // A key that was written and deleted again was still taken from the other side; inserted and deleted is nothing.
      if (isOfBase(parentOf(item), world) && (item.parentSub !== null || view.shows(item))) touch(item, side);
    }
    for (const item of view.deleted) {
      if (isAlive(parentOf(item), view)) touch(item, side);
    }
  }
  return [...touched.values()];
}

function isOfBase(type: SharedType, { base }: World): boolean {
  const holder = holderOf(type);
  return holder === null || base.shows(holder);
}
