/**
 * The few operations on an ordered key-value store that the embedded log needs, and the real one over LevelDB. Tests
 * put a store of their own behind the same port, to fail or to crash at every single write.
 */
import { open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { Level } from 'level';

import { headroomBytes, iteratorBytes, reopenRetriesMax } from './bounds.ts';
import { headKey, type KeyRange } from './keys.ts';
import {
  fileName,
  filePatterns,
  forgetLostRanges,
  namesIn,
  prepareFolder,
  readLostRanges,
  replaceFile,
  syncFolder,
} from './level-files.ts';
import { lostRegions } from './level-wal.ts';
import { readWitness, Witness, type Witnessed } from './level-witness.ts';
import { decodeHead } from './record.ts';
import { errorCode, StorageDamagedError, StorageLockedError } from './storage-errors.ts';

/** Puts a value under a key, or deletes the key when the value is null. */
export interface WriteOperation {
  readonly key: Uint8Array;
  readonly value: Uint8Array | null;
}

/** A key with its value. */
export interface Pair {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** What part of a range to read: at most `limit` keys, from its end when `reverse`. */
export interface RangeOptions {
  readonly limit?: number;
  readonly reverse?: boolean;
}

/** What a store knows of what it lost; all empty when nothing. */
export interface Lost {
  /** Raw bytes of batches. */
  readonly batches: readonly Uint8Array[];
  /** Keys whose newest values may be missing. */
  readonly ranges: readonly KeyRange[];
  /** Names of documents whose heads are older than what was acknowledged. */
  readonly behind: readonly string[];
}

/** An ordered store with atomic batches. Reads throw `StorageDamagedError` where stored bytes cannot be read back. */
export interface StoragePort {
  get(key: Uint8Array): Promise<Uint8Array | undefined>;
  pairs(range: KeyRange, options?: RangeOptions): Promise<Pair[]>;
  keys(range: KeyRange, options?: RangeOptions): Promise<Uint8Array[]>;
  /** All of it or nothing; batches survive in the order in which they were written, and all up to a synced one survive power loss. */
  write(batch: readonly WriteOperation[], sync: boolean): Promise<void>;
  /** Called after a write failed, before the next: brings the store back into a state that takes writes, or rejects. */
  reopen(): Promise<void>;
  /** What was written once and could not be read back when the store was opened. */
  lost(): Promise<Lost>;
  /** Called when what was lost has been dealt with; until then `lost` tells it at every opening. */
  forgetLost(): Promise<void>;
  close(): Promise<void>;
}

const damagedSuffix = '.damaged';
/** Heads compared with the witness at a time. */
const headsPerQuery = 1000;

export class LevelStorage implements StoragePort {
  readonly #path: string;
  readonly #db: Level<Uint8Array, Uint8Array>;
  readonly #witness: Witness;
  /** What was put right in LevelDB's files before they were opened, for people. */
  readonly mended: readonly string[];
  /** Settles when the database is open again; another promise each time that it is reopened. */
  #opened: Promise<void> = Promise.resolve();

  private constructor(path: string, db: Level<Uint8Array, Uint8Array>, witness: Witness, mended: readonly string[]) {
    this.#path = path;
    this.#db = db;
    this.#witness = witness;
    this.mended = mended;
  }

  /**
   * Opens or creates the folder. Throws `StorageLockedError` when another process has it, and `StorageBrokenError` when
   * LevelDB's files need a repair first.
   */
  static async open(path: string): Promise<LevelStorage> {
    const { done, logNumber } = await prepareFolder(path);
    await setDamagedLogsAside(path, logNumber);
    const db = new Level<Uint8Array, Uint8Array>(path, { keyEncoding: 'view', valueEncoding: 'view' });
    try {
      await db.open();
    } catch (error) {
      if (error instanceof Error && errorCode(error.cause) === 'LEVEL_LOCKED')
        throw new StorageLockedError(path, error);
      throw error;
    }
    const witness = await Witness.open(path);
    // LevelDB renames the file that names its list last, and does not wait for that.
    await syncFolder(path);
    return new LevelStorage(path, db, witness, done);
  }

  get(key: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#read(() => this.#db.get(key));
  }

  pairs(range: KeyRange, options: RangeOptions = {}): Promise<Pair[]> {
    return this.#read(async () => {
      const found = await this.#db.iterator(levelRange(range, options)).all();
      return found.map(([key, value]) => ({ key, value }));
    });
  }

  keys(range: KeyRange, options: RangeOptions = {}): Promise<Uint8Array[]> {
    return this.#read(() => this.#db.keys(levelRange(range, options)).all());
  }

  async write(batch: readonly WriteOperation[], sync: boolean): Promise<void> {
    await this.#opened;
    const chained = this.#db.batch();
    try {
      for (const { key, value } of batch) {
        if (value === null) chained.del(key);
        else chained.put(key, value);
      }
    } catch (error) {
      await chained.close();
      throw error;
    }
    await chained.write({ sync });
    if (sync) this.#witness.note(batch);
  }

  /**
   * After a failed write LevelDB's log may end in half a record, and behind that a later record would not be found
   * again: so it always starts a new log. A full disk fails that too, and with it every read; so it is tried only once
   * there is room again.
   */
  async reopen(): Promise<void> {
    await this.#proveRoom();
    this.#opened = this.#db
      .close()
      .then(() => this.#db.open())
      .then(() => syncFolder(this.#path));
    await this.#opened;
  }

  async lost(): Promise<Lost> {
    const batches: Uint8Array[] = [];
    for (const name of await damagedLogs(this.#path))
      batches.push(...lostRegions(await readFile(join(this.#path, name)), false));
    return { batches, ranges: await readLostRanges(this.#path), behind: await this.#behind() };
  }

  /** Keeps the damaged logs for people under another name. */
  async forgetLost(): Promise<void> {
    for (const name of await damagedLogs(this.#path)) {
      await rename(join(this.#path, name), join(this.#path, `${name}-kept`));
    }
    await forgetLostRanges(this.#path);
  }

  async close(): Promise<void> {
    await this.#opened.catch(() => {});
    await this.#db.close();
    this.#witness.close();
  }

  /** Documents of which the witness has seen more than is stored. */
  async #behind(): Promise<string[]> {
    const known = [...(await readWitness(this.#path))];
    const behind: string[] = [];
    for (let at = 0; at < known.length; at += headsPerQuery) {
      const part = known.slice(at, at + headsPerQuery).map(([name, seen]) => ({ name, seen, key: headKey(name) }));
      const values = await this.#read(() => this.#db.getMany(part.map(({ key }) => key)));
      for (const [index, { name, seen, key }] of part.entries()) {
        if (isBehind(name, key, values[index], seen)) behind.push(name);
      }
    }
    return behind;
  }

  async #proveRoom(): Promise<void> {
    const path = join(this.#path, 'room.tmp');
    try {
      const file = await open(path, 'w');
      try {
        await file.writeFile(Buffer.alloc(headroomBytes, 'room'));
        await file.sync();
      } finally {
        await file.close();
      }
    } finally {
      await rm(path, { force: true });
    }
  }

  /** Reads go on while the database is reopened: one that was cut off by it is done again. */
  async #read<T>(read: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt += 1) {
      const opened = this.#opened;
      try {
        await opened;
        return await read();
      } catch (error) {
        if (opened !== this.#opened && attempt < reopenRetriesMax) continue;
        if (errorCode(error) === 'LEVEL_CORRUPTION')
          throw new StorageDamagedError('unreadable block', { cause: error });
        throw error;
      }
    }
  }
}

/**
 * LevelDB drops what it cannot read and then deletes the file: a copy stays until its documents are marked. Only the end
 * of the newest log that was written to may be torn; logs before `logNumber` are in tables already.
 */
export async function setDamagedLogsAside(path: string, logNumber: number): Promise<void> {
  const numbers = (await namesIn(path)).flatMap((name) => filePatterns.log.exec(name)?.[1] ?? []).map(Number);
  let mayBeTorn = true;
  for (const number of numbers.toSorted((a, b) => b - a)) {
    const name = fileName(number, 'log');
    const file = await readFile(join(path, name));
    if (number < logNumber || file.byteLength === 0) continue;
    const lost = lostRegions(file, mayBeTorn);
    mayBeTorn = false;
    if (lost.length > 0) await replaceFile(path, `${name}${damagedSuffix}`, file);
  }
}

async function damagedLogs(path: string): Promise<string[]> {
  return (await namesIn(path)).filter((name) => name.endsWith(damagedSuffix));
}

function levelRange(
  { from, to }: KeyRange,
  { limit = -1, reverse = false }: RangeOptions,
): { gte: Uint8Array; lt: Uint8Array; limit: number; reverse: boolean; highWaterMarkBytes: number } {
  return { gte: from, lt: to, limit, reverse, highWaterMarkBytes: iteratorBytes };
}

/** A damaged head is not judged here: it is noticed when it is read. */
function isBehind(name: string, key: Uint8Array, value: Uint8Array | undefined, seen: Witnessed): boolean {
  if (value === undefined) return true;
  const head = decodeHead(key, name, value)?.head;
  if (head === undefined) return false;
  if (head.logId !== seen.logId) return seen.earlierLogIds.includes(head.logId);
  return head.lastSeq < seen.lastSeq || (seen.deleted && head.deletedAt === null);
}
