// @waits
// What an application can observe of a stock Hocuspocus provider, for each major.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RefusedError } from '@tideweave/shared';
import type { Authorizer, Grant } from '../../src/auth/authorizer.ts';
import { withRelay } from '../support/relay.ts';
import { pass, until } from '../support/wait.ts';
import { type ClientKind, clients } from './client.ts';
import { HocuspocusClient, type HocuspocusMajor, hocuspocusSocket } from './hocuspocus-client.ts';
import { eachMajor, settle, text } from './hocuspocus-scene.ts';
import { Table } from './table.ts';

const table = new Table('what a provider shows');
const test = suite('Hocuspocus providers');
const each = eachMajor(test, table);

each(
  'U3 onAuthenticated comes first, with the scope, then onSynced',
  'onAuthenticated, onSynced',
  async ({ open, requests }) => {
    const writer = open({ token: 'writer' });
    const reader = open({ token: 'reader' });
    await settle(writer);
    await settle(reader);
    assert.equal(writer.events, ['authenticated read-write', 'synced']);
    assert.equal(reader.events, ['authenticated readonly', 'synced']);
    assert.equal(
      requests.map(({ via, token, document }) => [via, token, document]),
      [
        ['hocuspocus', 'writer', 'doc'],
        ['hocuspocus', 'reader', 'doc'],
      ],
    );
  },
);

each(
  'A1 U3 onAuthenticationFailed comes once, and another token on the same socket is heard',
  'onAuthenticationFailed',
  async ({ open, url, requests }, major) => {
    const socket = hocuspocusSocket(major, url);
    const refused = open({ socket, token: 'nobody' });
    await until('the refusal', () => refused.refusal !== '');
    refused.doc.getText('text').insert(0, 'forged');
    await pass(1000);
    assert.equal(refused.events, ['authenticationFailed TW_FORBIDDEN: not for you']);
    assert.is(refused.isSynced, false);
    assert.equal(refused.closes, []);
    assert.is(requests.length, 1, 'it is not asked again and again');
    const granted = open({ socket, token: 'writer' });
    await settle(granted);
    assert.is(text(granted), '');
    socket.destroy();
  },
);

