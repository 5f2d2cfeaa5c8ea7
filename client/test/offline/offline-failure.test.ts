// @waits
/** What goes wrong around a document on the device: relays that forget, devices that refuse, histories that part. */
import { setTimeout as delay } from 'node:timers/promises';
import { type DocumentHandle, type RefusalStatus, SyncClient } from '@tideweave/client';
import { MemoryDevice, StoreError, openMemoryStore } from '@tideweave/client/store';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { systemClock, systemRandom } from '../../src/clock.ts';
import { OfflineWorld, until, within } from './offline-world.ts';

interface Context {
  world: OfflineWorld;
}

const test = suite<Context>('Offline failures');

test.before.each(async (context) => {
  context.world = await OfflineWorld.begin();
});

test.after.each(({ world }) => world.end());

const textOf = ({ doc }: DocumentHandle): string => doc.getText('text').toString();

const openMemory = (world: OfflineWorld, device: MemoryDevice): ReturnType<typeof openMemoryStore> =>
  openMemoryStore({
    device,
    clock: systemClock,
    random: systemRandom,
    onError: (error) => world.storeErrors.push(error),
  });

test('C4 D1 what a relay lost that crashed before the commit is handed back by a reader that restarted', async ({
  world,
}) => {
  await world.online({ limits: { drainMs: 20 } });
  const author = world.client();
  const writing = author.open('document');
  writing.doc.getText('text').insert(0, 'durable');
  await within('the first edit', writing.whenSaved({ tier: 'server' }));

  const reader = await world.device();
  await reader.handle.whenSynced();
  await until('a watermark on the device', async () => {
    const { resume, delivered } = await reader.store.load('document');
    return resume !== null && delivered.length === 0;
  });

  // From here on nothing is committed: what is fanned out now, the relay will not know after its crash.
  world.log.faults.beforeAppend = () => new Promise(() => undefined);
  writing.doc.getText('text').insert(0, 'lost? ');
  await until('the edit at the reader', () => textOf(reader.handle) === 'lost? durable');
  await until('the edit on its device', async () => (await reader.store.load('document')).delivered.length === 1);
  // Longer than it takes to send a watermark: none may vouch for it.
  await delay(1500);
  assert.is((await reader.store.load('document')).delivered.length, 1);
  await reader.end();
  author.destroy();
  await world.offline();
  delete world.log.faults.beforeAppend;

  await world.online();
  assert.is((await world.content()).getText('text').toString(), 'durable', 'the relay has forgotten it');
  const back = await world.device();
  await within('the reader to come back', back.handle.whenSynced());
  await until('it to be handed back', async () => {
    return (await world.content()).getText('text').toString() === 'lost? durable';
  });
  await until('it to be safe', () => back.handle.status.safe === 'server');
  await until('it to be confirmed on the device', async () => {
    return (await back.store.load('document')).delivered.length === 0;
  });
  assert.is((await world.about()).seq, 2);
});

test('U1 what is handed back is not shown as safe on the server before the relay has committed it', async ({
  world,
}) => {
  await world.online({ limits: { drainMs: 20 } });
  const author = world.client();
  const writing = author.open('document');
  writing.doc.getText('text').insert(0, 'durable');
  await writing.whenSaved({ tier: 'server' });
  const reader = await world.device();
  await reader.handle.whenSynced();
  world.log.faults.beforeAppend = () => new Promise(() => undefined);
  writing.doc.getText('text').insert(0, 'lost? ');
  await until('the edit at the reader', () => textOf(reader.handle) === 'lost? durable');
  await reader.end();
  author.destroy();
  await world.offline();

  let commit: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (commit = resolve));
  world.log.faults.beforeAppend = () => held;
  await world.online();
  const back = await world.device();
  await within('the reader to come back', back.handle.whenSynced());
  await delay(200);
  assert.is(back.handle.status.safe, 'device');
  commit();
  await until('it to be safe', () => back.handle.status.safe === 'server');
});

test('U3 C4 a store that does not open is said, and the document works without it', async ({ world }) => {
  await world.online();
  const client = world.client({ store: Promise.reject(new StoreError('locked', 'another process has it')) });
  const handle = client.open('document');
  const failures: Error[] = [];
  handle.on('storefailed', (error) => failures.push(error));
  handle.doc.getText('text').insert(0, 'early ');
  await within('the document', handle.whenSynced());
  assert.is(failures.length, 1);
  assert.is((failures[0] as StoreError).code, 'locked');
  handle.doc.getText('text').insert(0, 'later ');
  assert.is(handle.status.safe, 'memory');
  await within('the relay', handle.whenSaved({ tier: 'server' }));
  await within('the device, which the relay stands in for', handle.whenSaved({ tier: 'device' }));
  assert.is((await world.content()).getText('text').toString(), 'later early ');
});

test('U1 U3 while the device refuses writes an edit is in memory; when it takes them again it is safe on the device', async ({
  world,
}) => {
  const device = new MemoryDevice();
  const store = await openMemory(world, device);
  const client = world.client({ store });
  const handle = client.open('document');
  handle.doc.getText('text').insert(0, 'a');
  await within('the device', handle.whenSaved({ tier: 'device' }));
  assert.is(handle.status.safe, 'device');

  let attempts = 0;
  device.onWrite = () => {
    attempts += 1;
    return Promise.reject(new Error('the disk is full'));
  };
  handle.doc.getText('text').insert(0, 'b');
  let promised = false;
  const saved = handle.whenSaved({ tier: 'device' }).then(() => (promised = true));
  await until('several attempts', () => attempts >= 3);
  assert.is(handle.status.safe, 'memory');
  assert.is(handle.status.pending.updates, 2);
  assert.not(promised);
  assert.ok(world.storeErrors.length > 0 && world.storeErrors.every(({ code }) => code === 'failed'));

  // No further edit is made: the recovery alone must be noticed.
  device.onWrite = null;
  await within('the recovery', saved);
  assert.is(handle.status.safe, 'device');
  client.destroy();
  await store.close();
  const again = await openMemory(world, device);
  assert.is((await again.load('document')).pending.length, 2);
  await again.close();
});

