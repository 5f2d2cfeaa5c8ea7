// @slow
// @timeout 180s
/** Two people in real Chromium who edit the same while both are away; one of them reopens the page meanwhile. */
import { fileURLToPath } from 'node:url';
import type { DocumentMerge } from '@tideweave/client/merge';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type ServedPages, root, servePages, startChromium } from '../editors/browser.ts';
import { OfflineWorld, until, within } from '../offline/offline-world.ts';
import { entryOf } from './sides.ts';

interface Context {
  world: OfflineWorld;
  served: ServedPages;
  browser: Browser;
}

const test = suite<Context>('Merge reports: Chromium');

test.before(async (context) => {
  context.world = await OfflineWorld.begin();
  context.served = await servePages(fileURLToPath(new URL('merge.page.js', import.meta.url)), {
    'merge.worker': `${root}client/dist/src/merge/merge.worker.js`,
  });
  context.browser = await startChromium();
});

test.after(async ({ browser, served, world }) => {
  await browser.close();
  await served.close();
  await world.end();
});

async function openTab({ world, served }: Context, person: BrowserContext): Promise<Page> {
  const tab = await person.newPage();
  await tab.goto(served.url);
  await tab.waitForFunction(() => 'tideweaveMerge' in globalThis);
  await within(
    'the content',
    tab.evaluate((url) => tideweaveMerge.open(url), world.url),
  );
  return tab;
}

type Look = ReturnType<typeof tideweaveMerge.look>;

const look = (tab: Page): Promise<Look> => tab.evaluate(() => tideweaveMerge.look());
const merges = (tab: Page): Promise<readonly DocumentMerge[]> => tab.evaluate(() => tideweaveMerge.merges());
const saved = (tab: Page, tier: 'device' | 'server'): Promise<void> =>
  within(
    `saved on the ${tier}`,
    tab.evaluate((where) => tideweaveMerge.saved(where), tier),
  );

async function sameOn(one: Page, other: Page): Promise<Look> {
  return until('both to have the same', async () => {
    const [here, there] = [await look(one), await look(other)];
    return JSON.stringify(here) === JSON.stringify(there) && here;
  });
}

/** Each edit goes through memory to the device; how many of them there are says nothing. */
function withoutRepeats(statuses: readonly string[]): string[] {
  return statuses
    .join()
    .replace(/(?:ready memory,ready device,)+/g, 'ready memory,ready device,')
    .split(',');
}

/** What a person sees, one after another: Bob from the beginning on, Ada from the reload while she was away. */
const away = ['ready memory', 'ready device', 'ready device synced', 'ready server synced'];
const seenOf = {
  ada: ['ready device', ...away],
  bob: ['loading server', 'ready server synced', 'ready server', ...away],
};

