/**
 * The embedded log: documents in one LevelDB folder (package `level`). docs/STORAGE.md describes what is stored. One
 * writer at a time changes heads, as LevelDB itself has one; snapshots are written beside it and switched to in one batch.
 */
import { randomBytes } from 'node:crypto';

import { assert, RefusedError } from '@tideweave/shared';
import { LRUCache } from 'lru-cache';

import { deletesPerBatch, headsMax, readAttemptsMax } from './bounds.ts';
import type {
  Append,
  AppendResult,
  Compaction,
  DocumentImage,
  DocumentLog,
  Entry,
  Head,
  QuarantinedEntry,
  Snapshot,
} from './document-log.ts';
import {
  assertCreatable,
  assertReadable,
  assertUnused,
  compactable,
  emptyHead,
  extended,
  refusalToAppend,
  tombstone,
} from './head-rules.ts';
import * as keys from './keys.ts';
import { chunkBatches, nameTrace, switchBatch } from './level-compaction.ts';
import { DamageRegister } from './level-damage.ts';
import {
  Damage,
  entriesOf,
  readHead,
  readHeads,
  readQuarantined,
  readRecords,
  readSnapshot,
  sameContent,
  type StoredRecord,
} from './level-reader.ts';
import { imageBatches } from './level-image.ts';
import { type LevelLogOptions, openFormatted, openLevelStorage } from './level-open.ts';
import type { StoragePort, WriteOperation } from './level-storage.ts';
import { encodeHead, encodeRecord, type StoredHead } from './record.ts';
import { Serial } from './serial.ts';
import { failed } from './storage-errors.ts';

/** What an append works on: a document's head and where it is stored. */
interface Slot {
  readonly key: Uint8Array;
  stored: StoredHead | null;
}

/**
 * Opens the log in a folder. Throws `StorageLockedError` when another process has it, and an Error when the folder was
 * written by another version of the layout.
 */
export async function openLevelLog(options: LevelLogOptions): Promise<DocumentLog> {
  const storage = await openFormatted(options.path, options.openStorage ?? openLevelStorage(options.onDamage));
  try {
    const randomId = options.randomId ?? ((): string => randomBytes(8).toString('hex'));
    const log = new LevelLog(storage, options.wallTime, randomId);
    for (const [name, what] of await log.recover()) {
      options.onDamage?.(`document ${JSON.stringify(name)} is refused: ${what}`);
    }
    return log;
  } catch (error) {
    await storage.close();
    throw error;
  }
}

class LevelLog implements DocumentLog {
  readonly #storage: StoragePort;
  readonly #wallTime: () => number;
  readonly #randomId: () => string;
  /** Heads as they are stored; only those who write fill it, in turn, so that it never holds an older one. */
  // Counted as sizes: told a `max`, the cache would allocate room for all of it at once.
  readonly #slots = new LRUCache<string, Slot>({ maxSize: headsMax, sizeCalculation: () => 1 });
  /** Documents found damaged: nothing more is acknowledged for what could not be read again (D1, D4). */
  readonly #damaged = new DamageRegister();
  readonly #writes = new Serial();
  readonly #compactions = new Serial();
  /** A write failed: heads in memory may be older than stored ones, and the storage has to be reopened. */
  #suspect = false;

  constructor(storage: StoragePort, wallTime: () => number, randomId: () => string) {
    this.#storage = storage;
    this.#wallTime = wallTime;
    this.#randomId = randomId;
  }

