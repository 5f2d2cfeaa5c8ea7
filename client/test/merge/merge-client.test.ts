// @slow
/** Merge reports as the application gets them: real relays that go and come back, real workers, stores on disk. */
import { type DocumentHandle, type SyncClient, TideweaveProvider } from '@tideweave/client';
import {
  type DocumentMerge,
  type MergeEntry,
  type MergeOptions,
  canRestore,
  mergeReports,
} from '@tideweave/client/merge';
import type { Authorizer } from '@tideweave/server';
import { decodeClientMessages } from '@tideweave/shared';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocket } from 'ws';
import * as Y from 'yjs';
import type { WebSocketClass } from '../../src/transport/websocket-transport.ts';
import { OfflineWorld, until, within } from '../offline/offline-world.ts';
import { entryOf } from './sides.ts';

interface Context {
  world: OfflineWorld;
}

const test = suite<Context>('Merge reports in the client');

test.before.each(async (context) => {
  context.world = await OfflineWorld.begin();
  await context.world.online();
});

test.after.each(async ({ world }) => world.end());

/** With a client id of one's own choice: the higher one wins a key. */
function docOf(clientId: number): Y.Doc {
  const doc = new Y.Doc();
  doc.clientID = clientId;
  return doc;
}

const reported = (world: OfflineWorld, options?: MergeOptions): SyncClient =>
  world.client({ merges: mergeReports(options) });

const settled = async (handle: DocumentHandle): Promise<DocumentMerge | null> =>
  (await handle.link.merges?.settled()) ?? null;

const map = (handle: DocumentHandle): Y.Map<unknown> => handle.doc.getMap('map');

function watched(handle: DocumentHandle): DocumentMerge[] {
  const told: DocumentMerge[] = [];
  handle.on('merge', (merge) => told.push(merge));
  return told;
}

async function bothHave(one: DocumentHandle, other: DocumentHandle): Promise<void> {
  const content = (handle: DocumentHandle): string => JSON.stringify([map(handle), handle.doc.getText('text')]);
  await until('both to have the same', () => content(one) === content(other));
}

async function shared(one: DocumentHandle, other: DocumentHandle): Promise<void> {
  map(one).set('title', 'base');
  one.doc.getText('text').insert(0, 'one two three');
  await within('the base', one.whenSaved({ tier: 'server' }));
  await until('the other', () => map(other).get('title') === 'base');
}

const apart = (...handles: DocumentHandle[]): Promise<true> =>
  until('the loss to be noticed', () => handles.every(({ status }) => !status.synced));

test('U4 both were away and changed the same: each is told with its own eyes, and mine comes back on both sides', async ({
  world,
}) => {
  const ada = reported(world).open('document', { doc: docOf(10) });
  const bob = reported(world).open('document', { doc: docOf(20) });
  await Promise.all([ada.whenSynced(), bob.whenSynced()]);
  await shared(ada, bob);
  const [adaTold, bobTold] = [watched(ada), watched(bob)];
  await world.offline();
  await apart(ada, bob);
  map(ada).set('title', 'ada');
  ada.doc.getText('text').insert(0, 'ADA ');
  map(bob).set('title', 'bob');
  map(bob).set('bob', 1);
  bob.doc.getText('text').insert(13, ' BOB');
  await world.online();
  await bothHave(ada, bob);
  // Whoever came first hears of the other's edits only when that one is back as well.
  await until('both to be told', () => adaTold.length > 0 && bobTold.length > 0);
  const seen = (merge: DocumentMerge | undefined): unknown => {
    const key = entryOf(merge?.report.entries ?? [], 'key');
    const list = entryOf(merge?.report.entries ?? [], 'list');
    return [key.base, key.mine, key.theirs, key.outcome, list.mine.ops, list.theirs.ops, list.merged.ops];
  };
  const [base, byAda, byBob] = ['base', 'ada', 'bob'].map((value) => ({ state: 'value', value }));
  const [front, back] = [[{ insert: 'ADA ' }], [{ retain: 13 }, { insert: ' BOB' }]];
  const merged = [{ insert: 'ADA one two three BOB' }];
  assert.equal(seen(adaTold.at(-1)), [base, byAda, byBob, 'theirs', front, back, merged]);
  assert.equal(seen(bobTold.at(-1)), [base, byBob, byAda, 'mine', back, front, merged]);
  assert.equal(ada.merges, adaTold.slice(-1));

  const [merge] = ada.merges;
  assert.ok(merge);
  const lost = entryOf(merge.report.entries, 'key');
  assert.ok(canRestore(ada.doc, lost));
  const undo = new Y.UndoManager(map(ada));
  assert.is(await ada.restoreMine(lost), 'restored');
  await until('Bob to have it', () => map(bob).get('title') === 'ada');
  undo.undo();
  await until('Bob to see it taken back', () => map(bob).get('title') === 'bob');
  ada.dismiss(merge);
  assert.equal(ada.merges, []);
});

