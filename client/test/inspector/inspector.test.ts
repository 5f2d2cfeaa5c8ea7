// @slow
// @timeout 180s
/** The inspector in real Chromium, on a relay that is at work. `SCREENSHOTS=1` takes the pictures of docs/ along the way. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SyncClient } from '@tideweave/client';
import { RefusedError } from '@tideweave/shared';
import { type Relay, type RelayOptions, createRelay } from '@tideweave/server';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { root, servePages, startChromium } from '../editors/browser.ts';
import { until, within } from '../offline/offline-world.ts';
import { barriers } from '../support/barriers.ts';

interface Context {
  browser: Browser;
}

/** A relay with a page that looks at it. */
interface Scene {
  readonly relay: Relay;
  /** `http://…` without a path. */
  readonly http: string;
  readonly client: SyncClient;
  readonly context: BrowserContext;
  readonly page: Page;
  /** What a page must not do: errors in its console, requests to elsewhere. */
  readonly complaints: string[];
}

const test = suite<Context>('The inspector');

test.before(async (context) => {
  context.browser = await startChromium();
});

test.after(async ({ browser }) => {
  await browser.close();
});

async function withScene(
  browser: Browser,
  run: (scene: Scene) => Promise<void>,
  options: RelayOptions = {},
): Promise<void> {
  const relay = await createRelay({ port: 0, ...options });
  const address = `127.0.0.1:${relay.address.port}`;
  const client = new SyncClient({ url: `ws://${address}`, device: 'laptop', token: 'anybody' });
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, colorScheme: 'light' });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('console', (message) => {
    // The browser itself says so of each refusal that the page then shows.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => {
    if (!request.url().startsWith(`http://${address}`)) complaints.push(request.url());
  });
  try {
    await run({ relay, http: `http://${address}`, client, context, page, complaints });
  } finally {
    client.destroy();
    await context.close();
    await relay.close();
  }
}

/** A document of some content, and some that only have a name. */
async function fill(client: SyncClient, ...others: readonly string[]): Promise<ReturnType<SyncClient['open']>> {
  const notes = client.open('notes');
  notes.doc.getText('text').insert(0, 'Bring the charts.');
  notes.doc.getMap('form').set('title', 'A day at the sea');
  for (const name of others) client.open(name).doc.getArray('list').push([1]);
  await within('everything to be saved', client.whenSaved({ tier: 'server' }));
  return notes;
}

const shows = (page: Page, text: string | RegExp): Promise<true> =>
  until(
    `the page to show ${text}`,
    async () => ((await page.locator('body').textContent()) ?? '').match(text) !== null,
  );
const rows = (page: Page, label: string): Promise<string[]> =>
  page.getByRole('region', { name: label }).locator('tbody tr').allTextContents();

const picturesAreTaken = process.env['SCREENSHOTS'] === '1';

async function picture(page: Page, name: string): Promise<void> {
  if (!picturesAreTaken) return;
  await page.screenshot({ path: join(root, 'docs', name), fullPage: true });
}

test('O10 a document is found, opened, and followed as it is written; its address leads back to it', async ({
  browser,
}) => {
  await withScene(browser, async ({ page, http, client, complaints }) => {
    const notes = await fill(client, 'invoice 1', 'invoice 2', 'a/b?c#d');
    await page.goto(`${http}/_`);
    assert.is(page.url(), `${http}/_/`);
    await until('four documents', async () => (await rows(page, 'Documents')).length === 4);
    await page.getByLabel('Search').fill('INVOICE');
    await until('two of them', async () => (await rows(page, 'Documents')).length === 2);
    await page.getByLabel('Search').fill('');
    await page.getByRole('button', { name: 'a/b?c#d' }).click();
    await until('the document', async () => (await page.getByRole('heading', { name: 'a/b?c#d' }).count()) === 1);
    await page.goBack();
    await page.getByRole('button', { name: 'notes' }).click();
    await shows(page, '1 session');
    assert.match((await rows(page, 'Sessions')).join(), /laptop.*tideweave.*live/);
    // The page asks for entries and sessions at once, and shows each as it comes.
    await until('entries', async () => (await rows(page, 'Entries')).length > 0);
    const before = (await rows(page, 'Entries')).length;
    notes.doc.getText('text').insert(0, 'Again: ');
    await until('the next entry', async () => (await rows(page, 'Entries')).length === before + 1);
    assert.match((await rows(page, 'Entries'))[0] ?? '', `${notes.doc.clientID}:`);
    await page.getByRole('button', { name: 'Show as JSON' }).click();
    await shows(page, 'Again: Bring the charts.');
    await shows(page, '"title": "A day at the sea"');
    await page.getByText('State vector: 1 client').click();
    await shows(page, String(notes.doc.clientID));
    await picture(page, 'inspector.png');
    await page.reload();
    await until('the document again', async () => (await page.getByRole('heading', { name: 'notes' }).count()) === 1);
    assert.equal(complaints, []);
  });
});

