/** Whole documents: names, sizes, compaction, deletion, export, reports, and the store's end. */
import * as assert from 'uvu/assert';

import type { EntryKey } from '../../src/store/offline-store.ts';
import { at, codeOf, contentOf, edits, keysOf, keysSet, updatesOf } from './store-fixtures.ts';
import { type StorePromise, noLimits, pend } from './store-promise.ts';

/** Names that break naive keys. */
const oddNames = [
  '__proto__',
  'constructor',
  '../x',
  '/',
  '.',
  '~',
  '\u0000',
  'a\u0000b',
  'Ω≈ç√',
  '👩‍👩‍👧',
  '\uFEFFbom',
  ' ',
  'd0011',
  'open',
  '\u{10ffff}',
  'x'.repeat(512),
  '€'.repeat(170),
];

export const documentPromises: StorePromise[] = [];

const promise = (title: string, run: StorePromise['run']): void =>
  void documentPromises.push({ title, run, tabs: false });
const tabsPromise = (title: string, run: StorePromise['run']): void =>
  void documentPromises.push({ title, run, tabs: true });

promise('D3 a document that grows is compacted by itself, and one found grown when it is loaded', async ({ open }) => {
  let store = await open({ compactEntries: 10 });
  for (const update of edits(1, 95)) await store.append('doc', 'received', update).durable;
  const keys = await pend(store, 'doc', edits(2, 10));
  await store.acknowledge('doc', keys);
  await store.close();
  store = await open(noLimits);
  let stored = await store.load('doc');
  assert.ok(stored.received.length < 30, `${stored.received.length} are left`);
  assert.equal(contentOf(stored), [...keysSet(1, 95), ...keysSet(2, 10)]);
  for (const update of edits(3, 20)) void store.append('doc', 'received', update);
  await store.close();
  store = await open({ compactEntries: 10 });
  await store.load('doc');
  await store.close();
  store = await open(noLimits);
  stored = await store.load('doc');
  assert.is(stored.received.length, 0);
  assert.is(contentOf(stored).length, 125);
  await store.close();
});

promise('C2 names are any Unicode up to 512 bytes and do not touch each other', async ({ open }) => {
  let store = await open();
  for (const [index, name] of oddNames.entries()) {
    await pend(store, name, edits(index + 1, 2));
    void store.append(name, 'received', at(edits(100 + index, 1), 0));
    void store.setResume(name, { epoch: name.slice(0, 20), cursor: Uint8Array.of(index) });
  }
  await store.delete('a\u0000b');
  await store.close();
  store = await open();
  for (const [index, name] of oddNames.entries()) {
    const stored = await store.load(name);
    const expected = name === 'a\u0000b' ? [] : [...keysSet(index + 1, 2), ...keysSet(100 + index, 1)];
    assert.equal(contentOf(stored), expected, JSON.stringify(name));
    if (expected.length > 0) assert.equal(stored.resume, { epoch: name.slice(0, 20), cursor: Uint8Array.of(index) });
  }
  const listed = (await store.list()).map(({ name }) => name).sort();
  assert.equal(listed, oddNames.filter((name) => name !== 'a\u0000b').sort());
  for (const name of ['', 'x'.repeat(1000), '\ud800', 'a\udc00b']) {
    assert.is(await codeOf(async () => store.load(name)), 'invalid-name', JSON.stringify(name));
    assert.throws(() => store.append(name, 'pending', Uint8Array.of(0, 0)), /document name/);
  }
  await store.close();
});

