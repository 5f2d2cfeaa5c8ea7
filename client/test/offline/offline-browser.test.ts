// @slow
// @timeout 180s
/** Two people in real Chromium: both go offline, both edit, one closes the page and opens it again, both come back. */
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type ServedPages, servePages, startChromium } from '../editors/browser.ts';
import { OfflineWorld, until, within } from './offline-world.ts';

interface Context {
  world: OfflineWorld;
  served: ServedPages;
  browser: Browser;
}

const test = suite<Context>('Offline: Chromium');

test.before(async (context) => {
  context.served = await servePages(fileURLToPath(new URL('offline.page.js', import.meta.url)));
  context.browser = await startChromium();
});

test.after(async ({ served, browser }) => {
  await browser.close();
  await served.close();
});

test.before.each(async (context) => {
  context.world = await OfflineWorld.begin();
});

test.after.each(async ({ world }) => world.end());

/** A tab with the document open and its content there. */
async function openTab({ world, served }: Context, person: BrowserContext): Promise<Page> {
  const tab = await person.newPage();
  await tab.goto(served.url);
  await tab.waitForFunction(() => 'tideweaveOffline' in globalThis);
  await within(
    'the content',
    tab.evaluate((url) => tideweaveOffline.open(url), world.url),
  );
  return tab;
}

type Look = ReturnType<typeof tideweaveOffline.look>;

const look = (tab: Page): Promise<Look> => tab.evaluate(() => tideweaveOffline.look());
const edit = (tab: Page, who: string): Promise<void> => tab.evaluate((name) => tideweaveOffline.edit(name), who);
const saved = (tab: Page, tier: 'device' | 'server'): Promise<void> =>
  within(
    `saved on the ${tier}`,
    tab.evaluate((where) => tideweaveOffline.saved(where), tier),
  );
const confirmed = (tab: Page): Promise<true> =>
  until('a watermark on the device', () => tab.evaluate(() => tideweaveOffline.confirmed()));

/** The statuses told since the last call began to matter, from `from` on. */
async function toldSince(tab: Page, from: number): Promise<string[]> {
  const { told, problems } = await tab.evaluate(() => tideweaveOffline.told());
  assert.equal(problems, []);
  return told.slice(from);
}

test('C1 C2 C4 U1 two people offline, one of them reopens the page: same content, all edits, and the truth on the way', async (context) => {
  const { world, browser } = context;
  await world.online();
  const [ada, bob] = [await browser.newContext(), await browser.newContext()];
  const adaTab = await openTab(context, ada);
  const bobTab = await openTab(context, bob);
  await edit(adaTab, 'first');
  await saved(adaTab, 'server');
  await until('Bob to see it', async () => (await look(bobTab)).text === 'first ');
  await confirmed(adaTab);
  await confirmed(bobTab);
  const before = { ada: (await toldSince(adaTab, 0)).length, bob: (await toldSince(bobTab, 0)).length };

  await Promise.all([ada.setOffline(true), bob.setOffline(true)]);
  await world.offline();
  for (const tab of [adaTab, bobTab]) {
    assert.not(await tab.evaluate(() => navigator.onLine));
    await until('the loss to be noticed', async () => (await toldSince(tab, 0)).at(-1) === 'ready apart server');
  }
  await edit(adaTab, 'ada');
  await edit(bobTab, 'bob');
  await Promise.all([saved(adaTab, 'device'), saved(bobTab, 'device')]);
  const away = ['ready apart server', 'ready apart memory', 'ready apart device'];
  assert.equal(await toldSince(adaTab, before.ada), away);
  assert.equal(await toldSince(bobTab, before.bob), away);

  // Her page can be loaded, the relay cannot be reached.
  await adaTab.close();
  await ada.setOffline(false);
  const again = await openTab(context, ada);
  const { text, map, list, pending } = await look(again);
  assert.equal([text, map, list], ['ada first ', { ada: true, both: 'ada', first: true }, ['first', 'ada']]);
  assert.is(pending, 4);
  await edit(again, 'reopened');
  await saved(again, 'device');
  assert.equal(await toldSince(again, 0), ['loading apart device', ...away.slice(2), ...away.slice(1)]);
  const reopened = (await toldSince(again, 0)).length;

  await world.online();
  await bob.setOffline(false);
  await Promise.all([saved(again, 'server'), saved(bobTab, 'server')]);
  for (const tab of [again, bobTab])
    await within(
      'what the others did',
      tab.evaluate(() => tideweaveOffline.synced()),
    );
  await until('both to have the same', async () => {
    const [hers, his] = [await look(again), await look(bobTab)];
    return hers.list.length === 4 && JSON.stringify(hers) === JSON.stringify(his);
  });
  const { both, ...keys } = (await look(bobTab)).map;
  assert.equal(keys, { ada: true, bob: true, first: true, reopened: true });
  assert.ok(both === 'reopened' || both === 'bob');
  const end = await look(bobTab);
  assert.equal([...end.list].sort(), ['ada', 'bob', 'first', 'reopened']);
  assert.equal(end.text.split(' ').sort(), ['', 'ada', 'bob', 'first', 'reopened']);
  assert.is(end.pending, 0);
  const held = await world.content();
  assert.is(held.getText('text').toString(), end.text);
  assert.equal(held.getArray('list').toArray(), end.list);
  for (const [tab, from] of [
    [again, reopened],
    [bobTab, before.bob + away.length],
  ] as const) {
    await confirmed(tab);
    // What was missed is here before the relay has committed what was made here.
    assert.equal(await toldSince(tab, from), ['ready synced device', 'ready synced server']);
  }
  await Promise.all([ada.close(), bob.close()]);
});

