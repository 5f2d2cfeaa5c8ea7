// @waits
// The stock provider of y-websocket 3, unchanged, against the relay.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Awareness } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { endProvider, readers, stockProvider, whenSynced } from '../support/readers.ts';
import { memoryLog, withRelay } from '../support/relay.ts';
import { countedSockets } from '../support/sockets.ts';
import { pass, until } from '../support/wait.ts';
import { YPeer } from '../support/y-peer.ts';

/** Longer than the 30 s after which the stock provider gives up on a silent server. */
const quietMs = 34_000;

test('C2 the first answer is the whole document: empty, in the log, compacted, and both (y-websocket: empty at first)', async () => {
  const log = memoryLog();
  // Slow reads: what is sent before the document is loaded would come first.
  const read = log.read.bind(log);
  log.read = async (name, after) => {
    await pass(50);
    return read(name, after);
  };
  await withRelay({ log, limits: { idleUnloadMs: 0 } }, async ({ url, http }) => {
    const firstAnswer = async (): Promise<string> => {
      const peer = await YPeer.connect(url, 'document');
      peer.begin(new Y.Doc());
      await until('a step 2', () => peer.inbox.some(({ type }) => type === 'step-2'));
      assert.is(peer.inbox[0]?.type, 'step-1');
      const doc = new Y.Doc();
      peer.applyTo(doc);
      peer.end();
      return doc.getText('text').toString();
    };
    assert.is(await firstAnswer(), '');
    const doc = new Y.Doc();
    const store = async (text: string): Promise<void> => {
      const known = Y.encodeStateVector(doc);
      doc.getText('text').insert(0, text);
      const body = new Uint8Array(Y.encodeStateAsUpdate(doc, known));
      assert.is((await fetch(`${http}/api/docs/document/update`, { method: 'POST', body })).status, 200);
    };
    await store('in the log');
    assert.is(await firstAnswer(), 'in the log');
    await until('the compaction', async () => (await log.head('document'))?.snapshotSeq === 1);
    assert.is(await firstAnswer(), 'in the log');
    await store('and after, ');
    assert.is(await firstAnswer(), 'and after, in the log');
    const provided = await readers.stock(url, 'document');
    assert.is(provided.getText('text').toString(), 'and after, in the log');
  });
});

test('C6 U3 whoever was told what an old history has, and has not answered when a new one begins, is not asked to fill that', async () => {
  await withRelay({}, async ({ url, http }) => {
    const doc = new Y.Doc();
    doc.getText('text').insert(0, 'old');
    const body = new Uint8Array(Y.encodeStateAsUpdate(doc));
    assert.is((await fetch(`${http}/api/docs/document/update`, { method: 'POST', body })).status, 200);
    const peer = await YPeer.connect(url, 'document');
    await until('a step 1', () => peer.inbox.some(({ type }) => type === 'step-1'));
    assert.is((await fetch(`${http}/api/docs/document`, { method: 'DELETE' })).ok, true);
    assert.is((await fetch(`${http}/api/docs/document`, { method: 'PUT' })).ok, true);
    peer.begin(doc);
    const { code, reason } = await peer.closed;
    assert.is(code, 4410);
    assert.match(reason, 'TW_DOCUMENT_DELETED');
    assert.not(peer.inbox.some(({ type }) => type === 'step-2'));
  });
});

test('C1 two stock clients type at once and end with the same', async () => {
  await withRelay({}, async ({ url }) => {
    const docs = [new Y.Doc(), new Y.Doc()];
    const providers = docs.map((doc) => stockProvider(url, 'both', doc));
    await Promise.all(providers.map(whenSynced));
    for (let at = 0; at < 100; at += 1) {
      for (const doc of docs) doc.getText('text').insert(0, String(at % 10));
      if (at % 10 === 0) await pass(1);
    }
    await until('both to be the same', () => {
      const [a, b] = docs.map((doc) => doc.getText('text').toString());
      return a === b && a?.length === 200;
    });
    for (const provider of providers) endProvider(provider);
  });
});

