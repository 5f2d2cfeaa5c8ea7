// @slow
// @timeout 180s
// Merge reports in tabs of a real Chromium that share a connection to a real relay, while somebody else writes on another device.
import { fileURLToPath } from 'node:url';
import { type DocumentHandle, SyncClient } from '@tideweave/client';
import type { DocumentMerge } from '@tideweave/client/merge';
import { type Relay, createLogger, createRelay } from '@tideweave/server';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { type ServedPages, root, servePages, startChromium } from '../editors/browser.ts';
import { type Tunnel, openTunnel } from '../editors/tunnel.ts';
import { entryOf } from '../merge/sides.ts';
import { memoryLog } from '../support/relay.ts';
import { until } from '../support/wait.ts';

interface Context {
  browser: Browser;
  pages: ServedPages;
  relay: Relay;
  tunnel: Tunnel;
  /** The tabs' browser. */
  ada: BrowserContext;
  /** On another device, with a connection that nothing cuts. */
  bob: DocumentHandle;
  bobClient: SyncClient;
}

const pageErrors: string[] = [];

const test = suite<Context>('Merge reports of tabs: Chromium');

test.before(async (context) => {
  context.browser = await startChromium();
  context.pages = await servePages(fileURLToPath(new URL('tabs-merge.page.js', import.meta.url)), {
    'merge.worker': `${root}client/dist/src/merge/merge.worker.js`,
  });
});

test.after(async ({ browser, pages }) => {
  await browser.close();
  await pages.close();
});

test.before.each(async (context) => {
  context.relay = await createRelay({ port: 0, log: memoryLog(), logger: createLogger({ level: 'silent' }) });
  context.tunnel = await openTunnel(context.relay.address.port);
  context.ada = await context.browser.newContext();
  context.bobClient = new SyncClient({ url: `ws://127.0.0.1:${context.relay.address.port}`, device: 'phone' });
  const doc = new Y.Doc();
  doc.clientID = 20;
  context.bob = context.bobClient.open('document', { doc });
});

test.after.each(async ({ relay, tunnel, ada, bobClient }) => {
  assert.equal(pageErrors.splice(0), []);
  await ada.close();
  bobClient.destroy();
  await tunnel.close();
  await relay.close();
});

/** Of keys that Bob sets as well, a tab with an id below 20 loses. */
async function openTab({ ada, pages, tunnel }: Context, id: number): Promise<Page> {
  const tab = await ada.newPage();
  tab.on('pageerror', (error) => pageErrors.push(error.message));
  await tab.goto(`${pages.url}?relay=${tunnel.url}&id=${id}`);
  await tab.waitForFunction(() => 'tideweaveTabsMerge' in globalThis);
  await tab.evaluate(() => tideweaveTabsMerge.ready());
  return tab;
}

const set = (tab: Page, key: string, value: string): Promise<void> =>
  tab.evaluate(([where, what]) => tideweaveTabsMerge.set(where, what), [key, value] as const);
const saved = (tab: Page, tier: 'device' | 'server'): Promise<void> =>
  tab.evaluate((where) => tideweaveTabsMerge.saved(where), tier);
const told = (tab: Page): Promise<{ problems: string[]; workers: string[]; told: string[] }> =>
  tab.evaluate(() => tideweaveTabsMerge.told());
const synced = (tab: Page): Promise<boolean> => tab.evaluate(() => tideweaveTabsMerge.synced());

async function offline({ tunnel }: Context, tabs: readonly Page[]): Promise<void> {
  tunnel.cut();
  for (const tab of tabs) await until('the loss to be noticed', async () => !(await synced(tab)));
}

async function online({ tunnel, ada }: Context, tabs: readonly Page[]): Promise<void> {
  tunnel.mend();
  // The tab that leads tries again at once when the network is said to be back.
  await ada.setOffline(true);
  await ada.setOffline(false);
  for (const tab of tabs) await until('the tab to be in sync', () => synced(tab));
}

/** What all of these tabs show, in the list and on the screen. */
async function shown(tabs: readonly Page[], count: number): Promise<readonly DocumentMerge[]> {
  const lists: (readonly DocumentMerge[])[] = [];
  for (const tab of tabs) {
    const read = (): Promise<readonly DocumentMerge[]> => tab.evaluate(() => tideweaveTabsMerge.merges());
    await until(`${count} reports`, async () => (await read()).length === count);
    const list = await read();
    lists.push(list);
    const rendered = (): Promise<readonly DocumentMerge[]> => tab.evaluate(() => tideweaveTabsMerge.rendered());
    await until('React to show them', async () => JSON.stringify(await rendered()) === JSON.stringify(list));
  }
  for (const list of lists) assert.equal(list, lists[0]);
  return lists[0] ?? [];
}

async function bobSets({ bob }: Context, values: Readonly<Record<string, string>>): Promise<void> {
  for (const [key, value] of Object.entries(values)) bob.doc.getMap('map').set(key, value);
  await bob.whenSaved({ tier: 'server' });
}

