/** The store in a browser: IndexedDB, with Web Locks between tabs and a request to keep the data. */
import type { DocumentStore } from './document-store.ts';
import { type LevelStoreOptions, openLevelStore } from './level-store.ts';
import { localLock } from './local-lock.ts';
import { type Lock, StoreError, type StoreEstimate } from './offline-store.ts';

export interface BrowserStoreOptions extends Omit<LevelStoreOptions, 'lock' | 'estimate' | 'location'> {
  /** Name of the database; default `tideweave`. One per user who signs in, so that they do not see each other's documents. */
  readonly location?: string;
}

/** Opens the store of this origin. All tabs open the same one. Rejects with `TypeError` elsewhere than in a browser. */
export async function openBrowserStore(options: BrowserStoreOptions): Promise<DocumentStore> {
  if (typeof indexedDB === 'undefined')
    throw new TypeError("store: 'device' is for browsers; in Node, openLevelStore says in which folder");
  const { location = 'tideweave' } = options;
  const store = await openLevelStore({ ...options, location, lock: webLock(location), estimate: browserEstimate });
  // Not awaited: a browser may ask the user.
  void persistOnce(options.onError);
  return store;
}

/** A page that is not secure (http, not localhost) has no Web Locks: tabs may then do the same work twice, and lose nothing. */
function webLock(location: string): Lock {
  const locks = navigator.locks as LockManager | undefined;
  if (locks === undefined) return localLock();
  return (name, run) => locks.request(`tideweave ${location} ${name}`, run);
}

let persistAsked = false;

/** Asks the browser, once per page, not to evict this origin's data by itself. */
async function persistOnce(onError: (error: StoreError) => void): Promise<void> {
  const storage = navigator.storage as Partial<StorageManager> | undefined;
  if (persistAsked || storage?.persist === undefined || storage.persisted === undefined) return;
  persistAsked = true;
  try {
    if (!(await storage.persisted())) await storage.persist();
  } catch (cause) {
    onError(new StoreError('failed', `the browser could not be asked to keep the data: ${String(cause)}`, { cause }));
  }
}

async function browserEstimate(): Promise<StoreEstimate> {
  const storage = navigator.storage as Partial<StorageManager> | undefined;
  const estimate = await storage?.estimate?.();
  const persisted = await storage?.persisted?.();
  return { usageBytes: estimate?.usage ?? 0, quotaBytes: estimate?.quota ?? null, persisted: persisted ?? null };
}
