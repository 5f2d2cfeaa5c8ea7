/**
 * The keys of the embedded log. One byte says what a value is; a document's head is found by its name, everything else
 * by the id of its log, so that a document that was deleted and created again never sees its predecessor's records.
 * Numbers are big-endian and of fixed width, so that the order of keys is the order of numbers.
 */
import { nameBytesMax, RefusedError } from '@tideweave/shared';

/** Keys from `from` (inclusive) to `to` (exclusive), in byte order. */
export interface KeyRange {
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

const kind = {
  head: 0x68,
  record: 0x72,
  chunk: 0x73,
  quarantined: 0x71,
  leftover: 0x67,
  damage: 0x78,
  meta: 0x6d,
  name: 0x7a,
} as const;
const logIdBytes = 8;
const numberBytes = 8;
const twoPow32 = 2 ** 32;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * A document's name as UTF-8. Throws RefusedError TW_INVALID_NAME for an empty name, for one over 512 bytes and for lone
 * surrogates, which UTF-8 cannot tell apart.
 */
export function nameToBytes(name: string): Uint8Array {
  const bytes = encoder.encode(name);
  if (bytes.byteLength === 0 || bytes.byteLength > nameBytesMax || decoder.decode(bytes) !== name) {
    throw new RefusedError('TW_INVALID_NAME', `a document name is 1 to ${nameBytesMax} bytes of Unicode`);
  }
  return bytes;
}

/** Where a document's head is; throws as `nameToBytes` does. */
export function headKey(name: string): Uint8Array {
  return join(kind.head, nameToBytes(name));
}

/** Whether a key is that of a head. */
export function isHeadKey(key: Uint8Array): boolean {
  return key[0] === kind.head;
}

/** The name in a head's key, or in that of a mark or a second trace; or null when the key is damaged. */
export function nameOfHeadKey(key: Uint8Array): string | null {
  try {
    return decoder.decode(key.subarray(1));
  } catch {
    return null;
  }
}

/** All heads whose names come after `after` in byte order; null from the start. */
export function headRange(after: string | null): KeyRange {
  const first = after === null ? Uint8Array.of(kind.head) : join(kind.head, nameToBytes(after), Uint8Array.of(0));
  return { from: first, to: Uint8Array.of(kind.head + 1) };
}

/** Where the record is whose first entry has this sequence number. */
export function recordKey(logId: string, seq: number): Uint8Array {
  return numberedKey(kind.record, logId, seq);
}

/** Sequence number of the first entry of the record with this key. */
export function seqOfRecordKey(key: Uint8Array): number {
  return numberAt(key, 1 + logIdBytes);
}

/** Records whose first entry is `from` or later and before `to`. */
export function recordRange(logId: string, from: number, to: number): KeyRange {
  return { from: recordKey(logId, from), to: recordKey(logId, to) };
}

/** Where part `index` of a snapshot's `generation` is. */
export function chunkKey(logId: string, generation: number, index: number): Uint8Array {
  const key = new Uint8Array(1 + logIdBytes + 2 * numberBytes);
  key.set(numberedKey(kind.chunk, logId, generation));
  putNumber(key, 1 + logIdBytes + numberBytes, index);
  return key;
}

/** All parts of one generation. */
export function chunkRange(logId: string, generation: number): KeyRange {
  return { from: chunkKey(logId, generation, 0), to: chunkKey(logId, generation + 1, 0) };
}

/** Where the entry with this sequence number is kept once it has been set aside. */
export function quarantinedKey(logId: string, seq: number): Uint8Array {
  return numberedKey(kind.quarantined, logId, seq);
}

/** All of a log's entries that were set aside. */
export function quarantinedRange(logId: string): KeyRange {
  return wholeLog(kind.quarantined, logId);
}

/** Everything that a log consists of, its head excepted. */
export function logRanges(logId: string): readonly KeyRange[] {
  return [kind.record, kind.chunk, kind.quarantined].map((each) => wholeLog(each, logId));
}

/** All parts of all generations of a log's snapshots. */
export function chunksOfLog(logId: string): KeyRange {
  return wholeLog(kind.chunk, logId);
}

/** The reminder that a deleted document's log is still to be cleared. */
export function leftoverKey(logId: string): Uint8Array {
  return join(kind.leftover, Buffer.from(logId, 'hex'));
}

/** The log that a reminder is about. */
export function logIdOfLeftoverKey(key: Uint8Array): string {
  return Buffer.from(key.subarray(1)).toString('hex');
}

/** All reminders. */
export const leftoverRange: KeyRange = { from: Uint8Array.of(kind.leftover), to: Uint8Array.of(kind.leftover + 1) };

/**
 * A second, constant trace of a document: when its head is not found and this is, the head is damaged. Without it a
 * flipped bit in the head's key would make the document look as if it had never been. It sorts behind the records, so
 * that one damaged block seldom holds both.
 */
export function nameKey(name: string): Uint8Array {
  return join(kind.name, nameToBytes(name));
}

/** All second traces. */
export const nameRange: KeyRange = { from: Uint8Array.of(kind.name), to: Uint8Array.of(kind.name + 1) };

/** Second traces after a name, in order; all of them for null. */
export function namesAfter(name: string | null): KeyRange {
  return {
    from: name === null ? nameRange.from : join(kind.name, nameToBytes(name), Uint8Array.of(0)),
    to: nameRange.to,
  };
}

/** The mark of a document that is damaged in a way that cannot be seen from what is left of it. */
export function damageKey(name: string): Uint8Array {
  return join(kind.damage, nameToBytes(name));
}

/** All such marks. */
export const damageRange: KeyRange = { from: Uint8Array.of(kind.damage), to: Uint8Array.of(kind.damage + 1) };

/** Which version of this layout the folder has. */
export const formatKey: Uint8Array = join(kind.meta, encoder.encode('format'));
/** The keys of heads whose names have second traces with these keys, and the other way round. */
export function swapTraces(key: Uint8Array): Uint8Array {
  return join(key[0] === kind.head ? kind.name : kind.head, key.subarray(1));
}

/** What `probe` writes. */
export const probeKey: Uint8Array = join(kind.meta, encoder.encode('probe'));

function wholeLog(which: number, logId: string): KeyRange {
  const from = join(which, Buffer.from(logId, 'hex'));
  return { from, to: join(which, from.subarray(1), new Uint8Array(2 * numberBytes + 1).fill(0xff)) };
}

function numberedKey(which: number, logId: string, value: number): Uint8Array {
  const key = new Uint8Array(1 + logIdBytes + numberBytes);
  key[0] = which;
  key.set(Buffer.from(logId, 'hex'), 1);
  putNumber(key, 1 + logIdBytes, value);
  return key;
}

function putNumber(key: Uint8Array, at: number, value: number): void {
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  view.setUint32(at, Math.floor(value / twoPow32));
  view.setUint32(at + 4, value % twoPow32);
}

function numberAt(key: Uint8Array, at: number): number {
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  return view.getUint32(at) * twoPow32 + view.getUint32(at + 4);
}

function join(which: number, ...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat([Uint8Array.of(which), ...parts]));
}