promise('U2 documents are listed with what they take', async ({ open }) => {
  const store = await open(noLimits);
  const made = edits(1, 10);
  await pend(store, 'a', made);
  for (const update of edits(2, 10)) void store.append('b', 'received', update);
  await store.compact('b');
  void store.append('b', 'received', at(made, 0));
  void store.append('b', 'delivered', at(made, 1));
  void store.putReport('b', { any: 'thing' });
  void store.setResume('c', { epoch: 'e', cursor: Uint8Array.of(1) });
  const byName = (await store.list()).sort((a, b) => (a.name < b.name ? -1 : 1));
  const empty = {
    baseBytes: 0,
    receivedBytes: 0,
    deliveredBytes: 0,
    pendingBytes: 0,
    pendingUpdates: 0,
    reports: 0,
    asides: 0,
    asideBytes: 0,
  };
  const baseBytes = (await store.load('b')).base?.length ?? 0;
  assert.ok(baseBytes > 0);
  const bytes = made.reduce((sum, { length }) => sum + length, 0);
  assert.equal(byName[0], { ...empty, name: 'a', pendingBytes: bytes, pendingUpdates: 10 });
  assert.equal(byName[1], {
    ...empty,
    name: 'b',
    baseBytes,
    receivedBytes: at(made, 0).length,
    deliveredBytes: at(made, 1).length,
    reports: 1,
  });
  assert.equal(byName[2], { ...empty, name: 'c' });
  const { usageBytes } = await store.estimate();
  assert.ok(usageBytes >= 0);
  await store.close();
});

promise('C6 an export holds all of a document, pending edits too', async ({ open }) => {
  const store = await open(noLimits);
  await pend(store, 'doc', edits(1, 5));
  for (const update of edits(2, 5)) void store.append('doc', 'received', update);
  await store.compact('doc');
  void store.append('doc', 'received', at(edits(3, 1), 0));
  void store.append('doc', 'delivered', at(edits(4, 1), 0));
  const exported = await store.export('doc');
  assert.ok(exported !== null);
  assert.equal(keysOf([exported]), [...keysSet(1, 5), ...keysSet(2, 5), '3-1', '4-1']);
  await store.close();
});

promise(
  'C6 what is set aside takes the place of its document, is no part of what comes, and goes when there is more of it',
  async ({ open }) => {
    let store = await open({ asidesMax: 2 });
    for (const round of [1, 2, 3]) {
      await pend(store, 'doc', edits(round, 2));
      void store.append('doc', 'received', at(edits(round + 10, 1), 0));
      void store.append('doc', 'delivered', at(edits(round + 20, 1), 0));
      void store.setResume('doc', { epoch: 'e', cursor: Uint8Array.of(round) });
      await pend(store, 'other', edits(round, 1));
      const all = await store.export('doc');
      await store.setAside('doc', all ?? new Uint8Array(0));
      const { base, received, delivered, pending, resume } = await store.load('doc');
      assert.equal([base, received, delivered, pending, resume], [null, [], [], [], null], 'nothing of it is loaded');
    }
    await store.close();
    store = await open();
    const asides = await store.listAside('doc');
    assert.equal(
      asides.map(({ update }) => keysOf([update])),
      [2, 3].map((round) => [...keysSet(round, 2), `${round + 10}-1`, `${round + 20}-1`]),
    );
    assert.ok(asides.every(({ setAsideAt }) => setAsideAt > 1_700_000_000_000 && setAsideAt < 4_000_000_000_000));
    assert.is((await store.listAside('other')).length, 0);
    assert.is((await store.load('other')).pending.length, 3);
    await pend(store, 'doc', edits(9, 1));
    assert.equal(keysOf([(await store.export('doc')) ?? new Uint8Array(0)]), ['9-1']);
    const info = (await store.list()).find(({ name }) => name === 'doc');
    const bytes = asides.reduce((sum, { update }) => sum + update.length, 0);
    assert.equal([info?.asides, info?.asideBytes, info?.pendingUpdates], [2, bytes, 1]);
    await store.removeAside('doc', at(asides, 0).key);
    assert.equal(
      (await store.listAside('doc')).map(({ key }) => key),
      [at(asides, 1).key],
    );
    await store.delete('doc');
    assert.equal(await store.listAside('doc'), []);
    await store.close();
  },
);

promise('C6 a deleted document is gone, with what waits to be compacted, and can be begun anew', async ({ open }) => {
  let store = await open({ compactEntries: 5 });
  for (const update of edits(1, 50)) void store.append('doc', 'received', update);
  const [key = ''] = await pend(store, 'doc', edits(2, 1));
  void store.putReport('doc', {});
  void store.setResume('doc', { epoch: 'e', cursor: Uint8Array.of(1) });
  const compacting = store.compact('doc').catch(() => false);
  await store.delete('doc');
  await compacting;
  await store.acknowledge('doc', [key]);
  assert.equal(await store.list(), []);
  const [fresh = new Uint8Array(0)] = edits(3, 1);
  void store.append('doc', 'received', fresh);
  await store.close();
  store = await open();
  const stored = await store.load('doc');
  assert.equal(contentOf(stored), ['3-1']);
  assert.equal([stored.resume, stored.reports], [null, []]);
  await store.close();
});

