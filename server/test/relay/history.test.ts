// @slow
// Histories that part: a document deleted and made again, and a data folder put back to an older copy.
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type DocumentHandle, SyncClient } from '@tideweave/client';
import { seededRandom } from '@tideweave/shared';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { withFolder } from '../support/folders.ts';
import { NativePeer } from '../support/native-peer.ts';
import { endProvider, readers, sameContent, stockProvider, whenSynced } from '../support/readers.ts';
import { RelayProcess, stablePort } from '../support/relay-process.ts';
import { memoryLog, withRelay } from '../support/relay.ts';
import { pass, until, within } from '../support/wait.ts';

/** Longer than the second after which members are told how far they may resume. */
const watermarkMs = 1500;

const refusal = (handle: DocumentHandle): Promise<{ code: string; action: string; reason: string }> =>
  new Promise((resolve) => void handle.on('refused', resolve));

test('C6 U3 a document that was deleted and made again: nothing merges, and the client is told to reload', async () => {
  const log = memoryLog();
  await withRelay({ log }, async ({ url, http }) => {
    const client = new SyncClient({ url });
    const handle = client.open('document');
    await handle.whenSynced();
    handle.doc.getText('text').insert(0, 'the first history');
    await handle.whenSaved({ tier: 'server' });
    await pass(watermarkMs);
    client.disconnect();
    handle.doc.getText('text').insert(0, 'typed offline, ');

    assert.is((await fetch(`${http}/api/docs/document`, { method: 'DELETE' })).status, 200);
    assert.is((await fetch(`${http}/api/docs/document`, { method: 'PUT' })).status, 201);
    const other = new SyncClient({ url });
    const second = other.open('document');
    await second.whenSynced();
    second.doc.getText('text').insert(0, 'the second history');
    await second.whenSaved({ tier: 'server' });

    const refused = refusal(handle);
    const saving = handle.whenSaved({ tier: 'server' });
    saving.catch(() => undefined);
    client.connect();
    const { code, action } = await within('the refusal', refused);
    assert.equal([code, action], ['TW_EPOCH_MISMATCH', 'reload']);
    const error = await saving.then(
      () => null,
      (thrown: unknown) => thrown as { code: string },
    );
    assert.is(error?.code, 'TW_EPOCH_MISMATCH');
    assert.is(handle.status.phase, 'refused');
    assert.is(handle.status.pending.updates, 1, 'what was not sent is still pending');
    assert.is(handle.doc.getText('text').toString(), 'typed offline, the first history', 'its copy is as it was');
    await pass(50);
    for (const read of Object.values(readers)) {
      assert.is((await read(url, 'document')).getText('text').toString(), 'the second history');
    }
    assert.is(second.doc.getText('text').toString(), 'the second history');

    // The advice works: opened afresh, it is the other history.
    handle.close();
    const fresh = client.open('document');
    await within('the other history', fresh.whenSynced());
    assert.is(fresh.doc.getText('text').toString(), 'the second history');
    client.destroy();
    other.destroy();
  });
});

test('C6 a document that was deleted is not resurrected by a client that comes back', async () => {
  await withRelay({ log: memoryLog() }, async ({ url, http }) => {
    const client = new SyncClient({ url });
    const handle = client.open('document');
    handle.doc.getText('text').insert(0, 'gone');
    await handle.whenSaved({ tier: 'server' });
    client.disconnect();
    handle.doc.getText('text').insert(0, 'offline ');
    await (await fetch(`${http}/api/docs/document`, { method: 'DELETE' })).arrayBuffer();
    const refused = refusal(handle);
    client.connect();
    const { code, action } = await within('the refusal', refused);
    assert.equal([code, action], ['TW_DOCUMENT_DELETED', 'contact']);
    assert.is(handle.doc.getText('text').toString(), 'offline gone');
    assert.is((await fetch(`${http}/api/docs/document`)).status, 410);

    // A stock client stays away by its close code, and writes nothing either.
    const doc = new Y.Doc();
    doc.getText('text').insert(0, 'stock');
    const provider = stockProvider(url, 'document', doc);
    const closed = await within(
      'the close',
      new Promise<{ code: number }>((resolve) => provider.once('closed', (event: { code: number }) => resolve(event))),
    );
    assert.is(closed.code, 4410);
    assert.is((await fetch(`${http}/api/docs/document`)).status, 410);
    endProvider(provider);
    client.destroy();
  });
});

