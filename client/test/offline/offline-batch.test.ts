// @slow
/** Documents in sync without being opened: `keep` and `syncNow`. */
import type { SyncResult } from '@tideweave/client';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { OfflineWorld, until, within } from './offline-world.ts';

interface Context {
  world: OfflineWorld;
}

const test = suite<Context>('Offline batch');

test.before.each(async (context) => {
  context.world = await OfflineWorld.begin();
});

test.after.each(({ world }) => world.end());

const textOf = (doc: Y.Doc): string => doc.getText('text').toString();

/** Somebody else writes into a document. */
async function elsewhere(world: OfflineWorld, name: string, text: string): Promise<void> {
  const client = world.client();
  const handle = client.open(name);
  await within('the relay', handle.whenSynced());
  handle.doc.getText('text').insert(0, text);
  await within('the relay', handle.whenSaved({ tier: 'server' }));
  client.destroy();
}

async function onDevice(world: OfflineWorld, name: string): Promise<string> {
  const device = await world.device({ name, client: { connect: false } });
  await within('the device', device.handle.whenLoaded());
  const text = textOf(device.handle.doc);
  await device.end();
  return text;
}

test('C2 C4 documents that are kept open without a network, with what others wrote; they were never opened', async ({
  world,
}) => {
  await world.online();
  await elsewhere(world, 'one', 'first');
  const store = await world.store();
  const client = world.client({ store });
  await client.keep(['one', 'two']);
  await elsewhere(world, 'two', 'second');
  await elsewhere(world, 'one', 'more and ');
  await until('both on the device', async () => {
    const texts = await Promise.all(['one', 'two'].map(async (name) => (await store.export(name)) ?? null));
    return texts.every((update) => update !== null && update.length > 15);
  });
  await until('the second edit', async () => {
    const doc = new Y.Doc();
    Y.applyUpdate(doc, (await store.export('one')) ?? new Uint8Array([0, 0]));
    return textOf(doc) === 'more and first';
  });
  assert.is(client.documents.size, 0);

  // Opened by the application, and closed again: it stays kept.
  const handle = client.open('two');
  await within('the document', handle.whenSynced());
  assert.is(textOf(handle.doc), 'second');
  handle.close();
  await elsewhere(world, 'two', 'and third, ');
  await until('the third edit', async () => {
    const doc = new Y.Doc();
    Y.applyUpdate(doc, (await store.export('two')) ?? new Uint8Array([0, 0]));
    return textOf(doc) === 'and third, second';
  });
  client.destroy();
  await store.close();
  await world.offline();
  assert.is(await onDevice(world, 'one'), 'more and first');
  assert.is(await onDevice(world, 'two'), 'and third, second');
});

test('C4 U1 syncNow pushes what waits on the device, pulls, disconnects, and says what it did for each document', async ({
  world,
}) => {
  // Made offline, in a process that is gone.
  for (const name of ['one', 'two']) {
    const device = await world.device({ name });
    device.text.insert(0, `${name} offline`);
    await within('the device', device.handle.whenSaved({ tier: 'device' }));
    await device.end();
  }
  await world.online();
  await elsewhere(world, 'two', 'meanwhile ');
  const store = await world.store();
  const client = world.client({ store, connect: false });
  const results = await within('the batch', client.syncNow());
  const of = (name: string): SyncResult | undefined => results.find((result) => result.name === name);
  const { bytesUp: bytesOfOne = 0, ...one } = of('one') ?? {};
  const nothingDown = { updatesDown: 0, bytesDown: 0, changed: false };
  assert.equal(one, { name: 'one', updatesUp: 1, ...nothingDown, verified: true, merge: null, error: null });
  const two = of('two');
  assert.equal([two?.updatesUp, two?.updatesDown, two?.changed, two?.verified, two?.error], [1, 1, true, true, null]);
  assert.ok(bytesOfOne > 10 && (two?.bytesUp ?? 0) > 10 && (two?.bytesDown ?? 0) > 10);
  assert.is(results.length, 2);
  assert.is(client.status.connection, 'stopped');
  assert.is(client.documents.size, 0);
  assert.is(textOf(await world.content('one')), 'one offline');
  assert.is(textOf(await world.content('two')).length, 'two offlinemeanwhile '.length);
  assert.ok((await store.list()).every(({ pendingUpdates }) => pendingUpdates === 0));

  // Nothing is left to do, and nothing is done twice.
  const { seq } = await world.about('one');
  const again = await within('the second batch', client.syncNow(['one']));
  assert.equal(
    again.map(({ bytesUp, changed, error }) => [bytesUp, changed, error]),
    [[0, false, null]],
  );
  assert.is((await world.about('one')).seq, seq);
});

