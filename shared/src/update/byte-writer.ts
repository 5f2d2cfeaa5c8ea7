/**
 * Growing bytes for whoever writes updates. Kept and reused by its module, so that merging a few keystrokes costs one
 * allocation: the result.
 */

const bytesAtStart = 4096;
/** A buffer that one large result blew up beyond this is given back. */
const bytesKeptMax = 1024 * 1024;
/** Below this a loop is faster than making a view to copy from. */
const loopBytesMax = 48;

export class ByteWriter {
  bytes: Uint8Array = new Uint8Array(bytesAtStart);
  at = 0;

  /** Forgets what was written, in case its writer never came to `take` it. */
  restart(): void {
    this.at = 0;
  }

  /** Makes sure that `length` more bytes fit. */
  reserve(length: number): void {
    if (this.at + length <= this.bytes.length) return;
    const wider = new Uint8Array(Math.max(this.bytes.length * 2, this.at + length));
    wider.set(this.bytes.subarray(0, this.at));
    this.bytes = wider;
  }

  byte(value: number): void {
    this.reserve(1);
    this.bytes[this.at++] = value;
  }

  /** Writes lib0's varUint in as few bytes as it takes. */
  varUint(value: number): void {
    this.reserve(8);
    const bytes = this.bytes;
    let at = this.at;
    let rest = value;
    while (rest > 0x7fff_ffff) {
      bytes[at++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    while (rest > 127) {
      bytes[at++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    bytes[at++] = rest;
    this.at = at;
  }

  /** Appends `source[from, to)`. */
  copy(source: Uint8Array, from: number, to: number): void {
    const length = to - from;
    this.reserve(length);
    if (length <= loopBytesMax) {
      const bytes = this.bytes;
      for (let i = from, at = this.at; i < to; i++, at++) bytes[at] = source[i]!;
    } else {
      this.bytes.set(source.subarray(from, to), this.at);
    }
    this.at += length;
  }

  /** The bytes written so far, as the caller's own; the writer starts afresh. */
  take(): Uint8Array {
    const result = this.bytes.slice(0, this.at);
    this.at = 0;
    if (this.bytes.length > bytesKeptMax) this.bytes = new Uint8Array(bytesAtStart);
    return result;
  }
}

/** How many bytes `varUint` takes for a value. */
export function varUintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}
