/**
 * The few operations on an ordered key-value store that the embedded log needs, and the real one over LevelDB. Tests
 * put a store of their own behind the same port, to fail or to crash at every single write.
 */
import { open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { Level } from 'level';

import type { KeyRange } from './keys.ts';
import { lostRegions } from './level-wal.ts';

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

/** An ordered store with atomic batches. Reads throw `StorageDamagedError` where stored bytes cannot be read back. */
export interface StoragePort {
  get(key: Uint8Array): Promise<Uint8Array | undefined>;
  pairs(range: KeyRange, options?: RangeOptions): Promise<Pair[]>;
  keys(range: KeyRange, options?: RangeOptions): Promise<Uint8Array[]>;
  /** All of it or nothing; batches survive in the order in which they were written, and all up to a synced one survive power loss. */
  write(batch: readonly WriteOperation[], sync: boolean): Promise<void>;
  /** Called after a write failed, before the next: brings the store back into a state that takes writes, or rejects. */
  reopen(): Promise<void>;
  /** What was written once and could not be read back when the store was opened: raw bytes of batches, empty if nothing. */
  lost(): Promise<readonly Uint8Array[]>;
  /** Called when what was lost has been dealt with; until then `lost` tells it at every opening. */
  forgetLost(): Promise<void>;
  close(): Promise<void>;
}

/** Stored bytes exist but fail the store's own checks. */
export class StorageDamagedError extends Error {
  override readonly name = 'StorageDamagedError';
}

/** Another process has the folder open; the CLI tells people by `code`. */
export class StorageLockedError extends Error {
  override readonly name = 'StorageLockedError';
  readonly code = 'TW_STORAGE_LOCKED';
}

/** Room that LevelDB needs to recover: a memory table of 4 MiB as a table file, and its new log. */
const headroomBytes = 8 * 1024 * 1024;
/** Bytes per round trip of an iterator; the default of 16 KiB is made for records that are looked at one by one. */
const iteratorBytes = 1024 * 1024;
const reopenRetriesMax = 3;
const damagedSuffix = '.damaged';

export class LevelStorage implements StoragePort {
  readonly #path: string;
  readonly #db: Level<Uint8Array, Uint8Array>;
  /** Settles when the database is open again; another promise each time that it is reopened. */
  #opened: Promise<void> = Promise.resolve();

  private constructor(path: string, db: Level<Uint8Array, Uint8Array>) {
    this.#path = path;
    this.#db = db;
  }

  /** Opens or creates the folder. Throws `StorageLockedError` when another process has it. */
  static async open(path: string): Promise<LevelStorage> {
    await setDamagedLogsAside(path);
    const db = new Level<Uint8Array, Uint8Array>(path, { keyEncoding: 'view', valueEncoding: 'view' });
    try {
      await db.open();
    } catch (error) {
      if (codeOf(error instanceof Error ? error.cause : undefined) === 'LEVEL_LOCKED') {
        throw new StorageLockedError(`another relay is using ${path}`, { cause: error });
      }
      throw error;
    }
    return new LevelStorage(path, db);
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
  }

  /**
   * After a failed write LevelDB's log may end in half a record, and behind that a later record would not be found
   * again: so it always starts a new log. A full disk fails that too, and with it every read; so it is tried only once
   * there is room again.
   */
  async reopen(): Promise<void> {
    await this.#proveRoom();
    this.#opened = this.#db.close().then(() => this.#db.open());
    await this.#opened;
  }

  async lost(): Promise<readonly Uint8Array[]> {
    const regions: Uint8Array[] = [];
    for (const name of await damagedLogs(this.#path))
      regions.push(...lostRegions(await readFile(join(this.#path, name))));
    return regions;
  }

  /** Keeps the damaged logs for people under another name. */
  async forgetLost(): Promise<void> {
    for (const name of await damagedLogs(this.#path)) {
      await rename(join(this.#path, name), join(this.#path, `${name}-kept`));
    }
  }

  async close(): Promise<void> {
    await this.#opened.catch(() => {});
    await this.#db.close();
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
        if (codeOf(error) === 'LEVEL_CORRUPTION') throw new StorageDamagedError('unreadable block', { cause: error });
        throw error;
      }
    }
  }
}

/** LevelDB drops what it cannot read and then deletes the file: a copy stays until its documents are marked. */
async function setDamagedLogsAside(path: string): Promise<void> {
  const names = await readdir(path).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  });
  for (const name of names) {
    if (!/^\d+\.log$/.test(name)) continue;
    const file = await readFile(join(path, name));
    if (lostRegions(file).length === 0) continue;
    const copy = await open(join(path, `${name}${damagedSuffix}`), 'w');
    try {
      await copy.writeFile(file);
      await copy.sync();
    } finally {
      await copy.close();
    }
  }
}

async function damagedLogs(path: string): Promise<string[]> {
  return (await readdir(path)).filter((name) => name.endsWith(damagedSuffix));
}

function levelRange(
  { from, to }: KeyRange,
  { limit = -1, reverse = false }: RangeOptions,
): { gte: Uint8Array; lt: Uint8Array; limit: number; reverse: boolean; highWaterMarkBytes: number } {
  return { gte: from, lt: to, limit, reverse, highWaterMarkBytes: iteratorBytes };
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