async function everybodyHas({ bob }: Context, tabs: readonly Page[], key: string, value: string): Promise<void> {
  await until(`Bob to have ${value}`, () => bob.doc.getMap('map').get(key) === value);
  for (const tab of tabs)
    await until(
      `the tab to have ${value}`,
      async () => (await tab.evaluate((where) => tideweaveTabsMerge.get(where), key)) === value,
    );
}

const is = (value: string): unknown => ({ state: 'value', value });

test('U4 C4 three tabs, one socket: all show what the merge did, until one dismisses it, whoever leads', async (context) => {
  const { bob, tunnel } = context;
  const [leader, second, third] = [await openTab(context, 10), await openTab(context, 30), await openTab(context, 11)];
  let tabs: readonly Page[] = [leader, second, third];
  for (const key of ['lost', 'won', 'later']) await set(leader, key, 'base');
  await saved(leader, 'server');
  assert.is(tunnel.connections, 1);
  await until('Bob to see it', () => bob.doc.getMap('map').get('later') === 'base');

  await offline(context, tabs);
  await set(third, 'lost', 'ada');
  await set(second, 'won', 'ada');
  for (const tab of tabs) await saved(tab, 'device');
  await bobSets(context, { lost: 'bob', won: 'bob' });
  await online(context, tabs);
  const [merge] = await shown(tabs, 1);
  assert.ok(merge);
  const { entries, authors, conflicts, complete } = merge.report;
  assert.equal([conflicts, complete], [2, true]);
  for (const [key, outcome] of [
    ['lost', 'theirs'],
    ['won', 'mine'],
  ] as const) {
    const entry = entryOf(entries, 'key', ['map', key]);
    assert.equal([entry.base, entry.mine, entry.theirs, entry.outcome], [is('base'), is('ada'), is('bob'), outcome]);
    // Asked of the relay, which only the tab that leads can.
    assert.equal(
      entry.by.map((at) => authors[at]?.device),
      ['phone'],
    );
  }
  for (const tab of tabs) {
    const { told: news, workers, problems } = await told(tab);
    assert.equal(
      [news, workers, problems],
      [[merge.id], tab === leader ? [`${context.pages.url}merge.worker.js`] : [], []],
    );
  }

  await everybodyHas(context, tabs, 'lost', 'bob');
  assert.is(await second.evaluate(() => tideweaveTabsMerge.restore('lost')), 'restored');
  await everybodyHas(context, tabs, 'lost', 'ada');
  await second.evaluate(() => tideweaveTabsMerge.undo());
  await everybodyHas(context, tabs, 'lost', 'bob');
  assert.is(await second.evaluate(() => tideweaveTabsMerge.restore('won')), 'nothing');

  await offline(context, tabs);
  await set(leader, 'later', 'ada');
  await saved(leader, 'device');
  await bobSets(context, { later: 'bob' });
  await online(context, tabs);
  const both = await shown(tabs, 2);
  assert.equal(both[0], merge);
  const opened = await openTab(context, 12);
  tabs = [...tabs, opened];
  assert.equal(await shown(tabs, 2), both);
  assert.equal((await told(opened)).told, []);

  await third.evaluate(() => tideweaveTabsMerge.dismiss(0));
  const left = await shown(tabs, 1);
  assert.equal(left, both.slice(1));

  const before = await Promise.all([second, third, opened].map(told));
  await leader.close();
  const last = await openTab(context, 13);
  tabs = [second, third, opened, last];
  for (const tab of tabs) await until('the tab to be in sync', () => synced(tab));
  await until('one connection', () => tunnel.connections === 1);
  await set(last, 'lost', 'after');
  await everybodyHas(context, tabs, 'lost', 'after');
  assert.equal(await shown(tabs, 1), left);
  // Neither computed nor told again.
  assert.equal(await Promise.all([second, third, opened].map(told)), before);
  assert.equal((await told(last)).told, []);

  await last.evaluate(() => tideweaveTabsMerge.dismiss(0));
  await shown(tabs, 0);
  for (const tab of tabs) await tab.close();
  const again = await openTab(context, 14);
  await until('the tab to be in sync', () => synced(again));
  assert.equal(await shown([again], 0), []);
});

test('U4 C4 the leader is closed while away, and the next one reports what all of them made', async (context) => {
  const [leader, next] = [await openTab(context, 10), await openTab(context, 11)];
  for (const key of ['one', 'two']) await set(leader, key, 'base');
  await saved(leader, 'server');
  await offline(context, [leader, next]);
  await set(leader, 'one', 'ada');
  await set(next, 'two', 'ada');
  for (const tab of [leader, next]) await saved(tab, 'device');
  await bobSets(context, { one: 'bob', two: 'bob' });
  await leader.close();
  const later = await openTab(context, 12);
  assert.equal(await shown([next, later], 0), []);
  await online(context, [next, later]);
  const [merge] = await shown([next, later], 1);
  for (const key of ['one', 'two']) {
    const entry = entryOf(merge?.report.entries ?? [], 'key', ['map', key]);
    assert.equal([entry.base, entry.mine, entry.theirs, entry.outcome], [is('base'), is('ada'), is('bob'), 'theirs']);
  }
  for (const tab of [next, later]) {
    const { told: news, problems } = await told(tab);
    assert.equal([news, problems], [[merge?.id], []]);
  }
});

test.run();
