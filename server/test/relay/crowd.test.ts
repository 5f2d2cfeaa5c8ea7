// @slow
// Many readers of one document, and many documents of one reader.
import { Socket } from 'node:net';
import { SyncClient } from '@tideweave/client';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { WebsocketProvider } from 'y-websocket';
import * as Y from 'yjs';
import { endProvider, sameContent, stockProvider, whenSynced } from '../support/readers.ts';
import { memoryLog, withRelay } from '../support/relay.ts';
import { countedSockets } from '../support/sockets.ts';
import { pass, until } from '../support/wait.ts';

test('C1 R2 two hundred readers of one document end with the same, from frames that were encoded once', async () => {
  await withRelay({}, async ({ url, relay }) => {
    const docs: Y.Doc[] = [];
    const clients: SyncClient[] = [];
    const providers: WebsocketProvider[] = [];
    for (let at = 0; at < 200; at += 1) {
      const doc = new Y.Doc();
      docs.push(doc);
      if (at % 2 === 0) {
        const client = new SyncClient({ url });
        client.open('document', { doc }).awareness.setLocalState(null);
        clients.push(client);
      } else {
        const provider = stockProvider(url, 'document', doc);
        provider.awareness.setLocalState(null);
        providers.push(provider);
      }
    }
    await Promise.all([
      ...clients.map((client) => client.documents.get('document')?.whenSynced()),
      ...providers.map(whenSynced),
    ]);
    assert.is(relay.stats.connections, 200);

    // Whatever goes to several sockets must be the very same bytes in memory.
    const marker = Buffer.from('only once');
    const written: Uint8Array[] = [];
    const original = Object.getOwnPropertyDescriptor(Socket.prototype, 'write') ?? null;
    const write = Reflect.get(Socket.prototype, 'write') as (...args: unknown[]) => boolean;
    Socket.prototype.write = function spy(this: Socket, ...args: unknown[]): boolean {
      const [chunk] = args;
      // Clients of this process write masked frames, in which the marker does not show.
      if (chunk instanceof Uint8Array && Buffer.from(chunk).includes(marker)) written.push(chunk);
      return write.apply(this, args);
    };
    try {
      docs[0]?.getText('text').insert(0, 'only once');
      await until('all of them', () => docs.every((doc) => doc.getText('text').toString() === 'only once'));
    } finally {
      if (original === null) Reflect.deleteProperty(Socket.prototype, 'write');
      else Object.defineProperty(Socket.prototype, 'write', original);
    }
    const frames: Uint8Array[] = [];
    for (const chunk of written) {
      if (!frames.some(({ buffer, byteOffset }) => buffer === chunk.buffer && byteOffset === chunk.byteOffset)) {
        frames.push(chunk);
      }
    }
    assert.is(written.length, 199, 'one write per reader, none to the author');
    assert.is(frames.length, 2, 'one frame per dialect');

    for (let round = 0; round < 20; round += 1) {
      for (const [at, doc] of docs.entries()) if ((at + round) % 10 === 0) doc.getText('text').insert(round, `${at} `);
      await pass(2);
    }
    const [first] = docs;
    assert.ok(first !== undefined);
    await until('all to be the same', () => {
      const text = first.getText('text').toString();
      return docs.every((doc) => doc.getText('text').toString() === text) && text.length > 1000;
    });
    assert.ok(docs.every((doc) => sameContent(doc, first)));
    for (const client of clients) client.destroy();
    for (const provider of providers) endProvider(provider);
    await until('everybody to be gone', () => relay.stats.connections === 0);
  });
});

test('C4 D2 a thousand documents on one socket: each is edited, saved, and resumed after the connection was lost', async () => {
  const log = memoryLog();
  await withRelay({ log, limits: { idleUnloadMs: 500 } }, async ({ url, http, relay }) => {
    const { WebSocket, counts } = countedSockets();
    const client = new SyncClient({ url, WebSocket });
    const handles = Array.from({ length: 1000 }, (_, at) => client.open(`document ${at}`));
    await Promise.all(handles.map((handle) => handle.whenSynced()));
    assert.is(counts.sockets.length, 1);
    assert.is(relay.stats.documents, 1000);
    for (const [at, { doc }] of handles.entries()) doc.getText('text').insert(0, `text ${at}`);
    await Promise.all(handles.map((handle) => handle.whenSaved({ tier: 'server' })));
    assert.is(client.status.pendingUpdates, 0);
    await pass(1500);

    counts.cut();
    await until('the loss to be noticed', () => handles.every(({ status }) => !status.synced));
    for (const { doc } of handles) doc.getText('text').insert(0, 'offline ');
    counts.receivedBytes = 0;
    await Promise.all(handles.map((handle) => handle.whenSaved({ tier: 'server' })));
    assert.ok(handles.every(({ status }) => status.synced && status.phase === 'ready'));
    assert.is(counts.sockets.length, 1, 'one new socket for all of them');
    console.log(`resuming 1,000 documents: ${counts.receivedBytes} B received`);
    let after: string | null = null;
    let listed = 0;
    do {
      const query: string = after === null ? '' : `&after=${encodeURIComponent(after)}`;
      const page = (await (await fetch(`${http}/api/docs?limit=300${query}`)).json()) as {
        documents: { seq: number; connections: number }[];
        next: string | null;
      };
      assert.ok(page.documents.every(({ seq, connections }) => seq === 2 && connections === 1));
      listed += page.documents.length;
      after = page.next;
    } while (after !== null);
    assert.is(listed, 1000);
    client.destroy();
    await until('their memory to be given back', () => relay.stats.documents === 0);
  });
});

test.run();
