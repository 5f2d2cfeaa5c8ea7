/** Updates that come back: pending, delivered and received. */
import * as assert from 'uvu/assert';

import { at, contentOf, edits, keysOf, keysSet, sameUpdates } from './store-fixtures.ts';
import { type StorePromise, noLimits, pend } from './store-promise.ts';

export const entryPromises: StorePromise[] = [];

const promise = (title: string, run: StorePromise['run']): void => void entryPromises.push({ title, run, tabs: false });
const tabsPromise = (title: string, run: StorePromise['run']): void =>
  void entryPromises.push({ title, run, tabs: true });

promise('C4 a document never stored is empty', async ({ open }) => {
  const store = await open();
  const empty = { base: null, received: [], delivered: [], pending: [], resume: null, reports: [] };
  assert.equal(await store.load('new'), { name: 'new', ...empty });
  assert.equal(await store.list(), []);
  assert.is(await store.export('new'), null);
  assert.is(await store.compact('new'), false);
  await store.delete('new');
  await store.acknowledge('new', []);
  await store.flush();
  assert.equal(await store.list(), []);
  await store.close();
});

promise(
  'C4 pending edits are there after reopening, as they were made, in order and under their keys',
  async ({ open }) => {
    const made = edits(1, 300);
    let store = await open();
    const keys = await pend(store, 'doc', made.slice(0, 200));
    await store.close();
    store = await open();
    await store.load('doc');
    keys.push(...(await pend(store, 'doc', made.slice(200))));
    await store.close();
    store = await open();
    const { pending, base, received } = await store.load('doc');
    assert.equal(
      pending.map(({ key }) => key),
      keys,
    );
    sameUpdates(
      pending.map(({ update }) => update),
      made,
    );
    assert.is(new Set(keys).size, 300);
    assert.equal([base, received], [null, []]);
    await store.close();
  },
);

promise('C4 what is acknowledged becomes received, and only that', async ({ open }) => {
  const made = edits(1, 4);
  let store = await open();
  const keys = await pend(store, 'doc', made);
  await store.acknowledge('doc', keys.slice(0, 2));
  // At once with the edit itself, in one batch.
  const late = store.append('doc', 'pending', at(edits(2, 1), 0));
  await store.acknowledge('doc', [late.key]);
  await store.close();
  store = await open();
  const stored = await store.load('doc');
  assert.equal(
    stored.pending.map(({ key }) => key),
    keys.slice(2),
  );
  assert.is(stored.received.length, 3);
  assert.equal(contentOf(stored), [...keysSet(1, 4), '2-1']);
  await store.close();
});

promise('C3 acknowledging again, or what was never there, changes nothing', async ({ open }) => {
  const store = await open();
  const [key = ''] = await pend(store, 'doc', edits(1, 1));
  await pend(store, 'other', edits(2, 1));
  await store.acknowledge('doc', [key, key]);
  await store.acknowledge('doc', [key]);
  await store.acknowledge('doc', ['', 'x', `${key}0`, key.replace(/^./, 'f'), '__proto__']);
  await store.acknowledge('other', [key]);
  await store.removeReport('doc', key);
  const stored = await store.load('doc');
  assert.equal([stored.received.length, stored.pending.length, stored.delivered.length], [1, 0, 0]);
  assert.is((await store.load('other')).pending.length, 1);
  await store.close();
});

promise(
  'C4 C6 the resume point comes back, with the deliveries that it confirms and without those it does not',
  async ({ open }) => {
    const others = edits(5, 3);
    let store = await open();
    const delivered = others.map((update) => store.append('doc', 'delivered', update));
    const keys = delivered.map(({ key }) => key);
    const cursor = Uint8Array.of(0, 255, 1);
    await store.setResume('doc', { epoch: 'épöch', cursor }, keys.slice(0, 2));
    await store.close();
    store = await open();
    const stored = await store.load('doc');
    assert.equal(stored.resume, { epoch: 'épöch', cursor });
    assert.is(stored.received.length, 2);
    assert.equal(stored.delivered, [{ key: keys[2], update: others[2] }]);
    assert.equal(contentOf(stored), keysSet(5, 3));
    await store.setResume('doc', { epoch: '', cursor: new Uint8Array(0) });
    assert.equal((await store.load('doc')).resume, { epoch: '', cursor: new Uint8Array(0) });
    assert.is((await store.load('doc')).delivered.length, 1);
    await store.close();
  },
);

