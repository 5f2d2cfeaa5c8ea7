/**
 * The values of the embedded log. Each begins with the version of its layout and ends with a CRC-32 over its key and
 * itself: a flipped bit, a value under the wrong key and a cut one are all noticed (D4). Decoders return null for a
 * damaged value; who reads knows which document to name.
 */
import { crc32 } from 'node:zlib';

import { assert, reasonBytesMax } from '@tideweave/shared';

import type { Entry, Head, NewEntry, QuarantinedEntry } from './document-log.ts';

/** A head with what only the embedded log needs to know. */
export interface StoredHead {
  readonly head: Head;
  /** Which generation of chunks is the snapshot; 0 before the first compaction. */
  readonly generation: number;
  /** Bytes of the snapshot's index, which follows the snapshot in the chunks. */
  readonly indexBytes: number;
  /** Entries set aside so far, so that a missing one is noticed. */
  readonly quarantinedCount: number;
}

const layoutVersion = 1;
const checksumBytes = 4;
const lengthMax16 = 0xff_ff;

/** Bits in front of an entry: what is the same as in the entry before is left out. */
const sameTime = 1;
const sameAuthor = 2;

/** Bytes of an encoded head; one byte of varint in LevelDB's batches. */
export const headBytes: number = 2 + 8 + 8 + 11 * 8 + checksumBytes;

/** Where in a stored head these are; the sequence number follows the id of the log. */
export const headParts = { deleted: 1, logId: 10, lastSeq: 18 } as const;

/** A head as it is stored; numbers as doubles, which hold every safe integer and every time exactly. */
export function encodeHead(key: Uint8Array, stored: StoredHead): Uint8Array {
  const { head } = stored;
  const value = Buffer.allocUnsafe(headBytes);
  value[0] = layoutVersion;
  value[1] = head.deletedAt === null ? 0 : 1;
  value.write(head.epoch, 2, 'hex');
  value.write(head.logId, 10, 'hex');
  let at = 18;
  for (const number of [
    head.lastSeq,
    head.snapshotSeq,
    head.firstSeq,
    head.snapshotBytes,
    head.tailBytes,
    head.createdAt,
    head.updatedAt,
    head.deletedAt ?? 0,
    stored.generation,
    stored.indexBytes,
    stored.quarantinedCount,
  ]) {
    at = value.writeDoubleBE(number, at);
  }
  return seal(key, value);
}

export function decodeHead(key: Uint8Array, name: string, sealed: Uint8Array): StoredHead | null {
  const value = unseal(key, sealed);
  if (value === null || sealed.byteLength !== headBytes) return null;
  const number = (index: number): number => value.readDoubleBE(18 + 8 * index);
  return {
    head: {
      name,
      epoch: value.toString('hex', 2, 10),
      logId: value.toString('hex', 10, 18),
      lastSeq: number(0),
      snapshotSeq: number(1),
      firstSeq: number(2),
      snapshotBytes: number(3),
      tailBytes: number(4),
      createdAt: number(5),
      updatedAt: number(6),
      deletedAt: value[1] === 1 ? number(7) : null,
    },
    generation: number(8),
    indexBytes: number(9),
    quarantinedCount: number(10),
  };
}

/** Entries of one commit as one value; the sequence number of the first is in the key. */
export function encodeRecord(key: Uint8Array, entries: readonly NewEntry[]): Uint8Array {
  let size = 5 + checksumBytes;
  for (const entry of entries) size += 17 + 3 * (entry.user.length + entry.device.length) + entry.update.byteLength;
  const value = Buffer.allocUnsafe(size);
  value[0] = layoutVersion;
  let at = value.writeUInt32BE(entries.length, 1);
  let previous: NewEntry | null = null;
  for (const entry of entries) {
    at = writeEntry(value, at, entry, previous);
    previous = entry;
  }
  return seal(key, value.subarray(0, at + checksumBytes));
}