  append(appends: readonly Append[]): Promise<readonly AppendResult[]> {
    return this.#exclusive(async () => {
      const slots = await this.#loadSlots(appends);
      const changed = new Map<string, Slot>();
      const batch: WriteOperation[] = [];
      const results = appends.map((append): AppendResult => {
        const slot = slots.get(append.name);
        if (slot === undefined || slot instanceof RefusedError) {
          return { refused: slot ?? new RefusedError('TW_INTERNAL', 'head not loaded') };
        }
        const refused = refusalToAppend(slot.stored?.head ?? null, append);
        if (refused !== null) return { refused };
        if (slot.stored === null) batch.push(nameTrace(append.name));
        const stored = slot.stored ?? this.#fresh(append.name);
        if (append.entries.length > 0) {
          const key = keys.recordKey(stored.head.logId, stored.head.lastSeq + 1);
          batch.push({ key, value: encodeRecord(key, append.entries) });
        }
        slot.stored = { ...stored, head: extended(stored.head, append.entries) };
        changed.set(append.name, slot);
        return { head: slot.stored.head };
      });
      for (const { key, stored } of changed.values()) {
        if (stored !== null) batch.push({ key, value: encodeHead(key, stored) });
      }
      if (batch.length > 0) await this.#write(batch);
      for (const [name, slot] of changed) this.#slots.set(name, slot);
      return results;
    });
  }

  async head(name: string): Promise<Head | null> {
    return (await this.#peek(name))?.head ?? null;
  }

  async read(name: string, after: number): Promise<readonly Entry[]> {
    const entries = await this.#consistent(name, async (stored) => {
      assertReadable(stored.head, after);
      const { lastSeq } = stored.head;
      const records = await this.#reading(() => readRecords(this.#storage, stored, after + 1, lastSeq));
      return records instanceof Damage ? records : entriesOf(records, after + 1, lastSeq);
    });
    return entries ?? [];
  }

  snapshot(name: string): Promise<Snapshot | null> {
    return this.#consistent(name, (stored) => this.#reading(() => readSnapshot(this.#storage, stored)));
  }

  async quarantined(name: string): Promise<readonly QuarantinedEntry[]> {
    const entries = await this.#consistent(name, (stored) =>
      this.#reading(() => readQuarantined(this.#storage, stored)),
    );
    return entries ?? [];
  }

  compact(name: string, compaction: Compaction): Promise<Head> {
    return this.#compactions.run(async () => {
      const before = await this.#stored(name);
      const { firstSeq, logId } = compactable(name, before?.head ?? null, compaction);
      assert(before !== null, 'a document that can be compacted exists');
      const merged = await readRecords(this.#storage, before, firstSeq, compaction.snapshot.seq);
      if (merged instanceof Damage) return this.#corrupt(name, merged.what);

      const generation = before.generation + 1;
      await this.#clearOtherGenerations(before);
      for (const batch of chunkBatches(logId, generation, compaction.snapshot)) {
        await this.#exclusive(() => this.#write(batch));
      }
      try {
        return await this.#exclusive(() => this.#switch(name, compaction, generation, merged));
      } catch (error) {
        if (error instanceof RefusedError && error.code !== 'TW_STORAGE_FAILED')
          await this.#clearOtherGenerations(before);
        throw error;
      }
    });
  }

  create(name: string): Promise<Head> {
    return this.#exclusive(async () => {
      const key = keys.headKey(name);
      assertCreatable((await this.#stored(name))?.head ?? null);
      const slot = { key, stored: this.#fresh(name) };
      await this.#write([nameTrace(name), { key, value: encodeHead(key, slot.stored) }]);
      this.#slots.set(name, slot);
      return slot.stored.head;
    });
  }

  delete(name: string): Promise<boolean> {
    return this.#compactions.run(async () => {
      const logId = await this.#exclusive(() => this.#bury(name));
      if (logId === null) return false;
      // The tombstone is durable: what cannot be cleared now is cleared when the log is opened next.
      await this.#clearLog(logId).catch(() => {});
      return true;
    });
  }

  list({ after, limit }: { readonly after: string | null; readonly limit: number }): Promise<readonly Head[]> {
    return this.#reading(() => readHeads(this.#storage, after, limit));
  }

  names({ after, limit }: { readonly after: string | null; readonly limit: number }): Promise<readonly string[]> {
    return this.#reading(async () => {
      const found = await this.#storage.keys(keys.namesAfter(after), { limit });
      return found.flatMap((key) => keys.nameOfHeadKey(key) ?? []);
    });
  }

  restore(image: DocumentImage): Promise<Head> {
    const { name } = image.head;
    return this.#compactions.run(async () => {
      const { stored, parts, last } = imageBatches(image, this.#randomId());
      assertUnused(name, (await this.#stored(name))?.head ?? null);
      for (const batch of parts) await this.#exclusive(() => this.#write(batch));
      return this.#exclusive(async () => {
        assertUnused(name, (await this.#stored(name))?.head ?? null);
        await this.#write(last);
        this.#slots.set(name, { key: keys.headKey(name), stored });
        return stored.head;
      });
    });
  }

  probe(): Promise<void> {
    return this.#exclusive(async () => {
      const value = randomBytes(16);
      await this.#write([{ key: keys.probeKey, value }]);
      const found = await this.#reading(() => this.#storage.get(keys.probeKey));
      if (found === undefined || !value.equals(found)) {
        throw new RefusedError('TW_STORAGE_FAILED', 'the storage does not give back what was written');
      }
    });
  }

  close(): Promise<void> {
    return this.#compactions.run(() => this.#writes.run(() => this.#storage.close()));
  }

  /** Marks documents that lost something, and clears what a deletion that was cut short left behind. Gives all marks. */
  async recover(): Promise<ReadonlyMap<string, string>> {
    await this.#damaged.load(this.#storage);
    for (const key of await this.#storage.keys(keys.leftoverRange)) await this.#clearLog(keys.logIdOfLeftoverKey(key));
    return this.#damaged.marked;
  }

  #fresh(name: string): StoredHead {
    const head = emptyHead(name, this.#randomId(), this.#randomId(), this.#wallTime());
    return { head, generation: 0, indexBytes: 0, quarantinedCount: 0 };
  }

  /** One at a time; after a failed write the storage is reopened first, and heads are read afresh (D5). */
  #exclusive<T>(change: () => Promise<T>): Promise<T> {
    return this.#writes.run(async () => {
      if (this.#suspect) {
        await this.#storage.reopen().catch(failed);
        this.#slots.clear();
        this.#suspect = false;
      }
      return change();
    });
  }

  /**
   * Every batch is synced before the next begins. LevelDB may begin a new log between two of them, and a sync reaches
   * only the newest; and what power loss tears is then the last write of a log, which nobody was told about.
   */
  async #write(batch: readonly WriteOperation[]): Promise<void> {
    try {
      await this.#storage.write(batch, true);
    } catch (error) {
      this.#suspect = true;
      this.#slots.clear();
      failed(error);
    }
  }

  async #reading<T>(read: () => Promise<T>): Promise<T> {
    return read().catch(failed);
  }

  /** The heads to append to, or why not, by name; copies, so that a failed write leaves nothing in the cache. */
  async #loadSlots(appends: readonly Append[]): Promise<Map<string, Slot | RefusedError>> {
    const slots = new Map<string, Slot | RefusedError>();
    const missing = new Set<string>();
    for (const { name } of appends) {
      const refused = this.#damaged.refusalOf(name);
      const slot = this.#slots.get(name);
      if (refused !== null) slots.set(name, refused);
      else if (slot !== undefined) slots.set(name, { ...slot });
      else missing.add(name);
    }
    const load = async (name: string): Promise<void> => {
      try {
        slots.set(name, { key: keys.headKey(name), stored: await this.#stored(name) });
      } catch (error) {
        if (!(error instanceof RefusedError) || error.code === 'TW_STORAGE_FAILED') throw error;
        slots.set(name, error);
      }
    };
    await Promise.all([...missing].map(load));
    return slots;
  }

  /** The head as it is stored at this moment; throws for a document that is known to be damaged. */
  async #stored(name: string): Promise<StoredHead | null> {
    const refused = this.#damaged.refusalOf(name);
    if (refused !== null) throw refused;
    const stored = await this.#reading(() => readHead(this.#storage, name));
    return stored instanceof Damage ? this.#corrupt(name, stored.what) : stored;
  }

  async #peek(name: string): Promise<StoredHead | null> {
    return this.#slots.get(name)?.stored ?? this.#stored(name);
  }

  /** Reads by a head. What looks like damage may be a head that was switched meanwhile: then it reads again by the new one. */
  async #consistent<T>(name: string, read: (stored: StoredHead) => Promise<T | Damage>): Promise<T | null> {
    let stored = await this.#peek(name);
    for (let attempt = 0; attempt < readAttemptsMax; attempt += 1) {
      // Of a deleted document there is nothing to read; what is not cleared yet is no damage.
      if (stored === null || stored.head.deletedAt !== null) return null;
      const by: StoredHead = stored;
      const found = await read(by);
      if (!(found instanceof Damage)) return found;
      stored = await this.#stored(name);
      if (stored !== null && sameContent(by, stored)) return this.#corrupt(name, found.what);
    }
    throw new RefusedError(
      'TW_OVERLOADED',
      `document ${JSON.stringify(name)} changed again and again while it was read`,
    );
  }

  #corrupt(name: string, what: string): never {
    throw this.#damaged.add(name, what);
  }

  /** The atomic step of a compaction, on the newest head: appends may have come since it started. */
  async #switch(
    name: string,
    compaction: Compaction,
    generation: number,
    merged: readonly StoredRecord[],
  ): Promise<Head> {
    const newest = await this.#stored(name);
    compactable(name, newest?.head ?? null, compaction);
    assert(newest !== null, 'a document that can be compacted exists');
    const { batch, stored } = switchBatch(newest, compaction, generation, merged);
    await this.#write(batch);
    this.#slots.set(name, { key: keys.headKey(name), stored });
    return stored.head;
  }

  /** Puts a tombstone in place of the head; the id of the log to clear, or null when there is no living document. */
  async #bury(name: string): Promise<string | null> {
    const key = keys.headKey(name);
    const found = await this.#reading(() => readHead(this.#storage, name));
    // A damaged head can be deleted too, and a lost one: it is how people get rid of it. Its log's id is not known any more.
    const isLost = found instanceof Damage || (found === null && this.#damaged.refusalOf(name) !== null);
    const before = isLost ? this.#fresh(name) : found;
    if (before === null || before.head.deletedAt !== null) return null;
    const stored = {
      head: tombstone(before.head, this.#wallTime()),
      generation: 0,
      indexBytes: 0,
      quarantinedCount: 0,
    };
    const { logId } = before.head;
    const reminder = { key: keys.leftoverKey(logId), value: new Uint8Array(0) };
    const unmark = { key: keys.damageKey(name), value: null };
    await this.#write([{ key, value: encodeHead(key, stored) }, reminder, unmark]);
    this.#damaged.forget(name);
    this.#slots.set(name, { key, stored });
    return logId;
  }

  /** Deletes all that a log consists of, and at last the reminder to do so. */
  async #clearLog(logId: string): Promise<void> {
    for (const range of keys.logRanges(logId)) await this.#deleteKeys(await this.#storage.keys(range));
    await this.#exclusive(() => this.#write([{ key: keys.leftoverKey(logId), value: null }]));
  }

  /** Deletes parts of snapshots that are not the current one: left by a compaction that did not get to its switch. */
  async #clearOtherGenerations({ head: { logId }, generation }: StoredHead): Promise<void> {
    const found = await this.#reading(() => this.#storage.keys(keys.chunksOfLog(logId)));
    const { from, to } = keys.chunkRange(logId, generation);
    await this.#deleteKeys(found.filter((key) => Buffer.compare(key, from) < 0 || Buffer.compare(key, to) >= 0));
  }

  async #deleteKeys(all: readonly Uint8Array[]): Promise<void> {
    for (let at = 0; at < all.length; at += deletesPerBatch) {
      const batch = all.slice(at, at + deletesPerBatch).map((key) => ({ key, value: null }));
      await this.#exclusive(() => this.#write(batch));
    }
  }
}