each(
  'U1 hasUnsyncedChanges is true from an edit until it is stored, and the count ends at 0',
  'hasUnsyncedChanges',
  async ({ open }) => {
    const client = open();
    await settle(client);
    client.counts.length = 0;
    for (let at = 0; at < 10; at++) client.doc.getText('text').insert(0, 'x');
    client.doc.getText('text').delete(0, 2);
    assert.is(client.provider.hasUnsyncedChanges, true);
    await settle(client);
    assert.is(client.provider.unsyncedChanges, 0);
    assert.equal(client.counts.slice(0, 11), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    assert.is(client.counts.length, 22, 'one SyncStatus for each');
  },
);

each(
  'U1 20 edits made offline are shown as saved when all of them are, and the count ends at 0 (Hocuspocus: at the first acknowledgement)',
  'offline count',
  async ({ open }) => {
    const client = open();
    await settle(client);
    await client.goOffline();
    for (let at = 0; at < 20; at++) client.doc.getText('text').insert(0, `${at} `);
    client.doc.getText('text').delete(0, 3);
    client.counts.length = 0;
    client.goOnline();
    await settle(client);
    await pass(200);
    assert.is(client.provider.unsyncedChanges, 0, 'not below 0 either');
    const other = open();
    await settle(other);
    assert.is(text(other), text(client));
    client.doc.getText('text').insert(0, 'y');
    assert.is(client.provider.hasUnsyncedChanges, true);
    await settle(client);
  },
);

each('P88 U1 forceSync compares in both directions, and the count ends at 0', 'forceSync', async ({ open }) => {
  const client = open();
  const other = open();
  await settle(client);
  await settle(other);
  // With the provider as its origin an edit is not sent: only a comparison finds it.
  client.doc.transact(() => client.doc.getText('text').insert(0, 'unsent '), client.provider);
  await pass(200);
  assert.is(text(other), '');
  client.provider.forceSync();
  assert.is(client.provider.unsyncedChanges, 1);
  client.doc.getText('text').insert(0, 'x');
  await settle(client);
  await pass(100);
  assert.is(client.provider.unsyncedChanges, 0);
  await until('what was not sent', () => text(other) === text(client));
  assert.match(text(other), 'unsent');
});

each(
  'U1 edits sent in batches (flushDelay) are counted as the provider counts them',
  'flushDelay',
  async ({ open }) => {
    const client = open({ flushDelay: 30 });
    client.doc.getText('text').insert(0, 'early ');
    await settle(client);
    for (let at = 0; at < 30; at++) {
      client.doc.getText('text').insert(0, 'x');
      await pass(3);
    }
    await settle(client);
    await pass(100);
    assert.is(client.provider.unsyncedChanges, 0);
  },
  [4],
);

each(
  'P92 C1 a stateless message reaches every provider of the document, and nobody else',
  'stateless',
  async ({ open, url }) => {
    const members = [open(), open(), open({ token: 'reader' })];
    const elsewhere = open({ name: 'other' });
    const others = (['tideweave', 'y-websocket 3'] as const).map((kind: ClientKind) =>
      clients[kind]({ url, name: 'doc' }),
    );
    for (const client of [...members, elsewhere]) await settle(client);
    await until('the others to be synced', () => others.every(({ isSynced }) => isSynced));
    members[0]?.provider.sendStateless('{"hello":"wörld"}');
    await until('the message to arrive', () => members.every(({ stateless }) => stateless.length === 1));
    for (const { stateless } of members) assert.equal(stateless, ['{"hello":"wörld"}']);
    await pass(50);
    assert.equal(elsewhere.stateless, []);
    assert.ok(others.every(({ isSynced }) => isSynced));
    for (const other of others) other.destroy();
  },
);

each(
  'P81 A1 documents on one socket are apart: one is refused, the others go on',
  'multiplexed',
  async ({ open, url, relay }, major) => {
    const socket = hocuspocusSocket(major, url);
    const [first, secret, second] = ['first', 'secret', 'second'].map((name) => open({ socket, name }));
    if (first === undefined || secret === undefined || second === undefined) throw new Error('three were opened');
    await settle(first);
    await settle(second);
    await until('the refusal', () => secret.refusal.includes('TW_FORBIDDEN'));
    first.doc.getText('text').insert(0, 'one');
    second.doc.getText('text').insert(0, 'two');
    await settle(first);
    await settle(second);
    assert.is(relay.stats.connections, 1);
    const reader = open({ name: 'second' });
    await settle(reader);
    assert.is(text(reader), 'two');
    socket.destroy();
  },
);

each(
  'C1 A2 providers with session awareness share a socket and a document, each with its own presence',
  'session awareness',
  async ({ open, url, relay }, major) => {
    const socket = hocuspocusSocket(major, url);
    const [first, second] = [open({ socket, sessionAwareness: true }), open({ socket, sessionAwareness: true })];
    const outside = open();
    for (const client of [first, second, outside]) await settle(client);
    assert.is(relay.stats.connections, 2);
    first.awareness.setLocalStateField('user', 'one');
    second.awareness.setLocalStateField('user', 'two');
    await until('all to see both', () =>
      [first, second, outside].every(({ awareness }) =>
        ['one', 'two'].every((user) => [...awareness.getStates().values()].some((state) => state['user'] === user)),
      ),
    );
    first.doc.getText('text').insert(0, 'shared');
    await until('the text everywhere', () => text(second) === 'shared' && text(outside) === 'shared');
    second.provider.detach?.();
    await until('one to have left', () => !outside.awareness.getStates().has(second.doc.clientID));
    first.doc.getText('text').insert(0, 'still ');
    await until('the other to go on', () => text(outside) === 'still shared');
    socket.destroy();
  },
  [4],
);

each(
  'C4 a provider that is detached leaves, and one that is attached again is synced',
  'detach, attach',
  async ({ open, url }, major) => {
    const socket = hocuspocusSocket(major, url);
    const [client, other] = [open({ socket }), open()];
    await settle(client);
    await settle(other);
    client.awareness.setLocalStateField('user', 'here');
    await until('it to be seen', () => other.awareness.getStates().has(client.doc.clientID));
    client.provider.detach?.();
    await until('it to be gone', () => !other.awareness.getStates().has(client.doc.clientID));
    other.doc.getText('text').insert(0, 'meanwhile');
    client.provider.attach?.();
    await until('it to be back', () => text(client) === 'meanwhile' && client.isSaved);
    socket.destroy();
  },
  [4, 3],
);

each(
  'P90 A1 U3 a reader alone is left in peace; its edit closes the socket with a reason, and it reads on (Hocuspocus: a counter that stands still)',
  'read-only',
  async ({ open }) => {
    const [writer, reader] = [open({ token: 'writer' }), open({ token: 'reader' })];
    await settle(writer);
    await settle(reader);
    writer.doc.getText('text').insert(0, 'a');
    await until('the reader to see it', () => text(reader) === 'a');
    await pass(200);
    assert.equal(reader.closes, []);
    reader.doc.getText('text').insert(0, 'forged ');
    await until('the reader to be told', () => reader.closes.length > 0);
    assert.is(reader.closes[0]?.code, 4205);
    assert.match(reader.closes[0]?.reason ?? '', 'TW_READ_ONLY: ');
    writer.doc.getText('text').insert(1, 'b');
    await until('the reader to read on', () => text(reader).includes('ab'));
    await pass(500);
    assert.is(reader.closes.length, 1, 'what it brings along after a reconnect does not close it again');
    assert.is(reader.isSaved, false);
    assert.is(text(writer), 'ab');
  },
);

each(
  'P93 U3 the document is deleted: the application is told, and nothing comes back',
  'deleted',
  async ({ open, http }) => {
    const client = open();
    client.doc.getText('text').insert(0, 'gone');
    await settle(client);
    const answer = await fetch(`${http}/api/docs/doc`, { method: 'DELETE' });
    assert.ok(answer.ok, `DELETE answered ${answer.status}`);
    await until('the application to be told', () => client.refusal.includes('TW_DOCUMENT_DELETED'));
    client.doc.getText('text').insert(0, 'not ');
    await pass(200);
    assert.is(client.isSaved, false);
  },
);

/** Tokens of this test say when they end. */
const ending: Authorizer = ({ token }) => {
  if (Number(token) <= Date.now()) throw new RefusedError('TW_UNAUTHORIZED', 'the token is no good');
  return { access: 'write', user: '', expiresAt: Number(token) };
};

async function renewing(url: string, major: HocuspocusMajor): Promise<void> {
  let goodUntil = Infinity;
  const token = (): string => String(Math.min(Date.now() + 3000, goodUntil));
  const client = new HocuspocusClient(major, { url, name: 'doc', token });
  await settle(client);
  for (let edit = 0; edit < 10; edit++) {
    client.doc.getText('text').insert(0, 'x');
    await pass(400);
  }
  await settle(client);
  const codes = client.closes.map(({ code }) => code);
  if (major === 2) assert.ok(codes.length > 0 && codes.every((code) => code === 4503), codes.join());
  else assert.equal(codes, [], 'one socket all the time');
  goodUntil = Date.now() + 1000;
  await until('the application to be told', () =>
    client.events.some((event) => event.startsWith('authenticationFailed TW_UNAUTHORIZED: ')),
  );
  client.doc.getText('text').insert(0, 'late ');
  await pass(500);
  assert.is(client.isSaved, false);
  client.destroy();
}

test('A1 P85 P102 3 and 4 renew their tokens on one socket, 2 comes back with a new one; without a better one each is told', () =>
  withRelay({ authorize: ending }, async ({ url }) => {
    const check = (major: HocuspocusMajor): Promise<void> =>
      table.check([`hocuspocus ${major}`], 'grants that end', () => renewing(url, major));
    await Promise.all(([4, 3, 2] as const).map(check));
  }));

test('A1 major 2 without a token sends none, and the address may bring one', () =>
  table.check(['hocuspocus 2'], 'no token', async () => {
    const tokens: string[] = [];
    const authorize = ({ token }: { token: string }): Grant => {
      tokens.push(token);
      return { access: 'write', user: '' };
    };
    await withRelay({ authorize }, async ({ url }) => {
      const urls = [url, `${url}/hocuspocus`, `${url}/?token=one`, `${url}/hocuspocus/?a=b&token=tw%20o`];
      const all = urls.map((at, name) => new HocuspocusClient(2, { url: at, name: `${name}`, nullToken: true }));
      for (const client of all) await settle(client);
      for (const client of all) client.destroy();
      assert.equal(tokens.toSorted(), ['', '', 'one', 'tw o']);
    });
  }));

test.after(() => table.print());

test.run();