test('U4 C4 U1 both are told what the merge did, one of them after a reload, and mine comes back on both screens', async (context) => {
  const { world, browser } = context;
  await world.online();
  const [ada, bob] = [await browser.newContext(), await browser.newContext()];
  const first = await openTab(context, ada);
  const bobTab = await openTab(context, bob);
  await first.evaluate(() => tideweaveMerge.setUp());
  await saved(first, 'server');
  const before = await look(first);
  await until('Bob to see it', async () => JSON.stringify(await look(bobTab)) === JSON.stringify(before));

  // The relay goes first: a socket that ends is noticed at once, a network that is gone only by its silence.
  await world.offline();
  await Promise.all([ada.setOffline(true), bob.setOffline(true)]);
  for (const tab of [first, bobTab])
    await until('the loss to be noticed', async () => !(await tab.evaluate(() => tideweaveMerge.synced())));
  await first.evaluate(() => tideweaveMerge.edit('early', 'front'));
  await bobTab.evaluate(() => tideweaveMerge.edit('bob', 'back'));
  await bobTab.evaluate(() => tideweaveMerge.deleteNote());
  await Promise.all([saved(first, 'device'), saved(bobTab, 'device')]);
  // Her page can be loaded again, the relay cannot be reached.
  await first.close();
  await ada.setOffline(false);
  const adaTab = await openTab(context, ada);
  await adaTab.evaluate(() => tideweaveMerge.edit('ada', 'front'));
  await adaTab.evaluate(() => tideweaveMerge.editNote('ada'));
  await saved(adaTab, 'device');

  await world.online();
  // The page tries again at once when the network is said to be back.
  await ada.setOffline(true);
  await Promise.all([ada.setOffline(false), bob.setOffline(false)]);
  await Promise.all([saved(adaTab, 'server'), saved(bobTab, 'server')]);
  const after = await sameOn(adaTab, bobTab);
  assert.is(after.text, 'ada early one two three bob');
  const title = (after.map as { title: string }).title;
  assert.ok(title === 'ada' || title === 'bob');

  const value = (of: unknown): unknown => ({ state: 'value', value: of });
  for (const [tab, mine, theirs] of [
    [adaTab, 'ada', 'bob'],
    [bobTab, 'bob', 'ada'],
  ] as const) {
    const [merge, ...more] = await until(`the report of ${mine}`, async () => {
      const kept = await merges(tab);
      return kept.length > 0 && kept;
    });
    assert.equal(more, []);
    const { entries, complete, conflicts } = merge?.report ?? {};
    assert.ok(entries);
    assert.equal([complete, conflicts], [true, 4]);
    const key = entryOf(entries, 'key');
    assert.equal(
      [key.path, key.base, key.mine, key.theirs, key.outcome],
      [['map', 'title'], value('base'), value(mine), value(theirs), title === mine ? 'mine' : 'theirs'],
    );
    const text = entryOf(entries, 'list', ['text']);
    const ops = { ada: [{ insert: 'ada early ' }], bob: [{ retain: 13 }, { insert: ' bob' }] };
    assert.equal([text.mine.ops, text.theirs.ops], [ops[mine], ops[theirs]]);
    assert.equal(text.merged.ops, [{ insert: after.text }]);
    const list = entryOf(entries, 'list', ['list']);
    const added = { ada: [{ retain: 1 }, { insert: ['early', 'ada'] }], bob: [{ retain: 1 }, { insert: ['bob'] }] };
    assert.equal([list.mine.ops, list.theirs.ops], [added[mine], added[theirs]]);
    const lost = entryOf(entries, 'lost');
    assert.equal([lost.side, lost.path, lost.key], [mine === 'ada' ? 'mine' : 'theirs', ['map', 'note'], 'note']);
    assert.equal(lost.value, value({ $: 'map', entries: { body: 'ada' } }));
    // As in an application of our users: a worker of the page's own, beside its bundle.
    const { problems, workers, statuses } = await tab.evaluate(() => tideweaveMerge.told());
    assert.equal([problems, workers], [[], [`${context.served.url}merge.worker.js`]]);
    assert.equal(withoutRepeats(statuses), seenOf[mine]);
  }

  assert.is(await adaTab.evaluate(() => tideweaveMerge.restore('lost', 'note')), 'restored');
  const loser = title === 'ada' ? bobTab : adaTab;
  assert.is(await loser.evaluate(() => tideweaveMerge.restore('key', 'title')), 'restored');
  const wanted = { title: title === 'ada' ? 'bob' : 'ada', note: { body: 'ada' } };
  const restored = await until('what was restored', async () => {
    const both = await sameOn(adaTab, bobTab);
    return JSON.stringify(both.map, ['title', 'note', 'body']) === JSON.stringify(wanted) && both;
  });
  assert.equal([restored.text, restored.list], [after.text, after.list]);

  // Kept on the device until it is dismissed.
  await adaTab.reload();
  await adaTab.evaluate((url) => tideweaveMerge.open(url), world.url);
  assert.is((await merges(adaTab)).length, 1);
  await adaTab.evaluate(() => tideweaveMerge.dismiss());
  assert.equal(await merges(adaTab), []);
  await Promise.all([ada.close(), bob.close()]);
});

test.run();
