// @slow
// Tabs of a real Chromium that share a connection to a real relay, which is counted at the wire.
import { createLogger, createRelay, type Relay } from '@tideweave/server';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { type ServedPages, root, servePages, startChromium } from '../editors/browser.ts';
import { type Tunnel, openTunnel } from '../editors/tunnel.ts';
import { memoryLog } from '../support/relay.ts';
import { until } from '../support/wait.ts';

interface Context {
  browser: Browser;
  pages: ServedPages;
  relay: Relay;
  tunnel: Tunnel;
}

const pageErrors: string[] = [];

const test = suite<Context>('tabs in a browser');

test.before(async (context) => {
  context.browser = await startChromium();
  context.pages = await servePages(`${root}client/test/tabs/tabs.page.ts`);
});

test.after(async ({ browser, pages }) => {
  await browser.close();
  await pages.close();
});

test.before.each(async (context) => {
  context.relay = await createRelay({ port: 0, log: memoryLog(), logger: createLogger({ level: 'silent' }) });
  context.tunnel = await openTunnel(context.relay.address.port);
});

test.after.each(async ({ relay, tunnel }) => {
  assert.equal(pageErrors.splice(0), []);
  await tunnel.close();
  await relay.close();
});

async function openTab({ pages, tunnel }: Context, browser: BrowserContext, query = ''): Promise<Page> {
  const page = await browser.newPage();
  page.on('pageerror', (error) => pageErrors.push(error.message));
  await page.goto(`${pages.url}?relay=${tunnel.url}${query}`);
  await page.waitForFunction(() => 'tideweaveTabs' in globalThis);
  return page;
}

const words = (page: Page): Promise<string[]> => page.evaluate(() => tideweaveTabs.words());
const synced = (page: Page): Promise<void> => page.evaluate(() => tideweaveTabs.synced());
const type = (page: Page, word: string): Promise<void> => page.evaluate((typed) => tideweaveTabs.type(typed), word);
const saved = (page: Page, tier: 'device' | 'server'): Promise<void> =>
  page.evaluate((where) => tideweaveTabs.saved(where), tier);
const safe = async (page: Page): Promise<string> => (await page.evaluate(() => tideweaveTabs.status())).safe;

async function leaderOf(tabs: readonly Page[]): Promise<Page> {
  let leader: Page | undefined;
  await until('a leader', async () => {
    for (const tab of tabs) if (await tab.evaluate(() => tideweaveTabs.leads())) leader = tab;
    return leader !== undefined;
  });
  if (leader === undefined) throw new Error('nobody leads');
  return leader;
}

async function held({ relay }: Context): Promise<string[]> {
  const response = await fetch(`http://127.0.0.1:${relay.address.port}/api/docs/document/update`);
  const doc = new Y.Doc();
  Y.applyUpdate(doc, new Uint8Array(await response.arrayBuffer()));
  return doc.getArray<string>('words').toArray();
}

test('C2 C4 four tabs, one socket: the leader is closed ten times while all type, and nothing is lost or doubled', async (context) => {
  const browser = await context.browser.newContext();
  const tabs: Page[] = [];
  const typed: string[] = [];
  const begin = async (): Promise<void> => {
    const tab = await openTab(context, browser);
    await synced(tab);
    await tab.evaluate((who) => tideweaveTabs.begin(who), `tab${typed.length}.${tabs.length}`);
    tabs.push(tab);
  };
  while (tabs.length < 4) await begin();
  assert.is(context.tunnel.connections, 1);
  const counts: number[] = [];
  for (let round = 0; round < 10; round += 1) {
    const leader = await leaderOf(tabs);
    tabs.splice(tabs.indexOf(leader), 1);
    typed.push(...(await leader.evaluate(() => tideweaveTabs.typed())));
    await leader.close();
    await leaderOf(tabs);
    await begin();
    await until('one connection', () => context.tunnel.connections === 1);
    counts.push(context.tunnel.connections);
  }
  for (const tab of tabs) {
    await tab.evaluate(() => tideweaveTabs.end());
    typed.push(...(await tab.evaluate(() => tideweaveTabs.typed())));
  }
  for (const tab of tabs) await saved(tab, 'server');
  const content = await held(context);
  const found = new Set(content);
  const lost = typed.filter((word) => !found.has(word));
  console.log(
    `${typed.length} words typed, ${content.length} on the relay, ${lost.length} lost, ${content.length - found.size} doubled, sockets after each of 10 closes: ${counts.join(' ')}`,
  );
  assert.equal(lost, []);
  assert.is(found.size, content.length);
  for (const tab of tabs) {
    await until('all to have the same', async () => JSON.stringify(await words(tab)) === JSON.stringify(content));
    assert.is(await safe(tab), 'server');
    assert.equal(await tab.evaluate(() => tideweaveTabs.problems()), []);
  }
  await browser.close();
});

