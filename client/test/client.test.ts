// @slow
// The client against a relay: what its status says when, and what its promises mean.
import { type Authorizer, createRelay } from '@tideweave/server';
import { RefusedError } from '@tideweave/shared';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocket } from 'ws';
import { Awareness } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { type DocumentStatus, SyncClient } from '../src/index.ts';
import { memoryLog, withRelay } from './support/relay.ts';
import { gate, until } from './support/wait.ts';

test('U1 U2 the status goes from loading to ready, from pending to safe, and only the commit makes it safe', async () => {
  await withRelay({}, async ({ url, log }) => {
    const commit = gate();
    log.faults.beforeAppend = () => commit.passed;
    const client = new SyncClient({ url });
    const handle = client.open('document');
    const seen: string[] = [];
    const show = ({ phase, safe, pending }: DocumentStatus): string => `${phase} ${safe} ${pending.updates}`;
    seen.push(show(handle.status));
    handle.on('status', (status) => {
      if (seen.at(-1) !== show(status)) seen.push(show(status));
    });
    await handle.whenSynced();
    handle.doc.getText('text').insert(0, 'a');
    handle.doc.getText('text').insert(1, 'b');
    let saved = false;
    const saving = handle.whenSaved({ tier: 'server' }).then(() => (saved = true));
    // It has reached the relay: somebody else has it already.
    const other = new SyncClient({ url });
    const copy = other.open('document');
    await until('the other one', () => copy.doc.getText('text').toString() === 'ab');
    assert.equal([saved, handle.status.safe, handle.status.pending.updates], [false, 'memory', 2]);
    assert.is(client.status.pendingUpdates, 2);
    commit.open();
    await saving;
    assert.equal(seen.slice(0, 2), ['loading server 0', 'ready server 0']);
    assert.is(seen.at(-1), 'ready server 0');
    assert.ok(seen.includes('ready memory 2'), seen.join(', '));
    assert.equal([handle.status.pending.bytes, handle.status.pending.since], [0, null]);
    other.destroy();
    client.destroy();
  });
});

test('U3 whenSaved and whenSynced reject with code, reason and action when the relay refuses for good', async () => {
  const authorize: Authorizer = ({ document }) => {
    if (document === 'forbidden') throw new RefusedError('TW_FORBIDDEN', 'not for you');
    return { access: 'write', user: 'ada' };
  };
  await withRelay({ authorize }, async ({ url, port }) => {
    const client = new SyncClient({ url });
    const handle = client.open('forbidden');
    handle.doc.getText('text').insert(0, 'mine');
    const other = client.open('allowed');
    for (const promise of [handle.whenSaved({ tier: 'server' }), handle.whenSynced()]) {
      const error = await promise.then(
        () => null,
        (thrown: unknown) => thrown,
      );
      assert.instance(error, RefusedError);
      assert.equal([(error as RefusedError).code, (error as Error).message], ['TW_FORBIDDEN', 'not for you']);
    }
    const { phase, error, pending } = handle.status;
    assert.equal([phase, error?.code, error?.action, pending.updates], ['refused', 'TW_FORBIDDEN', 'contact', 1]);
    // The other document of the connection goes on.
    other.doc.getText('text').insert(0, 'fine');
    await other.whenSaved({ tier: 'server' });
    assert.is(other.status.user, 'ada');

    // One that is deleted under a waiting promise rejects it.
    const signal = AbortSignal.timeout(30_000);
    await fetch(`http://127.0.0.1:${port}/api/docs/allowed`, { method: 'DELETE' });
    other.doc.getText('text').insert(0, 'too late');
    const late = await other.whenSaved({ tier: 'server', signal }).catch((thrown: unknown) => thrown);
    assert.is((late as RefusedError).code, 'TW_DOCUMENT_DELETED');
    client.destroy();
  });
});

test('A1 the token function is asked for each attempt, and its failure is an attempt that failed', async () => {
  const tokens: string[] = [];
  const authorize: Authorizer = ({ token }) => {
    tokens.push(token);
    return { access: 'write', user: token };
  };
  await withRelay({ authorize }, async ({ url }) => {
    let asked = 0;
    const client = new SyncClient({
      url,
      token: async () => {
        asked += 1;
        if (asked === 1) throw new Error('the token service is down');
        return `token ${asked}`;
      },
    });
    const handle = client.open('document');
    await handle.whenSynced();
    assert.equal(tokens, ['token 2']);
    client.disconnect();
    client.connect();
    await until('the second connection', () => handle.status.synced);
    assert.equal(tokens, ['token 2', 'token 3']);
    assert.is(handle.status.user, 'token 3');
    client.destroy();
  });
});

