// Merge reports of tabs that share a connection, in virtual time: the leader makes them, every tab shows them.
import type { DocumentHandle, SyncClient } from '@tideweave/client';
import { type DocumentMerge, mergeReports } from '@tideweave/client/merge';
import { seededRandom } from '@tideweave/shared';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { entryOf } from '../merge/sides.ts';
import { type Page, TabsWorld } from './tabs-world.ts';

/** What is loaded when it is needed, at once: virtual time does not wait for the disk. */
await import('../../src/merge/merge-runner.ts');
await import('../../src/merge/merge-report.ts');
await import('../../src/merge/restore.ts');
await import('../../src/background-sync.ts');

const settleMs = 10_000;
const reported = { merges: mergeReports({ worker: false }) };

interface Tab {
  readonly page: Page;
  readonly client: SyncClient;
  readonly handle: DocumentHandle;
  readonly map: Y.Map<string>;
  /** Reports that the event `merge` told. */
  readonly told: DocumentMerge[];
  /** How often `merges` was told to have changed. */
  readonly changes: number;
}

/** Whose presence keeps a timer until it is destroyed: closed pages do not do it. */
const opened: DocumentHandle[] = [];

function tab(world: TabsWorld, clientId: number, options: Parameters<TabsWorld['client']>[1] = {}): Tab {
  const page = world.page();
  const doc = new Y.Doc();
  // The higher id wins a key.
  doc.clientID = clientId;
  const client = world.client(page, { ...reported, ...options });
  const handle = client.open('document', { doc });
  opened.push(handle);
  const told: DocumentMerge[] = [];
  let changes = 0;
  handle.on('merge', (merge) => told.push(merge));
  handle.on('merges', () => (changes += 1));
  return {
    page,
    client,
    handle,
    map: doc.getMap('map'),
    told,
    get changes() {
      return changes;
    },
  };
}

/** Somebody on another device, whose edits win over those of all tabs. */
const other = (world: TabsWorld): Tab => tab(world, 1000, { tabs: undefined, merges: undefined });

const world = (seed: number): TabsWorld => new TabsWorld({ random: seededRandom(seed) });

async function offline({ relay, time }: TabsWorld, ...tabs: readonly Tab[]): Promise<void> {
  relay.cutOff(...tabs.map(({ page }) => page));
  await time.pass(100);
}

async function online({ relay, time }: TabsWorld): Promise<void> {
  relay.mend();
  await time.pass(60_000);
}

const value = (of: string): unknown => ({ state: 'value', value: of });

/** What a tab shows, of one report of one key. */
function shown({ handle }: Tab): unknown {
  assert.is(handle.merges.length, 1);
  const { path, base, mine, theirs, outcome } = entryOf(handle.merges[0]?.report.entries ?? [], 'key');
  return [path.join(), base, mine, theirs, outcome];
}

const conflict = ['map,title', value('base'), value('mine'), value('theirs'), 'theirs'];

/** Two tabs and somebody else, who all have the base, and then change the same key while the tabs do not reach the relay. */
async function apart(browser: TabsWorld, kept: boolean): Promise<{ first: Tab; second: Tab; bob: Tab }> {
  const [first, second, bob] = [tab(browser, 1, { kept }), tab(browser, 2, { kept }), other(browser)];
  await browser.time.pass(settleMs);
  first.map.set('title', 'base');
  await browser.time.pass(settleMs);
  assert.is(browser.relay.connections, 2);
  await offline(browser, first, second);
  second.map.set('title', 'mine');
  bob.map.set('title', 'theirs');
  await browser.time.pass(1000);
  assert.is(first.map.get('title'), 'mine');
  return { first, second, bob };
}

test.after(() => {
  for (const { awareness } of opened) awareness.destroy();
});

