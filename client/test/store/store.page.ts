/** What the browser tests run inside a page, as `tideweaveStore`. Bundled by them. */
import * as Y from 'yjs';
import { systemClock, systemRandom } from '../../src/clock.ts';
import { openBrowserStore } from '../../src/store/browser-store.ts';
import type { StoreError, StoreLimits } from '../../src/store/offline-store.ts';
import { storePromises } from './offline-store.contract.ts';
import { contentOf, edits, fail } from './store-fixtures.ts';

const open = (location: string, limits: Partial<StoreLimits> = {}, onError: (error: StoreError) => void = fail) =>
  openBrowserStore({ location, clock: systemClock, random: systemRandom, onError, limits });

/** What browser-level calls the database at a location. */
const databaseName = (location: string): string => `level-js-${location}`;

function removeDatabase(location: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(databaseName(location));
    request.addEventListener('success', () => resolve());
    request.addEventListener('error', () => reject(request.error ?? new Error('it was not deleted')));
  });
}

/** Connections that were opened since `watchDatabases`, and the durability of each transaction that wrote. */
const connections: IDBDatabase[] = [];
const durabilities: string[] = [];

function watchDatabases(): void {
  const openDatabase = indexedDB.open.bind(indexedDB);
  IDBFactory.prototype.open = (...args) => {
    const request = openDatabase(...args);
    request.addEventListener('success', () => connections.push(request.result));
    return request;
  };
  const begin = Object.getOwnPropertyDescriptor(IDBDatabase.prototype, 'transaction')
    ?.value as IDBDatabase['transaction'];
  IDBDatabase.prototype.transaction = function watched(...args) {
    const made = begin.apply(this, args);
    if (made.mode === 'readwrite') durabilities.push(made.durability);
    return made;
  };
}

const page = {
  /** Runs one promise of the contract; resolves with what went wrong, or null. */
  async promise(title: string): Promise<string | null> {
    const location = `contract ${title}`;
    try {
      const each = storePromises.find((candidate) => candidate.title === title);
      if (each === undefined) return 'there is no such promise';
      const dispose = (): Promise<void> => removeDatabase(location);
      await each.run({ open: (limits) => open(location, limits), dispose });
      await dispose();
      return null;
    } catch (error) {
      return error instanceof Error ? `${error.message}\n${error.stack ?? ''}` : String(error);
    }
  },

  /** Writes pending edits of one client, one after the other, and says each that is durable on the console. */
  async write(location: string, client: number, count: number): Promise<void> {
    const store = await open(location, { compactEntries: 20 });
    const doc = new Y.Doc();
    doc.clientID = client;
    let update: Uint8Array = new Uint8Array(0);
    doc.on('update', (made: Uint8Array) => {
      update = made;
    });
    for (let n = 1; n <= count; n += 1) {
      doc.getMap('map').set(`${client}-${n}`, n);
      const { key, durable } = store.append('doc', n % 3 === 0 ? 'received' : 'pending', update);
      void durable.then(() => console.log(`durable ${client}-${n} ${key}`));
      if (n % 7 === 0) await durable;
    }
    await store.close();
  },

  /** What is stored: keys of the content, and keys of the pending entries. */
  async read(location: string): Promise<{ content: string[]; pending: string[] }> {
    const store = await open(location);
    const stored = await store.load('doc');
    await store.close();
    return { content: contentOf(stored), pending: stored.pending.map(({ key }) => key) };
  },

  /** Closes every connection underneath an open store; resolves with what was stored and how often one was opened. */
  async closeUnderneath(location: string): Promise<{ content: string[]; opened: number }> {
    watchDatabases();
    const store = await open(location);
    for (const update of edits(1, 5)) {
      const { durable } = store.append('doc', 'pending', update);
      await durable;
      for (const each of connections) each.close();
    }
    const stored = await store.load('doc');
    await store.close();
    return { content: contentOf(stored), opened: connections.length };
  },

  /** Removes the database while a store has it open; resolves with the codes of what the next calls rejected with. */
  async removeUnderneath(location: string): Promise<string[]> {
    const codes: string[] = [];
    const store = await open(location, {}, (error) => codes.push(`reported ${error.code}`));
    const [first = new Uint8Array(0), second = new Uint8Array(0)] = edits(1, 2);
    await store.append('doc', 'pending', first).durable;
    await removeDatabase(location);
    for (const call of [() => store.append('doc', 'pending', second).durable, () => store.load('doc')]) {
      await call().catch((error: unknown) => codes.push((error as StoreError).code));
    }
    await store.close().catch(() => undefined);
    return codes;
  },

  /** How writes are made: the durabilities of their transactions. */
  async durabilities(location: string): Promise<string[]> {
    watchDatabases();
    const store = await open(location);
    const { key, durable } = store.append('doc', 'pending', new Uint8Array(3));
    await durable;
    await store.acknowledge('doc', [key]);
    await store.close();
    return durabilities;
  },

  /** How often the browser is asked to keep the data, by two stores; and what the estimate says. */
  async persistence(
    location: string,
  ): Promise<{ asked: number; usageBytes: number; quotaBytes: number | null; persisted: boolean | null }> {
    const counted = { asked: 0 };
    // Another tab of this browser may have been granted it.
    StorageManager.prototype.persisted = async () => false;
    const persist = navigator.storage.persist.bind(navigator.storage);
    StorageManager.prototype.persist = () => {
      counted.asked += 1;
      return persist();
    };
    const stores = await Promise.all([open(location), open(location)]);
    const [first] = stores;
    // Opening does not wait for the question.
    for (let turn = 0; turn < 100 && counted.asked === 0; turn += 1) await first.load('doc');
    const estimate = await first.estimate();
    await Promise.all(stores.map((store) => store.close()));
    return { ...counted, ...estimate };
  },

  /** Compacts while another holder has the document's lock; resolves with the order of events. */
  async compactLocked(location: string): Promise<string[]> {
    const events: string[] = [];
    const store = await open(location);
    for (const update of edits(1, 3)) void store.append('doc', 'received', update);
    await store.flush();
    let compacting: Promise<unknown> = Promise.resolve();
    await navigator.locks.request(`tideweave ${location} document doc`, async () => {
      compacting = store.compact('doc').then(() => events.push('compacted'));
      await store.append('doc', 'pending', new Uint8Array(2)).durable;
      events.push('written meanwhile');
    });
    await compacting;
    await store.close();
    return events;
  },
};

export type StorePage = typeof page;

declare global {
  var tideweaveStore: StorePage;
}
globalThis.tideweaveStore = page;
