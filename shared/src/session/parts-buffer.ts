import { RefusedError } from '../base/errors.ts';

/** Puts an update together again that travelled in parts. */
export class PartsBuffer {
  #parts: Uint8Array[] = [];
  #bytes = 0;

  /** Bytes that have arrived of the update under way. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Keeps a part. Throws `RefusedError` TW_TOO_LARGE when the update outgrows `bytesMax`. */
  add(part: Uint8Array, bytesMax: number): void {
    if (this.#bytes + part.length > bytesMax)
      throw new RefusedError('TW_TOO_LARGE', `an update of more than ${bytesMax} bytes`);
    // A copy: the part is a view into its frame, which is reused or much larger.
    this.#parts.push(part.slice());
    this.#bytes += part.length;
  }

  /**
   * The whole update, of which `rest` is the end; the buffer is empty again. A view of `rest` when there were no parts.
   * Throws `RefusedError` TW_TOO_LARGE when the whole is over `bytesMax`.
   */
  conclude(rest: Uint8Array, bytesMax: number): Uint8Array {
    if (this.#bytes + rest.length > bytesMax)
      throw new RefusedError('TW_TOO_LARGE', `an update of more than ${bytesMax} bytes`);
    if (this.#parts.length === 0) return rest;
    const whole = new Uint8Array(this.#bytes + rest.length);
    let at = 0;
    for (const part of this.#parts) {
      whole.set(part, at);
      at += part.length;
    }
    whole.set(rest, at);
    this.clear();
    return whole;
  }

  /** Forgets an update whose end will not come. */
  clear(): void {
    this.#parts = [];
    this.#bytes = 0;
  }
}