test('C4 U1 a leader whose main thread is blocked is robbed of the lead by a tab that connects, and follows when it goes on', async (context) => {
  const browser = await context.browser.newContext();
  const leader = await openTab(context, browser);
  await synced(leader);
  await type(leader, 'before');
  await saved(leader, 'server');
  assert.ok(await leader.evaluate(() => tideweaveTabs.leads()));
  // Nothing runs in a page that shows a dialog, until it is answered.
  const shown = leader.waitForEvent('dialog');
  const blocked = leader.evaluate(() => alert('a page that hangs'));
  const dialog = await shown;
  const other = await openTab(context, browser);
  await type(other, 'meanwhile');
  await saved(other, 'server');
  assert.ok(await other.evaluate(() => tideweaveTabs.leads()));
  assert.equal(new Set(await held(context)), new Set(['before', 'meanwhile']));
  await dialog.accept();
  await blocked;
  await type(leader, 'after');
  await saved(leader, 'server');
  for (const tab of [leader, other]) await until('all to be there', async () => (await words(tab)).length === 3);
  assert.is((await held(context)).length, 3);
  await until('one connection', () => context.tunnel.connections === 1);
  await browser.close();
});

test('A1 two users in one browser have a connection each', async (context) => {
  const browser = await context.browser.newContext();
  const tabs = await Promise.all(
    ['ada', 'ada', 'bob', 'bob'].map((user) => openTab(context, browser, `&user=${user}`)),
  );
  for (const tab of tabs) await synced(tab);
  assert.is(context.tunnel.connections, 2);
  await browser.close();
});

test('R1 a tab of another version runs on its own connection, and both go on', async (context) => {
  const browser = await context.browser.newContext();
  const [old, recent] = [
    await openTab(context, browser, '&kept=1'),
    await openTab(context, browser, '&kept=1&version=2'),
  ];
  for (const tab of [old, recent]) await synced(tab);
  assert.is(context.tunnel.connections, 2);
  await Promise.all([type(old, 'old'), type(recent, 'recent')]);
  for (const tab of [old, recent]) await saved(tab, 'server');
  for (const tab of [old, recent]) await until('both words', async () => (await words(tab)).length === 2);
  assert.equal((await held(context)).sort(), ['old', 'recent']);
  await browser.close();
});

test('U1 C4 tabs without a network see each other type, share the store, and bring it all to the relay', async (context) => {
  const browser = await context.browser.newContext();
  const tabs = [await openTab(context, browser, '&kept=1'), await openTab(context, browser, '&kept=1')];
  for (const tab of tabs) await synced(tab);
  context.tunnel.cut();
  for (const [index, tab] of tabs.entries()) {
    await type(tab, `offline${index}`);
    await saved(tab, 'device');
  }
  for (const tab of tabs) {
    await until('both words', async () => (await words(tab)).length === 2);
    await until('the device to have them', async () => (await safe(tab)) === 'device');
  }
  for (const tab of tabs) await tab.close();
  const again = await openTab(context, browser, '&kept=1');
  await until('the store to be read', async () => (await words(again)).length === 2);
  assert.is(await safe(again), 'device');
  context.tunnel.mend();
  await saved(again, 'server');
  await until('the relay to have them', async () => (await safe(again)) === 'server');
  assert.equal((await held(context)).sort(), ['offline0', 'offline1']);
  await browser.close();
});

test('A2 each tab has its caret, and that of a closed tab goes at once', async (context) => {
  const browser = await context.browser.newContext();
  const tabs = [await openTab(context, browser), await openTab(context, browser), await openTab(context, browser)];
  for (const [index, tab] of tabs.entries()) await tab.evaluate((at) => tideweaveTabs.caret(at), index);
  const carets = async (tab: Page): Promise<string> =>
    (await tab.evaluate(() => tideweaveTabs.carets())).sort((a, b) => a - b).join('');
  for (const tab of tabs) await until('all carets', async () => (await carets(tab)) === '012');
  const leader = await leaderOf(tabs);
  const gone = tabs.find((tab) => tab !== leader);
  await gone?.close();
  const left = tabs.filter((tab) => tab !== gone);
  for (const tab of left) await until('one caret less', async () => (await carets(tab)).length === 2);
  await leader.close();
  for (const tab of left) if (tab !== leader) await until('its own only', async () => (await carets(tab)).length === 1);
  await browser.close();
});

test.run();
