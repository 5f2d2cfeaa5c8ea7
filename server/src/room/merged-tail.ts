import { type ClientSpan, type StateVector, mergeUpdates, spansOf } from '@tideweave/shared';

/**
 * Everything after a document's snapshot as few updates, for those who join. It follows the document: in a crowd that
 * returns with edits of its own each one who joins changes what the next one lacks. So it is kept in pieces, each at
 * least twice as large as the next up to a size that is not merged further, and what is new is merged into the last ones
 * only: a crowd of n costs n log n, and who joins in the middle of a burst waits for the merge of its last moments.
 */
export class MergedTail {
  readonly #pieces: Piece[] = [];
  #fresh: Uint8Array[] = [];
  #freshBytes = 0;

  /** `updates`: in order, the uncommitted ones included. */
  constructor(updates: readonly Uint8Array[]) {
    this.add(updates);
  }

  /** Takes updates that follow what is here. */
  add(updates: readonly Uint8Array[]): void {
    for (const update of updates) {
      this.#fresh.push(update);
      this.#freshBytes += update.length;
      if (this.#freshBytes >= blockBytes) this.#mergeFresh();
    }
  }

  /** What someone with this state vector lacks. */
  for(stateVector: StateVector): readonly Uint8Array[] {
    if (this.#fresh.length > 0) this.#mergeFresh();
    return filled(this.#pieces.map((piece) => piece.beyond(stateVector)));
  }

  #mergeFresh(): void {
    const fresh = this.#fresh;
    this.#fresh = [];
    this.#freshBytes = 0;
    for (const update of merged(fresh)) this.#append(update);
  }

  #append(update: Uint8Array): void {
    let last = update;
    for (let before = this.#pieces.at(-1); before !== undefined; before = this.#pieces.at(-1)) {
      const { bytes } = before;
      if (bytes >= 2 * last.length || bytes + last.length > pieceBytesMax) break;
      this.#pieces.pop();
      last = mergeUpdates([before.update, last]);
    }
    this.#pieces.push(new Piece(last));
  }
}

/** One update, with what those lack of it who have a part: in a crowd that left together everybody has the same part. */
class Piece {
  readonly update: Uint8Array;
  /** Made when somebody comes who may have a part of it. */
  #spans: readonly ClientSpan[] | null = null;
  readonly #beyond = new Map<string, Uint8Array>();

  constructor(update: Uint8Array) {
    this.update = update;
  }

  get bytes(): number {
    return this.update.length;
  }

  /** What someone with this state vector lacks of it. All of its deletions are, as a state vector does not tell those. */
  beyond(stateVector: StateVector): Uint8Array {
    if (stateVector.size === 0 || this.bytes > mergedBytesMax) return this.update;
    this.#spans ??= spansOf(this.update);
    let part = '';
    for (const { client, start, end } of this.#spans) {
      const clock = stateVector.get(client) ?? 0;
      if (clock > start) part += `${client}:${Math.min(clock, end)},`;
    }
    if (part === '') return this.update;
    let rest = this.#beyond.get(part);
    if (rest === undefined) {
      rest = mergeUpdates([this.update], { known: stateVector });
      if (this.#beyond.size >= partsMax) this.#beyond.clear();
      this.#beyond.set(part, rest);
    }
    return rest;
  }
}

/** Updates as few larger ones, in order, without what `known` has as far as that is cheap to leave out. */
export function merged(updates: readonly Uint8Array[], known?: StateVector): readonly Uint8Array[] {
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
    else result.push(mergeUpdates(group, known && { known }));
  }
  return filled(result);
}

export function filled(updates: readonly Uint8Array[]): readonly Uint8Array[] {
  return updates.filter((update) => update.length > emptyUpdateBytes);
}

/** From so much on, what is new is merged when it comes, not when somebody joins. */
export const blockBytes: number = 64 * 1024;
/** Pieces are merged with one another up to this. */
const pieceBytesMax = 2 * blockBytes;
/** Merged updates are about this long at most; a longer one stays what it is, the same bytes for all who need it. */
const mergedBytesMax = 1024 * 1024;
/** So many different parts of a piece that people came back with are remembered. */
const partsMax = 4;

/** An update of nothing: no structs, no deletions. */
const emptyUpdateBytes = 2;
