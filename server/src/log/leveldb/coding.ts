/** Numbers and compression as LevelDB writes them: varints, little-endian words, Snappy. Everything read is untrusted. */

/** Bytes are not what LevelDB would have written. */
export class MalformedError extends Error {
  override readonly name = 'MalformedError';
}

/** Reads from the front; throws `MalformedError` when there is not enough. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.at = at;
  }

  get done(): boolean {
    return this.at >= this.#bytes.byteLength;
  }

  byte(): number {
    const byte = this.#bytes[this.at];
    if (byte === undefined) throw new MalformedError('cut off');
    this.at += 1;
    return byte;
  }

  /** A varint up to 2^53. */
  varint(): number {
    let value = 0;
    for (let factor = 1; factor <= 2 ** 56; factor *= 128) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte < 128) {
        if (!Number.isSafeInteger(value)) break;
        return value;
      }
    }
    throw new MalformedError('a number that is too large');
  }

  bytes(length: number): Uint8Array {
    if (length > this.#bytes.byteLength - this.at) throw new MalformedError('cut off');
    this.at += length;
    return this.#bytes.subarray(this.at - length, this.at);
  }

  /** Bytes with their length in front. */
  slice(): Uint8Array {
    return this.bytes(this.varint());
  }
}

/** A number as a varint. */
export function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

/** A 64-bit number, least significant byte first; exact up to 2^53. */
export function uint64(bytes: Uint8Array, at: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 2 ** 32;
}

/** Unpacks a raw Snappy block of at most `bytesMax`. Throws `MalformedError`. (google/snappy, format_description.txt) */
export function unsnappy(packed: Uint8Array, bytesMax: number): Uint8Array {
  const reader = new ByteReader(packed);
  const length = reader.varint();
  if (length > bytesMax) throw new MalformedError('a block that is too large');
  const out = new Uint8Array(length);
  let at = 0;
  while (!reader.done) {
    const tag = reader.byte();
    const kind = tag & 3;
    if (kind === 0) {
      let count = tag >>> 2;
      if (count >= 60) count = little(reader, count - 59);
      count += 1;
      if (at + count > length) throw new MalformedError('more than was announced');
      out.set(reader.bytes(count), at);
      at += count;
      continue;
    }
    const count = kind === 1 ? 4 + ((tag >>> 2) & 7) : 1 + (tag >>> 2);
    let distance: number;
    if (kind === 1) distance = ((tag >>> 5) << 8) | reader.byte();
    else distance = little(reader, kind === 2 ? 2 : 4);
    if (distance === 0 || distance > at || at + count > length) throw new MalformedError('a copy of nothing');
    // Byte by byte: a copy may reach into what it writes.
    for (let index = 0; index < count; index += 1, at += 1) out[at] = out[at - distance] ?? 0;
  }
  if (at !== length) throw new MalformedError('less than was announced');
  return out;
}

function little(reader: ByteReader, bytes: number): number {
  let value = 0;
  for (let index = 0; index < bytes; index += 1) value += reader.byte() * 2 ** (8 * index);
  return value;
}
