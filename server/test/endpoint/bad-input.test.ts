// Messages that no honest client sends, in both dialects: their sender is told and closed, nobody else notices.
import { SyncClient } from '@tideweave/client';
import { defaultLimits, encodeMessages, encodeYWebsocket } from '@tideweave/shared';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { NativePeer } from '../support/native-peer.ts';
import { endProvider, readers, stockProvider, whenSynced } from '../support/readers.ts';
import { type TestRelay, withRelay } from '../support/relay.ts';
import { until, within } from '../support/wait.ts';
import { YPeer } from '../support/y-peer.ts';

const updateOf = (text: string): Uint8Array => {
  const doc = new Y.Doc();
  doc.getText('text').insert(0, text);
  return Y.encodeStateAsUpdate(doc);
};

/** Runs with two people at work in the same document, and proves afterwards that nothing happened to them. */
async function beside(run: (relay: TestRelay) => Promise<void>): Promise<void> {
  await withRelay({ limits: { updateBytesMax: 1024 * 1024, messageBytesMax: 2 * 1024 * 1024 } }, async (relay) => {
    const client = new SyncClient({ url: relay.url });
    const handle = client.open('document');
    const doc = new Y.Doc();
    const provider = stockProvider(relay.url, 'document', doc);
    await Promise.all([handle.whenSynced(), whenSynced(provider)]);
    let lost = 0;
    provider.on('connection-close', () => void (lost += 1));
    client.on('status', ({ connection }) => void (lost += connection === 'connected' ? 0 : 1));
    handle.doc.getText('text').insert(0, 'before ');
    await handle.whenSaved({ tier: 'server' });
    await until('the other one', () => doc.getText('text').toString() === 'before ');

    await run(relay);

    handle.doc.getText('text').insert(7, 'after');
    await handle.whenSaved({ tier: 'server' });
    for (const read of Object.values(readers)) {
      assert.is((await read(relay.url, 'document')).getText('text').toString(), 'before after');
    }
    await until('the other one', () => doc.getText('text').toString() === 'before after');
    assert.is(lost, 0, 'no connection was lost');
    assert.equal(relay.logged, [], 'nothing of it is the relay’s own failure');
    client.destroy();
    endProvider(provider);
  });
}

const open = (request: number, name: string): Uint8Array =>
  encodeMessages([
    {
      type: 'open',
      request,
      name,
      token: '',
      device: '',
      epoch: '',
      cursor: new Uint8Array(0),
      stateVector: Uint8Array.of(0),
    },
  ]);
const push = (doc: number, update: Uint8Array): Uint8Array => encodeMessages([{ type: 'push', doc, n: 1, update }]);

interface Bad {
  readonly what: string;
  /** What is sent, given the document's number on the connection. */
  readonly frames: (doc: number) => readonly (Uint8Array | string)[];
  readonly code: number;
  readonly reason: RegExp;
}

const malformed = { code: 4400, reason: /^TW_MALFORMED_MESSAGE: / };
const unexpected = { code: 4400, reason: /^TW_UNEXPECTED_MESSAGE: / };
const tooLarge = { code: 4413, reason: /^TW_TOO_LARGE: / };

const nativeInputs: readonly Bad[] = [
  { what: 'an unknown type', frames: () => [Uint8Array.of(99)], ...malformed },
  { what: 'a type only a relay sends', frames: () => [encodeMessages([{ type: 'ack', doc: 1, n: 1 }])], ...malformed },
  { what: 'garbage', frames: () => [Uint8Array.from({ length: 300 }, (_, at) => (at * 151 + 7) & 255)], ...malformed },
  { what: 'a number without an end', frames: () => [new Uint8Array(40).fill(255)], ...malformed },
  { what: 'a push cut off', frames: (doc) => [push(doc, updateOf('cut')).slice(0, -3)], ...malformed },
  { what: 'an open cut off', frames: () => [open(7, 'other').slice(0, 9)], ...malformed },
  { what: 'a length that leaves the message', frames: (doc) => [Uint8Array.of(4, doc, 1, 200, 1)], ...malformed },
  {
    what: 'a name that is not UTF-8',
    frames: () => [Uint8Array.of(2, 7, 2, 0xc3, 0x28, 0, 0, 0, 0, 1, 0)],
    ...malformed,
  },
  { what: 'a claim of 200 MiB', frames: (doc) => [Uint8Array.of(4, doc, 1, 128, 128, 128, 100)], ...tooLarge },
  {
    what: 'a resync nobody asked for',
    frames: (doc) => [encodeMessages([{ type: 'resync', doc, n: 1, update: updateOf('unasked') }])],
    ...unexpected,
  },
  { what: 'a request number twice', frames: () => [Buffer.concat([open(7, 'a'), open(7, 'b')])], ...unexpected },
  { what: 'a text frame', frames: () => ['hello'], code: 4400, reason: /^TW_TEXT_FRAME: / },
  { what: 'an awareness update cut off', frames: (doc) => [Uint8Array.of(7, doc, 3, 1, 5, 1)], ...malformed },
  { what: 'awareness that is not JSON', frames: (doc) => [Uint8Array.of(7, doc, 5, 1, 5, 1, 1, 0x7b)], ...malformed },
];