test('U4 every tab is told the same report, one that is opened later gets it, and what one dismisses is gone in all', async () => {
  for (const kept of [false, true]) {
    const browser = world(1);
    const { first, second, bob } = await apart(browser, kept);
    await online(browser);
    const tabs = [first, second];
    for (const one of tabs) {
      assert.equal(shown(one), conflict);
      assert.equal(one.told, one.handle.merges);
      assert.is(one.changes, 1);
    }
    assert.equal(first.handle.merges, second.handle.merges);

    const later = tab(browser, 3, { kept });
    await browser.time.pass(1000);
    assert.equal(later.handle.merges, first.handle.merges);
    assert.equal([later.told, later.changes], [[], 1]);
    tabs.push(later);

    const follower = tabs.find(({ page }) => !browser.leaders.includes(page));
    assert.ok(follower !== undefined);
    const undo = new Y.UndoManager(follower.map);
    const lost = entryOf(follower.handle.merges[0]?.report.entries ?? [], 'key');
    const restoring = follower.handle.restoreMine(lost);
    await browser.time.pass(1000);
    assert.is(await restoring, 'restored');
    for (const { map } of [...tabs, bob]) assert.is(map.get('title'), 'mine');
    undo.undo();
    await browser.time.pass(1000);
    for (const { map } of [...tabs, bob]) assert.is(map.get('title'), 'theirs');

    second.handle.dismiss(second.handle.merges[0]);
    assert.equal(second.handle.merges, []);
    await browser.time.pass(1000);
    for (const { handle } of tabs) assert.equal(handle.merges, []);
    for (const { changes } of tabs) assert.is(changes, 2);
    assert.equal(bob.handle.merges, []);
  }
});

test('U4 C4 the next leader has the reports that nobody dismissed, once each, and those that were dismissed no more', async () => {
  for (const how of ['close', 'crash'] as const) {
    const browser = world(2);
    const { first, second } = await apart(browser, true);
    await online(browser);
    await first.page[how]();
    const third = tab(browser, 3, { kept: true });
    await browser.time.pass(settleMs);
    assert.ok(browser.leaders.includes(second.page));
    assert.equal([shown(second), shown(third)], [conflict, conflict]);
    assert.is(second.told.length, 1);
    assert.is(second.changes, 1);
    await offline(browser, second, third);
    await online(browser);
    assert.equal([second.told.length, third.told.length], [1, 0]);

    third.handle.dismiss();
    await browser.time.pass(1000);
    await second.page[how]();
    await browser.time.pass(settleMs);
    assert.equal(third.handle.merges, []);
    const last = tab(browser, 4, { kept: true });
    await browser.time.pass(settleMs);
    assert.equal([last.handle.merges, last.changes], [[], 0]);
  }
});

test('U4 C4 without a store the tabs bring the reports to the next leader, without those that were dismissed', async () => {
  const browser = world(9);
  const { first, second, bob } = await apart(browser, false);
  await online(browser);
  const third = tab(browser, 3);
  await browser.time.pass(1000);
  await offline(browser, first, second, third);
  second.map.set('more', 'mine');
  bob.map.set('more', 'theirs');
  await browser.time.pass(1000);
  await online(browser);
  const [gone, kept] = second.handle.merges;
  assert.is(second.handle.merges.length, 2);
  const news = [second.told.length, third.told.length];
  const seen: number[] = [];
  second.handle.on('merges', ({ length }) => seen.push(length));
  first.page.crash();
  // Nobody leads yet.
  second.handle.dismiss(gone);
  await browser.time.pass(settleMs);
  const fourth = tab(browser, 4);
  await browser.time.pass(settleMs);
  for (const { handle } of [second, third, fourth]) assert.equal(handle.merges, [kept]);
  assert.equal([second.told.length, third.told.length, fourth.told.length], [...news, 0]);
  assert.equal(seen, [1], 'what is shown is not taken away for a moment');

  third.handle.dismiss();
  await browser.time.pass(1000);
  // A tab that has missed it, as one that was frozen, does not bring it back.
  second.page.hide();
  await browser.time.pass(1000);
  second.page.show();
  await browser.time.pass(settleMs);
  for (const { handle } of [second, third, fourth]) assert.equal(handle.merges, []);
});

