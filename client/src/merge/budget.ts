import type { Delta, DeltaOp, KeyState, MergeReportLimits } from './report-types.ts';

/** Keeps a report within its bounds; what does not fit is cut, and remembered to have been. */
export class Budget {
  readonly limits: MergeReportLimits;
  truncated = false;
  #charsLeft: number;

  constructor(limits: MergeReportLimits) {
    this.limits = limits;
    this.#charsLeft = limits.reportCharsMax;
  }

  /** As many of the items as `max`. */
  some<Item>(items: readonly Item[], max: number): readonly Item[] {
    if (items.length <= max) return items;
    this.truncated = true;
    return items.slice(0, max);
  }

  state(state: KeyState): KeyState {
    if (state.state !== 'value') return state;
    const chars = JSON.stringify(state.value).length;
    if (chars <= this.#room) {
      this.#charsLeft -= chars;
      return state;
    }
    this.truncated = true;
    return { state: 'large', chars };
  }

  delta(ops: readonly DeltaOp[]): Delta {
    const fitting: DeltaOp[] = [];
    let room = this.#room;
    for (const op of ops) {
      const chars = JSON.stringify(op).length;
      if (chars > room) {
        const begun = beginningOf(op, room);
        if (begun !== null) {
          fitting.push(begun);
          this.#charsLeft -= room;
        }
        this.truncated = true;
        return { ops: fitting, truncated: true };
      }
      fitting.push(op);
      room -= chars;
      this.#charsLeft -= chars;
    }
    return { ops: fitting, truncated: false };
  }

  get #room(): number {
    return Math.max(0, Math.min(this.limits.valueCharsMax, this.#charsLeft));
  }
}

/** The beginning of a long text, in about `room` characters; null when that is none. */
function beginningOf(op: DeltaOp, room: number): DeltaOp | null {
  if (!('insert' in op) || typeof op.insert !== 'string') return null;
  // JSON writes a character with six at most.
  const text = op.insert.slice(0, Math.floor(room / 6)).replace(/[\ud800-\udbff]$/, '');
  return text === '' ? null : { ...op, insert: text };
}
