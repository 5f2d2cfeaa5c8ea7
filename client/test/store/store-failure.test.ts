/** The store on a device that fails, stalls, is closed underneath, emptied, or dies between any two batches. */
import { type Clock, seededRandom } from '@tideweave/shared';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { systemClock, systemRandom } from '../../src/clock.ts';
import type { Batch } from '../../src/store/backend.ts';
import { DocumentStore, type StoreOptions } from '../../src/store/document-store.ts';
import { MemoryBackend, MemoryDevice, openMemoryStore } from '../../src/store/memory-store.ts';
import type { StoreError, StoredDocument } from '../../src/store/offline-store.ts';
import { at, codeOf, contentOf, edits, fail, keysSet, rejection, sameUpdates } from './store-fixtures.ts';

const test = suite('OfflineStore: failures');

/** A clock whose time is told, and whose timers are run by hand. */
class HandClock implements Pick<Clock, 'wallTime' | 'after' | 'soon'> {
  time = 1_700_000_000_000;
  timers: { readonly delayMs: number; readonly run: () => void }[] = [];

  readonly wallTime = (): number => this.time;
  readonly soon = (run: () => void): void => queueMicrotask(run);

  after(delayMs: number, run: () => void): () => void {
    const timer = {
      delayMs,
      run: (): void => {
        cancel();
        run();
      },
    };
    const cancel = (): void => void (this.timers = this.timers.filter((each) => each !== timer));
    this.timers.push(timer);
    return cancel;
  }
}

interface Failing {
  readonly device: MemoryDevice;
  readonly clock: HandClock;
  readonly errors: StoreError[];
  readonly store: DocumentStore;
}

async function failing(options: Partial<StoreOptions> = {}): Promise<Failing> {
  const device = new MemoryDevice();
  const clock = new HandClock();
  const errors: StoreError[] = [];
  const onError = (error: StoreError): void => void errors.push(error);
  const store = await openMemoryStore({ device, clock, random: systemRandom, onError, ...options });
  return { device, clock, errors, store };
}

const diskFull = async (): Promise<never> => {
  throw new Error('disk full');
};

/** What a store opened anew on a device with these values finds. */
async function found(values: ReadonlyMap<string, Uint8Array>): Promise<StoredDocument> {
  const device = new MemoryDevice();
  for (const [key, value] of values) device.values.set(key, value);
  const store = await openMemoryStore({ device, clock: systemClock, random: systemRandom, onError: fail });
  const stored = await store.load('doc');
  await store.close();
  return stored;
}

test('U1 a write that fails is rejected and reported, with its cause', async () => {
  const { device, errors, store } = await failing();
  device.onWrite = diskFull;
  const error = await rejection(() => store.append('doc', 'pending', at(edits(1, 1), 0)).durable);
  assert.is((error as StoreError).code, 'failed');
  assert.match(error.message, /disk full/);
  assert.instance(error.cause, Error);
  assert.equal(errors, [error]);
  // It is not on the device, and not forgotten.
  assert.equal(contentOf(await found(device.values)), []);
  assert.equal(contentOf(await store.load('doc')), ['1-1']);
});

for (const way of ['the next write', 'flush', 'a timer'] as const) {
  test(`D5 C4 what failed is written before anything later, by ${way}`, async () => {
    const { device, clock, errors, store } = await failing();
    const made = edits(1, 4);
    device.onWrite = diskFull;
    const writes = [0, 1].map((index) => store.append('doc', 'pending', at(made, index)));
    await Promise.allSettled(writes.map(({ durable }) => durable));
    assert.is(await codeOf(() => store.flush()), 'failed');
    assert.is(await codeOf(() => store.acknowledge('doc', [at(writes, 0).key])), 'failed');
    assert.equal(
      clock.timers.map(({ delayMs }) => delayMs),
      [4000],
    );
    device.onWrite = null;
    if (way === 'the next write') await store.append('doc', 'pending', at(made, 2)).durable;
    else if (way === 'flush') await store.flush();
    else at(clock.timers, 0).run();
    await store.flush();
    assert.is(errors.length, 3);
    const stored = await found(device.values);
    assert.equal([stored.received.length, stored.pending.length], [1, way === 'the next write' ? 2 : 1]);
    contentOf(stored);
    assert.equal(clock.timers, []);
    await store.close();
  });
}

