/**
 * Reads what a head promises and checks that it is all there: every checksum, every sequence number, every part of the
 * snapshot. Damage is a value here, because a head that was switched meanwhile looks the same: the caller knows which.
 */
import { chunkBytes, headsPerPage } from './bounds.ts';
import type { Entry, Head, QuarantinedEntry, Snapshot } from './document-log.ts';
import {
  chunkKey,
  chunkRange,
  headKey,
  headRange,
  nameOfHeadKey,
  nameKey,
  quarantinedKey,
  quarantinedRange,
  recordKey,
  recordRange,
  seqOfRecordKey,
} from './keys.ts';
import type { Pair, StoragePort } from './level-storage.ts';
import { decodeChunk, decodeHead, decodeQuarantined, decodeRecord, type StoredHead } from './record.ts';
import { StorageDamagedError } from './storage-errors.ts';

/** Something that should be stored is damaged or missing. */
export class Damage {
  readonly what: string;

  constructor(what: string) {
    this.what = what;
  }
}

/** Entries of one commit as they are stored. */
export interface StoredRecord {
  readonly key: Uint8Array;
  readonly entries: readonly Entry[];
}

/** A document's head; null when there is none, nor a trace of one. */
export async function readHead(storage: StoragePort, name: string): Promise<StoredHead | null | Damage> {
  const key = headKey(name);
  return orDamage('head', async () => {
    const value = await storage.get(key);
    if (value === undefined) return (await storage.get(nameKey(name))) === undefined ? null : new Damage('head');
    return decodeHead(key, name, value) ?? new Damage('head');
  });
}

/** Heads of living documents after a name, in order; a damaged one is left out, and is told of when it is asked for. */
export async function readHeads(storage: StoragePort, after: string | null, limit: number): Promise<Head[]> {
  const heads: Head[] = [];
  let { from, to } = headRange(after);
  while (heads.length < limit) {
    const pairs = await storage.pairs({ from, to }, { limit: headsPerPage });
    for (const { key, value } of pairs) {
      const name = nameOfHeadKey(key);
      const head = name === null ? null : decodeHead(key, name, value)?.head;
      if (head && head.deletedAt === null && heads.length < limit) heads.push(head);
    }
    const last = pairs.at(-1);
    if (last === undefined || pairs.length < headsPerPage) break;
    from = new Uint8Array([...last.key, 0]);
  }
  return heads;
}

/**
 * The records that hold the entries `from` to `to` (both inclusive), without a gap. With `to` at the head's last entry,
 * a record behind it is damage too, unless the head has moved on meanwhile: it is an old one, because the newest was lost.
 */
export async function readRecords(
  storage: StoragePort,
  { head: { name, logId, lastSeq } }: StoredHead,
  from: number,
  to: number,
): Promise<StoredRecord[] | Damage> {
  return orDamage(`entries ${from} to ${to}`, async () => {
    const behind = recordRange(logId, to + 1, Number.MAX_SAFE_INTEGER);
    if (to === lastSeq && (await storage.keys(behind, { limit: 1 })).length > 0) {
      const now = await readHead(storage, name);
      const hasMovedOn = now !== null && !(now instanceof Damage) && now.head.logId === logId && now.head.lastSeq > to;
      if (!hasMovedOn) return new Damage(`head: there are entries after ${to}`);
    }
    if (from > to) return [];
    const pairs = await storage.pairs(recordRange(logId, from, to + 1));
    const first = pairs[0];
    if (first === undefined || !sameBytes(first.key, recordKey(logId, from))) {
      // The entry asked for is inside a record that begins before it.
      pairs.unshift(...(await storage.pairs(recordRange(logId, 0, from), { limit: 1, reverse: true })));
    }
    return checkedRecords(pairs, from, to);
  });
}

/** Those of the records' entries that lie between `from` and `to` (both inclusive). */
export function entriesOf(records: readonly StoredRecord[], from: number, to: number): Entry[] {
  return records.flatMap(({ entries }) => entries.filter(({ seq }) => seq >= from && seq <= to));
}

/** The current snapshot, or null before the first compaction. */
export async function readSnapshot(storage: StoragePort, stored: StoredHead): Promise<Snapshot | null | Damage> {
  const { head, generation, indexBytes } = stored;
  if (head.snapshotSeq === 0) return null;
  return orDamage('snapshot', async () => {
    const whole = new Uint8Array(head.snapshotBytes + indexBytes);
    const count = chunkCount(stored);
    const pairs = await storage.pairs(chunkRange(head.logId, generation), { limit: count });
    let at = 0;
    for (const [index, { key, value }] of pairs.entries()) {
      const part = sameBytes(key, chunkKey(head.logId, generation, index)) ? decodeChunk(key, value) : null;
      if (part === null || at + part.byteLength > whole.byteLength) return new Damage(`snapshot part ${index}`);
      whole.set(part, at);
      at += part.byteLength;
    }
    if (pairs.length !== count || at !== whole.byteLength) return new Damage('snapshot: missing part');
    return {
      seq: head.snapshotSeq,
      update: whole.subarray(0, head.snapshotBytes),
      index: whole.slice(head.snapshotBytes),
    };
  });
}

/** How many parts a snapshot and its index are stored in. */
export function chunkCount({ head, indexBytes }: StoredHead): number {
  return Math.ceil((head.snapshotBytes + indexBytes) / chunkBytes);
}

/** Entries that were set aside. */
export async function readQuarantined(
  storage: StoragePort,
  { head: { logId }, quarantinedCount }: StoredHead,
): Promise<QuarantinedEntry[] | Damage> {
  return orDamage('quarantined entries', async () => {
    const pairs = await storage.pairs(quarantinedRange(logId));
    if (pairs.length !== quarantinedCount) return new Damage('quarantined entries: one is missing');
    const entries: QuarantinedEntry[] = [];
    for (const { key, value } of pairs) {
      const seq = seqOfRecordKey(key);
      const entry = sameBytes(key, quarantinedKey(logId, seq)) ? decodeQuarantined(key, seq, value) : null;
      if (entry === null) return new Damage(`quarantined entry ${seq}`);
      entries.push(entry);
    }
    return entries;
  });
}

/** Whether two heads promise the same records and parts. */
export function sameContent({ head: a, ...one }: StoredHead, { head: b, ...other }: StoredHead): boolean {
  return (
    a.logId === b.logId && a.lastSeq === b.lastSeq && a.firstSeq === b.firstSeq && one.generation === other.generation
  );
}

function checkedRecords(pairs: readonly Pair[], from: number, to: number): StoredRecord[] | Damage {
  const records: StoredRecord[] = [];
  let next: number | null = null;
  for (const { key, value } of pairs) {
    const seq = seqOfRecordKey(key);
    if (seq !== (next ?? Math.min(seq, from))) return new Damage(`entry ${next ?? from}`);
    const entries = decodeRecord(key, seq, value);
    if (entries === null || entries.length === 0) return new Damage(`entry ${Math.max(seq, from)}`);
    next = seq + entries.length;
    if (next <= from) return new Damage(`entry ${from}`);
    records.push({ key, entries });
  }
  return next === null || next <= to ? new Damage(`entry ${next ?? from}`) : records;
}

async function orDamage<T>(what: string, read: () => Promise<T>): Promise<T | Damage> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof StorageDamagedError) return new Damage(what);
    throw error;
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
