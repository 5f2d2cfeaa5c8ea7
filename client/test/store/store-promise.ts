import type { EntryKey, OfflineStore, StoreLimits } from '../../src/store/offline-store.ts';

/** A device to test on; each test gets an empty one of its own. */
export interface DeviceUnderTest {
  /** Opens a store on the device. */
  readonly open: (limits?: Partial<StoreLimits>) => Promise<OfflineStore>;
  /** Removes what the test left. */
  readonly dispose: () => Promise<void>;
}

/** One promise with its test. */
export interface StorePromise {
  readonly title: string;
  /** Needs a device that is shared. */
  readonly tabs: boolean;
  readonly run: (device: DeviceUnderTest) => Promise<void>;
}

/** Nothing is compacted by itself. */
export const noLimits: Partial<StoreLimits> = {
  compactEntries: Number.MAX_SAFE_INTEGER,
  compactBytes: Number.MAX_SAFE_INTEGER,
};

/** Appends pending updates; resolves with their keys when they are durable. */
export async function pend(store: OfflineStore, name: string, updates: readonly Uint8Array[]): Promise<EntryKey[]> {
  const writes = updates.map((update) => store.append(name, 'pending', update));
  await Promise.all(writes.map(({ durable }) => durable));
  return writes.map(({ key }) => key);
}