export function decodeRecord(key: Uint8Array, firstSeq: number, sealed: Uint8Array): Entry[] | null {
  const value = unseal(key, sealed);
  if (value === null) return null;
  const count = value.readUInt32BE(1);
  const entries: Entry[] = [];
  let at = 5;
  let time = 0;
  let user = '';
  let device = '';
  for (let index = 0; index < count; index += 1) {
    const flags = value.readUInt8(at);
    at += 1;
    if ((flags & sameTime) === 0) {
      time = value.readDoubleBE(at);
      at += 8;
    }
    if ((flags & sameAuthor) === 0) {
      const userBytes = value.readUInt16BE(at);
      user = value.toString('utf8', at + 2, at + 2 + userBytes);
      at += 2 + userBytes;
      const deviceBytes = value.readUInt16BE(at);
      device = value.toString('utf8', at + 2, at + 2 + deviceBytes);
      at += 2 + deviceBytes;
    }
    const updateBytes = value.readUInt32BE(at);
    at += 4;
    entries.push({ seq: firstSeq + index, time, user, device, update: plain(sealed, at, updateBytes) });
    at += updateBytes;
  }
  return entries;
}

/** A part of a snapshot. */
export function encodeChunk(key: Uint8Array, part: Uint8Array): Uint8Array {
  const value = Buffer.allocUnsafe(1 + part.byteLength + checksumBytes);
  value[0] = layoutVersion;
  value.set(part, 1);
  return seal(key, value);
}

export function decodeChunk(key: Uint8Array, sealed: Uint8Array): Uint8Array | null {
  const value = unseal(key, sealed);
  return value === null ? null : plain(sealed, 1, sealed.byteLength - checksumBytes - 1);
}

/** An entry that was set aside: its reason in front of a record of one. */
export function encodeQuarantined(key: Uint8Array, entry: QuarantinedEntry): Uint8Array {
  const reason = Buffer.from(entry.reason, 'utf8').subarray(0, reasonBytesMax);
  const record = encodeRecord(key, [entry]);
  const value = Buffer.allocUnsafe(3 + reason.byteLength + record.byteLength + checksumBytes);
  value[0] = layoutVersion;
  value.writeUInt16BE(reason.byteLength, 1);
  value.set(reason, 3);
  value.set(record, 3 + reason.byteLength);
  return seal(key, value);
}

export function decodeQuarantined(key: Uint8Array, seq: number, sealed: Uint8Array): QuarantinedEntry | null {
  const value = unseal(key, sealed);
  if (value === null) return null;
  const reasonBytes = value.readUInt16BE(1);
  const reason = value.toString('utf8', 3, 3 + reasonBytes);
  const entry = decodeRecord(key, seq, sealed.subarray(3 + reasonBytes, sealed.byteLength - checksumBytes))?.[0];
  return entry === undefined ? null : { ...entry, reason };
}

function writeEntry(value: Buffer, start: number, entry: NewEntry, previous: NewEntry | null): number {
  const timeRepeats = previous !== null && previous.time === entry.time;
  const authorRepeats = previous !== null && previous.user === entry.user && previous.device === entry.device;
  let at = value.writeUInt8((timeRepeats ? sameTime : 0) | (authorRepeats ? sameAuthor : 0), start);
  if (!timeRepeats) at = value.writeDoubleBE(entry.time, at);
  if (!authorRepeats) {
    for (const text of [entry.user, entry.device]) {
      const textBytes = value.write(text, at + 2, 'utf8');
      assert(textBytes <= lengthMax16, 'a user or device id is at most 64 KiB');
      value.writeUInt16BE(textBytes, at);
      at += 2 + textBytes;
    }
  }
  at = value.writeUInt32BE(entry.update.byteLength, at);
  value.set(entry.update, at);
  return at + entry.update.byteLength;
}

/** A view that is a Uint8Array and not a Buffer, whose `slice` means something else. */
function plain(bytes: Uint8Array, at: number, length: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + at, length);
}

/** Writes the checksum into the last four bytes. */
function seal(key: Uint8Array, value: Buffer): Uint8Array {
  const end = value.byteLength - checksumBytes;
  value.writeUInt32BE(crc32(value.subarray(0, end), crc32(key)), end);
  return value;
}

/** The value for reading, or null when its checksum or its version is wrong. */
function unseal(key: Uint8Array, sealed: Uint8Array): Buffer | null {
  if (sealed.byteLength < 1 + checksumBytes || sealed[0] !== layoutVersion) return null;
  const value = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
  const end = value.byteLength - checksumBytes;
  return crc32(value.subarray(0, end), crc32(key)) === value.readUInt32BE(end) ? value : null;
}
