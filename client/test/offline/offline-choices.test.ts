// @slow
/** The relay has another history of a document than the device: what the application can choose from (C6). */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { type Device, OfflineWorld, until, within } from './offline-world.ts';

interface Context {
  world: OfflineWorld;
}

const test = suite<Context>('Offline choices');

test.before.each(async (context) => {
  context.world = await OfflineWorld.begin();
});

test.after.each(({ world }) => world.end());

const textOf = (doc: Y.Doc): string => doc.getText('text').toString();

/** The device has 'mine', the relay another history with 'theirs', and the two have met. */
async function apart(world: OfflineWorld): Promise<Device> {
  await world.online();
  const first = await world.device();
  await first.handle.whenSynced();
  first.text.insert(0, 'mine');
  await within('the relay', first.handle.whenSaved({ tier: 'server' }));
  await until('a watermark on the device', async () => (await first.store.load('document')).resume !== null);
  await first.end();
  assert.is(await world.request('DELETE'), 200);
  assert.is(await world.request('PUT'), 201);
  const other = world.client();
  const theirs = other.open('document');
  theirs.doc.getText('text').insert(0, 'theirs');
  await within('the relay', theirs.whenSaved({ tier: 'server' }));
  // After a restart of the process: the choice is still open.
  const device = await world.device();
  await until('the refusal', () => device.handle.status.error?.code === 'TW_EPOCH_MISMATCH');
  return device;
}

test('C6 U3 mine is kept as a document of its own, on the device and on the relay, and the relay’s is left alone', async ({
  world,
}) => {
  const device = await apart(world);
  const kept = await within('the copy', device.handle.keepMineAs('mine of old'));
  assert.is(textOf(kept.doc), 'mine');
  await within('the relay', kept.whenSaved({ tier: 'server' }));
  assert.is(textOf(await world.content('mine%20of%20old')), 'mine');
  assert.is(textOf(await world.content()), 'theirs');
  assert.is(device.handle.status.phase, 'refused', 'the choice for the document itself is still to be made');
  const names = (await device.store.list()).map(({ name }) => name).sort();
  assert.equal(names, ['document', 'mine of old']);
});

test('C6 U3 theirs is taken: the device sets its own aside, and goes on with the relay’s, also after a restart', async ({
  world,
}) => {
  const device = await apart(world);
  device.text.insert(4, ' typed in vain');
  const mine = new Y.Doc();
  Y.applyUpdate(mine, device.handle.exportMine());
  assert.is(textOf(mine), 'mine typed in vain', 'what is exported before');
  const theirs = await within('the other history', device.handle.takeTheirs());
  assert.is(device.handle.status.phase, 'closed');
  await within('theirs', theirs.whenSynced());
  assert.is(textOf(theirs.doc), 'theirs');
  theirs.doc.getText('text').insert(0, 'on with ');
  await within('the relay', theirs.whenSaved({ tier: 'server' }));
  assert.type(theirs.lastSavedAt, 'number');
  await device.end();
  await world.offline();

  const again = await world.device();
  await within('the device', again.handle.whenLoaded());
  assert.is(textOf(again.handle.doc), 'on with theirs');
  const [aside, ...more] = await again.handle.listAside();
  assert.is(more.length, 0);
  const old = new Y.Doc();
  Y.applyUpdate(old, aside?.update ?? new Uint8Array([0, 0]));
  assert.is(textOf(old), 'mine typed in vain', 'nothing that was typed is lost');
  await again.handle.removeAside(aside ?? { key: '' });
  assert.equal(await again.handle.listAside(), []);
});

test('C6 U3 theirs is taken without losing anything when the device refuses what is to be set aside', async ({
  world,
}) => {
  const device = await apart(world);
  const full = new Error('the disk is full');
  device.store.setAside = () => Promise.reject(full);
  const failure = await device.handle.takeTheirs().catch((error: unknown) => error);
  assert.is(failure, full);
  await device.end();
  const again = await world.device();
  await within('the device', again.handle.whenLoaded());
  assert.is(again.text.toString(), 'mine');
});

test('C6 without another history there is nothing to choose', async ({ world }) => {
  await world.online();
  const { handle } = await world.device();
  await handle.whenSynced();
  const rejects = async (run: () => Promise<unknown>): Promise<string> => run().then(() => '', String);
  assert.match(await rejects(() => handle.takeTheirs()), /one history/);
  assert.match(await rejects(() => handle.keepMineAs('copy')), /one history/);
  assert.is(handle.status.phase, 'ready');
});

test.run();
