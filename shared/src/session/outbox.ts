/**
 * The edits of one document that the relay has not acknowledged as durable, as the raw updates they were made as: a
 * re-encode of the merged document would already have lost what a merge overwrote. Numbers grow and are never reused;
 * an acknowledgement of n covers everything up to n.
 */
export class Outbox {
  #entries: OutboxEntry[] = [];
  /** Entries before this index have been sent on the present connection. */
  #sent = 0;
  #lastN = 0;
  /** The newest number given to anything. */
  #lastNumber = 0;
  #bytes = 0;
  #sentBytes = 0;
  #lastSentN = 0;

  /** Takes an edit; returns its number. */
  add(update: Uint8Array, now: number): number {
    this.#lastNumber++;
    this.#lastN = this.#lastNumber;
    this.#entries.push({ n: this.#lastN, update, addedAtMs: now });
    this.#bytes += update.length;
    return this.#lastN;
  }

  /** Edits without an acknowledgement. */
  get size(): number {
    return this.#entries.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Bytes sent on this connection and not yet acknowledged. */
  get bytesInFlight(): number {
    return this.#sentBytes;
  }

  /** Number of the newest edit ever added; 0 before the first. */
  get lastN(): number {
    return this.#lastN;
  }

  /** Newest number sent on this connection; 0 before the first. Nothing beyond can be acknowledged. */
  get lastSentN(): number {
    return this.#lastSentN;
  }

  /** When the oldest unacknowledged edit was made (monotonic ms), or null when all are safe. */
  get since(): number | null {
    return this.#entries[0]?.addedAtMs ?? null;
  }

  get hasUnsent(): boolean {
    return this.#sent < this.#entries.length;
  }

  /** The unsent edits, up to about `bytesMax`, marked as sent; at least one where there is one. */
  take(bytesMax: number): { readonly n: number; readonly updates: readonly Uint8Array[] } | null {
    const from = this.#sent;
    let taken = 0;
    while (this.#sent < this.#entries.length) {
      const entry = this.#entries[this.#sent];
      if (entry === undefined || (this.#sent > from && taken + entry.update.length > bytesMax)) break;
      taken += entry.update.length;
      this.#sent++;
    }
    const last = this.#entries[this.#sent - 1];
    if (this.#sent === from || last === undefined) return null;
    this.#sentBytes += taken;
    this.#lastSentN = last.n;
    return { n: last.n, updates: this.#entries.slice(from, this.#sent).map((entry) => entry.update) };
  }

  /**
   * Everything counts as sent, with an update made of the whole document; returns that update's number, which is its
   * own: an acknowledgement of the newest edit, already on its way, must not pass for one of this.
   */
  takeAll(): number {
    this.#lastNumber++;
    this.#sent = this.#entries.length;
    this.#sentBytes = this.#bytes;
    this.#lastSentN = this.#lastNumber;
    return this.#lastNumber;
  }

  /** Drops what is durable; true when that was anything. */
  acknowledge(n: number): boolean {
    let done = 0;
    while (done < this.#entries.length) {
      const entry = this.#entries[done];
      if (entry === undefined || entry.n > n) break;
      this.#bytes -= entry.update.length;
      if (done < this.#sent) this.#sentBytes -= entry.update.length;
      done++;
    }
    if (done === 0) return false;
    this.#entries = this.#entries.slice(done);
    this.#sent = Math.max(0, this.#sent - done);
    return true;
  }

  /** The connection is gone: everything unacknowledged is to be sent again. */
  rewind(): void {
    this.#sent = 0;
    this.#sentBytes = 0;
    this.#lastSentN = 0;
  }
}

interface OutboxEntry {
  readonly n: number;
  readonly update: Uint8Array;
  readonly addedAtMs: number;
}