test('C7 D1 a data folder put back to an older copy heals from the clients that are still there, of both dialects', async () => {
  const port = await stablePort(seededRandom(Date.now() % 1_000_000));
  await withFolder(async (folder) => {
    const [data, backup] = [join(folder, 'data'), join(folder, 'backup')];
    let relay = await RelayProcess.start(data, { port });
    const client = new SyncClient({ url: relay.url });
    const handle = client.open('native');
    const stockDoc = new Y.Doc();
    const provider = stockProvider(relay.url, 'stock', stockDoc);
    try {
      await Promise.all([handle.whenSynced(), whenSynced(provider)]);
      const texts = [handle.doc.getText('text'), stockDoc.getText('text')];
      for (const text of texts) text.insert(0, 'in the backup; deleted later');
      await handle.whenSaved({ tier: 'server' });
      // There is no such document until its first edit has arrived.
      const stored = (): Promise<Y.Doc | null> => readers.http(relay.url, 'stock').catch(() => null);
      await until('the stock edit', async () => ((await stored())?.getText('text').length ?? 0) > 0);
      await relay.stop();
      await cp(data, backup, { recursive: true });

      relay = await RelayProcess.start(data, { port });
      await until('both to be back', () => handle.status.synced && provider.synced);
      for (const text of texts) {
        text.delete(13, text.length - 13);
        text.insert(text.length, ', and not in the backup');
      }
      await handle.whenSaved({ tier: 'server' });
      const expected = 'in the backup, and not in the backup';
      await until('the stock edit', async () => {
        return (await readers.http(relay.url, 'stock')).getText('text').toString() === expected;
      });
      await pass(watermarkMs);
      await relay.kill();
      await rm(data, { recursive: true });
      await cp(backup, data, { recursive: true });

      relay = await RelayProcess.start(data, { port });
      for (const [name, doc] of [
        ['native', handle.doc],
        ['stock', stockDoc],
      ] as const) {
        await until(`${name} to be healed`, async () => sameContent(await readers.http(relay.url, name), doc));
        for (const [kind, read] of Object.entries(readers)) {
          assert.is((await read(relay.url, name)).getText('text').toString(), expected, `${name} read by ${kind}`);
        }
      }
      // What healed it is durable, too.
      handle.doc.getText('text').insert(0, '!');
      await handle.whenSaved({ tier: 'server' });
      await relay.kill();
      relay = await RelayProcess.start(data, { port });
      assert.ok(sameContent(await readers.http(relay.url, 'native'), handle.doc));
    } finally {
      client.destroy();
      endProvider(provider);
      await relay.kill();
    }
  });
});

test('C5 an update that builds on what the relay lacks is asked for, and stored only with it', async () => {
  const log = memoryLog();
  await withRelay({ log }, async ({ url }) => {
    const doc = new Y.Doc();
    doc.getText('text').insert(0, 'first');
    const afterFirst = Y.encodeStateVector(doc);
    doc.getText('text').insert(5, ', second');
    const second = Y.encodeStateAsUpdate(doc, afterFirst);
    const peer = await NativePeer.connect(url);
    const opened = await peer.open('document');
    peer.push(opened.doc, 1, second);
    peer.push(opened.doc, 2, second);
    const want = await peer.take('want');
    await pass(50);
    assert.is(await log.head('document'), null, 'nothing is stored that cannot be integrated');
    assert.is(
      peer.inbox.some(({ type }) => type === 'ack' || type === 'want'),
      false,
      'asked once, acknowledged never',
    );
    peer.send({ type: 'resync', doc: opened.doc, n: 2, update: Y.encodeStateAsUpdate(doc, want.stateVector) });
    assert.is((await peer.take('ack')).n, 2);
    assert.is((await readers.native(url, 'document')).getText('text').toString(), 'first, second');
    // Whoever cannot complete it even then is refused.
    const other = await NativePeer.connect(url);
    const another = await other.open('other');
    other.push(another.doc, 1, second);
    await other.take('want');
    other.send({ type: 'resync', doc: another.doc, n: 1, update: second });
    const refused = await other.take('refuse');
    assert.equal([refused.scope, refused.code, refused.action], ['document', 'TW_MISSING_DEPENDENCIES', 'reload']);
    assert.is(await log.head('other'), null);
    peer.end();
    other.end();
  });
});

test.run();