promise(
  'D3 compaction merges what was received, keeps what is pending as it was, and changes no content',
  async ({ open }) => {
    let store = await open(noLimits);
    const mine = edits(1, 20);
    const keys = await pend(store, 'doc', mine);
    for (const update of edits(2, 50)) void store.append('doc', 'received', update);
    const [first = new Uint8Array(0)] = edits(3, 1);
    await store.append('doc', 'delivered', first).durable;
    await store.acknowledge('doc', keys.slice(0, 10));
    const before = contentOf(await store.load('doc'));
    assert.is(await store.compact('doc'), true);
    assert.is(await store.compact('doc'), false);
    for (const update of edits(4, 5)) void store.append('doc', 'received', update);
    await store.close();
    store = await open(noLimits);
    let stored = await store.load('doc');
    assert.equal([stored.received.length, stored.delivered.length], [5, 1]);
    sameUpdates(
      stored.pending.map(({ update }) => update),
      mine.slice(10),
    );
    assert.equal(keysOf(stored.base === null ? [] : [stored.base]), [...keysSet(1, 10), ...keysSet(2, 50)]);
    assert.is(await store.compact('doc'), true);
    stored = await store.load('doc');
    assert.is(stored.received.length, 0);
    assert.equal(contentOf(stored), [...before, ...keysSet(4, 5)]);
    await store.close();
  },
);

promise('C4 a load sees what was written before it, durable or not', async ({ open }) => {
  const store = await open();
  const made = edits(1, 30);
  for (const [index, update] of made.entries()) {
    void store.append('doc', 'pending', update);
    const { pending } = await store.load('doc');
    assert.is(pending.length, index + 1);
    if (index % 3 === 0) void store.append('other', 'pending', update);
  }
  sameUpdates(
    (await store.load('doc')).pending.map(({ update }) => update),
    made,
  );
  await store.close();
});

promise(
  'C2 what the caller does with its bytes afterwards changes nothing, and a view brings no more than itself',
  async ({ open }) => {
    let store = await open();
    const [update = new Uint8Array(0)] = edits(1, 1);
    const frame = new Uint8Array(100_000).fill(7);
    frame.set(update, 500);
    void store.append('doc', 'pending', frame.subarray(500, 500 + update.length));
    frame.fill(9);
    await store.close();
    store = await open();
    const [entry] = (await store.load('doc')).pending;
    assert.equal(entry?.update, update);
    entry?.update.fill(0);
    assert.equal((await store.load('doc')).pending[0]?.update, update);
    await store.close();
  },
);

promise('C2 updates of no byte and of two megabytes come back', async ({ open }) => {
  let store = await open(noLimits);
  const large = new Uint8Array(2_000_000).map((_, index) => index % 251);
  void store.append('doc', 'pending', new Uint8Array(0));
  void store.append('doc', 'pending', large);
  void store.append('doc', 'received', large);
  await store.close();
  store = await open(noLimits);
  const stored = await store.load('doc');
  assert.is(stored.pending[0]?.update.length, 0);
  sameUpdates([at(stored.pending, 1).update, ...stored.received], [large, large]);
  await store.close();
});

promise('U1 five thousand edits of one turn are written together, and all of them are there', async ({ open }) => {
  const made = edits(1, 5000);
  let store = await open();
  await pend(store, 'doc', made);
  await store.close();
  store = await open();
  const stored = await store.load('doc');
  sameUpdates(
    stored.pending.map(({ update }) => update),
    made,
  );
  await store.acknowledge(
    'doc',
    stored.pending.map(({ key }) => key),
  );
  assert.equal((await store.load('doc')).pending, []);
  await store.close();
});

tabsPromise('C4 two tabs that write to one document never make the same key, and both are there', async ({ open }) => {
  const a = await open();
  const b = await open();
  const [mine, theirs] = await Promise.all([pend(a, 'doc', edits(1, 500)), pend(b, 'doc', edits(2, 500))]);
  assert.is(new Set([...mine, ...theirs]).size, 1000);
  await Promise.all([
    a.acknowledge('doc', theirs.slice(0, 100)),
    b.acknowledge('doc', mine.slice(0, 100)),
    a.acknowledge('doc', mine.slice(50, 100)),
  ]);
  await Promise.all([a.close(), b.close()]);
  const store = await open();
  const stored = await store.load('doc');
  assert.equal([stored.pending.length, stored.received.length], [800, 200]);
  assert.equal(contentOf(stored), [...keysSet(1, 500), ...keysSet(2, 500)]);
  await store.close();
});
