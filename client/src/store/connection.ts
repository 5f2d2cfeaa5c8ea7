/**
 * A database that stays open: browsers close it when they please, and then it is opened again, once for each operation.
 * It also holds the format's version, and notices when what was opened again is not what was open before.
 */
import type { Random } from '@tideweave/shared';

import type { Batch, KeyRange, StoreBackend } from './backend.ts';
import { formatKey } from './keys.ts';
import { type Lock, StoreError } from './offline-store.ts';

/** Raised with each change of keys or values that an earlier version would misread. */
const formatVersion = 1;

interface Format {
  readonly format: number;
  /** Which database this is: another one after its data was removed. */
  readonly id: string;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class Connection {
  readonly #backend: StoreBackend;
  readonly #lock: Lock;
  readonly #random: Random;
  #id: string | null = null;
  /** Counts openings, so that of many operations that fail together one opens and the others follow. */
  #opening = 0;
  #reopening: Promise<void> | null = null;
  /**
   * A write failed: LevelDB wants to be opened anew before the next, or it might not find that again. IndexedDB does not,
   * and a page that is being left has no time for it.
   */
  #suspect = false;
  #emptied = false;

  private constructor(backend: StoreBackend, lock: Lock, random: Random) {
    this.#backend = backend;
    this.#lock = lock;
    this.#random = random;
  }

  /** Throws `StoreError` `newer` or `foreign` for data that is not to be touched; closes the backend then. */
  static async open(backend: StoreBackend, lock: Lock, random: Random): Promise<Connection> {
    const connection = new Connection(backend, lock, random);
    try {
      connection.#id = await connection.#identify();
    } catch (error) {
      await backend.close();
      throw error;
    }
    return connection;
  }

  getMany(keys: readonly string[]): Promise<(Uint8Array | undefined)[]> {
    return keys.length === 0 ? Promise.resolve([]) : this.#run(() => this.#backend.getMany(keys));
  }

  entries(range: KeyRange): Promise<[string, Uint8Array][]> {
    return this.#run(() => this.#backend.entries(range));
  }

  keys(range: KeyRange): Promise<string[]> {
    return this.#run(() => this.#backend.keys(range));
  }

  async write(batch: Batch): Promise<void> {
    if (batch.size === 0) return;
    if (this.#suspect) await this.#reopen(this.#opening);
    try {
      await this.#run(() => this.#backend.write(batch));
      this.#suspect = false;
    } catch (error) {
      this.#suspect = this.#backend.isSuspectAfterFailure;
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#reopening?.catch(() => undefined);
    await this.#backend.close();
  }

  async #run<T>(operation: () => Promise<T>): Promise<T> {
    if (this.#reopening !== null) await this.#reopening;
    if (this.#emptied) throw emptied();
    const opening = this.#opening;
    try {
      return await operation();
    } catch (error) {
      if (!this.#backend.isClosed(error)) throw error;
      await this.#reopen(opening);
      return operation();
    }
  }

  #reopen(opening: number): Promise<void> {
    if (opening !== this.#opening) return this.#reopening ?? Promise.resolve();
    this.#opening++;
    this.#reopening = this.#openAgain().finally(() => {
      this.#reopening = null;
    });
    return this.#reopening;
  }

  async #openAgain(): Promise<void> {
    await this.#backend.reopen();
    if ((await this.#identify()) === this.#id) return;
    this.#emptied = true;
    throw emptied();
  }

  /** Which database this is; a new one is given an id. One at a time on this device, or two tabs would give two. */
  async #identify(): Promise<string> {
    let id = '';
    await this.#lock('open', async () => {
      const [found] = await this.#backend.getMany([formatKey]);
      if (found !== undefined) {
        id = readFormat(found).id;
        return;
      }
      const [first] = await this.#backend.keys({ gte: '', lt: '\u{10ffff}' });
      if (first !== undefined) throw new StoreError('foreign', 'the database holds data that is not Tideweave’s');
      id = Math.floor(this.#random() * 2 ** 52).toString(36);
      const format: Format = { format: formatVersion, id };
      await this.#backend.write(new Map([[formatKey, encoder.encode(JSON.stringify(format))]]));
    });
    return id;
  }
}

function readFormat(bytes: Uint8Array): Format {
  let format: Partial<Format>;
  try {
    format = JSON.parse(decoder.decode(bytes)) as Partial<Format>;
  } catch (cause) {
    throw new StoreError('foreign', 'the database holds data that is not Tideweave’s', { cause });
  }
  if (typeof format.format !== 'number' || typeof format.id !== 'string') {
    throw new StoreError('foreign', 'the database holds data that is not Tideweave’s');
  }
  if (format.format > formatVersion) {
    throw new StoreError(
      'newer',
      `the documents on this device were written by a later version of Tideweave (format ${format.format}, this one reads ${formatVersion}): reload or update`,
    );
  }
  return { format: format.format, id: format.id };
}

function emptied(): StoreError {
  return new StoreError('emptied', 'the data on this device was removed while it was open');
}
