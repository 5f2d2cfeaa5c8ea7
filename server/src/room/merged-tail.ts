import { type StateVector, mergeUpdates } from '@tideweave/shared';

/**
 * Everything after a document's snapshot as few updates, for those who join. It follows the document: in a crowd that
 * returns with edits of its own each one who joins changes what the next one lacks.
 */
export class MergedTail {
  #merged: readonly Uint8Array[];
  #fresh: Uint8Array[] = [];

  /** `updates`: in order, the uncommitted ones included. */
  constructor(updates: readonly Uint8Array[]) {
    this.#merged = merged(updates, new Map());
  }

  /** Takes updates that follow what is here. */
  add(updates: readonly Uint8Array[]): void {
    for (const update of updates) this.#fresh.push(update);
  }

  /** What someone with this state vector lacks. */
  for(stateVector: StateVector): readonly Uint8Array[] {
    if (this.#fresh.length > 0) {
      this.#merged = merged([...this.#merged, ...this.#fresh], new Map());
      this.#fresh = [];
    }
    return stateVector.size === 0 ? this.#merged : merged(this.#merged, stateVector);
  }
}

/** Updates as few larger ones, in order, without what `known` has as far as that is cheap to leave out. */
export function merged(updates: readonly Uint8Array[], known: StateVector): readonly Uint8Array[] {
  const result: Uint8Array[] = [];
  for (let at = 0; at < updates.length;) {
    const group: Uint8Array[] = [];
    let bytes = 0;
    for (; at < updates.length; at++) {
      const update = updates[at];
      if (update === undefined || (group.length > 0 && bytes + update.length > mergedBytesMax)) break;
      group.push(update);
      bytes += update.length;
    }
    const [first] = group;
    if (first !== undefined && bytes > mergedBytesMax) result.push(first);
    else result.push(mergeUpdates(group, { known }));
  }
  return filled(result);
}

export function filled(updates: readonly Uint8Array[]): readonly Uint8Array[] {
  return updates.filter((update) => update.length > emptyUpdateBytes);
}

/** Merged updates are about this long at most; a longer one stays what it is, the same bytes for all who need it. */
const mergedBytesMax = 1024 * 1024;

/** An update of nothing: no structs, no deletions. */
const emptyUpdateBytes = 2;