test('U4 nothing is told when one side changed, nor of what is edited while both are there', async ({ world }) => {
  const ada = reported(world).open('document', { doc: docOf(10) });
  const bob = reported(world).open('document', { doc: docOf(20) });
  await Promise.all([ada.whenSynced(), bob.whenSynced()]);
  await shared(ada, bob);
  const told = [watched(ada), watched(bob)];
  await world.offline();
  await apart(ada, bob);
  map(ada).set('title', 'ada');
  await world.online();
  await bothHave(ada, bob);
  map(bob).set('title', 'bob');
  await bothHave(ada, bob);
  map(ada).set('title', 'again');
  await bothHave(ada, bob);
  assert.equal(await Promise.all([settled(ada), settled(bob)]), [null, null]);
  assert.equal(told, [[], []]);
});

test('C4 U4 a process that ended while away: the next one is told, and again until it is dismissed', async ({
  world,
}) => {
  const device = () => world.device({ folder: 'ada', client: { merges: mergeReports() } });
  const first = await device();
  const bob = reported(world).open('document', { doc: docOf(2 ** 31) });
  await Promise.all([first.handle.whenSynced(), bob.whenSynced()]);
  await shared(first.handle, bob);
  await world.offline();
  await apart(first.handle, bob);
  map(first.handle).set('title', 'ada');
  await first.handle.whenSaved({ tier: 'device' });
  await first.end();
  await world.online();
  map(bob).set('title', 'bob');
  await within('what Bob did', bob.whenSaved({ tier: 'server' }));

  const second = await device();
  await within('what was missed', second.handle.whenSynced());
  const merge = await within('the report', settled(second.handle));
  const key = entryOf(merge?.report.entries ?? [], 'key', ['map', 'title']);
  assert.equal(key.base, { state: 'value', value: 'base' });
  assert.equal(
    [key.mine, key.theirs].map((state) => 'value' in state && state.value),
    ['ada', 'bob'],
  );
  await second.handle.whenSaved({ tier: 'server' });
  await second.end();

  const third = await device();
  await third.handle.whenLoaded();
  assert.equal(third.handle.merges, [merge]);
  const lost = entryOf(third.handle.merges[0]?.report.entries as MergeEntry[], 'key');
  assert.is(await third.handle.restoreMine(lost, { overwrite: true }), key.outcome === 'mine' ? 'nothing' : 'restored');
  third.handle.dismiss();
  await third.end();

  const last = await device();
  await last.handle.whenLoaded();
  assert.equal(last.handle.merges, []);
  assert.is(map(last.handle).get('title'), 'ada');
  await last.end();
});

test('R6 U4 beyond the bound of memory a report says that both sides changed, and nothing else', async ({ world }) => {
  const ada = reported(world, { historyBytesMax: 500 }).open('document', { doc: docOf(10) });
  const off = world.client().open('document', { doc: docOf(30) });
  const bob = reported(world, { worker: false }).open('document', { doc: docOf(20) });
  await Promise.all([ada.whenSynced(), bob.whenSynced(), off.whenSynced()]);
  await shared(ada, bob);
  ada.doc.getText('text').insert(0, 'x'.repeat(500));
  await bothHave(ada, bob);
  await world.offline();
  await apart(ada, bob, off);
  for (const handle of [ada, bob, off]) map(handle).set('title', 'mine');
  await world.online();
  await bothHave(ada, bob);
  await until('Bob to be told', () => bob.merges.length > 0);
  await until('Ada to be told', () => ada.merges.length > 0);
  const [merge] = ada.merges;
  assert.equal([merge?.report.complete, merge?.report.entries], [false, []]);
  const entry = entryOf(bob.merges[0]?.report.entries ?? [], 'key');
  assert.is(entry.key, 'title');
  assert.equal([off.merges, await off.restoreMine(entry)], [[], 'nothing']);
});