promise(
  'U3 merge reports are kept until they are removed, the newest of them, and none that is too large',
  async ({ open }) => {
    let store = await open({ reportsMax: 3, reportBytesMax: 1000 });
    const keys: EntryKey[] = [];
    for (let n = 1; n <= 5; n += 1) {
      const { key, durable } = store.putReport('doc', { n, mine: 'ü', gone: null });
      keys.push(key);
      await durable;
    }
    void store.putReport('other', []);
    assert.throws(
      () => store.putReport('doc', 'x'.repeat(1000)),
      (error: Error) => 'code' in error && error.code === 'too-large',
    );
    assert.throws(() => store.putReport('doc', undefined), TypeError);
    await store.close();
    store = await open();
    let { reports } = await store.load('doc');
    assert.equal(
      reports,
      [3, 4, 5].map((n) => ({ key: keys[n - 1], report: { n, mine: 'ü', gone: null } })),
    );
    await store.removeReport('doc', keys[3] ?? '');
    ({ reports } = await store.load('doc'));
    assert.equal(
      reports.map(({ key }) => key),
      [keys[2], keys[4]],
    );
    assert.equal(
      (await store.load('other')).reports.map(({ report }) => report),
      [[]],
    );
    await store.close();
  },
);

promise('U3 a closed store keeps what it took and refuses everything else', async ({ open }) => {
  let store = await open();
  const last = store.append('doc', 'pending', at(edits(1, 1), 0));
  const closing = store.close();
  assert.is(await codeOf(() => store.append('doc', 'pending', at(edits(2, 1), 0)).durable), 'closed');
  await closing;
  await last.durable;
  await store.close();
  for (const call of [
    () => store.load('doc'),
    () => store.list(),
    () => store.compact('doc'),
    () => store.delete('doc'),
    () => store.export('doc'),
    () => store.estimate(),
    () => store.flush(),
    () => store.acknowledge('doc', [last.key]),
    () => store.setResume('doc', { epoch: '', cursor: new Uint8Array(0) }),
    () => store.putReport('doc', 1).durable,
    () => store.removeReport('doc', last.key),
    () => store.setAside('doc', at(edits(1, 1), 0)),
    () => store.listAside('doc'),
    () => store.removeAside('doc', last.key),
  ]) {
    assert.is(await codeOf(call), 'closed');
  }
  store = await open();
  assert.equal(contentOf(await store.load('doc')), ['1-1']);
  await store.close();
});

tabsPromise('D3 tabs that compact, write, acknowledge and read at once lose nothing', async ({ open }) => {
  const stores = await Promise.all([
    open({ compactEntries: 20 }),
    open({ compactEntries: 20 }),
    open({ compactEntries: 20 }),
  ]);
  const count = 150;
  const work = stores.map(async (store, index) => {
    for (const [n, update] of edits(index + 1, count).entries()) {
      const { key, durable } = store.append('doc', 'pending', update);
      await durable;
      if (n % 2 === 0) void at(stores, (index + 1) % 3).acknowledge('doc', [key]);
      if (n % 10 !== 0) continue;
      const seen = new Set(contentOf(await at(stores, (index + 2) % 3).load('doc')));
      for (const each of keysSet(index + 1, n + 1)) assert.ok(seen.has(each), `${each} is seen by another tab`);
      if (n % 30 === 0) await store.compact('doc');
    }
  });
  await Promise.all(work);
  await Promise.all(stores.map((store) => store.close()));
  const store = await open(noLimits);
  const stored = await store.load('doc');
  assert.equal(
    contentOf(stored),
    stores.flatMap((_, index) => keysSet(index + 1, count)),
  );
  assert.is(stored.pending.length, (3 * count) / 2);
  assert.ok(updatesOf(stored).length < 320, `${updatesOf(stored).length} updates: it was compacted`);
  await store.close();
});