test('U4 C4 what was made while away is told by a leader that took over meanwhile', async () => {
  const browser = world(3);
  const { first, second } = await apart(browser, true);
  await first.page.close();
  await browser.time.pass(settleMs);
  assert.ok(browser.leaders.includes(second.page));
  await online(browser);
  assert.equal(shown(second), conflict);
  assert.is(second.told.length, 1);
});

test('U4 C3 a leader that goes before the relay has acknowledged does not make the next one tell it again', async () => {
  const browser = world(4);
  const { first, second } = await apart(browser, true);
  browser.relay.mend();
  while (second.map.get('title') === 'mine') await browser.time.pass(1);
  assert.ok(first.handle.status.pending.updates > 0);
  await offline(browser, first, second);
  await browser.time.pass(settleMs);
  assert.is(second.told.length, 1);
  assert.ok(second.handle.status.pending.updates > 0);
  first.page.crash();
  await browser.time.pass(settleMs);
  await online(browser);
  assert.is(second.handle.status.safe, 'server');
  assert.equal(shown(second), conflict);
  assert.is(second.told.length, 1);
});

test('U4 what tabs hand back of others to the next leader does not count as made here', async () => {
  const browser = world(5);
  const [first, second, bob] = [tab(browser, 1, { kept: true }), tab(browser, 2, { kept: true }), other(browser)];
  await browser.time.pass(settleMs);
  bob.map.set('title', 'before');
  while (second.map.get('title') !== 'before') await browser.time.pass(1);
  // The device has it, and no watermark has confirmed it.
  await browser.time.pass(50);
  await offline(browser, first, second);
  first.page.crash();
  await browser.time.pass(settleMs);
  assert.ok(browser.leaders.includes(second.page));
  assert.ok(second.handle.status.pending.updates > 0, 'something was handed back');
  bob.map.set('title', 'theirs');
  await online(browser);
  assert.is(second.map.get('title'), 'theirs');
  assert.equal([second.told, second.handle.merges], [[], []]);
});

test('U4 what is dismissed while the leader hangs, the next one hears', async () => {
  const browser = world(6);
  const { first, second } = await apart(browser, true);
  await online(browser);
  assert.ok(browser.leaders.includes(first.page));
  first.page.hang();
  second.handle.dismiss();
  assert.equal(second.handle.merges, []);
  const third = tab(browser, 3, { kept: true });
  await browser.time.pass(60_000);
  assert.not(browser.leaders.includes(first.page));
  assert.equal([second.handle.merges, third.handle.merges], [[], []]);
  first.page.goOn();
  await browser.time.pass(settleMs);
  for (const { page, handle } of [first, second, third]) {
    assert.equal(handle.merges, []);
    await page.close();
  }
  const last = tab(browser, 4, { kept: true });
  await browser.time.pass(settleMs);
  assert.equal(last.handle.merges, []);
});

test('U4 batch mode waits for the report that the leader makes', async () => {
  const browser = world(7);
  const { first, second, bob } = await apart(browser, true);
  const follower = [first, second].find(({ page }) => !browser.leaders.includes(page));
  const running = follower?.client.syncNow(['document']);
  const settled = follower?.handle.whenSynced().then(async () => follower.handle.link.merges?.settled());
  await online(browser);
  const [result] = (await running) ?? [];
  assert.equal([result?.error, result?.merge], [null, second.handle.merges[0]]);
  assert.equal(await settled, second.handle.merges[0]);
  assert.equal(shown(second), conflict);
  assert.is(bob.map.get('title'), 'theirs');
});

test('U4 tabs with and without merge reports do not share a connection', async () => {
  const browser = world(8);
  const tabs = [tab(browser, 1), tab(browser, 2), tab(browser, 3, { merges: undefined })];
  await browser.time.pass(settleMs);
  assert.is(browser.relay.connections, 2);
  assert.equal(
    tabs.map(({ handle }) => handle.link.merges !== null),
    [true, true, false],
  );
});

test.run();