test('U1 what came from others and is handed back is not safe on a device that refused it', async ({ world }) => {
  await world.online({ limits: { drainMs: 20 } });
  const author = world.client();
  const writing = author.open('document');
  writing.doc.getText('text').insert(0, 'durable');
  await writing.whenSaved({ tier: 'server' });
  const device = new MemoryDevice();
  const store = await openMemory(world, device);
  const client = world.client({ store });
  const handle = client.open('document');
  await handle.whenSynced();
  await store.flush();
  world.log.faults.beforeAppend = () => new Promise(() => undefined);
  device.onWrite = () => Promise.reject(new Error('the disk is full'));
  writing.doc.getText('text').insert(0, 'lost? ');
  await until('the edit at the reader', () => textOf(handle) === 'lost? durable');
  author.destroy();
  await world.offline();
  await world.online();
  await until('it to come back', () => handle.status.synced);
  assert.is(handle.status.safe, 'memory');
  device.onWrite = null;
  await until('the recovery', () => handle.status.safe === 'device');
});

test('U3 L1 what the device kept and cannot be applied does not keep the document from being opened', async ({
  world,
}) => {
  await world.online();
  const device = new MemoryDevice();
  const first = await openMemory(world, device);
  first.append('document', 'received', new Uint8Array([1, 1, 200, 200, 200]));
  await first.close();
  const author = world.client();
  const writing = author.open('document');
  writing.doc.getText('text').insert(0, 'on the relay');
  await writing.whenSaved({ tier: 'server' });

  const before = new Map(device.values);
  const client = world.client({ store: openMemory(world, device) });
  const handle = client.open('document');
  const failures: Error[] = [];
  handle.on('storefailed', (error) => failures.push(error));
  await within('the document', handle.whenSynced());
  assert.is(failures.length, 1);
  assert.is(textOf(handle), 'on the relay');
  handle.doc.getText('text').insert(0, 'now ');
  await within('the relay', handle.whenSaved({ tier: 'server' }));
  assert.equal([...device.values.keys()], [...before.keys()], 'the copy on the device is left as it is');
});

test('U3 a name that is none is refused at once, with a store as without', async ({ world }) => {
  const store = await openMemory(world, new MemoryDevice());
  for (const client of [world.client(), world.client({ store })]) {
    for (const name of ['', 'ü'.repeat(257)]) {
      assert.throws(
        () => client.open(name),
        (error: { code?: string }) => error.code === 'TW_INVALID_NAME',
      );
    }
  }
});

test('U2 a closed document says nothing more, whatever the device still does', async ({ world }) => {
  const device = new MemoryDevice();
  const client = world.client({ store: await openMemory(world, device) });
  const handle = client.open('document');
  await until('the device to be read', () => handle.status.safe === 'server');
  let written: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (written = resolve));
  device.onWrite = () => held;
  handle.doc.getText('text').insert(0, 'x');
  await delay(20);
  const phases: string[] = [];
  handle.on('status', ({ phase }) => phases.push(phase));
  handle.close();
  written();
  await delay(50);
  assert.equal(phases, ['closed']);
  assert.is(handle.status.phase, 'closed');
});

test('C6 U3 another history on the relay is refused, and the copy on the device stays whole', async ({ world }) => {
  await world.online();
  const first = await world.device();
  await first.handle.whenSynced();
  first.text.insert(0, 'the first history');
  await within('the relay', first.handle.whenSaved({ tier: 'server' }));
  await until('a watermark on the device', async () => (await first.store.load('document')).resume !== null);
  await first.end();

  assert.is(await world.request('DELETE'), 200);
  assert.is(await world.request('PUT'), 201);
  const other = new SyncClient({ url: world.url });
  const theirs = other.open('document');
  theirs.doc.getText('text').insert(0, 'the second history');
  await theirs.whenSaved({ tier: 'server' });
  await world.offline();

  const back = await world.device();
  await within('the copy', back.handle.whenLoaded());
  back.text.insert(0, 'typed offline, ');
  await back.handle.whenSaved({ tier: 'device' });
  const refused = new Promise<RefusalStatus>((resolve) => void back.handle.on('refused', resolve));
  const saving = back.handle.whenSaved({ tier: 'server' });
  saving.catch(() => undefined);
  await world.online();
  const { code, action } = await within('the refusal', refused);
  assert.equal([code, action], ['TW_EPOCH_MISMATCH', 'reload']);
  assert.is(await saving.then(String, (error: { code: string }) => error.code), 'TW_EPOCH_MISMATCH');
  const { phase, safe, pending } = back.handle.status;
  assert.equal([phase, safe, pending.updates], ['refused', 'device', 1]);
  back.text.insert(0, 'and after, ');
  await within('the device', back.store.flush());

  const exported = await back.store.export('document');
  assert.ok(exported);
  const copy = new Y.Doc();
  Y.applyUpdate(copy, exported);
  assert.is(copy.getText('text').toString(), 'and after, typed offline, the first history');
  const stored = await back.store.load('document');
  assert.is(stored.pending.length, 2);
  await back.end();

  // Nor does a restart merge them.
  const again = await world.device();
  await until('the refusal again', () => again.handle.status.phase === 'refused');
  assert.is(again.text.toString(), 'and after, typed offline, the first history');
  assert.is((await world.content()).getText('text').toString(), 'the second history');
  assert.is(textOf(theirs), 'the second history');
  other.destroy();
});

test.run();
