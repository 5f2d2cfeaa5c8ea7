/**
 * Gives documents back what LevelDB dropped from its log: the files that were kept are read record by record, and a
 * document whose parts are all there, in the database and in them together, is made whole. That it *is* whole has to be
 * proven: a document whose end is missing looks complete, too.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import {
  chunkRange,
  damageKey,
  headKey,
  isHeadKey,
  type KeyRange,
  nameKey,
  nameOfHeadKey,
  quarantinedRange,
  recordRange,
} from './keys.ts';
import { decodeBatch, readableRecords } from './leveldb/log-file.ts';
import { certifiedPairs } from './level-certified.ts';
import { readDocument } from './level-document.ts';
import { namesIn } from './level-files.ts';
import { losses } from './level-lost.ts';
import { Damage, readHead } from './level-reader.ts';
import type { Lost, Pair, RangeOptions, StoragePort, WriteOperation } from './level-storage.ts';
import type { Witnessed } from './level-witness.ts';
import { lostRegions } from './level-wal.ts';
import { decodeHead, type StoredHead } from './record.ts';

interface KeptValue extends Pair {
  readonly sequence: number;
}

/** What can be read of the logs that were kept. */
export interface KeptValues {
  /** By key in hex, the newest of each. */
  readonly values: ReadonlyMap<string, KeptValue>;
  /** All heads, by name. */
  readonly heads: ReadonlyMap<string, readonly KeptHead[]>;
}

interface KeptHead extends StoredHead {
  readonly value: Uint8Array;
}

const keptLog = /^\d+\.log\.damaged(-kept)?$/;

/** Reads all logs that were kept in a folder. */
export async function readKeptLogs(path: string): Promise<KeptValues> {
  const kept = new Collector();
  for (const name of (await namesIn(path)).filter((each) => keptLog.test(each))) {
    const file = await readFile(join(path, name));
    for (const record of readableRecords(file)) {
      const batch = decodeBatch(record);
      for (const [index, { key, value }] of (batch?.operations ?? []).entries()) {
        if (value !== null) kept.add({ key, value, sequence: (batch?.sequence ?? 0) + index });
      }
    }
    // Batches that are damaged themselves hold values that are not: each has a checksum of its own.
    for (const region of lostRegions(file, false)) {
      for (const pair of certifiedPairs(region)) kept.add({ ...pair, sequence: 0 });
    }
  }
  return kept;
}

class Collector implements KeptValues {
  readonly values = new Map<string, KeptValue>();
  readonly heads = new Map<string, KeptHead[]>();

  add(pair: KeptValue): void {
    const { key, value, sequence } = pair;
    const hex = Buffer.from(key).toString('hex');
    const name = isHeadKey(key) ? nameOfHeadKey(key) : null;
    const head = name === null ? null : decodeHead(key, name, value);
    if (name !== null && head !== null) this.heads.set(name, [...(this.heads.get(name) ?? []), { ...head, value }]);
    if ((this.values.get(hex)?.sequence ?? -1) < sequence) this.values.set(hex, pair);
  }
}

/** What is known against and for a document. */
export interface Evidence {
  /** What its mark says, or null when it has none. */
  readonly mark: string | null;
  readonly seen: Witnessed | undefined;
}

/** Makes a document whole, and takes its mark away; says how, or null when it cannot be done or not be proven. */
export async function restoreDocument(
  storage: StoragePort,
  name: string,
  kept: KeptValues,
  evidence: Evidence,
): Promise<string | null> {
  const base = await readHead(storage, name);
  const found = base instanceof Damage ? null : base;
  const newest = newestHead(found, kept.heads.get(name) ?? [], evidence.seen);
  if (newest === null) return null;
  const key = headKey(name);
  const headIsKept = newest !== found;
  const overlay = new Overlay(storage, kept, 'value' in newest ? { key, value: newest.value } : null);
  const whole = await readDocument(overlay, name);
  if (whole instanceof Damage || !isProven(whole.stored, headIsKept, evidence)) return null;

  const { head, generation } = whole.stored;
  const batch: WriteOperation[] = [
    { key: nameKey(name), value: new Uint8Array(0) },
    { key: damageKey(name), value: null },
  ];
  const parts = [
    recordRange(head.logId, head.firstSeq, head.lastSeq + 1),
    chunkRange(head.logId, generation),
    quarantinedRange(head.logId),
  ];
  let putBack = 0;
  for (const range of head.deletedAt === null ? parts : []) {
    const stored = new Set((await storage.keys(range)).map((each) => Buffer.from(each).toString('hex')));
    for (const pair of overlay.keptIn(range)) {
      if (stored.has(Buffer.from(pair.key).toString('hex'))) continue;
      batch.push(pair);
      putBack += 1;
    }
  }
  if ('value' in newest) batch.push({ key, value: newest.value });
  await storage.write(batch, true);
  return putBack === 0 && !headIsKept ? 'it is complete' : 'what LevelDB had dropped was put back';
}

