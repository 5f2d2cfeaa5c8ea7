/**
 * Merged ranges of one client: the sorted, disjoint, non-adjacent [start, end) that `IdRanges` keeps per client.
 */

export class RangeList {
  readonly starts: number[] = [];
  readonly ends: number[] = [];

  /** Whether [start, end) lies inside. */
  has(start: number, end: number): boolean {
    const index = this.#lastStartingBy(start);
    return index >= 0 && end <= this.ends[index]!;
  }

  /**
   * Visits what rows [from, to) of these columns have and this list lacks, ascending and each clock once. The rows are in
   * the order of their clocks, and may overlap.
   */
  forEachMissing(
    clocks: Float64Array,
    lengths: Float64Array,
    from: number,
    to: number,
    visit: (start: number, end: number) => void,
  ): void {
    const { starts, ends } = this;
    let at = Math.max(0, this.#lastStartingBy(clocks[from]!));
    let visited = 0;
    for (let row = from; row < to; row++) {
      const end = clocks[row]! + lengths[row]!;
      let start = Math.max(clocks[row]!, visited);
      while (start < end) {
        at = this.#firstEndingBeyond(start, at);
        const nextHeld = at < starts.length ? starts[at]! : Infinity;
        if (nextHeld <= start) {
          start = ends[at]!;
        } else {
          const gapEnd = Math.min(nextHeld, end);
          visit(start, gapEnd);
          start = gapEnd;
        }
      }
      visited = Math.max(visited, end);
    }
  }

  /** Adds [start, end). Typing forwards and backspacing touch the last range only. */
  add(start: number, end: number): void {
    const { starts, ends } = this;
    const last = starts.length - 1;
    if (last < 0 || start > ends[last]!) {
      starts.push(start);
      ends.push(end);
      return;
    }
    if (start >= starts[last]!) {
      if (end > ends[last]!) ends[last] = end;
      return;
    }
    this.#insert(start, end);
  }

  #insert(start: number, end: number): void {
    const { starts, ends } = this;
    // The ranges that touch [start, end) become one with it.
    let from = this.#lastStartingBy(start);
    if (from < 0 || ends[from]! < start) from++;
    const to = this.#lastStartingBy(end) + 1;
    if (from === to) {
      starts.splice(from, 0, start);
      ends.splice(from, 0, end);
      return;
    }
    starts[from] = Math.min(starts[from]!, start);
    ends[from] = Math.max(ends[to - 1]!, end);
    if (to > from + 1) {
      starts.splice(from + 1, to - from - 1);
      ends.splice(from + 1, to - from - 1);
    }
  }

  /** Adds sorted ranges. Many are merged in one pass over what comes after the first: inserting each would move that as often. */
  addSorted(newStarts: readonly number[], newEnds: readonly number[]): void {
    const isAtTheEnd = (newStarts[0] ?? 0) >= (this.starts.at(-1) ?? 0);
    if (newStarts.length < onePassMin || isAtTheEnd) {
      for (let i = 0; i < newStarts.length; i++) this.add(newStarts[i]!, newEnds[i]!);
      return;
    }
    const from = Math.max(0, this.#lastStartingBy(newStarts[0]!));
    const oldStarts = this.starts.splice(from);
    const oldEnds = this.ends.splice(from);
    let old = 0;
    let fresh = 0;
    while (old < oldStarts.length || fresh < newStarts.length) {
      if (fresh === newStarts.length || (old < oldStarts.length && oldStarts[old]! <= newStarts[fresh]!)) {
        this.add(oldStarts[old]!, oldEnds[old]!);
        old++;
      } else {
        this.add(newStarts[fresh]!, newEnds[fresh]!);
        fresh++;
      }
    }
  }

  /** Index of the first range from `at` on that ends beyond `clock`, in steps that double: it may be the next or far away. */
  #firstEndingBeyond(clock: number, at: number): number {
    const { ends } = this;
    let low = at;
    let step = 1;
    while (low + step <= ends.length && ends[low + step - 1]! <= clock) {
      low += step;
      step *= 2;
    }
    let high = Math.min(low + step, ends.length);
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (ends[middle]! <= clock) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Index of the last range that starts at `clock` or before, or -1. */
  #lastStartingBy(clock: number): number {
    const starts = this.starts;
    let low = 0;
    let high = starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (starts[middle]! <= clock) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

/** From this many new ranges on, one pass over all beats inserting one by one. */
const onePassMin = 16;
