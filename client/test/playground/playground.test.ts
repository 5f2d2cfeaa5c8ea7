// @slow
// @timeout 180s
/**
 * The playground in real Chromium, as a newcomer sees it after `npm start`. `SCREENSHOTS=1` takes the pictures of docs/
 * along the way.
 */
import { join } from 'node:path';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { root, startChromium } from '../editors/browser.ts';
import { until } from '../offline/offline-world.ts';
import { barriers } from '../support/barriers.ts';
import { type StartedRelay, startRelay } from './started-relay.ts';

interface Context {
  browser: Browser;
  relay: StartedRelay;
  context: BrowserContext;
  page: Page;
  /** What a page must not do: errors in its console, requests to elsewhere. */
  complaints: string[];
}

const test = suite<Context>('The playground');

test.before(async (context) => {
  context.browser = await startChromium();
});

test.after(async ({ browser }) => {
  await browser.close();
});

test.before.each(async (context) => {
  context.relay = await startRelay();
  context.context = await context.browser.newContext({ viewport: { width: 1280, height: 900 }, colorScheme: 'light' });
  context.complaints = [];
  context.page = await openPage(context, '');
});

test.after.each(async ({ context, relay }) => {
  await context.close();
  await relay.end();
});

async function openPage({ context, relay, complaints }: Context, hash: string): Promise<Page> {
  const page = await context.newPage();
  page.on('console', (message) => {
    // The browser itself says so of each connection that the relay refuses while it is down.
    if (message.type() === 'error' && !message.text().includes('WebSocket connection')) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => {
    if (!request.url().startsWith(relay.origin)) complaints.push(request.url());
  });
  await page.goto(`${relay.origin}/${hash}`);
  await status(page, 'A', 'Saved on the server');
  await status(page, 'B', 'Saved on the server');
  return page;
}

const device = (page: Page, letter: 'A' | 'B'): Locator => page.locator(`section[aria-labelledby=device-${letter}]`);
const field = (page: Page, letter: 'A' | 'B', label: string): Locator =>
  device(page, letter).getByLabel(label, { exact: true });
const network = (page: Page, letter: 'A' | 'B'): Locator => device(page, letter).getByRole('switch');
const report = (page: Page, letter: 'A' | 'B'): Locator =>
  device(page, letter).getByRole('region', { name: 'Merge report' });

const status = (page: Page, letter: 'A' | 'B', wanted: string): Promise<true> =>
  until(`device ${letter} to show ${wanted}`, async () =>
    ((await device(page, letter).locator('.status').textContent()) ?? '').includes(wanted),
  );
const shows = (page: Page, letter: 'A' | 'B', label: string, wanted: string): Promise<true> =>
  until(
    `${label} of ${letter} to be ${wanted}`,
    async () => (await field(page, letter, label).inputValue()) === wanted,
  );

async function picture(page: Page, name: string): Promise<void> {
  if (process.env['SCREENSHOTS'] !== '1') return;
  await page.screenshot({ path: join(root, 'docs', name), fullPage: true });
}

/** Both write the same two fields while A is away; returns whether A lost, which Yjs decides by chance. */
async function writeApart(page: Page): Promise<boolean> {
  await field(page, 'A', 'Title').fill('A day at the sea');
  await shows(page, 'B', 'Title', 'A day at the sea');
  await field(page, 'B', 'Place').fill('Sylt');
  await shows(page, 'A', 'Place', 'Sylt');
  await status(page, 'A', 'Saved on the server');

  await network(page, 'A').uncheck();
  await status(page, 'A', 'Offline');
  await field(page, 'A', 'Title').fill(mine);
  await field(page, 'A', 'Place').fill('Zermatt');
  await field(page, 'B', 'Title').fill(theirs);
  await field(page, 'B', 'Place').fill('Amrum');
  await status(page, 'A', 'Saved on this device');
  await status(page, 'B', 'Saved on the server');
  assert.is(await field(page, 'B', 'Title').inputValue(), theirs);

  await network(page, 'A').check();
  await status(page, 'A', 'Saved on the server');
  await until('A to be told', async () => (await report(page, 'A').count()) === 1);
  const title = await field(page, 'A', 'Title').inputValue();
  await shows(page, 'B', 'Title', title);
  const told = (await report(page, 'A').textContent()) ?? '';
  const isLost = title === theirs;
  assert.match(told, 'changed the same in 2 places.');
  assert.match(told, isLost ? 'Yours is not shown in 2 of them.' : 'Nothing of yours was lost.');
  assert.match(told, `${mine}” ${isLost ? 'lost' : 'is shown'}`);
  assert.match(told, `${theirs}” ${isLost ? 'is shown' : 'lost'}`);
  return isLost;
}

const mine = 'A day in the mountains';
const theirs = 'A week at the sea';
const roundsMax = 30;

test('U1 U4 two devices: one is cut off, both edit, the merge is told and taken back', async (context) => {
  const { page } = context;
  // Each load of the page has other client ids, by which Yjs decides.
  for (let round = 1; !(await writeApart(page)); round++) {
    assert.ok(round < roundsMax, 'A never lost');
    await report(page, 'A').getByRole('button', { name: 'Dismiss' }).click();
    await page.reload();
    await status(page, 'A', 'Saved on the server');
    await status(page, 'B', 'Saved on the server');
  }
  await picture(page, 'playground.png');
  await page.setViewportSize({ width: 390, height: 844 });
  await picture(page, 'playground-phone.png');
  const tooWide = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  assert.is(tooWide, 0, 'nothing is wider than a phone');
  await page.setViewportSize({ width: 1280, height: 900 });

  const title = report(page, 'A').getByRole('listitem').filter({ hasText: 'Title' });
  await title.getByRole('button', { name: 'Restore mine' }).click();
  await shows(page, 'A', 'Title', mine);
  await shows(page, 'B', 'Title', mine);
  await report(page, 'A').getByRole('button', { name: 'Dismiss' }).click();
  await until('the report to be gone', async () => (await report(page, 'A').count()) === 0);
  assert.equal(context.complaints, []);
});

test('U2 text and rich text with carets, a bad network, and a relay that is down', async (context) => {
  const { page } = context;
  await page.getByText('Text', { exact: true }).click();
  const texts = (['A', 'B'] as const).map((letter) => device(page, letter).locator('.cm-content'));
  const [first, second] = texts as [Locator, Locator];
  await first.click();
  await page.keyboard.type('written on A');
  await until('it to be on B', async () => ((await second.textContent()) ?? '').includes('written on A'));
  await until(
    'the caret of A on B',
    async () => (await device(page, 'B').locator('.cm-ySelectionCaret').count()) === 1,
  );

  await page.getByText('Rich text', { exact: true }).click();
  const rich = (['A', 'B'] as const).map((letter) => device(page, letter).locator('.ProseMirror'));
  const [richFirst, richSecond] = rich as [Locator, Locator];
  await richFirst.click();
  await page.keyboard.type('rich on A');
  await until('it to be on B', async () => ((await richSecond.textContent()) ?? '').includes('rich on A'));

  await device(page, 'A').getByText('Make it bad').click();
  await device(page, 'A')
    .getByLabel(/^Packets lost/u)
    .fill('30');
  await device(page, 'A')
    .getByLabel(/^Latency/u)
    .fill('300');
  await richFirst.press('End');
  await page.keyboard.type(' slowly');
  await until('it to arrive all the same', async () => ((await richSecond.textContent()) ?? '').includes('slowly'));
  await device(page, 'A')
    .getByLabel(/^Packets lost/u)
    .fill('0');
  await device(page, 'A')
    .getByLabel(/^Latency/u)
    .fill('0');
  await status(page, 'A', 'Saved on the server');

  await page.getByRole('button', { name: /^Take the relay down/u }).click();
  await status(page, 'B', 'No connection');
  await richSecond.click();
  await page.keyboard.type('while it is down ');
  await status(page, 'B', 'Saved on this device');
  await page.getByRole('button', { name: 'Bring it back now' }).click();
  await status(page, 'B', 'Saved on the server');
  await until('A to have it', async () => ((await richFirst.textContent()) ?? '').includes('while it is down'));
  const rows = await page.locator('.timeline tbody tr').allTextContents();
  assert.ok(rows.some((row) => row.includes('is on the disk')));
  assert.equal(context.complaints, []);
});

test('U2 the link opens the same document elsewhere, and a reload while offline keeps what was typed', async (context) => {
  const { page } = context;
  await field(page, 'A', 'Title').fill('shared');
  await status(page, 'A', 'Saved on the server');
  const other = await openPage(context, new URL(page.url()).hash);
  await shows(other, 'B', 'Title', 'shared');
  assert.equal(context.complaints, []);
});

test('U2 axe-core finds nothing serious, light and dark, with each editor and a report', async (context) => {
  const { page } = context;
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    for (const view of ['Form', 'Text', 'Rich text']) {
      await page.getByText(view, { exact: true }).click();
      await page.waitForTimeout(300);
      assert.equal(await barriers(page), [], `${view}, ${colorScheme}`);
    }
  }
  await page.getByText('Form', { exact: true }).click();
  await network(page, 'A').uncheck();
  await field(page, 'A', 'Title').fill('mine');
  await field(page, 'B', 'Title').fill('theirs');
  await status(page, 'B', 'Saved on the server');
  await network(page, 'A').check();
  await until('a report', async () => (await report(page, 'A').count()) > 0);
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    assert.equal(await barriers(page), [], `report, ${colorScheme}`);
  }
});

test.run();
