// @slow
// The storage fails: what is acknowledged then, and what not.
import { SyncClient } from '@tideweave/client';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { NativePeer } from '../support/native-peer.ts';
import { endProvider, readers, stockProvider, whenSynced } from '../support/readers.ts';
import { memoryLog, withRelay } from '../support/relay.ts';
import { until } from '../support/wait.ts';

test('D5 U1 while the storage fails nothing is acknowledged, reads and fan-out go on, and it recovers without a restart', async () => {
  const log = memoryLog();
  await withRelay({ log }, async ({ url, http, logged }) => {
    const client = new SyncClient({ url });
    const handle = client.open('document');
    await handle.whenSynced();
    handle.doc.getText('text').insert(0, 'safe; ');
    await handle.whenSaved({ tier: 'server' });
    const stockDoc = new Y.Doc();
    const provider = stockProvider(url, 'document', stockDoc);
    await whenSynced(provider);

    let attempts = 0;
    log.faults.beforeAppend = () => {
      attempts += 1;
      return Promise.reject(new Error('no space left on device'));
    };
    handle.doc.getText('text').insert(6, 'not yet safe; ');
    let saved = false;
    const saving = handle.whenSaved({ tier: 'server' }).then(() => (saved = true));
    await until('others to see it all the same', () => stockDoc.getText('text').toString() === 'safe; not yet safe; ');
    await until('several attempts', () => attempts >= 3);
    assert.equal([saved, handle.status.safe, handle.status.pending.updates], [false, 'memory', 1]);
    assert.is((await readers.native(url, 'document')).getText('text').toString(), 'safe; not yet safe; ');
    assert.is((await fetch(`${http}/readyz`)).status, 503);
    assert.ok(logged.some(({ level, message }) => level === 'error' && message.includes('the storage fails')));

    delete log.faults.beforeAppend;
    await saving;
    assert.equal([handle.status.safe, handle.status.pending.updates], ['server', 0]);
    assert.is((await fetch(`${http}/readyz`)).status, 200);
    assert.ok(logged.some(({ message }) => message.includes('takes writes again')));
    assert.is((await log.read('document', 0)).length, 2);
    client.destroy();
    endProvider(provider);
  });
});

test('D5 U3 when too much waits for a failing storage, further edits are refused with a reason, and kept by their clients', async () => {
  const log = memoryLog();
  const limits = { uncommittedBytesMax: 64 * 1024, updateBytesMax: 64 * 1024 };
  await withRelay({ log, limits }, async ({ url }) => {
    log.faults.beforeAppend = () => Promise.reject(new Error('no space left on device'));
    const peer = await NativePeer.connect(url);
    const filler = await peer.open('filler');
    const doc = new Y.Doc();
    doc.getText('text').insert(0, 'x'.repeat(60 * 1024));
    peer.push(filler.doc, 1, Y.encodeStateAsUpdate(doc));
    await until(
      'the failure to be known',
      async () => (await fetch(`${url.replace('ws', 'http')}/readyz`)).status === 503,
    );

    const client = new SyncClient({ url });
    const handle = client.open('document');
    await handle.whenSynced();
    const refused = new Promise<{ code: string; action: string }>((resolve) => void handle.on('refused', resolve));
    handle.doc.getText('text').insert(0, 'y'.repeat(10 * 1024));
    const { code, action } = await refused;
    assert.equal([code, action], ['TW_STORAGE_FAILED', 'retry']);
    assert.is(handle.status.pending.updates, 1);
    delete log.faults.beforeAppend;
    await handle.whenSaved({ tier: 'server' });
    assert.is((await readers.native(url, 'document')).getText('text').length, 10 * 1024);
    client.destroy();
    peer.end();
  });
});

test.run();
