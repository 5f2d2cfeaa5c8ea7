/** The store on package `level`: a LevelDB folder in Node, IndexedDB in browsers. The package is loaded when it is used. */
import type { Level } from 'level';

import { systemClock, systemRandom } from '../clock.ts';
import type { Batch, KeyRange, StoreBackend } from './backend.ts';
import { DocumentStore, type StoreOptions } from './document-store.ts';
import { StoreError } from './offline-store.ts';

type Database = Level<string, Uint8Array>;
interface LevelModule {
  readonly Level: typeof Level;
}

export class LevelBackend implements StoreBackend {
  readonly #db: Database;

  private constructor(db: Database) {
    this.#db = db;
  }

  /** Throws `StoreError` `locked` when another process has the folder open. */
  static async open(location: string): Promise<LevelBackend> {
    const module: Partial<LevelModule> & { readonly default?: LevelModule } = await import('level');
    // The package is CommonJS: bundlers that follow Node's rules to the letter give it as the default export only.
    const LevelClass = module.Level ?? module.default?.Level;
    if (LevelClass === undefined) throw new TypeError('package level was bundled without its class Level');
    const db: Database = new LevelClass(location, { keyEncoding: 'utf8', valueEncoding: 'view' });
    const backend = new LevelBackend(db);
    await backend.#open();
    return backend;
  }

  async getMany(keys: readonly string[]): Promise<(Uint8Array | undefined)[]> {
    const values: (Uint8Array | undefined)[] = await this.#db.getMany([...keys]);
    return values.map((value) => (value === undefined ? undefined : plain(value)));
  }

  async entries(range: KeyRange): Promise<[string, Uint8Array][]> {
    const found = await this.#db.iterator({ ...range, highWaterMarkBytes: iteratorBytes }).all();
    return found.map(([key, value]) => [key, plain(value)]);
  }

  keys(range: KeyRange): Promise<string[]> {
    return this.#db.keys({ ...range, highWaterMarkBytes: iteratorBytes }).all();
  }

  async write(batch: Batch): Promise<void> {
    const chained = this.#db.batch();
    try {
      for (const [key, value] of batch) {
        if (value === null) chained.del(key);
        else chained.put(key, value);
      }
    } catch (error) {
      await chained.close();
      throw error;
    }
    await chained.write({ sync: true });
  }

  isClosed(error: unknown): boolean {
    for (let each = error; each instanceof Error; each = each.cause) {
      if (closedCodes.has((each as { code?: unknown }).code)) return true;
      if (closedNames.has(each.name)) return true;
      // Safari, after it ended the process that holds the databases.
      if (each.name === 'UnknownError' && /connection/i.test(each.message)) return true;
    }
    return false;
  }

  get isSuspectAfterFailure(): boolean {
    return this.#indexedDb === null;
  }

  async reopen(): Promise<void> {
    await this.#db.close();
    await this.#open();
  }

  close(): Promise<void> {
    return this.#db.close();
  }

  /** Null in Node. */
  get #indexedDb(): IDBDatabase | null {
    const { db } = this.#db as { db?: unknown };
    return typeof IDBDatabase !== 'undefined' && db instanceof IDBDatabase ? db : null;
  }

  async #open(): Promise<void> {
    try {
      await this.#db.open();
    } catch (error) {
      const cause = error instanceof Error ? (error.cause as { code?: unknown } | undefined) : undefined;
      if (cause?.code !== 'LEVEL_LOCKED') throw error;
      throw new StoreError('locked', `another process, or another store of this one, is using ${this.#db.location}`, {
        cause: error,
      });
    }
    const db = this.#indexedDb;
    if (db !== null) useStrictly(db);
  }
}

/** Bytes per round trip of an iterator; the default of 16 KiB is made for entries that are looked at one by one. */
const iteratorBytes = 1024 * 1024;

/** classic-level answers with Buffers, whose methods are not those of a Uint8Array. */
const plain = ({ buffer, byteOffset, byteLength }: Uint8Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

const closedCodes = new Set<unknown>(['LEVEL_DATABASE_NOT_OPEN', 'LEVEL_ITERATOR_NOT_OPEN', 'LEVEL_BATCH_NOT_OPEN']);
/** IndexedDB: the connection is closing or gone; transactions that were under way then are aborted. */
const closedNames = new Set(['InvalidStateError', 'AbortError']);

/**
 * browser-level has no option for the durability of its transactions, and browsers by themselves now say complete before
 * the bytes are on the disk; so its connection is told. And it lets go when somebody wants to delete the database, who
 * would wait for ever otherwise.
 */
function useStrictly(db: IDBDatabase): void {
  const begin = db.transaction.bind(db);
  db.transaction = (names, mode) => begin(names, mode, mode === 'readwrite' ? { durability: 'strict' } : {});
  db.addEventListener('versionchange', () => db.close());
}

/** Opens the folder in Node, or the database in browsers, and makes it where there is none. */
export async function openLevelStore(options: LevelStoreOptions): Promise<DocumentStore> {
  return DocumentStore.open(await LevelBackend.open(options.location), {
    ...options,
    clock: options.clock ?? systemClock,
    random: options.random ?? systemRandom,
  });
}

/** As `StoreOptions`, on the platform's clock and chance unless told otherwise. */
export interface LevelStoreOptions
  extends Omit<StoreOptions, 'clock' | 'random'>, Partial<Pick<StoreOptions, 'clock' | 'random'>> {
  /** A folder in Node, the name of the database in browsers. */
  readonly location: string;
}
