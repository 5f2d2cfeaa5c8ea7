// The seam for authorization from outside: what an authorizer grants, refuses, and fails at.
import { SyncClient } from '@tideweave/client';
import { RefusedError } from '@tideweave/shared';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import type { AuthorizationRequest, Authorizer } from '../../src/auth/authorizer.ts';
import { NativePeer } from '../support/native-peer.ts';
import { endProvider, readers, stockProvider, whenSynced } from '../support/readers.ts';
import { memoryLog, withRelay } from '../support/relay.ts';
import { pass, until, within } from '../support/wait.ts';
import { YPeer } from '../support/y-peer.ts';

const updateOf = (text: string): Uint8Array => {
  const doc = new Y.Doc();
  doc.getText('text').insert(0, text);
  return Y.encodeStateAsUpdate(doc);
};

/** Grants everything but documents of these names, which stand for what an authorizer may do. */
const misbehaving: Authorizer = ({ document }) => {
  if (document === 'throws') throw new TypeError('a bug, with a secret in its text');
  if (document === 'rejects') return Promise.reject(new Error('the database is down'));
  if (document === 'hangs') return new Promise(() => undefined);
  if (document === 'refuses') throw new RefusedError('TW_FORBIDDEN', 'not for you');
  if (document === 'expired') throw new RefusedError('TW_UNAUTHORIZED', 'the token expired');
  return { access: document === 'read-only' ? 'read' : 'write', user: 'ada' };
};

const expected = [
  { document: 'throws', code: 'TW_INTERNAL', closeCode: 1011, status: 500, action: 'retry' },
  { document: 'rejects', code: 'TW_INTERNAL', closeCode: 1011, status: 500, action: 'retry' },
  { document: 'hangs', code: 'TW_TIMEOUT', closeCode: 4508, status: 408, action: 'retry' },
  { document: 'refuses', code: 'TW_FORBIDDEN', closeCode: 4403, status: 403, action: 'contact' },
  { document: 'expired', code: 'TW_UNAUTHORIZED', closeCode: 4401, status: 401, action: 'reauth' },
] as const;

test('A1 R1 an authorizer that throws, rejects, hangs or refuses: that session is told why, the others go on', async () => {
  const log = memoryLog();
  for (const { document } of expected) {
    await log.append([
      { name: document, epoch: null, entries: [{ time: 1, user: '', device: '', update: updateOf('secret') }] },
    ]);
  }
  await withRelay({ log, authorize: misbehaving, limits: { authorizeMs: 300 } }, async ({ url, http, logged }) => {
    const client = new SyncClient({ url });
    const handle = client.open('document');
    await handle.whenSynced();
    const shared = await NativePeer.connect(url);
    const { doc } = await shared.open('beside');
    await Promise.all(
      expected.map(async ({ document, code, closeCode, status, action }) => {
        const stock = await YPeer.connect(url, document);
        stock.begin(new Y.Doc());
        stock.send({ type: 'update', update: updateOf('unauthorized') });
        const native = await NativePeer.connect(url);
        const request = native.ask(document);
        native.push(1, 1, updateOf('unauthorized'));
        const closed = await within(`the close of ${document}`, stock.closed);
        assert.is(closed.code, closeCode, document);
        assert.ok(closed.reason.startsWith(`${code}: `), closed.reason);
        assert.not.match(closed.reason, /secret|database/);
        assert.ok(
          stock.inbox.every(({ type }) => type === 'permission-denied'),
          'no byte of the document',
        );
        const refused = await native.take('refuse');
        assert.equal([refused.scope, refused.id, refused.code, refused.action], ['request', request, code, action]);
        assert.not.match(refused.reason, /secret|database/);
        assert.ok(native.isOpen, 'one document of the connection');
        assert.equal(native.inbox, []);
        native.end();
        const response = await fetch(`${http}/api/docs/${document}/update`);
        assert.is(response.status, status);
        const { error } = (await response.json()) as { error: { code: string; action: string } };
        assert.equal([error.code, error.action], [code, action]);
        assert.is((await log.head(document))?.lastSeq, 1, 'nothing was stored');
      }),
    );
    await shared.save(doc, 1, updateOf('fine'));
    shared.end();
    handle.doc.getText('text').insert(0, 'fine');
    await handle.whenSaved({ tier: 'server' });
    assert.ok(logged.every(({ message }) => message === 'the authorizer failed'));
    assert.is(logged.length, 2 * 3, 'each failure of ours is logged, once per way in');
    client.destroy();
  });
});