test('C2 syncNow counts only what changed something as a change, in documents that are open and that are not', async ({
  world,
}) => {
  await world.online();
  await elsewhere(world, 'document', 'here already');
  const first = await world.device();
  await within('the document', first.handle.whenSynced());
  first.text.delete(0, 5);
  await within('the relay', first.handle.whenSaved({ tier: 'server' }));
  await within('the device', first.store.flush());
  // Without the place to resume all deletions come again.
  const stored = await first.store.export('document');
  await first.end();
  const store = await world.store('other');
  await store.append('document', 'received', stored ?? new Uint8Array([0, 0])).durable;
  const client = world.client({ store, connect: false });
  const of = async (): Promise<unknown[]> => {
    const [result] = await within('the batch', client.syncNow(['document']));
    return [result?.changed, result?.error];
  };
  const [again] = await within('the batch', client.syncNow(['document']));
  assert.equal([again?.updatesDown, again?.changed], [1, false], 'what comes is here already');
  const handle = client.open('document');
  assert.equal(await of(), [false, null]);
  await elsewhere(world, 'document', 'news, ');
  assert.equal(await of(), [true, null]);
  assert.is(textOf(handle.doc), 'news, already');
  handle.close();
  await elsewhere(world, 'document', 'more ');
  assert.equal(await of(), [true, null]);
});

test('C4 batches at the same time share a connection that ends with the last of them, and none that the application wants', async ({
  world,
}) => {
  await world.online();
  const client = world.client({ store: await world.store(), connect: false });
  await Promise.all([within('one', client.syncNow(['one'])), within('two', client.syncNow(['two', 'three']))]);
  assert.is(client.status.connection, 'stopped');
  // In the middle of it.
  const off = client.on('status', () => client.connect());
  await within('the batch', client.syncNow(['one']));
  off();
  assert.is(client.status.connection, 'connected');
});

test('C1 syncNow tells when a copy that it touched is not the relay’s document', async ({ world }) => {
  await world.online();
  await elsewhere(world, 'document', 'theirs');
  const device = await world.device();
  await within('the document', device.handle.whenSynced());
  await until('a watermark on the device', async () => (await device.store.load('document')).resume !== null);
  const { resume } = await device.store.load('document');
  await device.end();
  // A place to resume without what was before it: nobody notices but who compares.
  const store = await world.store('other');
  await store.setResume('document', resume ?? { epoch: '', cursor: new Uint8Array() });
  await elsewhere(world, 'document', 'more of ');
  const [result] = await within('the batch', world.client({ store, connect: false }).syncNow(['document']));
  assert.equal([result?.verified, result?.error], [true, null], 'compared, exchanged, and compared again');
  const doc = new Y.Doc();
  Y.applyUpdate(doc, (await store.export('document')) ?? new Uint8Array([0, 0]));
  assert.is(textOf(doc), 'more of theirs');
});

test('C5 a kept document gives the relay what it lacks, though nobody opened it', async ({ world }) => {
  const device = await world.device();
  device.text.insert(0, 'known to the relay');
  await world.online();
  await within('the relay', device.handle.whenSaved({ tier: 'server' }));
  const update = device.handle.exportMine();
  await device.end();
  await world.offline();
  // A device that has the content, but neither an edit to push nor a place to resume: the relay has to ask for it.
  const store = await world.store('other');
  await store.append('fresh', 'received', update).durable;
  await world.online();
  await world.client({ store }).keep(['fresh']);
  const lacking = async (): Promise<string> => textOf(await world.content('fresh').catch(() => new Y.Doc()));
  await until('the relay to have it', async () => (await lacking()) === 'known to the relay');
});

test('U3 syncNow gives each document its own error: without a relay, refused, or ended by its signal', async ({
  world,
}) => {
  const device = await world.device();
  device.text.insert(0, 'waits');
  await within('the device', device.handle.whenSaved({ tier: 'device' }));
  await device.end();
  const store = await world.store();
  const client = world.client({ store, connect: false });
  const [late] = await within('the batch', client.syncNow(['document'], { timeoutMs: 50 }));
  assert.is((late?.error as { code?: string } | null)?.code, 'TW_TIMEOUT');
  const reason = new Error('the task ends');
  const [ended] = await within('the batch', client.syncNow(['document'], { signal: AbortSignal.abort(reason) }));
  assert.is(ended?.error, reason);
  const [invalid, other] = await within('the batch', client.syncNow(['', 'document'], { timeoutMs: 50 }));
  assert.is((invalid?.error as { code?: string } | null)?.code, 'TW_INVALID_NAME');
  assert.is((other?.error as { code?: string } | null)?.code, 'TW_TIMEOUT');
  assert.is(client.status.connection, 'stopped');
  assert.is((await store.load('document')).pending.length, 1, 'the edit is still there');
});

test.run();
