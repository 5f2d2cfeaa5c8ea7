// @slow
// What the tests of Hocuspocus itself check and can be checked from outside, as far as hocuspocus.test.ts does not:
// a row for each (tests/provider and tests/server there; hooks that run inside its server have no counterpart).
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { pass, until } from '../support/wait.ts';
import { hocuspocusSocket } from './hocuspocus-client.ts';
import { eachMajor, settle, text } from './hocuspocus-scene.ts';
import { Table } from './table.ts';

const table = new Table("Hocuspocus' own tests");
const test = suite('what the tests of Hocuspocus check');
const each = eachMajor(test, table);

each('C1 observe and observeDeep hear of what another provider does', 'observe, observeDeep', async ({ open }) => {
  const [one, other] = [open(), open()];
  await settle(one);
  await settle(other);
  const heard: unknown[] = [];
  other.doc.getArray('list').observe((event) => heard.push(event.changes.delta));
  other.doc.getMap('map').observeDeep((events) => heard.push(events.map(({ path }) => path)));
  one.doc.getArray('list').insert(0, ['foo']);
  await until('the array to change', () => heard.length === 1);
  one.doc.getMap('map').set('deep', new Y.Map());
  await until('the map to change', () => heard.length === 2);
  (one.doc.getMap('map').get('deep') as Y.Map<unknown>).set('key', 'value');
  await until('the inner map to change', () => heard.length === 3);
  assert.equal(heard, [[{ insert: ['foo'] }], [[]], [['deep']]]);
});

each(
  'U3 a token function that gives another one after a refusal is let in, on the same socket',
  'auth retry',
  async ({ open, requests, relay }) => {
    let calls = 0;
    const client = open({
      token: () => {
        calls += 1;
        return calls === 1 ? 'nobody' : 'writer';
      },
    });
    client.provider.on('authenticationFailed', () => {
      void client.provider.sendToken?.();
      client.provider.startSync?.();
    });
    await settle(client);
    client.doc.getText('text').insert(0, 'in');
    await settle(client);
    assert.equal(client.events, [
      'authenticationFailed TW_FORBIDDEN: not for you',
      'authenticated read-write',
      'synced',
    ]);
    assert.equal(
      requests.map(({ token }) => token),
      ['nobody', 'writer'],
    );
    assert.equal([client.closes, relay.stats.connections], [[], 1]);
  },
  [4, 3],
);

each(
  'A1 sendToken on an open document asks the authorizer again: the document goes on, or is denied',
  'sendToken',
  async ({ open, requests }) => {
    let token = 'writer';
    const client = open({ token: () => token });
    await settle(client);
    token = 'other writer';
    await client.provider.sendToken?.();
    await until('the authorizer to be asked', () => requests.length === 2);
    client.doc.getText('text').insert(0, 'on ');
    await settle(client);
    token = 'nobody';
    await client.provider.sendToken?.();
    await until('the denial', () => client.refusal.includes('TW_FORBIDDEN'));
    const reader = open({ token: 'reader' });
    await settle(reader);
    client.doc.getText('text').insert(0, 'forged ');
    await pass(200);
    assert.is(text(reader), 'on ');
  },
  [4, 3],
);

each('A2 awareness is heard by others, changed, and gone with its provider', 'onAwarenessChange', async ({ open }) => {
  const [one, other] = [open(), open()];
  await settle(one);
  await settle(other);
  const changes: string[] = [];
  one.provider.on('awarenessChange', ({ states }: { states: { foo?: string }[] }) => {
    changes.push(states.map(({ foo }) => foo ?? '').join());
  });
  const foo = (): unknown => one.awareness.getStates().get(other.doc.clientID)?.['foo'];
  other.provider.setAwarenessField('foo', 'bar');
  await until('it to be heard', () => foo() === 'bar');
  other.provider.setAwarenessField('foo', 'baz');
  await until('the change to be heard', () => foo() === 'baz');
  other.destroy();
  await until('it to be gone', () => !one.awareness.getStates().has(other.doc.clientID));
  assert.ok(changes.some((states) => states.includes('baz')));
});

each(
  'A2 what comes from the relay is not sent back to it',
  'no awareness echo',
  async ({ open }) => {
    const [one, other] = [open(), open()];
    await settle(one);
    await settle(other);
    await pass(100);
    let sent = 0;
    other.provider.on('outgoingMessage', ({ message }: { message: { description?: string } }) => {
      if (/awareness/i.test(message.description ?? '')) sent += 1;
    });
    one.provider.setAwarenessField('foo', 'bar');
    await until('it to be heard', () => other.awareness.getStates().get(one.doc.clientID)?.['foo'] === 'bar');
    await pass(100);
    assert.is(sent, 0);
  },
  [4],
);

each('C2 subdocuments arrive as what they are: empty until they are loaded', 'subdocuments', async ({ open }) => {
  const [one, other] = [open(), open()];
  await settle(one);
  await settle(other);
  const sub = new Y.Doc({ meta: { title: 'part' } });
  sub.getText().insert(0, 'hi!');
  one.doc.getMap<Y.Doc>('subdocs').set('part', sub);
  await until('it to arrive', () => other.doc.getMap('subdocs').has('part'));
  const found = other.doc.getMap<Y.Doc>('subdocs').get('part');
  assert.equal([found?.guid, found?.meta, found?.getText().toJSON()], [sub.guid, { title: 'part' }, '']);
});

each(
  'C4 onClose, onDisconnect and onConnect are told when the socket goes and comes back',
  'onConnect, onClose',
  async ({ open }) => {
    const client = open();
    await settle(client);
    const told: string[] = [];
    for (const event of ['connect', 'open', 'close', 'disconnect']) client.provider.on(event, () => told.push(event));
    await client.goOffline();
    await until('it to be told', () => told.includes('disconnect') && told.includes('close'));
    client.goOnline();
    await settle(client);
    assert.ok(told.indexOf('open') > told.indexOf('close') && told.includes('connect'), told.join());
  },
);

each(
  'A1 the last provider to leave a document takes the others of its socket not along',
  'closeConnections',
  async ({ open, url, relay }, major) => {
    const socket = hocuspocusSocket(major, url);
    const [one, other] = [open({ socket, name: 'one' }), open({ socket, name: 'other' })];
    await settle(one);
    await settle(other);
    one.destroy();
    other.doc.getText('text').insert(0, 'goes on');
    await settle(other);
    assert.is(relay.stats.connections, 1);
    const again = open({ socket, name: 'one' });
    await settle(again);
    socket.destroy();
  },
);

test.after(() => table.print());

test.run();