test('A1 U3 a read-only grant: everything is read, nothing is stored, and each client is told', async () => {
  const log = memoryLog();
  const initial = updateOf('content');
  await log.append([{ name: 'read-only', epoch: null, entries: [{ time: 1, user: '', device: '', update: initial }] }]);
  await withRelay({ log, authorize: misbehaving }, async ({ url, http }) => {
    // Stock: a denial in the dialect's own words, and the connection goes on.
    const peer = await YPeer.connect(url, 'read-only');
    peer.begin(new Y.Doc());
    await peer.take('step-2');
    peer.send({ type: 'update', update: updateOf('mine') });
    assert.match((await peer.take('permission-denied')).reason, /^TW_READ_ONLY: /);
    assert.ok(peer.isOpen);
    peer.end();

    // Native: the client knows and does not send; a peer that sends all the same loses the document.
    const client = new SyncClient({ url });
    const handle = client.open('read-only');
    await handle.whenSynced();
    assert.is(handle.doc.getText('text').toString(), 'content');
    assert.is(handle.status.access, 'read');
    handle.doc.getText('text').insert(0, 'mine');
    await until('the status to say it', () => handle.status.error?.code === 'TW_READ_ONLY');
    assert.equal([handle.status.pending.updates, handle.status.safe], [1, 'memory']);
    client.destroy();
    const native = await NativePeer.connect(url);
    const { doc, access } = await native.open('read-only');
    assert.is(access, 'read');
    native.push(doc, 1, updateOf('mine'));
    const refused = await native.take('refuse');
    assert.equal([refused.scope, refused.code], ['document', 'TW_READ_ONLY']);
    assert.is(
      native.inbox.some(({ type }) => type === 'ack'),
      false,
    );
    native.end();

    const posted = await fetch(`${http}/api/docs/read-only/update`, {
      method: 'POST',
      body: new Uint8Array(updateOf('mine')),
    });
    assert.is(posted.status, 403);
    const deleted = await fetch(`${http}/api/docs/read-only`, { method: 'DELETE' });
    assert.is(deleted.status, 403);
    for (const read of Object.values(readers)) {
      assert.is((await read(url, 'read-only')).getText('text').toString(), 'content');
    }
    assert.is((await log.head('read-only'))?.lastSeq, 1);
  });
});

test('A1 the authorizer is asked with everything that is known, in every dialect, and nothing is read before', async () => {
  const asked: AuthorizationRequest[] = [];
  const log = memoryLog();
  let read = 0;
  const head = log.head.bind(log);
  log.head = (name) => {
    read += 1;
    return head(name);
  };
  let answer: () => void = () => undefined;
  const authorize: Authorizer = async (request) => {
    asked.push(request);
    await new Promise<void>((resolve) => (answer = resolve));
    return { access: 'write', user: 'ada' };
  };
  await withRelay({ log, authorize }, async ({ url, http }) => {
    const origin = 'https://app.example';
    const peer = await NativePeer.connect(url, { Origin: origin });
    peer.ask('a/b', { token: 'secret' });
    await until('the question', () => asked.length === 1);
    await pass(20);
    assert.is(read, 0);
    assert.equal(peer.inbox, []);
    answer();
    assert.is((await peer.take('opened')).user, 'ada');
    peer.end();

    const provider = stockProvider(url, 'a/b', new Y.Doc(), { params: { token: 'secret' } });
    await until('the question', () => asked.length === 2);
    answer();
    await whenSynced(provider);
    endProvider(provider);

    const response = fetch(`${http}/api/docs/a%2Fb`, { headers: { Authorization: 'Bearer secret', Origin: origin } });
    await until('the question', () => asked.length === 3);
    answer();
    await response;
    const common = { document: 'a/b', token: 'secret', remoteAddress: '127.0.0.1', isLocal: true };
    assert.equal(asked, [
      { ...common, via: 'tideweave', access: 'write', origin },
      { ...common, via: 'y-websocket', access: 'write', origin: null },
      { ...common, via: 'http', access: 'read', origin },
    ]);
  });
});

test('A1 by default a page of a foreign site is refused in every dialect, and one on loopback is not', async () => {
  await withRelay({ allowedOrigins: ['https://app.example'] }, async ({ url, http }) => {
    for (const [origin, allowed] of [
      ['https://evil.example', false],
      ['null', false],
      ['http://localhost.evil.example', false],
      ['http://localhost:5173', true],
      ['http://127.0.0.1:8080', true],
      ['https://app.example', true],
    ] as const) {
      // A document each: who is refused the same one twice is held for 20 s before it is told.
      const document = encodeURIComponent(origin);
      const stock = await YPeer.connect(url, document, { Origin: origin });
      stock.begin(new Y.Doc());
      const native = await NativePeer.connect(url, { Origin: origin });
      native.ask(document);
      const response = await fetch(`${http}/api/docs`, { headers: { Origin: origin } });
      if (allowed) {
        await stock.take('step-2');
        await native.take('opened');
        assert.is(response.status, 200);
      } else {
        assert.is((await within('the close', stock.closed)).code, 4403);
        assert.is((await native.take('refuse')).code, 'TW_FORBIDDEN');
        assert.is(response.status, 403);
      }
      await response.arrayBuffer();
      stock.end();
      native.end();
    }
  });
});

test('A1 R4 a grant that has ended already lets nobody in', async () => {
  const authorize: Authorizer = () => ({ access: 'write', user: 'ada', expiresAt: Date.now() - 1 });
  await withRelay({ authorize }, async ({ url }) => {
    const late = await YPeer.connect(url, 'document');
    assert.is((await within('the refusal', late.closed)).code, 4401);
    assert.ok(
      late.inbox.every(({ type }) => type === 'permission-denied'),
      'no byte of the document',
    );
    const native = await NativePeer.connect(url);
    native.ask('document');
    assert.is((await native.take('refuse')).code, 'TW_UNAUTHORIZED');
    assert.equal(native.inbox, []);
    native.end();
  });
});

test.run();