for (const { what, frames, code, reason } of nativeInputs) {
  test(`R1 tideweave: ${what}`, () =>
    beside(async ({ url }) => {
      const peer = await NativePeer.connect(url);
      const { doc } = await peer.open('document');
      for (const frame of frames(doc)) {
        if (typeof frame === 'string') peer.sendText(frame);
        else peer.sendBytes(frame);
      }
      const closed = await within('the close', peer.closed);
      assert.is(closed.code, code);
      assert.match(closed.reason, reason);
      const refuse = peer.inbox.find((message) => message.type === 'refuse');
      assert.ok(refuse?.type === 'refuse' && refuse.scope === 'connection' && closed.reason.startsWith(refuse.code));
    }));
}

const stockInputs: readonly Bad[] = [
  { what: 'an unknown type', frames: () => [Uint8Array.of(99)], ...malformed },
  { what: 'an unknown sync type', frames: () => [Uint8Array.of(0, 9)], ...malformed },
  { what: 'garbage', frames: () => [Uint8Array.from({ length: 300 }, (_, at) => (at * 151 + 7) & 255)], ...malformed },
  { what: 'a message cut off', frames: () => [Uint8Array.of(0, 2, 50, 1, 2)], ...malformed },
  { what: 'a claim of 200 MiB', frames: () => [Uint8Array.of(0, 2, 128, 128, 128, 100)], ...tooLarge },
  { what: 'a state vector cut off', frames: () => [Uint8Array.of(0, 0, 1, 5)], ...malformed },
  {
    what: 'a denial, which only a relay sends',
    frames: () => [encodeYWebsocket({ type: 'permission-denied', reason: 'no' })],
    ...unexpected,
  },
  { what: 'a text frame', frames: () => ['hello'], code: 4400, reason: /^TW_TEXT_FRAME: / },
  { what: 'awareness that is not JSON', frames: () => [Uint8Array.of(1, 5, 1, 5, 1, 1, 0x7b)], ...malformed },
];

for (const { what, frames, code, reason } of stockInputs) {
  test(`R1 y-websocket: ${what}`, () =>
    beside(async ({ url }) => {
      const peer = await YPeer.connect(url, 'document');
      peer.begin(new Y.Doc());
      await peer.take('step-2');
      for (const frame of frames(0)) {
        if (typeof frame === 'string') peer.sendText(frame);
        else peer.sendBytes(frame);
      }
      const closed = await within('the close', peer.closed);
      assert.is(closed.code, code);
      assert.match(closed.reason, reason);
    }));
}

test('R1 R6 parts of more than an update may have end their document, and the connection goes on', () =>
  beside(async ({ url }) => {
    const peer = await NativePeer.connect(url);
    const { doc } = await peer.open('document');
    for (let at = 0; at < 5; at += 1) peer.send({ type: 'part', doc, bytes: new Uint8Array(256 * 1024) });
    const refused = await peer.take('refuse');
    assert.equal([refused.scope, refused.id, refused.code], ['document', doc, 'TW_TOO_LARGE']);
    assert.ok(peer.isOpen);
    peer.end();
  }));

test('R1 messages for documents that are not open change nothing', () =>
  beside(async ({ url }) => {
    const peer = await NativePeer.connect(url);
    for (const doc of [0, 1, 2, 77]) {
      peer.send(
        { type: 'push', doc, n: 1, update: updateOf('unopened') },
        { type: 'awareness', doc, update: Uint8Array.of(0) },
        { type: 'caught-up', doc },
        { type: 'leave', doc },
      );
    }
    peer.send({ type: 'ping' });
    await peer.take('pong');
    assert.ok(peer.isOpen);
    peer.end();
  }));

test('R1 a message over the limit, really sent, is refused in both dialects before it is read to its end', () =>
  beside(async ({ url, http }) => {
    const large = new Uint8Array(2 * 1024 * 1024 + 1);
    for (const peer of [await NativePeer.connect(url), await YPeer.connect(url, 'document')]) {
      peer.sendBytes(large);
      const { code, reason } = await within('the close', peer.closed);
      assert.is(code, 1009);
      assert.match(reason, /^TW_TOO_LARGE: /);
    }
    assert.is((await fetch(`${http}/healthz`)).status, 200);
  }));

test('R6 more documents than a connection may have are refused one by one', async () => {
  await withRelay({ limits: { documentsPerConnectionMax: 3 } }, async ({ url }) => {
    const peer = await NativePeer.connect(url);
    for (const name of ['a', 'b', 'c']) await peer.open(name);
    const request = peer.ask('d');
    const refused = await peer.take('refuse');
    assert.equal([refused.scope, refused.id, refused.code], ['request', request, 'TW_TOO_MANY_DOCUMENTS']);
    assert.ok(peer.isOpen);
    peer.end();
  });
});

test('R1 the default limits bound a message', () => {
  assert.is(defaultLimits.messageBytesMax, 16 * 1024 * 1024);
});

test.run();