test('D5 C4 whatever fails, the device holds a beginning of what was written (60 seeds)', async () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const random = seededRandom(seed);
    const { device, store } = await failing({ limits: { compactEntries: 8 } });
    const made = edits(seed, 60);
    const promised = new Set<string>();
    const keys: string[] = [];
    device.onWrite = async () => {
      await Promise.resolve();
      if (random() < 0.4) throw new Error('no');
    };
    for (const [index, update] of made.entries()) {
      const roll = random();
      const kind = roll < 0.5 ? 'pending' : roll < 0.7 ? 'delivered' : 'received';
      const { key, durable } = store.append('doc', kind, update);
      void durable.then(
        () => promised.add(`${seed}-${index + 1}`),
        () => undefined,
      );
      keys.push(key);
      if (random() < 0.2) void store.acknowledge('doc', keys.slice(0, Math.floor(random() * keys.length)));
      if (random() < 0.2) void store.setResume('doc', { epoch: 'e', cursor: Uint8Array.of(index) }, keys);
      if (random() < 0.5) await durable.catch(() => undefined);
      const promisedSoFar = [...promised];
      const stored = await found(device.values);
      const content = new Set(contentOf(stored));
      for (const each of promisedSoFar) assert.ok(content.has(each), `seed ${seed}: ${each}`);
      // A cursor is never ahead of what it stands for.
      if (stored.resume !== null) assert.ok(content.size > (stored.resume.cursor[0] ?? 0), `seed ${seed}: the cursor`);
    }
    device.onWrite = null;
    // A batch that is under way at this moment may still fail.
    await store.flush().catch(() => undefined);
    await store.flush();
    assert.equal(contentOf(await found(device.values)), keysSet(seed, 60));
    await store.close();
  }
});

test('D3 a crash between any two batches of a compaction, an acknowledgement and a deletion loses nothing', async () => {
  const { device, store } = await failing({ limits: { compactEntries: 10_000 } });
  const states: ReadonlyMap<string, Uint8Array>[] = [];
  device.onWrite = async () => void states.push(new Map(device.values));
  const writes = edits(1, 10).map((update) => store.append('doc', 'pending', update));
  for (const update of edits(2, 10)) void store.append('doc', 'received', update);
  await store.flush();
  const first = states.length;
  for (const { key } of writes) {
    await store.acknowledge('doc', [key]);
    await store.compact('doc');
  }
  states.push(new Map(device.values));
  const last = states.length;
  assert.is(last - first, 21);
  for (const values of states.slice(first))
    assert.equal(contentOf(await found(values)), [...keysSet(1, 10), ...keysSet(2, 10)]);
  await store.delete('doc');
  assert.is(states.length, last + 1);
  assert.equal(contentOf(await found(device.values)), []);
});

test('R6 a device that takes nothing for too long ends the store, and what is there stays readable', async () => {
  const { device, clock, errors, store } = await failing({ limits: { waitingBytesMax: 2000 } });
  const made = edits(1, 100);
  await store.append('doc', 'pending', at(made, 0)).durable;
  device.onWrite = diskFull;
  const results = await Promise.allSettled(
    made.slice(1).map((update) => store.append('doc', 'pending', update).durable),
  );
  const codes = results.map((result) => (result.status === 'rejected' ? (result.reason as StoreError).code : ''));
  assert.equal([...new Set(codes)], ['behind']);
  assert.is(errors.filter(({ code }) => code === 'behind').length, 1);
  device.onWrite = null;
  assert.is(await codeOf(() => store.append('doc', 'pending', at(made, 1)).durable), 'behind');
  assert.equal(contentOf(await store.load('doc')), ['1-1']);
  assert.equal(clock.timers, []);
  assert.is(await codeOf(() => store.close()), 'behind');
});

test('R2 one write larger than what may wait is taken when nothing else waits', async () => {
  const { store } = await failing({ limits: { waitingBytesMax: 10 } });
  await store.append('doc', 'received', new Uint8Array(1000)).durable;
  await store.close();
});

test('U1 one batch is in flight, the next gathers', async () => {
  const { device, store } = await failing();
  const sizes: number[] = [];
  let proceed = (): void => undefined;
  device.onWrite = (batch: Batch) => {
    sizes.push(batch.size);
    return new Promise((resolve) => {
      proceed = resolve;
    });
  };
  const made = edits(1, 100);
  const durable = made.slice(0, 30).map((update) => store.append('doc', 'pending', update).durable);
  await new Promise((resolve) => setImmediate(resolve));
  for (const update of made.slice(30)) {
    durable.push(store.append('doc', 'pending', update).durable);
    await Promise.resolve();
  }
  assert.equal(sizes, [30]);
  proceed();
  await durable[0];
  await new Promise((resolve) => setImmediate(resolve));
  proceed();
  await Promise.all(durable);
  assert.equal(sizes, [30, 70]);
  device.onWrite = null;
  await store.close();
});