/** The reason in a mark to which repair has added something. */
export function reasonOf(mark: string): string {
  return mark.split('; ')[0] ?? mark;
}

/** Which head is the last one that is known of; kept ones may belong to a history that came after the stored one. */
function newestHead(
  stored: StoredHead | null,
  kept: readonly KeptHead[],
  seen: Witnessed | undefined,
): StoredHead | KeptHead | null {
  const isLater = seen !== undefined && stored !== null && seen.earlierLogIds.includes(stored.head.logId);
  const logId = isLater || stored === null ? seen?.logId : stored.head.logId;
  let newest: StoredHead | KeptHead | null = isLater ? null : stored;
  for (const each of kept) {
    if ((logId === undefined || each.head.logId === logId) && (newest === null || isNewer(each, newest))) newest = each;
  }
  return newest ?? stored;
}

/** Within one history: sequence numbers and generations only grow, and a tombstone is the end. */
function isNewer(a: StoredHead, b: StoredHead): boolean {
  if (a.head.deletedAt !== null || b.head.deletedAt !== null) return b.head.deletedAt === null;
  return a.head.lastSeq > b.head.lastSeq || a.generation > b.generation;
}

/** Whether nothing newer can have been lost: the witness says so, or no head was in doubt. */
function isProven({ head }: StoredHead, headIsKept: boolean, { mark, seen }: Evidence): boolean {
  if (seen !== undefined && seen.logId === head.logId) {
    return seen.deleted ? head.deletedAt !== null : head.deletedAt !== null || head.lastSeq >= seen.lastSeq;
  }
  return !headIsKept && (mark === null || reasonOf(mark) === losses.entries);
}

/** The database with what was kept behind it. */
class Overlay implements StoragePort {
  readonly #base: StoragePort;
  readonly #kept: readonly KeptValue[];
  readonly #byKey: KeptValues['values'];
  /** What counts more than what is stored under its key. */
  readonly #head: Pair | null;

  constructor(base: StoragePort, { values }: KeptValues, head: Pair | null) {
    this.#base = base;
    this.#byKey = values;
    this.#kept = [...values.values()];
    this.#head = head;
  }

  keptIn({ from, to }: KeyRange): readonly Pair[] {
    return this.#kept.filter(({ key }) => Buffer.compare(key, from) >= 0 && Buffer.compare(key, to) < 0);
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    if (this.#head !== null && Buffer.compare(key, this.#head.key) === 0) return this.#head.value;
    return (await this.#base.get(key)) ?? this.#byKey.get(Buffer.from(key).toString('hex'))?.value;
  }

  async pairs(range: KeyRange, { limit, reverse = false }: RangeOptions = {}): Promise<Pair[]> {
    const all = new Map<string, Pair>();
    for (const pair of [...this.keptIn(range), ...(await this.#base.pairs(range))]) {
      all.set(Buffer.from(pair.key).toString('hex'), pair);
    }
    const sorted = [...all].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, pair]) => pair);
    return (reverse ? sorted.toReversed() : sorted).slice(0, limit);
  }

  async keys(range: KeyRange, options: RangeOptions = {}): Promise<Uint8Array[]> {
    return (await this.pairs(range, options)).map(({ key }) => key);
  }

  write(): Promise<void> {
    return Promise.reject(new Error('only for reading'));
  }

  reopen(): Promise<void> {
    return Promise.resolve();
  }

  lost(): Promise<Lost> {
    return Promise.resolve({ batches: [], ranges: [], behind: [] });
  }

  forgetLost(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