test('C4 U1 a page that goes away the moment after the device promised its edit loses nothing, in ten rounds', async (context) => {
  const { world, browser } = context;
  await world.online();
  const ada = await browser.newContext();
  let tab = await openTab(context, ada);
  await edit(tab, 'first');
  await saved(tab, 'server');
  await confirmed(tab);
  await world.offline();
  for (let round = 1; round <= 10; round += 1) {
    await edit(tab, `round-${round}`);
    await saved(tab, 'device');
    await tab.close();
    tab = await openTab(context, ada);
    assert.is((await look(tab)).pending, 4 * round);
  }
  await world.online();
  await saved(tab, 'server');
  const list = (await world.content()).getArray('list').toArray();
  assert.equal(list, ['first', ...Array.from({ length: 10 }, (_, at) => `round-${at + 1}`)]);
  assert.equal((await toldSince(tab, 0)).at(-1), 'ready synced server');
  await ada.close();
});

test('U1 C4 what only memory has is brought to the device when the page is left', async (context) => {
  const { world, browser } = context;
  await world.online();
  const ada = await browser.newContext();
  const tab = await openTab(context, ada);
  await edit(tab, 'first');
  await saved(tab, 'server');
  await confirmed(tab);
  await world.offline();
  await within(
    'the refusal',
    tab.evaluate(() => tideweaveOffline.editInVain()),
  );
  const { told, problems } = await tab.evaluate(() => tideweaveOffline.told());
  assert.is(told.at(-1), 'ready apart memory');
  assert.match(problems.join(), /refused a write/);
  await tab.goto('about:blank');
  const again = await openTab(context, ada);
  assert.equal([(await look(again)).text, (await look(again)).pending], ['at the last moment first ', 1]);
  await ada.close();
});

test('U2 a page is only asked about when an edit is in memory alone, and a store takes one word', async (context) => {
  const { world, browser } = context;
  await world.online();
  const ada = await browser.newContext();
  const tab = await openTab(context, ada);
  assert.equal(await tab.evaluate(() => tideweaveOffline.leaving()), [false, true, false]);
  assert.is(await tab.evaluate((url) => tideweaveOffline.deviceStore(url), world.url), 'kept');
  assert.equal((await tab.evaluate(() => tideweaveOffline.told())).problems, []);
  await ada.close();
});

test.run();
