// @slow
/** TideweaveProvider against a real relay, beside y-websocket's own provider. */
import { setTimeout as delay } from 'node:timers/promises';
import {
  RefusedError,
  SyncClient,
  TideweaveProvider,
  type TideweaveProviderOptions,
  type WebSocketClass,
} from '@tideweave/client';
import { type Relay, type RelayOptions, createLogger, createRelay } from '@tideweave/server';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocket } from 'ws';
import { Awareness } from 'y-protocols/awareness';
import { WebsocketProvider } from 'y-websocket';
import * as Y from 'yjs';

interface Context {
  relay: Relay;
  url: string;
  ends: (() => void | Promise<void>)[];
}

const test = suite<Context>('TideweaveProvider');

test.before.each(async (context) => {
  context.ends = [];
  await start(context);
});

test.after.each(async ({ ends }) => {
  for (const end of ends.reverse()) await end();
});

async function start(context: Context, options: RelayOptions = {}): Promise<void> {
  const relay = await createRelay({ port: 0, logger: createLogger({ level: 'silent' }), ...options });
  context.relay = relay;
  context.url = `ws://127.0.0.1:${context.relay.address.port}`;
  context.ends.push(() => relay.close());
}

function provide(
  context: Context,
  name: string,
  options: TideweaveProviderOptions = {},
  doc = new Y.Doc(),
): TideweaveProvider {
  const provider = new TideweaveProvider(context.url, name, doc, options);
  context.ends.push(() => provider.destroy());
  return provider;
}

/** A provider with a connection of its own, as another browser has it. */
const elsewhere = (context: Context, name: string): TideweaveProvider =>
  provide(context, name, { shareConnection: false });

function stock(context: Context, name: string): WebsocketProvider {
  const provider = new WebsocketProvider(context.url, name, new Y.Doc(), {
    WebSocketPolyfill: WebSocket as unknown as typeof globalThis.WebSocket,
    disableBc: true,
    maxBackoffTime: 100,
  });
  context.ends.push(() => {
    provider.destroy();
    provider.awareness.destroy();
  });
  return provider;
}

const text = ({ doc }: { doc: Y.Doc }): string => doc.getText('text').toJSON();
const write = ({ doc }: { doc: Y.Doc }, words: string): void => {
  const type = doc.getText('text');
  type.insert(type.length, words);
};
const names = ({ awareness }: { awareness: Awareness }): string[] =>
  Array.from(awareness.getStates().values(), ({ name }) => String(name ?? ''))
    .filter((name) => name !== '')
    .sort((a, b) => a.localeCompare(b));

const hangMs = 15_000;
async function until(what: string, look: () => boolean): Promise<void> {
  const end = performance.now() + hangMs;
  while (!look()) {
    if (performance.now() > end) throw new Error(`still waiting after ${hangMs} ms for: ${what}`);
    await delay(5);
  }
}
const synced = (...providers: { synced: boolean }[]): Promise<void> =>
  until('all to be in sync', () => providers.every((provider) => provider.synced));

test('C2 a stock provider and ours hold one document and see each other', async (context) => {
  const ours = provide(context, 'both');
  const theirs = stock(context, 'both');
  ours.awareness.setLocalState({ name: 'ours' });
  theirs.awareness.setLocalState({ name: 'theirs' });
  await synced(ours, theirs);
  write(ours, 'a');
  await until('our edit', () => text(theirs) === 'a');
  write(theirs, 'b');
  await until('their edit', () => text(ours) === 'ab');
  await until('both names', () => names(ours).length === 2 && names(theirs).length === 2);
  assert.equal(names(theirs), ['ours', 'theirs']);

  ours.disconnect();
  await until('our presence to be gone', () => names(theirs).length === 1);
  assert.equal(names(ours), ['ours'], 'without a connection nobody else is known to be here');
  write(ours, 'c');
  write(theirs, 'd');
  ours.connect();
  await until('what both did apart', () => text(ours).length === 4 && text(ours) === text(theirs));
  // A stock client announces itself only every 15 s: the relay remembers for it.
  await until('both names again', () => names(ours).length === 2 && names(theirs).length === 2);
});

/** What a provider tells, with what it says of itself at that moment. */
function record(either: TideweaveProvider | WebsocketProvider): string[] {
  const told: string[] = [];
  // Both have these events, with the same arguments; their types only agree on each by itself.
  const provider = either as TideweaveProvider;
  provider.on('status', ({ status }) => void told.push(`${status}, connected ${provider.wsconnected}`));
  provider.on('sync', (isSynced) => void told.push(`sync ${isSynced}, synced ${provider.synced}`));
  provider.on('connection-close', (event, from) => void told.push(`close ${event === null} ${from === provider}`));
  return told;
}