test('R4 a clock that jumps a day, either way, or is broken, changes no data and no order within a session', async () => {
  const { device, clock, store } = await failing();
  const made = edits(1, 50);
  const times = [0, 86_400_000, -86_400_000, Number.NaN, -5, 1e300, Infinity];
  for (const [index, update] of made.entries()) {
    clock.time = 1_700_000_000_000 + (times[index % times.length] ?? 0);
    await store.append('doc', 'pending', update).durable;
  }
  const stored = await found(device.values);
  sameUpdates(
    stored.pending.map(({ update }) => update),
    made,
  );
  await store.close();
});

test('C4 data that was removed while it was open is noticed, and nothing is written into the hole', async () => {
  const device = new MemoryDevice();
  const errors: StoreError[] = [];
  const backend = new MemoryBackend(device);
  const onError = (error: StoreError): void => void errors.push(error);
  const store = await DocumentStore.open(backend, { clock: systemClock, random: systemRandom, onError });
  const made = edits(1, 3);
  await store.append('doc', 'pending', at(made, 0)).durable;
  await backend.close();
  device.values.clear();
  assert.is(await codeOf(() => store.append('doc', 'pending', at(made, 1)).durable), 'emptied');
  assert.is(await codeOf(() => store.append('doc', 'pending', at(made, 2)).durable), 'emptied');
  assert.is(await codeOf(() => store.load('doc')), 'emptied');
  assert.equal(
    errors.map(({ code }) => code),
    ['emptied'],
  );
  await store.close().catch(() => undefined);
  const again = await openMemoryStore({ device, clock: systemClock, random: systemRandom, onError: fail });
  assert.equal(await again.list(), []);
  await again.close();
});

test('C4 a database that closes again at once fails the write, and is opened by the next', async () => {
  const device = new MemoryDevice();
  const errors: StoreError[] = [];
  const backend = new MemoryBackend(device);
  const onError = (error: StoreError): void => void errors.push(error);
  const store = await DocumentStore.open(backend, { clock: new HandClock(), random: systemRandom, onError });
  let closes = 2;
  device.onWrite = async () => {
    closes -= 1;
    if (closes >= 0) await backend.close();
  };
  const made = edits(1, 2);
  assert.is(await codeOf(() => store.append('doc', 'pending', at(made, 0)).durable), 'failed');
  assert.is(errors.length, 1);
  await store.append('doc', 'pending', at(made, 1)).durable;
  assert.equal(contentOf(await found(device.values)), keysSet(1, 2));
  await store.close();
});

test('D4 a compaction that fails is reported and changes nothing', async () => {
  const merge = (): never => {
    throw new RangeError('cannot merge this');
  };
  const { device, errors, store } = await failing({ merge, limits: { compactEntries: 10 } });
  for (const update of edits(1, 25)) await store.append('doc', 'received', update).durable;
  await store.close();
  assert.equal(
    errors.map(({ message }) => message),
    Array.from({ length: 2 }, () => 'a document could not be compacted: RangeError: cannot merge this'),
  );
  assert.is((await found(device.values)).received.length, 25);
});

test('U3 a listener that throws does not stop the store', async () => {
  const thrown: unknown[] = [];
  const clock = new HandClock();
  const caught = {
    wallTime: clock.wallTime,
    after: clock.after.bind(clock),
    soon: (run: () => void): void =>
      queueMicrotask(() => {
        try {
          run();
        } catch (error) {
          thrown.push(error);
        }
      }),
  };
  const onError = (): never => {
    throw new TypeError('a bug of the application');
  };
  const { device, store } = await failing({ clock: caught, onError });
  device.onWrite = diskFull;
  assert.is(await codeOf(() => store.append('doc', 'pending', at(edits(1, 1), 0)).durable), 'failed');
  device.onWrite = null;
  await store.flush();
  assert.is(thrown.length, 1);
  assert.equal(contentOf(await found(device.values)), ['1-1']);
  await store.close();
});

test.run();
