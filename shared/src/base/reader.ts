import { decodeUtf8 } from 'lib0/string';
import { RefusedError } from './errors.ts';

/**
 * Reads lib0's variable-length encoding out of untrusted bytes. lib0's own decoder trusts lengths (a long one reads
 * past a message into whatever shares its buffer), so everything from the wire goes through here instead.
 * Every method throws `RefusedError` TW_MALFORMED_MESSAGE rather than read past the end.
 */
export class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  varUint(max: number = Number.MAX_SAFE_INTEGER): number {
    let value = 0;
    let factor = 1;
    for (;;) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw malformed('a number is cut off');
      value += (byte & 0x7f) * factor;
      if (value > max) throw malformed(`a number is over ${max}`);
      if (byte < 0x80) return value;
      factor *= 128;
      if (factor > Number.MAX_SAFE_INTEGER) throw malformed('a number is too long');
    }
  }

  /** A view into the message, not a copy: it lives as long as the message does. */
  varBytes(max: number): Uint8Array {
    const length = this.varUint();
    if (length > max) throw new RefusedError('TW_TOO_LARGE', `${length} bytes where at most ${max} are allowed`);
    const end = this.#at + length;
    if (end > this.#bytes.length) throw malformed('bytes are cut off');
    const view = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return view;
  }

  varString(bytesMax: number): string {
    const bytes = this.varBytes(bytesMax);
    try {
      return decodeUtf8(bytes);
    } catch {
      throw malformed('a text is not valid UTF-8');
    }
  }
}

function malformed(reason: string): RefusedError {
  return new RefusedError('TW_MALFORMED_MESSAGE', reason);
}
