/** One Yjs V1 update that brings what all of `updates` bring, which are at least one. */
export type Merge = (updates: readonly Uint8Array[]) => Uint8Array;

/**
 * What others wrote and a relay that crashed may have lost, in the order it came: kept until it is confirmed as durable,
 * and handed back on the next opening. Confirmations are counted from the oldest on, so that a store beside it can follow.
 */
export class Deliveries {
  readonly #merge: Merge;
  /** What is being handed back on this connection, in one update, until the relay acknowledges it. */
  #returning: Uint8Array | null = null;
  #returningCount = 0;
  /** Confirmed already, but younger than what is being handed back. */
  #confirmedBehind = 0;
  /** Those before the last watermark, and those since. */
  #before: Uint8Array[] = [];
  #since: Uint8Array[] = [];

  constructor(merge: Merge) {
    this.#merge = merge;
  }

  /** How many have not been confirmed. */
  get size(): number {
    return this.#returningCount + this.#confirmedBehind + this.#before.length + this.#since.length;
  }

  get returning(): Uint8Array | null {
    return this.#returning;
  }

  /** Keeps an update from others. */
  add(update: Uint8Array): void {
    // A copy: it may be a view into its frame, which is reused or much larger.
    this.#since.push(update.slice());
  }

  /**
   * The document is open again: what nobody confirmed is handed back, unless this side may not write. Returns how many
   * more are confirmed, or given up.
   */
  reopen(writable: boolean): number {
    const returning = [...(this.#returning === null ? [] : [this.#returning]), ...this.#before, ...this.#since];
    this.#returning = returning.length === 0 ? null : this.#merge(returning);
    this.#returningCount += this.#confirmedBehind + this.#before.length + this.#since.length;
    this.#confirmedBehind = 0;
    this.#before = [];
    this.#since = [];
    return writable ? 0 : this.acknowledge();
  }

  /** The relay has what was handed back. Returns how many more are confirmed. */
  acknowledge(): number {
    if (this.#returning === null) return 0;
    const confirmed = this.#returningCount + this.#confirmedBehind;
    this.#returning = null;
    this.#returningCount = 0;
    this.#confirmedBehind = 0;
    return confirmed;
  }

  /**
   * A watermark: what came before the previous one is durable, and all that came so far when it is `settled`. Returns how
   * many more are confirmed.
   */
  watermark(settled: boolean): number {
    const confirmed = this.#before.length + (settled ? this.#since.length : 0);
    this.#before = settled ? [] : this.#since;
    this.#since = [];
    if (this.#returning === null) return confirmed;
    this.#confirmedBehind += confirmed;
    return 0;
  }
}
