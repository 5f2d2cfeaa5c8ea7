// @slow
// @timeout 180s
/** The hooks in real Chromium with React's development build, in StrictMode throughout. */
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type ServedPages, servePages, startChromium } from '../editors/browser.ts';
import { OfflineWorld, until, within } from '../offline/offline-world.ts';

interface Context {
  served: ServedPages;
  browser: Browser;
  world: OfflineWorld;
  tab: Page;
}

const test = suite<Context>('React hooks');

test.before(async (context) => {
  context.served = await servePages(fileURLToPath(new URL('react.page.js', import.meta.url)));
  context.browser = await startChromium();
});

test.after(async ({ browser, served }) => {
  await browser.close();
  await served.close();
});

test.before.each(async (context) => {
  context.world = await OfflineWorld.begin();
  await context.world.online();
  context.tab = await openTab(context);
});

test.after.each(async ({ tab, world }) => {
  await tab.close();
  await world.end();
});

async function openTab({ browser, served, world }: Context): Promise<Page> {
  const tab = await browser.newPage();
  await tab.goto(served.url);
  await tab.waitForFunction(() => 'tideweaveReact' in globalThis);
  await tab.evaluate((url) => tideweaveReact.start({ url }), world.url);
  return tab;
}

type Part = Parameters<typeof tideweaveReact.show>[0][number];

async function show(tab: Page, ...parts: Part[]): Promise<void> {
  await tab.evaluate((shown) => tideweaveReact.show(shown), parts);
  if (parts.length > 0)
    await until('the document to be open', () => tab.evaluate(() => tideweaveReact.isOpen('document') || null));
}

const textOf = (tab: Page, selector: string): Promise<string> =>
  tab.evaluate((where) => tideweaveReact.text(where).join('|'), selector);
const shows = (tab: Page, selector: string, wanted: string): Promise<true> =>
  until(`${selector} to show ${wanted}`, async () => (await textOf(tab, selector)) === wanted);
const set = (tab: Page, key: string, value: unknown): Promise<void> =>
  tab.evaluate(([name, to]) => tideweaveReact.set(name as string, to), [key, value]);
const told = (tab: Page): Promise<ReturnType<typeof tideweaveReact.told>> => tab.evaluate(() => tideweaveReact.told());
const saved = (tab: Page): Promise<void | undefined> =>
  within(
    'saved',
    tab.evaluate(() => tideweaveReact.saved()),
  );

test('U2 components share a document: opened once, through a double mount, and closed a while after the last', async ({
  tab,
}) => {
  await show(tab, 'Title', 'Status');
  await shows(tab, '#status', 'connected server');
  await set(tab, 'title', 'first');
  await shows(tab, 'h1', 'first');
  await saved(tab);
  await show(tab, 'Title');
  await show(tab);
  await show(tab, 'Title');
  await shows(tab, 'h1', 'first');
  assert.equal(await told(tab), { ...(await told(tab)), problems: [], opened: ['document'], closed: [], handles: 1 });
  await show(tab);
  await until('it to be closed', async () => !(await tab.evaluate(() => tideweaveReact.isOpen('document'))));
  await show(tab, 'Title');
  await shows(tab, 'h1', 'first');
  const { opened, closed, problems } = await told(tab);
  assert.equal([opened, closed, problems], [['document', 'document'], ['document'], []]);
});

test('C4 U1 a document whose edits are in memory alone stays open without a component until they are saved', async ({
  tab,
}) => {
  await show(tab, 'Title');
  await set(tab, 'title', 'first');
  await saved(tab);
  await tab.evaluate(() => tideweaveReact.connect(false));
  await set(tab, 'title', 'second');
  await show(tab);
  await tab.waitForTimeout(2500);
  assert.ok(await tab.evaluate(() => tideweaveReact.isOpen('document')));
  await tab.evaluate(() => tideweaveReact.connect(true));
  await until('it to be closed', async () => !(await tab.evaluate(() => tideweaveReact.isOpen('document'))));
  await show(tab, 'Title');
  await shows(tab, 'h1', 'second');
  assert.equal((await told(tab)).problems, []);
});

test('U2 what is hidden for long gets its document again when it is shown', async ({ tab }) => {
  await show(tab, 'Title');
  await set(tab, 'title', 'first');
  await saved(tab);
  await tab.evaluate(() => tideweaveReact.show(['Title'], { hidden: true }));
  await until('it to be closed', async () => !(await tab.evaluate(() => tideweaveReact.isOpen('document'))));
  await show(tab, 'Title');
  await shows(tab, 'h1', 'first');
  await set(tab, 'title', 'second');
  await shows(tab, 'h1', 'second');
  assert.equal((await told(tab)).problems, []);
});