test('R1 on Node 20 ws is used without being asked, and a WebSocket option in its place', async () => {
  await withRelay({}, async ({ url }) => {
    const without = new SyncClient({ url });
    await without.open('document').whenSynced();
    without.destroy();
    let made = 0;
    class Counted extends WebSocket {
      constructor(address: string, protocols: string) {
        super(address, protocols);
        made += 1;
      }
    }
    const client = new SyncClient({ url, WebSocket: Counted });
    await client.open('document').whenSynced();
    assert.is(made, 1);
    client.destroy();
    assert.throws(() => new SyncClient({ url: 'http://x' }), /ws:\/\//);
  });
});

test('C4 disconnect and connect: edits wait, are saved once, and several documents share the connection', async () => {
  await withRelay({}, async ({ url, log }) => {
    const client = new SyncClient({ url, connect: false });
    const states: string[] = [];
    client.on('status', ({ connection }) => {
      if (states.at(-1) !== connection) states.push(connection);
    });
    const handles = ['a', 'b', 'c'].map((name) => client.open(name));
    for (const { doc, name } of handles) doc.getText('text').insert(0, name);
    assert.is(client.status.connection, 'stopped');
    client.connect();
    client.connect();
    await Promise.all(handles.map((handle) => handle.whenSaved({ tier: 'server' })));
    client.disconnect();
    assert.ok(handles.every(({ status }) => !status.synced && status.phase === 'ready'));
    for (const { doc } of handles) doc.getText('text').insert(0, 'offline ');
    assert.ok(handles.every(({ status }) => status.pending.updates === 1 && status.safe === 'memory'));
    client.connect();
    await Promise.all(handles.map((handle) => handle.whenSaved({ tier: 'server' })));
    for (const { name } of handles) assert.is((await log.head(name))?.lastSeq, 2, 'each edit once');
    assert.equal(states, ['connecting', 'connected', 'stopped', 'connecting', 'connected']);
    assert.throws(() => client.open('a'), /open already/);
    client.destroy();
  });
});

test('U1 a document that has content when it is opened is unsaved until the relay has it', async () => {
  await withRelay({}, async ({ url }) => {
    const doc = new Y.Doc();
    doc.getText('text').insert(0, 'from before');
    const awareness = new Awareness(doc);
    const client = new SyncClient({ url });
    const handle = client.open('document', { doc, awareness });
    assert.is(handle.doc, doc);
    assert.is(handle.awareness, awareness);
    assert.equal([handle.status.safe, handle.status.pending.updates], ['memory', 1]);
    await handle.whenSaved({ tier: 'server' });
    const other = new SyncClient({ url });
    const copy = other.open('document');
    await copy.whenSynced();
    assert.is(copy.doc.getText('text').toString(), 'from before');
    other.destroy();
    client.destroy();
    // What was handed in outlives the handle.
    doc.getText('text').insert(0, 'still here, ');
    awareness.destroy();
  });
});

test('A2 awareness reaches the others, survives a reconnect and ends with the handle', async () => {
  await withRelay({}, async ({ url }) => {
    const [ada, berta] = [new SyncClient({ url }), new SyncClient({ url })];
    const [a, b] = [ada.open('room'), berta.open('room')];
    a.awareness.setLocalStateField('user', { name: 'Ada' });
    const seen = (): unknown => b.awareness.getStates().get(a.doc.clientID)?.['user'];
    await until('Berta to see Ada', () => JSON.stringify(seen()) === '{"name":"Ada"}');
    ada.disconnect();
    await until('Ada to be gone', () => seen() === undefined);
    ada.connect();
    await until('Ada to be back', () => seen() !== undefined);
    a.close();
    await until('Ada to be gone', () => seen() === undefined);
    assert.is(a.status.phase, 'closed');
    ada.destroy();
    berta.destroy();
  });
});

test('U3 R6 destroy ends everything: waiting promises reject, nothing is sent, and calling it again does nothing', async () => {
  await withRelay({}, async ({ url, log }) => {
    const client = new SyncClient({ url, connect: false });
    const handle = client.open('document');
    handle.doc.getText('text').insert(0, 'unsaved');
    const waiting = [handle.whenSynced(), handle.whenSaved({ tier: 'server' })].map((promise) =>
      promise.then(
        () => 'resolved',
        (error: unknown) => (error as Error).message,
      ),
    );
    client.destroy();
    client.destroy();
    for (const outcome of await Promise.all(waiting)) assert.match(outcome, /was closed/);
    assert.throws(() => client.connect(), /destroyed/);
    assert.throws(() => client.open('other'), /destroyed/);
    assert.is(await log.head('document'), null);
  });
});

test('C4 U2 a relay that goes and comes back: the status tells, and what was typed meanwhile is saved', async () => {
  const log = memoryLog();
  const first = await createRelay({ port: 0, log });
  const { port } = first.address;
  const client = new SyncClient({ url: `ws://127.0.0.1:${port}` });
  const handle = client.open('document');
  await handle.whenSynced();
  await first.close();
  await until('the loss to show', () => client.status.connection !== 'connected' && !handle.status.synced);
  assert.is(handle.status.phase, 'ready');
  handle.doc.getText('text').insert(0, 'meanwhile');
  assert.is(handle.status.safe, 'memory');
  const second = await createRelay({ port, log });
  await handle.whenSaved({ tier: 'server' });
  assert.ok(handle.status.synced);
  assert.is(client.status.error, null);
  client.destroy();
  await second.close();
});

test.run();