test('U4 the others are called as they call themselves in presence', async ({ world }) => {
  const people = ['Ada', 'Bob', 'Cid'].map((name, at) => {
    const handle = reported(world).open('document', { doc: docOf(10 * (at + 1)) });
    handle.awareness.setLocalState(at === 1 ? { name } : { user: { name } });
    return handle;
  });
  const [ada, bob, cid] = people as [DocumentHandle, DocumentHandle, DocumentHandle];
  await Promise.all(people.map((handle) => handle.whenSynced()));
  await shared(ada, bob);
  await bothHave(ada, cid);
  await world.offline();
  await apart(...people);
  for (const key of ['title', 'bob', 'cid']) map(ada).set(key, 'ada');
  map(bob).set('bob', 'bob');
  map(cid).set('cid', 'cid');
  await world.online();
  const named = await until('both to be named', () => {
    const { entries = [], authors = [] } = ada.merges.at(-1)?.report ?? {};
    const by = entries.map((entry) => [entry.path.at(-1), entry.by.map((at) => authors[at]?.name)]);
    return by.flat(2).filter((name) => name === 'Bob' || name === 'Cid').length === 2 && by;
  });
  assert.equal(named, [
    ['bob', ['Bob']],
    ['cid', ['Cid']],
  ]);
  const [author] = ada.merges.at(-1)?.report.authors ?? [];
  assert.equal([author?.user, author?.updates], ['', 1]);
});

test("U4 P103 who the others were is told from the relay's log, which is asked only for a report", async ({
  world,
}) => {
  const authorize: Authorizer = ({ token }) => ({ access: 'write', user: token });
  await world.offline();
  await world.online({ authorize });
  let asked = 0;
  class Watched extends WebSocket {
    override send(frame: Uint8Array): void {
      asked += decodeClientMessages(frame, 2 ** 30).filter(({ type }) => type === 'who').length;
      super.send(frame);
    }
  }
  const open = (token: string, device: string, clientId: number): DocumentHandle =>
    world
      .client({ token, device, merges: mergeReports(), WebSocket: Watched as unknown as WebSocketClass })
      .open('document', { doc: docOf(clientId) });
  const ada = open('ada', 'laptop', 10);
  const bob = open('bob', 'phone', 20);
  await Promise.all([ada.whenSynced(), bob.whenSynced()]);
  await shared(ada, bob);
  await world.offline();
  await apart(ada, bob);
  map(ada).set('title', 'ada');
  await world.online({ authorize });
  await bothHave(ada, bob);
  await settled(ada);
  assert.is(asked, 0, 'nobody is asked where one side changed');

  await world.offline();
  await apart(ada, bob);
  const from = Date.now();
  map(ada).set('title', 'again');
  map(ada).set('gone', 1);
  map(bob).set('title', 'bob');
  await world.online({ authorize });
  await bothHave(ada, bob);
  const report = await until('both to be told', () => bob.merges.at(-1)?.report ?? false);
  assert.equal(
    report.authors.map(({ user, device, updates }) => [user, device, updates]),
    [['ada', 'laptop', 1]],
  );
  const [{ firstTime, lastTime } = { firstTime: 0, lastTime: 0 }] = report.authors;
  assert.ok((firstTime ?? 0) >= from && (lastTime ?? Infinity) <= Date.now(), `${firstTime} to ${lastTime}`);
  assert.equal(entryOf(report.entries, 'key', ['map', 'title']).by, [0]);
  assert.ok(asked > 0);
});

test('U4 the provider for editor bindings takes mergeReports() as well', async ({ world }) => {
  const merges = mergeReports();
  const [ada, bob] = [10, 20].map(
    (clientId) => new TideweaveProvider(world.url, 'document', docOf(clientId), { merges, shareConnection: false }),
  );
  assert.ok(ada?.handle && bob?.handle);
  try {
    await Promise.all([ada.handle.whenSynced(), bob.handle.whenSynced()]);
    await shared(ada.handle, bob.handle);
    await world.offline();
    await apart(ada.handle, bob.handle);
    for (const [provider, title] of [[ada, 'ada'] as const, [bob, 'bob'] as const])
      provider.doc.getMap('map').set('title', title);
    await world.online();
    await until('Ada to be told', () => (ada.handle?.merges.length ?? 0) > 0);
    assert.is(entryOf(ada.handle.merges[0]?.report.entries ?? [], 'key').outcome, 'theirs');
  } finally {
    ada.destroy();
    bob.destroy();
  }
});

test.run();
