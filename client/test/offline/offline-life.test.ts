// @slow
/** A document's life on a device without a network, and what happens when the network comes back. */
import { setTimeout as delay } from 'node:timers/promises';
import type { DocumentStatus } from '@tideweave/client';
import { SyncClient } from '@tideweave/client/testing';
import { seededRandom } from '@tideweave/shared';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { platformEnvironment } from '../../src/environment.ts';
import { DeviceCopy, resumed } from '../../src/relay/device-copy.ts';
import { type Device, OfflineWorld, countedSocket, until, within } from './offline-world.ts';

interface Context {
  world: OfflineWorld;
}

const test = suite<Context>('Offline life');

test.before.each(async (context) => {
  context.world = await OfflineWorld.begin();
});

test.after.each(({ world }) => world.end());

/** The device has met the document before and knows where to resume. */
async function known({ world }: Context, text: string): Promise<void> {
  const device = await world.device();
  await device.handle.whenSynced();
  device.text.insert(0, text);
  await within('the edit to be saved', device.handle.whenSaved({ tier: 'server' }));
  await until('a watermark on the device', async () => {
    const { resume, pending, delivered } = await device.store.load('document');
    return resume !== null && pending.length === 0 && delivered.length === 0;
  });
  await device.end();
}

const kept = async ({ store }: Device): Promise<number> => (await store.load('document')).pending.length;

test('C4 U1 a document opens without a network, with its content, ready and safe on the server as far as is known', async (context) => {
  const { world } = context;
  await world.online();
  await known(context, 'kept');
  await world.offline();

  const device = await world.device();
  assert.is(device.handle.status.phase, 'loading');
  await within('the content', device.handle.whenLoaded());
  assert.is(device.text.toString(), 'kept');
  const { phase, synced, pending, safe } = device.handle.status;
  assert.equal([phase, synced, pending.updates, safe], ['ready', false, 0, 'server']);

  device.text.insert(0, 'offline ');
  assert.is(device.handle.status.safe, 'memory');
  await within('the device', device.handle.whenSaved({ tier: 'device' }));
  assert.is(device.handle.status.safe, 'device');
  assert.is(device.handle.status.pending.updates, 1);
  await device.end();

  const again = await world.device();
  await within('the content', again.handle.whenLoaded());
  assert.is(again.text.toString(), 'offline kept');
  assert.equal([again.handle.status.phase, again.handle.status.safe], ['ready', 'device']);
});

test('C4 edits made while the document is being read are kept, and whenSaved waits for them', async (context) => {
  const { world } = context;
  await world.online();
  await known(context, 'kept');
  await world.offline();

  const device = await world.device();
  device.text.insert(0, 'early ');
  assert.equal([device.handle.status.phase, device.handle.status.safe], ['loading', 'memory']);
  assert.is(device.handle.status.pending.updates, 1);
  await within('the device', device.handle.whenSaved({ tier: 'device' }));
  assert.is(device.handle.status.phase, 'ready');
  assert.is(await kept(device), 1);
  await device.end();

  const again = await world.device();
  await again.handle.whenLoaded();
  assert.is(again.text.toString().length, 'early kept'.length);
  assert.match(again.text.toString(), 'early ');
  assert.match(again.text.toString(), 'kept');
});

test('C2 C4 edits made offline survive the end of the process and are pushed once', async (context) => {
  const { world } = context;
  await world.online();
  await known(context, '.');
  const { seq } = await world.about();
  await world.offline();

  for (let session = 1; session <= 3; session += 1) {
    const device = await world.device();
    await device.handle.whenLoaded();
    for (let edit = 0; edit < 4; edit += 1) device.text.insert(device.text.length, String(session));
    await within('the device', device.handle.whenSaved({ tier: 'device' }));
    assert.is(await kept(device), 4 * session);
    await device.end();
  }

  const device = await world.device();
  await device.handle.whenLoaded();
  assert.is(device.handle.status.pending.updates, 12);
  await world.online();
  await within('the relay', device.handle.whenSaved({ tier: 'server' }));
  assert.equal([device.handle.status.pending.updates, device.handle.status.safe], [0, 'server']);
  assert.is((await world.about()).seq, seq + 1, 'one push, one entry');
  assert.is((await world.content()).getText('text').toString(), '.111122223333');
  await until('nothing to be pending on the device', async () => (await kept(device)) === 0);
  await device.end();

  // Coming back once more has nothing to say.
  const again = await world.device();
  await within('the relay', again.handle.whenSynced());
  await again.handle.whenSaved({ tier: 'server' });
  await delay(100);
  assert.is((await world.about()).seq, seq + 1);
  assert.is(again.text.toString(), '.111122223333');
});

test('U1 C4 saved on the device is said before saved on the server, and either only when it is true', async ({
  world,
}) => {
  await world.online();
  const device = await world.device();
  await device.handle.whenSynced();
  let commit: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (commit = resolve));
  world.log.faults.beforeAppend = () => held;

  const said: string[] = [];
  const safe: DocumentStatus['safe'][] = [];
  device.handle.on('status', (status) => {
    if (safe.at(-1) !== status.safe) safe.push(status.safe);
  });
  device.handle.on('saved', () => said.push('saved'));
  device.text.insert(0, 'x');
  const onDevice = device.handle.whenSaved({ tier: 'device' }).then(() => said.push('device'));
  const onServer = device.handle.whenSaved({ tier: 'server' }).then(() => said.push('server'));
  await within('the device', onDevice);
  await delay(200);
  assert.equal(said, ['device']);
  assert.equal([device.handle.status.pending.updates, device.handle.status.safe], [1, 'device']);
  assert.is(await kept(device), 1);
  commit();
  await within('the relay', onServer);
  assert.equal(said, ['device', 'saved', 'server']);
  assert.equal(safe, ['memory', 'device', 'server']);
});

