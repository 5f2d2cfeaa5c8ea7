import { offlineStoreContract } from '@tideweave/client/store/contract';
import { suite } from 'uvu';
import { systemClock, systemRandom } from '../../src/clock.ts';
import { MemoryDevice, openMemoryStore } from '../../src/store/memory-store.ts';
import { fail } from './store-fixtures.ts';

const test = suite('OfflineStore: memory');

offlineStoreContract(
  test,
  async () => {
    const device = new MemoryDevice();
    const options = { device, clock: systemClock, random: systemRandom, onError: fail };
    return { open: (limits = {}) => openMemoryStore({ ...options, limits }), dispose: async () => undefined };
  },
  { shared: true },
);

test.run();
