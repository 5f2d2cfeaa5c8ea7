/**
 * What every `OfflineStore` must do, whoever writes it: run it with a factory of your own. The promises are a list, so
 * that they run in a browser's page as well as in Node.
 */
import type { Test } from 'uvu';

import { documentPromises } from './promises-documents.ts';
import { entryPromises } from './promises-entries.ts';
import type { DeviceUnderTest, StorePromise } from './store-promise.ts';

export type { DeviceUnderTest, StorePromise } from './store-promise.ts';

export const storePromises: readonly StorePromise[] = [...entryPromises, ...documentPromises];

/** Registers the promises in a suite. `shared`: several stores may have a device open at once, as tabs do. */
export function offlineStoreContract(
  test: Test,
  factory: () => Promise<DeviceUnderTest>,
  { shared }: { readonly shared: boolean },
): void {
  for (const each of storePromises) {
    if (each.tabs && !shared) continue;
    test(each.title, async () => {
      const device = await factory();
      try {
        await each.run(device);
      } finally {
        await device.dispose();
      }
    });
  }
}