test('U2 a selector renders again only when what it selects is different', async ({ tab }) => {
  await show(tab, 'Title');
  await shows(tab, 'h1', 'none');
  await set(tab, 'title', 'here');
  await shows(tab, 'h1', 'here');
  const { titles } = await told(tab);
  for (let at = 0; at < 20; at++) await set(tab, 'other', at);
  await set(tab, 'title', 'here');
  await saved(tab);
  assert.is((await told(tab)).titles, titles);
  await set(tab, 'title', 'there');
  await shows(tab, 'h1', 'there');
});

test('U2 no commit shows two states of a document at once, edits in the middle of transitions included', async ({
  tab,
}) => {
  await show(tab, 'Transition');
  await shows(tab, 'i:first-child', '0/0');
  const { torn, commits, last } = await tab.evaluate(() => tideweaveReact.tear());
  assert.equal(torn, []);
  assert.ok(commits > 8, `${commits} commits`);
  assert.equal(last, ['8/8']);
  assert.equal((await told(tab)).problems, []);
});

test('U1 a smooth status does not flicker, and shows an unsaved edit at once all the same', async ({ tab }) => {
  await show(tab, 'Status');
  await shows(tab, '#status', 'connected server');
  const { statuses, smooth } = await tab.evaluate(() => tideweaveReact.type());
  assert.is(statuses.filter((word) => word === 'unsaved').length, 10);
  // One that was saved for less than 300 ms is not said to be; a crowded machine may take longer between two keys.
  assert.is(smooth[0], 'unsaved');
  assert.is(smooth.at(-1), 'server');
  assert.ok(smooth.length < statuses.length, smooth.join(' '));
  assert.equal((await told(tab)).problems, []);
});

test('U2 presence, undo and redo', async (context) => {
  const { tab } = context;
  await show(tab, 'People', 'Undo');
  await shows(tab, '#people', '-: ');
  const other = await openTab(context);
  await show(other, 'People');
  await other.evaluate(() => tideweaveReact.click('#people'));
  await shows(tab, '#people', '-: me');
  await tab.evaluate(() => tideweaveReact.click('#people'));
  await shows(other, '#people', 'me: me');
  await other.evaluate(() => tideweaveReact.set('theirs', 1));
  await until('it to arrive', async () => (await tab.evaluate(() => tideweaveReact.get('theirs'))) === 1);
  await shows(tab, '#undo', '- -');
  await set(tab, 'mine', 1);
  await shows(tab, '#undo', 'undo -');
  await tab.evaluate(() => tideweaveReact.undo());
  await shows(tab, '#undo', '- redo');
  assert.is(await tab.evaluate(() => tideweaveReact.get('mine')), undefined);
  await tab.evaluate(() => tideweaveReact.redo());
  await shows(tab, '#undo', 'undo -');
  await show(other);
  await shows(tab, '#people', 'me: ');
  await other.close();
  assert.equal((await told(tab)).problems, []);
});

test('U4 merge reports show, mine comes back, and what is dismissed is gone', async (context) => {
  const { tab, world } = context;
  const other = await openTab(context);
  for (const one of [tab, other]) await show(one, 'Title', 'Merges');
  await set(tab, 'title', 'base');
  await shows(other, 'h1', 'base');
  await world.offline();
  for (const one of [tab, other]) await one.evaluate(() => tideweaveReact.connect(false));
  await set(tab, 'title', 'mine');
  await set(other, 'title', 'theirs');
  await world.online();
  for (const one of [tab, other]) await one.evaluate(() => tideweaveReact.connect(true));
  for (const one of [tab, other]) await shows(one, 'li', 'key map/title');
  const winner = await textOf(tab, 'h1');
  const [loser, lost] = winner === 'mine' ? ([other, 'theirs'] as const) : ([tab, 'mine'] as const);
  await loser.evaluate(() => tideweaveReact.click('li'));
  for (const one of [tab, other]) await shows(one, 'h1', lost);
  await loser.evaluate(() => tideweaveReact.click('#dismiss'));
  await shows(loser, 'li', '');
  for (const one of [tab, other]) assert.equal((await told(one)).problems, []);
  await other.close();
});

test.run();
