// @slow
// Copies that were damaged on purpose, against a relay: found by the digest, mended, and told.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { type Divergence, type DocumentHandle, SyncClient } from '../src/index.ts';
import { platformEnvironment } from '../src/environment.ts';
import { withRelay } from './support/relay.ts';
import { until } from './support/wait.ts';

/** A client that does not wait longer than it has to before it compares. */
function clientOf(url: string): SyncClient {
  return new SyncClient({ url }, { ...platformEnvironment(url, undefined), random: () => 0 });
}

function divergencesOf(handle: DocumentHandle): Divergence[] {
  const divergences: Divergence[] = [];
  handle.on('diverged', (divergence) => divergences.push(divergence));
  return divergences;
}

const verified = (...handles: DocumentHandle[]): Promise<void> =>
  until('the digest', () => handles.every(({ status }) => status.verified));

test('C1 P74 a client that lost a deletion gets it back, and says so', async () => {
  await withRelay({}, async ({ url }) => {
    const client = clientOf(url);
    const handle = client.open('document', { doc: new Y.Doc({ gc: false }) });
    const text = handle.doc.getText('text');
    text.insert(0, 'one two');
    text.delete(3, 4);
    await handle.whenSaved({ tier: 'server' });
    await verified(handle);
    const divergences = divergencesOf(handle);
    for (const structs of handle.doc.store.clients.values()) {
      for (const struct of structs) if (struct instanceof Y.Item && struct.deleted) struct.info ^= 4;
    }
    assert.is(text.toString(), 'one two', 'damaged');
    text.insert(0, '!');
    await verified(handle);
    assert.is(text.toString(), '!one');
    assert.equal(divergences, [{ here: true, relay: false, attempt: 1 }]);
    client.destroy();
  });
});

test('C1 P75 U1 a deletion that only a replica remembers gets to the relay', async () => {
  await withRelay({}, async ({ url }) => {
    const client = clientOf(url);
    const handle = client.open('document');
    const text = handle.doc.getText('text');
    text.insert(0, 'one two');
    await handle.whenSaved({ tier: 'server' });
    const divergences = divergencesOf(handle);
    const unsafe: boolean[] = [];
    handle.on('status', ({ safe }) => unsafe.push(safe === 'memory'));
    // As if the relay had sent it and lost it since: nobody takes it for an edit made here.
    handle.doc.transact(() => text.delete(3, 4), handle);
    await verified(handle);
    assert.equal(divergences, [{ here: false, relay: true, attempt: 1 }]);
    assert.ok(unsafe.includes(true), 'not shown as saved while the relay does not have it');
    const other = clientOf(url);
    const copy = other.open('document');
    await copy.whenSynced();
    assert.is(copy.doc.getText('text').toString(), 'one');
    other.destroy();
    client.destroy();
  });
});

test('C1 P75 a map key that two have set at once is no divergence', async () => {
  await withRelay({}, async ({ url }) => {
    const clients = [clientOf(url), clientOf(url)];
    const handles = clients.map((client) => client.open('document'));
    await Promise.all(handles.map((handle) => handle.whenSynced()));
    const divergences = handles.flatMap(divergencesOf);
    for (const client of clients) client.disconnect();
    for (const [at, handle] of handles.entries()) handle.doc.getMap('map').set('key', at);
    for (const client of clients) client.connect();
    await Promise.all(handles.map((handle) => handle.whenSaved({ tier: 'server' })));
    await verified(...handles);
    const [first, second] = handles.map(({ doc }) => doc.getMap('map').get('key'));
    assert.is(first, second);
    assert.equal(divergences, []);
    for (const client of clients) client.destroy();
  });
});

test.run();