test('U2 events come in the order of y-websocket, and say what the properties say', async (context) => {
  const ours = provide(context, 'events', { connect: false });
  const theirs = stock(context, 'events');
  theirs.disconnect();
  const told = { ours: record(ours), theirs: record(theirs) };
  for (const provider of [ours, theirs]) {
    assert.not.ok(provider.wsconnected);
    provider.connect();
    assert.ok(provider.wsconnecting);
    provider.connect();
  }
  await synced(ours, theirs);
  ours.connect();
  ours.disconnect();
  theirs.disconnect();
  ours.disconnect();
  ours.connect();
  theirs.connect();
  await synced(ours, theirs);
  assert.equal(told.ours, [
    'connecting, connected false',
    'connected, connected true',
    'sync true, synced true',
    'close true true',
    'sync false, synced false',
    'disconnected, connected false',
    'connected, connected true',
    'sync true, synced true',
  ]);
  // Theirs goes through `connecting` again, as it has to make a new socket where ours finds its own still there.
  assert.equal(
    told.theirs.filter((line) => !line.startsWith('connecting')),
    told.ours.filter((line) => !line.startsWith('connecting')),
  );
});

test('U2 who subscribes late is told that the document is in sync, once', async (context) => {
  const provider = provide(context, 'late');
  await synced(provider);
  const told: unknown[] = [];
  const removed = (): void => void told.push('removed');
  provider.on('sync', (isSynced) => void told.push(isSynced));
  provider.once('synced', (isSynced) => void told.push(isSynced));
  provider.on('status', ({ status }) => void told.push(status));
  provider.on('sync', removed);
  provider.off('sync', removed);
  assert.equal(told, []);
  await delay(0);
  assert.equal(told, [true, true, 'connected']);
  // As React's StrictMode does: no new connection, and nobody is told of one that was never lost.
  provider.disconnect();
  provider.connect();
  await delay(50);
  assert.is(context.relay.stats.connections, 1);
  provider.disconnect();
  await delay(50);
  assert.equal(told.filter((what) => what === false).length, 2, 'the one-time listener hears nothing of it');
});

test('R2 providers of one address share a connection; the same document twice and shareConnection: false have their own', async (context) => {
  const first = provide(context, 'one');
  const second = provide(context, 'two');
  await synced(first, second);
  assert.is(context.relay.stats.connections, 1);
  const again = provide(context, 'one');
  await synced(again);
  assert.is(context.relay.stats.connections, 2);
  const apart = elsewhere(context, 'three');
  const withToken = provide(context, 'four', { token: 'a token' });
  await synced(apart, withToken);
  assert.is(context.relay.stats.connections, 4);
  first.destroy();
  write(second, 'still here');
  await second.whenSaved();
  second.destroy();
  again.destroy();
  await until('their connections to end', () => context.relay.stats.connections === 2);
});

test('U1 a provider that leaves a shared connection keeps its edits, says that they are unsaved, and saves them later', async (context) => {
  const stays = provide(context, 'stays');
  const leaves = provide(context, 'leaves');
  const reader = elsewhere(context, 'leaves');
  leaves.awareness.setLocalState({ name: 'leaves' });
  await synced(stays, leaves, reader);
  await until('presence', () => names(reader).length === 1);
  leaves.disconnect();
  await until('presence to be gone', () => names(reader).length === 0);
  assert.ok(stays.synced && stays.wsconnected);
  assert.is(leaves.handle, null);
  assert.equal(names(leaves), ['leaves'], 'one is still oneself');
  assert.is(leaves.status.pending.updates, 0);
  write(leaves, 'apart');
  write(reader, 'meanwhile');
  assert.is(leaves.status.pending.updates, 1);
  assert.is(leaves.status.safe, 'memory');
  let saved = false;
  const save = leaves.whenSaved().then(() => (saved = true));
  await stays.whenSaved();
  await delay(50);
  assert.not.ok(saved);
  assert.is(text(leaves), 'apart');
  leaves.connect();
  await save;
  assert.is(leaves.status.pending.updates, 0);
  await until('both edits', () => text(reader).length === 14 && text(reader) === text(leaves));
  await until('presence again', () => names(reader).length === 1);
  assert.is(context.relay.stats.connections, 2);
});

test('U1 whenSaved waits through a lost connection, and ends with its signal or the provider', async (context) => {
  const provider = provide(context, 'waits');
  await synced(provider);
  provider.disconnect();
  await delay(0);
  write(provider, 'offline');
  assert.is(provider.status.pending.updates, 1);
  const save = provider.whenSaved();
  const aborted = provider.whenSaved({ signal: AbortSignal.timeout(20) });
  await aborted.then(
    () => assert.unreachable(),
    () => undefined,
  );
  provider.connect();
  await save;

  const never = provide(context, 'never', { connect: false });
  const waiting = never.whenSaved();
  const signalled = never.whenSaved({ signal: AbortSignal.abort(new Error('enough')) });
  await signalled.then(
    () => assert.unreachable(),
    (error: Error) => assert.is(error.message, 'enough'),
  );
  never.destroy();
  await waiting.then(
    () => assert.unreachable(),
    (error: Error) => assert.match(error.message, /destroyed/),
  );
  never.connect();
  assert.not.ok(never.wsconnecting);
  assert.is(never.status.phase, 'closed');
});