test('C4 after a restart only what was missed travels: 10 keystrokes of a large document', async ({ world }) => {
  await world.online();
  const random = seededRandom(5);
  const writer = world.client();
  const writing = writer.open('document');
  const text = writing.doc.getText('text');
  await writing.whenSynced();
  for (let session = 0; session < 20; session += 1) {
    writing.doc.transact(() => {
      for (let edit = 0; edit < 250; edit += 1) {
        text.insert(Math.floor(random() * (text.length + 1)), 'a sentence of some length. ');
        text.delete(Math.floor(random() * (text.length - 3)), 2);
      }
    });
    await delay(1);
  }
  await within('the document', writing.whenSaved({ tier: 'server' }));

  const first = await world.device();
  await within('the document', first.handle.whenSynced());
  await until('everything to be confirmed on the device', async () => {
    const { resume, delivered } = await first.store.load('document');
    return resume !== null && delivered.length === 0;
  });
  await first.end();

  let missedBytes = 0;
  writing.doc.on('update', (update: Uint8Array) => void (missedBytes += update.length));
  const at = Math.floor(random() * text.length);
  for (let typed = 0; typed < 10; typed += 1) {
    text.insert(at + typed, 'x');
    await delay(5);
  }
  await within('the keystrokes', writing.whenSaved({ tier: 'server' }));

  const { WebSocket, counts } = countedSocket();
  const second = await world.device({ client: { WebSocket } });
  await within('what was missed', second.handle.whenSynced());
  const { receivedBytes, sentBytes } = counts;
  assert.is(second.text.toString(), text.toString());
  const documentBytes = Y.encodeStateAsUpdate(writing.doc).length;
  assert.ok(documentBytes > 150_000);
  console.log(
    `| resume after a restart | document ${documentBytes} B | missed ${missedBytes} B | received ${receivedBytes} B | sent ${sentBytes} B |`,
  );
  assert.ok(receivedBytes <= 1.2 * missedBytes + 200, `${receivedBytes} B for ${missedBytes} B missed`);
});

test('C3 C4 two devices that were both offline end with the same, each edit once', async ({ world }) => {
  await world.online();
  for (const folder of ['one', 'two']) {
    const device = await world.device({ folder });
    await device.handle.whenSynced();
    device.text.insert(0, `${folder} `);
    await device.handle.whenSaved({ tier: 'server' });
    await delay(1200);
    await device.end();
  }
  await world.offline();
  for (const folder of ['one', 'two']) {
    const device = await world.device({ folder });
    await device.handle.whenLoaded();
    device.handle.doc.getArray('list').push([folder, `${folder} again`]);
    device.handle.doc.getMap('map').set(folder, true);
    await device.handle.whenSaved({ tier: 'device' });
    await device.end();
  }
  await world.online();
  const devices = [await world.device({ folder: 'one' }), await world.device({ folder: 'two' })];
  await within('both', Promise.all(devices.map(({ handle }) => handle.whenSaved({ tier: 'server' }))));
  const whole = (doc: Y.Doc): string =>
    JSON.stringify([doc.getText('text'), doc.getArray('list'), [...doc.getMap('map').keys()].sort()]);
  const [one, two] = devices;
  assert.ok(one && two);
  await until(
    'both to have everything',
    () => one.handle.doc.getArray('list').length === 4 && whole(one.handle.doc) === whole(two.handle.doc),
  );
  const held = await world.content();
  assert.is(whole(held), whole(one.handle.doc));
  assert.equal([...held.getArray<string>('list')].sort(), ['one', 'one again', 'two', 'two again']);
  assert.equal([...held.getMap('map').keys()].sort(), ['one', 'two']);
});

test('C4 U1 edits made while what follows a session on the device is still being loaded are kept and sent', async ({
  world,
}) => {
  await world.online();
  const store = await world.store();
  let arrive: () => void = () => undefined;
  const arrived = new Promise<void>((resolve) => (arrive = resolve));
  const environment = {
    ...platformEnvironment(world.url, undefined),
    deviceCopies: async () => arrived.then(() => ({ DeviceCopy, resumed })),
  };
  const client = new SyncClient({ url: world.url, store }, environment);
  const handle = client.open('document');
  handle.doc.getText('text').insert(0, 'early');
  await until('the connection', () => client.status.connection === 'connected');
  assert.equal([handle.status.phase, handle.status.safe, handle.status.pending.updates], ['loading', 'memory', 1]);
  arrive();
  await within('the relay', handle.whenSaved({ tier: 'server' }));
  assert.is((await world.content()).getText('text').toString(), 'early');
  client.destroy();
  await store.close();
  await world.offline();
  const again = await world.device();
  await within('the device', again.handle.whenLoaded());
  assert.is(again.text.toString(), 'early', 'it is on the device too');
});

test('U3 when what follows a session on the device cannot be loaded, that is said, and edits go to the relay', async ({
  world,
}) => {
  await world.online();
  const lost = new Error('the page is older than its server');
  const environment = {
    ...platformEnvironment(world.url, undefined),
    deviceCopies: () => Promise.reject(lost),
  };
  const client = new SyncClient({ url: world.url, store: await world.store() }, environment);
  const handle = client.open('document');
  const failures: Error[] = [];
  handle.on('storefailed', (error) => failures.push(error));
  handle.doc.getText('text').insert(0, 'kept in memory');
  await within('the relay', handle.whenSaved({ tier: 'server' }));
  assert.equal(failures, [lost]);
  assert.is((await world.content()).getText('text').toString(), 'kept in memory');
  client.destroy();
});

test.run();
