/**
 * LevelDB's log files, which are its write-ahead log and its MANIFEST (doc/log_format.md): blocks of 32 KiB with records
 * that may be split over several of them. Each fragment has a masked CRC-32C, its length and its type in front.
 */
import { ByteReader, MalformedError, uint64 } from './coding.ts';
import { crc32c, differInOneBit, flippedBit, masked } from './crc32c.ts';

export const logBlockBytes: number = 32 * 1024;
export const logHeaderBytes: number = 7;
const types = { full: 1, first: 2, middle: 3, last: 4 } as const;
const batchHeaderBytes = 12;

/** A put or, with null for its value, a deletion. */
export interface LogOperation {
  readonly key: Uint8Array;
  readonly value: Uint8Array | null;
}

/** What was written in one piece: LevelDB's sequence number of the first operation, and the operations. */
export interface LogBatch {
  readonly sequence: number;
  readonly operations: readonly LogOperation[];
}

/**
 * The file with every single flipped bit put right again, or null when there was none: the checksum tells which bit it
 * was. What is not the work of one bit stays as it is.
 */
export function mendedLog(file: Uint8Array): Uint8Array | null {
  const mended = new Uint8Array(file);
  let changed = false;
  for (let at = 0; at + logHeaderBytes <= mended.byteLength;) {
    const blockEnd = endOfBlock(at);
    if (blockEnd - at < logHeaderBytes) {
      at = blockEnd;
      continue;
    }
    const limit = Math.min(blockEnd, mended.byteLength);
    const unused = mended.subarray(at, at + logHeaderBytes).every((byte) => byte === 0);
    if (!unused && !isValid(mended, at, limit)) {
      if (!mendFragment(mended, at, limit)) {
        at = blockEnd;
        continue;
      }
      changed = true;
    }
    at = unused ? blockEnd : at + logHeaderBytes + lengthAt(mended, at);
  }
  return changed ? mended : null;
}

/**
 * All records that can be read, those included that LevelDB drops because they follow a damaged one in its block.
 */
export function readableRecords(file: Uint8Array): Uint8Array[] {
  const records: Uint8Array[] = [];
  let parts: Uint8Array[] | null = null;
  for (let at = 0; at + logHeaderBytes <= file.byteLength;) {
    const blockEnd = endOfBlock(at);
    const limit = Math.min(blockEnd, file.byteLength);
    if (limit - at < logHeaderBytes) {
      at = blockEnd;
    } else if (isValid(file, at, limit)) {
      const type = file[at + 6];
      const data = file.subarray(at + logHeaderBytes, at + logHeaderBytes + lengthAt(file, at));
      if (type === types.full || type === types.first) parts = [];
      parts?.push(data);
      if (parts !== null && (type === types.full || type === types.last)) {
        records.push(new Uint8Array(Buffer.concat(parts)));
        parts = null;
      }
      at += logHeaderBytes + data.byteLength;
    } else {
      parts = null;
      at += 1;
    }
  }
  return records;
}

/** Records as a log file holds them. */
export function encodeLog(records: readonly Uint8Array[]): Uint8Array {
  const out: Uint8Array[] = [];
  let at = 0;
  for (const record of records) {
    let from = 0;
    for (let begins = true; begins || from < record.byteLength; begins = false) {
      let room = endOfBlock(at) - at;
      if (room < logHeaderBytes) {
        out.push(new Uint8Array(room));
        at += room;
        room = logBlockBytes;
      }
      const to = Math.min(record.byteLength, from + room - logHeaderBytes);
      const ends = to === record.byteLength;
      const fragment = new Uint8Array(logHeaderBytes + to - from);
      const whole = begins && ends ? types.full : types.first;
      fragment[6] = begins ? whole : ends ? types.last : types.middle;
      fragment.set(record.subarray(from, to), logHeaderBytes);
      const view = new DataView(fragment.buffer);
      view.setUint16(4, to - from, true);
      view.setUint32(0, masked(crc32c(fragment, 6)), true);
      out.push(fragment);
      at += fragment.byteLength;
      from = to;
    }
  }
  return new Uint8Array(Buffer.concat(out));
}

/** What a record of the write-ahead log writes, or null when it is not one. */
export function decodeBatch(record: Uint8Array): LogBatch | null {
  if (record.byteLength < batchHeaderBytes) return null;
  const operations: LogOperation[] = [];
  const reader = new ByteReader(record, batchHeaderBytes);
  try {
    while (!reader.done) {
      const isPut = reader.byte() === 1;
      const key = reader.slice();
      operations.push({ key, value: isPut ? reader.slice() : null });
    }
  } catch (error) {
    if (error instanceof MalformedError) return null;
    throw error;
  }
  return { sequence: uint64(record, 0), operations };
}

function endOfBlock(at: number): number {
  return at - (at % logBlockBytes) + logBlockBytes;
}

function lengthAt(file: Uint8Array, at: number): number {
  return (file[at + 4] ?? 0) | ((file[at + 5] ?? 0) << 8);
}

function storedCrc(file: Uint8Array, at: number): number {
  return new DataView(file.buffer, file.byteOffset + at, 4).getUint32(0, true);
}

/** The whole fragment at this place, which ends before `limit`; null when there is none. */
export function fragmentAt(
  file: Uint8Array,
  at: number,
  limit: number,
): { readonly begins: boolean; readonly end: number } | null {
  if (!isValid(file, at, limit)) return null;
  const type = file[at + 6];
  return { begins: type === types.full || type === types.first, end: at + logHeaderBytes + lengthAt(file, at) };
}

/** Whether there is a whole fragment at this place, which ends before `limit`. */
function isValid(file: Uint8Array, at: number, limit: number): boolean {
  const type = file[at + 6] ?? 0;
  const end = at + logHeaderBytes + lengthAt(file, at);
  return (
    type >= types.full &&
    type <= types.last &&
    end <= limit &&
    masked(crc32c(file, at + 6, end)) === storedCrc(file, at)
  );
}

/** Puts one flipped bit right: in the data or the type, in the checksum, or in the length. */
function mendFragment(file: Uint8Array, at: number, limit: number): boolean {
  const stored = storedCrc(file, at);
  const end = at + logHeaderBytes + lengthAt(file, at);
  if (end <= limit) {
    const right = masked(crc32c(file, at + 6, end));
    if (differInOneBit(right, stored)) {
      new DataView(file.buffer, file.byteOffset + at, 4).setUint32(0, right, true);
      return true;
    }
    const bit = flippedBit(file, at + 6, end, stored);
    if (bit !== null) {
      flip(file, bit);
      if (isValid(file, at, limit)) return true;
      flip(file, bit);
    }
  }
  for (let bit = 8 * (at + 4); bit < 8 * (at + 6); bit += 1) {
    flip(file, bit);
    if (isValid(file, at, limit)) return true;
    flip(file, bit);
  }
  return false;
}

function flip(file: Uint8Array, bit: number): void {
  file[bit >>> 3] = (file[bit >>> 3] ?? 0) ^ (1 << (bit & 7));
}
