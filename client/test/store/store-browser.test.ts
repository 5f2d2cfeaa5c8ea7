// @slow
// @timeout 240s
/** The store over IndexedDB in a real Chromium: the contract, tabs, and what browsers do to databases. */
import { mkdtemp, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { seededRandom } from '@tideweave/shared';
import type { BrowserContext, Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { storePromises } from './offline-store.contract.ts';
import { type ServedPage, openTab, servePage, startChromium } from './store-browser.ts';
import { keysSet } from './store-fixtures.ts';

interface Browser {
  readonly served: ServedPage;
  readonly profile: string;
  context: BrowserContext;
}

const test = suite<Browser>('OfflineStore: Chromium');

test.before(async (browser) => {
  const profile = await mkdtemp(join(tmpdir(), 'tideweave-chromium-'));
  Object.assign(browser, { profile, served: await servePage(), context: await startChromium(profile) });
});

test.after(async ({ served, profile, context }) => {
  await context.close();
  await served.close();
  await rm(profile, { recursive: true, force: true, maxRetries: 5 });
});

/** Runs in a tab of its own. */
async function inTab<T>({ context, served }: Browser, run: (tab: Page) => Promise<T>): Promise<T> {
  const tab = await openTab(context, served.url);
  try {
    return await run(tab);
  } finally {
    await tab.close();
  }
}

const read = (browser: Browser, location: string): Promise<{ content: string[]; pending: string[] }> =>
  inTab(browser, (tab) => tab.evaluate((name) => tideweaveStore.read(name), location));

/** What a tab says to be durable: its edits and their keys. */
function listen(tab: Page): { readonly edit: string; readonly key: string }[] {
  const said: { edit: string; key: string }[] = [];
  tab.on('console', (message) => {
    const [what, edit = '', key = ''] = message.text().split(' ');
    if (what === 'durable') said.push({ edit, key });
  });
  return said;
}

for (const { title } of storePromises) {
  test(title, (browser) =>
    inTab(browser, async (tab) => {
      const problem = await tab.evaluate((name) => tideweaveStore.promise(name), title);
      if (problem !== null) throw new Error(problem);
    }),
  );
}

test('C4 two tabs that write to one document at once never make the same key, and both are there', async (browser) => {
  const { context, served } = browser;
  const tabs = await Promise.all([openTab(context, served.url), openTab(context, served.url)]);
  const said = tabs.map(listen);
  await Promise.all(
    tabs.map((tab, index) => tab.evaluate((client) => tideweaveStore.write('two tabs', client, 600), index + 1)),
  );
  await Promise.all(tabs.map((tab) => tab.close()));
  const keys = said.flat().map(({ key }) => key);
  assert.is(new Set(keys).size, 1200);
  const { content, pending } = await read(browser, 'two tabs');
  assert.equal(content, [...keysSet(1, 600), ...keysSet(2, 600)]);
  assert.is(pending.length, 800);
  assert.is(new Set(pending).size, 800);
});

test('C4 what was durable survives a tab that is closed while it writes, in ten rounds at random moments', async (browser) => {
  const random = seededRandom(7);
  const promised = new Set<string>();
  for (let round = 1; round <= 10; round += 1) {
    const tab = await openTab(browser.context, browser.served.url);
    const said = listen(tab);
    const writing = tab.evaluate((client) => tideweaveStore.write('closed tabs', client, 100_000), round);
    const ended = writing.then(
      () => 'wrote everything',
      () => 'closed',
    );
    await tab.waitForEvent('console');
    await new Promise((resolve) => setTimeout(resolve, 10 + random() * 100));
    await tab.close();
    assert.is(await ended, 'closed');
    for (const { edit } of said) promised.add(edit);
    const content = new Set((await read(browser, 'closed tabs')).content);
    for (const edit of promised) assert.ok(content.has(edit), `round ${round}: ${edit}`);
  }
  assert.ok(promised.size > 100, `${promised.size} edits were promised`);
});

test('D1 C4 what was durable survives kill -9 of the browser, in three rounds', async (browser) => {
  const random = seededRandom(9);
  const promised = new Set<string>();
  for (let round = 1; round <= 3; round += 1) {
    const tab = await openTab(browser.context, browser.served.url);
    const said = listen(tab);
    const writing = tab.evaluate((client) => tideweaveStore.write('killed', client, 100_000), round);
    writing.catch(() => undefined);
    await tab.waitForEvent('console');
    await new Promise((resolve) => setTimeout(resolve, 50 + random() * 200));
    const ended = new Promise((resolve) => browser.context.once('close', resolve));
    // The process that this test started: Chromium names it in its profile, as HOST-PID.
    process.kill(Number((await readlink(join(browser.profile, 'SingletonLock'))).split('-').pop()), 'SIGKILL');
    await ended;
    for (const { edit } of said) promised.add(edit);
    browser.context = await startChromium(browser.profile);
    const content = new Set((await read(browser, 'killed')).content);
    for (const edit of promised) assert.ok(content.has(edit), `round ${round}: ${edit}`);
  }
  assert.ok(promised.size > 30, `${promised.size} edits were promised`);
});

test('C4 a database that the browser closed is opened again, once each time', (browser) =>
  inTab(browser, async (tab) => {
    const { content, opened } = await tab.evaluate(() => tideweaveStore.closeUnderneath('closed underneath'));
    assert.equal(content, keysSet(1, 5));
    assert.is(opened, 6);
  }));

test('C4 a database that is removed while it is open is let go, and nothing is written into a new one', (browser) =>
  inTab(browser, async (tab) => {
    assert.equal(await tab.evaluate(() => tideweaveStore.removeUnderneath('removed')), [
      'reported emptied',
      'emptied',
      'emptied',
    ]);
    assert.equal((await read(browser, 'removed')).content, []);
  }));

test('U1 every write is made to be durable, not only handed to the system', (browser) =>
  inTab(browser, async (tab) => {
    const durabilities = await tab.evaluate(() => tideweaveStore.durabilities('durability'));
    assert.ok(durabilities.length >= 3);
    assert.equal([...new Set(durabilities)], ['strict']);
  }));

test('U2 the browser is asked once to keep the data, and says what there is room for', (browser) =>
  inTab(browser, async (tab) => {
    const { asked, usageBytes, quotaBytes, persisted } = await tab.evaluate(() =>
      tideweaveStore.persistence('persistence'),
    );
    assert.is(asked, 1);
    assert.ok(usageBytes > 0 && quotaBytes !== null && quotaBytes > usageBytes);
    assert.type(persisted, 'boolean');
  }));

test('D3 a document is compacted under its Web Lock, and written to meanwhile', (browser) =>
  inTab(browser, async (tab) => {
    assert.equal(await tab.evaluate(() => tideweaveStore.compactLocked('locked')), ['written meanwhile', 'compacted']);
  }));

test('C2 the database package is in a part of the bundle that is loaded when a store is opened', ({ served }) => {
  const packageOf = (path: string): string => /node_modules\/([^/]+)/.exec(path)?.[1] ?? '';
  for (const [name, { inputs, entryPoint }] of Object.entries(served.metafile.outputs)) {
    const packages = new Set(Object.keys(inputs).map(packageOf));
    if (entryPoint?.endsWith('store.page.js') === true)
      assert.not.ok(packages.has('abstract-level') || packages.has('browser-level'), name);
  }
  const all = Object.values(served.metafile.outputs).flatMap(({ inputs }) => Object.keys(inputs).map(packageOf));
  assert.ok(all.includes('browser-level'));
});

test.run();