test('A2 awareness goes both ways, and is removed when the other is gone, in order or not', async () => {
  await withRelay({}, async ({ url }) => {
    const sockets = countedSockets();
    const [a, b] = [new Y.Doc(), new Y.Doc()];
    const ada = stockProvider(url, 'room', a);
    ada.awareness.setLocalStateField('user', { name: 'Ada' });
    await whenSynced(ada);
    // Told to one who comes later, without asking.
    const berta = stockProvider(url, 'room', b, { WebSocket: sockets.WebSocket });
    berta.awareness.setLocalStateField('user', { name: 'Berta' });
    const nameOf = (awareness: Awareness, doc: Y.Doc): unknown =>
      (awareness.getStates().get(doc.clientID)?.['user'] as { name: unknown } | undefined)?.name;
    await until('Berta to see Ada', () => nameOf(berta.awareness, a) === 'Ada');
    await until('Ada to see Berta', () => nameOf(ada.awareness, b) === 'Berta');
    ada.awareness.setLocalStateField('user', { name: 'Ada L.' });
    await until('the change', () => nameOf(berta.awareness, a) === 'Ada L.');

    // Cut off: gone for Ada at once, and back when the provider is.
    sockets.counts.cut();
    await until('Berta to be gone', () => !ada.awareness.getStates().has(b.clientID));
    await until('Berta to be back', () => nameOf(ada.awareness, b) === 'Berta');
    berta.disconnect();
    await until('Berta to be gone', () => !ada.awareness.getStates().has(b.clientID));

    const peer = await YPeer.connect(url, 'room');
    peer.begin(new Y.Doc());
    await peer.take('step-2');
    await peer.take('awareness');
    peer.send({ type: 'query-awareness' });
    const { update } = await peer.take('awareness');
    assert.ok(Buffer.from(update).includes('Ada L.'));
    peer.end();
    endProvider(ada);
    endProvider(berta);
  });
});

test('C3 C4 a stock client that reconnects adds nothing to the log, deletions included (y-websocket: everything again)', async () => {
  const log = memoryLog();
  await withRelay({ log }, async ({ url }) => {
    const sockets = countedSockets();
    const doc = new Y.Doc();
    const provider = stockProvider(url, 'document', doc, { WebSocket: sockets.WebSocket });
    await whenSynced(provider);
    const text = doc.getText('text');
    for (let at = 0; at < 50; at += 1) {
      text.insert(0, 'abc');
      text.delete(1, 1);
      if (at % 10 === 0) await pass(5);
    }
    await until(
      'all of it to be stored',
      async () => (await readers.http(url, 'document')).getText('text').length === 100,
    );
    const before = await log.head('document');
    for (let round = 1; round <= 3; round += 1) {
      const synced = new Promise((resolve) => {
        provider.on('sync', (state: boolean) => {
          if (state) resolve(undefined);
        });
      });
      sockets.counts.cut();
      await synced;
    }
    // A message of its own behind the reconnects: what they brought has been handled by then.
    text.insert(0, 'z');
    await until('the last edit', async () => (await readers.http(url, 'document')).getText('text').length === 101);
    assert.is((await log.head('document'))?.lastSeq, (before?.lastSeq ?? 0) + 1);
    endProvider(provider);
  });
});

test('C4 edits made while a stock client is offline arrive when it is back', async () => {
  await withRelay({}, async ({ url }) => {
    const doc = new Y.Doc();
    const provider = stockProvider(url, 'document', doc);
    await whenSynced(provider);
    provider.disconnect();
    doc.getText('text').insert(0, 'offline');
    provider.connect();
    await until('the edit', async () => {
      const response = await fetch(`${url.replace(/^ws/, 'http')}/api/docs/document`);
      await response.arrayBuffer();
      return response.ok;
    });
    assert.is((await readers.native(url, 'document')).getText('text').toString(), 'offline');
    endProvider(provider);
  });
});

test(`R2 a quiet connection of a stock client lives on: ${quietMs / 1000} s without a word, and no reconnect`, async () => {
  await withRelay({}, async ({ url }) => {
    // Without awareness of its own the client is silent as well: its renewals would keep the connection alive.
    const doc = new Y.Doc();
    const provider = stockProvider(url, 'quiet', doc);
    provider.awareness.setLocalState(null);
    let lost = 0;
    provider.on('connection-close', () => void (lost += 1));
    await whenSynced(provider);
    await pass(quietMs);
    assert.is(lost, 0);
    assert.ok(provider.wsconnected);
    doc.getText('text').insert(0, 'still here');
    await until(
      'the edit',
      async () => (await readers.native(url, 'quiet')).getText('text').toString() === 'still here',
    );
    endProvider(provider);
  });
});

test.run();