test('O10 charts show what happens, refusals what was refused and what it means, webhooks that there are none', async ({
  browser,
}) => {
  const authorize = ({ document }: { document: string | null }) => {
    if (document === 'secret') throw new RefusedError('TW_FORBIDDEN', 'not for you');
    return { access: 'write', user: 'ada', admin: true } as const;
  };
  await withScene(
    browser,
    async ({ page, http, client, complaints }) => {
      const notes = await fill(client);
      await page.goto(`${http}/_/#figures`);
      const updates = page.getByRole('figure').filter({ hasText: 'Updates per second' });
      await until('updates to be drawn', async () => {
        notes.doc.getText('text').insert(0, 'x');
        return /from [\d.]+ to (?!0$)[\d.]+$/.test((await updates.getByRole('img').getAttribute('aria-label')) ?? '');
      });
      await shows(page, 'takes writes');
      await until('a line', async () => ((await updates.locator('path').getAttribute('d')) ?? '').includes('L'));
      if (picturesAreTaken) {
        const endMs = Date.now() + 45_000;
        for (let n = 0; Date.now() < endMs; n += 1) {
          for (let edit = 0; edit < 5 + 4 * Math.sin(n / 20); edit += 1) notes.doc.getText('text').insert(0, 'x');
          await page.waitForTimeout(100);
        }
        await picture(page, 'inspector-figures.png');
      }
      const handle = client.open('secret');
      await until('the refusal', () => handle.status.phase === 'refused');
      await shows(page, /by code\s*TW_FORBIDDEN\s*1/);
      await page.getByRole('button', { name: 'Refusals' }).click();
      await shows(page, /TW_FORBIDDEN.*not for you/);
      assert.match((await rows(page, 'Refusals'))[0] ?? '', 'This is not allowed for you.');
      await page.getByRole('button', { name: 'Webhooks' }).click();
      await shows(page, 'tells nobody');
      assert.equal(complaints, []);
    },
    { authorize },
  );
});

test('A1 who does not look after the relay is asked for a token, and shown nothing before', async ({ browser }) => {
  const authorize = ({ token }: { token: string }) =>
    ({ access: 'write', user: 'ada', admin: token === 'of the admin' }) as const;
  await withScene(
    browser,
    async ({ page, http, client, complaints }) => {
      await fill(client);
      await page.goto(`${http}/_/#documents/notes`);
      await shows(page, 'only who looks after the relay may do this');
      assert.is(await page.getByText('laptop').count(), 0);
      await page.getByLabel('Token').fill('a guess');
      await page.getByRole('button', { name: 'Show' }).click();
      await shows(page, 'only who looks after the relay may do this');
      await page.getByLabel('Token').fill('of the admin');
      await page.getByRole('button', { name: 'Show' }).click();
      await shows(page, 'laptop');
      assert.equal(complaints, []);
    },
    { authorize },
  );
});

test('O10 a relay that is gone is said to be, and what was shown stays until it is back', async ({ browser }) => {
  await withScene(browser, async ({ page, http, client, context, complaints }) => {
    await fill(client);
    await page.goto(`${http}/_/`);
    await until('the document', async () => (await rows(page, 'Documents')).length === 1);
    await context.setOffline(true);
    await shows(page, 'the relay does not answer');
    assert.is((await rows(page, 'Documents')).length, 1);
    await context.setOffline(false);
    await until('it to be back', async () => (await page.getByRole('alert').count()) === 0);
    assert.equal(complaints, []);
  });
});

test('O10 an application mounts it: the relay and its own client side by side, from another origin', async ({
  browser,
}) => {
  const served = await servePages(fileURLToPath(new URL('inspector.page.js', import.meta.url)));
  try {
    await withScene(browser, async ({ page, relay }) => {
      await page.goto(`${served.url}?relay=ws://127.0.0.1:${relay.address.port}`);
      await page.getByRole('button', { name: 'notes' }).click();
      await shows(page, 'the application');
      await page.getByRole('button', { name: 'This client' }).click();
      await until('it to be saved', async () =>
        ((await rows(page, 'Open documents'))[0] ?? '').includes('on the server'),
      );
      assert.match((await rows(page, 'Open documents'))[0] ?? '', /^notes/);
      assert.is(
        await page.locator('.tw-inspector').evaluate((node) => getComputedStyle(node).display),
        'grid',
        'its looks',
      );
    });
  } finally {
    await served.close();
  }
});

test('U2 axe-core finds nothing serious in any view, light and dark, and nothing is wider than a phone', async ({
  browser,
}) => {
  await withScene(browser, async ({ page, http, client }) => {
    await fill(client, 'a document with a name that is rather long, as names of documents in applications often are');
    await fetch(`${http}/api/docs/none`);
    for (const [hash, wanted] of [
      ['documents', 'notes'],
      ['documents/notes', 'laptop'],
      ['figures', 'takes writes'],
      ['refusals', 'TW_NOT_FOUND'],
      ['webhooks', 'tells nobody'],
    ] as const) {
      await page.setViewportSize({ width: 1280, height: 900 });
      await page.goto(`${http}/_/#${hash}`);
      await shows(page, wanted);
      if (hash === 'documents/notes') {
        await page.getByRole('button', { name: 'Show as JSON' }).click();
        await page.getByText('State vector').click();
        await shows(page, 'A day at the sea');
      }
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        assert.equal(await barriers(page), [], `${hash}, ${colorScheme}`);
      }
      await page.setViewportSize({ width: 390, height: 844 });
      const tooWide = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      assert.is(tooWide, 0, `${hash} on a phone`);
    }
  });
});

test.run();
