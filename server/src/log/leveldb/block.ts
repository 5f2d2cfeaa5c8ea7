/** Blocks of LevelDB's tables (doc/table_format.md): sorted entries with shared prefixes, and a trailer with their checksum. */
import { ByteReader, MalformedError, unsnappy, varint } from './coding.ts';
import { crc32c, differInOneBit, flippedBit, masked, nextCrc } from './crc32c.ts';

/** Behind every block: how it is compressed, and its checksum. */
export const trailerBytes: number = 5;
const packing = { none: 0, snappy: 1 } as const;
/** What one block may unpack to: beyond any value that a commit stores. */
const blockBytesMax = 1024 ** 3;

/** Where a block is, its trailer not counted. */
export interface BlockHandle {
  readonly offset: number;
  readonly size: number;
}

export interface BlockEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Whether the block lies within the file and has its checksum. */
export function isIntact(file: Uint8Array, { offset, size }: BlockHandle): boolean {
  const end = offset + size + 1;
  return end + 4 <= file.byteLength && masked(crc32c(file, offset, end)) === wordAt(file, end);
}

/** Puts one flipped bit of a block right; false when that is not what is wrong with it. */
export function mendBlock(file: Uint8Array, { offset, size }: BlockHandle): boolean {
  const end = offset + size + 1;
  if (end + 4 > file.byteLength) return false;
  const right = masked(crc32c(file, offset, end));
  if (differInOneBit(right, wordAt(file, end))) {
    new DataView(file.buffer, file.byteOffset + end, 4).setUint32(0, right, true);
    return true;
  }
  const bit = flippedBit(file, offset, end, wordAt(file, end));
  if (bit === null) return false;
  file[bit >>> 3] = (file[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
  return true;
}

/** The entries of a block, in order. Throws `MalformedError`. */
export function readBlock(file: Uint8Array, { offset, size }: BlockHandle): BlockEntry[] {
  const raw = file.subarray(offset, offset + size);
  const type = file[offset + size];
  if (type !== packing.none && type !== packing.snappy) throw new MalformedError('unknown compression');
  const bytes = type === packing.snappy ? unsnappy(raw, blockBytesMax) : raw;
  if (bytes.byteLength < 4) throw new MalformedError('a block without an end');
  const end = bytes.byteLength - 4 * (1 + wordAt(bytes, bytes.byteLength - 4));
  if (end < 0) throw new MalformedError('restarts outside the block');
  const reader = new ByteReader(bytes.subarray(0, end));
  const entries: BlockEntry[] = [];
  let before: Uint8Array = new Uint8Array(0);
  while (!reader.done) {
    const shared = reader.varint();
    const added = reader.varint();
    const valueBytes = reader.varint();
    if (shared > before.byteLength) throw new MalformedError('a shared prefix that is not there');
    const key = new Uint8Array(shared + added);
    key.set(before.subarray(0, shared));
    key.set(reader.bytes(added), shared);
    entries.push({ key, value: reader.bytes(valueBytes) });
    before = key;
  }
  return entries;
}

/** A block with its trailer, uncompressed and without shared prefixes. */
export function encodeBlock(entries: readonly BlockEntry[]): Uint8Array {
  const parts: Uint8Array[] = [];
  const restarts: number[] = [];
  let at = 0;
  for (const { key, value } of entries) {
    restarts.push(at);
    const entry = Buffer.concat([Uint8Array.of(0), varint(key.byteLength), varint(value.byteLength), key, value]);
    parts.push(entry);
    at += entry.byteLength;
  }
  if (restarts.length === 0) restarts.push(0);
  const tail = Buffer.alloc(4 * (restarts.length + 1) + trailerBytes);
  for (const [index, restart] of [...restarts, restarts.length].entries()) tail.writeUInt32LE(restart, 4 * index);
  const block = Buffer.concat([...parts, tail]);
  const end = block.byteLength - 4;
  block.writeUInt32LE(masked(crc32c(block, 0, end)), end);
  return new Uint8Array(block);
}

/**
 * The block that begins at `offset`, when nobody says where it ends: its checksum follows it, and every place is tried.
 */
export function findBlock(file: Uint8Array, offset: number): BlockHandle | null {
  let crc = -1;
  for (let at = offset; at + 4 < file.byteLength; at += 1) {
    crc = nextCrc(crc, file[at] ?? 0);
    if (masked(~crc >>> 0) === wordAt(file, at + 1)) return { offset, size: at - offset };
  }
  return null;
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)) >>> 0
  );
}