test('C4 content made before connecting is unsaved until the relay has it', async (context) => {
  const doc = new Y.Doc();
  doc.getText('text').insert(0, 'before');
  const provider = provide(context, 'before', { connect: false }, doc);
  assert.is(provider.status.pending.updates, 1);
  const saved: unknown[] = [];
  provider.on('saved', (from) => void saved.push(from));
  provider.connect();
  await provider.whenSaved();
  await until('the event', () => saved[0] === provider);
  const reader = elsewhere(context, 'before');
  await synced(reader);
  assert.is(text(reader), 'before');
});

test('U3 a refusal reaches the application with code, reason and action; a new attempt is its to make', async (context) => {
  let allowed = false;
  await start(context, {
    authorize: () => {
      if (!allowed) throw new RefusedError('TW_FORBIDDEN', 'not you');
      return { access: 'write', user: '' };
    },
  });
  const provider = provide(context, 'refused');
  const refused: string[] = [];
  const closed: unknown[] = [];
  provider.on('refused', ({ code, action }) => void refused.push(`${code} ${action}`));
  provider.on('closed', (event) => void closed.push(event));
  await until('the refusal', () => closed.length > 0);
  assert.equal(refused, ['TW_FORBIDDEN contact']);
  assert.equal(closed, [{ code: 4403, reason: 'not you' }]);
  assert.not.ok(provider.wsconnected);
  await provider.whenSaved({}).then(
    () => 'nothing was edited',
    () => 'refused',
  );
  allowed = true;
  provider.connect();
  await synced(provider);
  write(provider, 'allowed');
  await provider.whenSaved();
});

test('U2 a relay that goes away and comes back is told as y-websocket tells it', async (context) => {
  const provider = provide(context, 'restart', { WebSocketPolyfill: WebSocket as unknown as WebSocketClass });
  await synced(provider);
  const told = record(provider);
  let failed = 0;
  provider.on(
    'connection-error',
    (event, from) => void (failed += Number(event.type === 'error' && from === provider)),
  );
  await delay(0);
  told.length = 0;
  const { port } = context.relay.address;
  await context.relay.close();
  await until('a failed attempt', () => failed > 0);
  assert.equal(told.slice(0, 3), ['close true true', 'sync false, synced false', 'disconnected, connected false']);
  write(provider, 'meanwhile');
  await start(context, { port });
  await provider.whenSaved();
  assert.ok(provider.synced);
});

test('P1 a client that is handed in stays the application’s', async (context) => {
  const client = new SyncClient({ url: context.url });
  context.ends.push(() => client.destroy());
  const other = client.open('other');
  const provider = provide(context, 'mine', { client });
  await synced(provider);
  assert.is(context.relay.stats.connections, 1);
  provider.disconnect();
  await delay(20);
  assert.is(client.status.connection, 'connected');
  provider.connect();
  write(provider, 'through it');
  await provider.whenSaved();
  provider.destroy();
  assert.equal([...client.documents.keys()], ['other']);
  await other.whenSynced();
  assert.throws(() => provide(context, 'both', { client, token: 'a' }), /give either/);
  assert.throws(() => provide(context, 'other', { client }), /open already/);
});

test('P1 what the constructor takes', async (context) => {
  assert.throws(() => new TideweaveProvider('ftp://nowhere', 'name', new Y.Doc()), /ws:\/\//);
  assert.throws(
    () => new TideweaveProvider(context.url, '', new Y.Doc()),
    (error: unknown) => error instanceof RefusedError,
  );
  let seen = '';
  await start(context, {
    authorize: ({ token }) => {
      seen = token;
      return { access: 'write', user: '' };
    },
  });
  const doc = new Y.Doc();
  const awareness = new Awareness(doc);
  const provider = new TideweaveProvider(`${context.url.replace('ws', 'http')}//`, 'a name', doc, {
    awareness,
    params: { token: 'from params', more: 'a b' },
  });
  await synced(provider);
  assert.is(seen, 'from params');
  assert.is(provider.awareness, awareness);
  assert.is(provider.document, doc);
  assert.is(provider.roomname, 'a name');
  assert.is(provider.handle?.name, 'a name');
  assert.is(provider.isSynced && provider.isConnected && provider.shouldConnect, true);
  const updates: unknown[] = [];
  const ends: unknown[] = [];
  provider.on('update', (_update, origin) => void updates.push(origin));
  provider.on('destroy', (from) => void ends.push(from));
  doc.transact(() => write(provider, 'x'), 'me');
  assert.equal(updates, ['me']);
  provider.destroy();
  provider.destroy();
  assert.is(ends.length, 1);
  write(provider, 'y');
  assert.is(updates.length, 1);
  awareness.setLocalState({ name: 'a given presence outlives the provider' });
  assert.is(names(provider).length, 1);
  awareness.destroy();
});

test.run();
