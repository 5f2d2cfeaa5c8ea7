// @slow
// @timeout 240s
/**
 * Eight editors with their bindings as they come from npm, each in two browser contexts on one relay: one page with our
 * provider, one with y-websocket's.
 *
 * Versions are pinned. Three are not the newest: `codemirror` 6.0.2 (the registry's latest is a misnumbered 5),
 * `monaco-editor` 0.55.1 (0.57 maps deep imports to other files, and y-monaco has one) and `@blocknote/core` 0.51.4 (from
 * 0.52 on its peers name prereleases of Yjs 14, which npm cannot resolve).
 */
import { setTimeout as delay } from 'node:timers/promises';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { TideweaveProvider } from '@tideweave/client';
import { type Relay, createLogger, createRelay } from '@tideweave/server';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { type Served, type ServedPages, root, serveExample, servePages, startChromium } from './browser.ts';
import type { EditorName, Visit } from './editor-page.ts';
import { examples, inputs, readExample } from './examples.ts';
import { textIn } from './shared-text.ts';
import { Table } from './table.ts';
import { type Tunnel, openTunnel } from './tunnel.ts';

const editors: readonly EditorName[] = [
  'codemirror',
  'prosemirror',
  'tiptap',
  'lexical',
  'quill',
  'monaco',
  'blocknote',
  'slate',
];

const behaviours = {
  typing: 'both type at once',
  carets: "the other's caret and name",
  offline: 'offline and back',
  stockOffline: 'stock offline and back',
  reload: 'reload',
  same: 'same content everywhere',
} as const;

interface Context {
  served: ServedPages;
  relay: Relay;
  browser: Browser;
  ours: Seat;
  stock: Seat;
}

/** A browser context with its wire to the relay. */
interface Seat {
  readonly client: Visit['client'];
  readonly user: string;
  readonly context: BrowserContext;
  readonly tunnel: Tunnel;
  readonly problems: string[];
}

const test = suite<Context>('editors');
const table = new Table(Object.values(behaviours));

test.before(async (context) => {
  const relay = await createRelay({ port: 0, logger: createLogger({ level: 'silent' }) });
  const [served, browser] = await Promise.all([
    servePages(fileURLToPath(new URL('editors.page.js', import.meta.url))),
    startChromium(),
  ]);
  const sit = async (client: Visit['client'], user: string): Promise<Seat> => ({
    client,
    user,
    context: await browser.newContext(),
    tunnel: await openTunnel(relay.address.port),
    problems: [],
  });
  Object.assign(context, {
    relay,
    served,
    browser,
    ours: await sit('ours', 'Ada'),
    stock: await sit('stock', 'Grace'),
  });
});

test.after(async ({ browser, served, relay, ours, stock }) => {
  await browser.close();
  await served.close();
  await Promise.all([ours.tunnel.close(), stock.tunnel.close()]);
  await relay.close();
  table.print();
});

const hangMs = 20_000;

async function open(
  { served }: Context,
  { client, user, context, tunnel, problems }: Seat,
  editor: EditorName,
): Promise<Page> {
  const page = await context.newPage();
  page.setDefaultTimeout(hangMs);
  page.on('pageerror', (error) => problems.push(String(error.stack)));
  const visit: Visit = { editor, client, relay: tunnel.url, document: `${editor} & co`, user };
  await page.goto(`${served.url}?${new URLSearchParams({ ...visit }).toString()}`);
  await ready(page);
  return page;
}

async function ready(page: Page): Promise<void> {
  await page.waitForFunction(() => 'tideweaveEditor' in globalThis);
  await waits(page, 'synced', true);
}

/** Waits until the page says so; an error says what it said instead. */
async function waits(
  page: Page,
  what: 'synced' | 'unsaved' | 'carets',
  value: boolean | number | string,
): Promise<void> {
  const wanted = [what, String(value)] as const;
  try {
    await page.waitForFunction(([name, text]) => String(tideweaveEditor[name]()) === text, wanted);
  } catch (error) {
    const said = await page.evaluate(
      () =>
        `synced ${tideweaveEditor.synced()}, unsaved ${tideweaveEditor.unsaved()}, carets ${tideweaveEditor.carets().join()}`,
    );
    throw new Error(`${what} is not ${value}: ${said}`, { cause: error });
  }
}

/**
 * Editors hear of a moved caret a little later (Slate up to 100 ms), and draw the one they know of when something else
 * happens meanwhile: no key follows at once, and nobody else moves theirs.
 */
const caretSettlesMs = 120;

/** Puts the caret at the end of the first or the second line, with the keyboard. */
async function place(page: Page, line: 'first' | 'second'): Promise<void> {
  await page.evaluate(() => tideweaveEditor.focus());
  for (const key of line === 'first' ? ['Control+Home', 'End'] : ['Control+Home', 'ArrowDown', 'End']) {
    await page.keyboard.press(key);
    await delay(caretSettlesMs);
  }
}

/** Types in both pages at the same time: in the first line of one and the second of the other. */
async function typeAtOnce([a, b]: readonly [Page, Page], first: string, second: string): Promise<void> {
  await place(a, 'first');
  await place(b, 'second');
  await Promise.all([a.keyboard.type(first, { delay: 10 }), b.keyboard.type(second, { delay: 10 })]);
}

/** What a page shows, without what editors add at the end. */
async function linesOf(page: Page): Promise<string[]> {
  const text = await page.evaluate(() => tideweaveEditor.text());
  return text.trimEnd().split(/\n+/);
}

/** Waits until both pages show these lines. */
async function shows(pages: readonly Page[], lines: readonly string[]): Promise<void> {
  const end = performance.now() + hangMs;
  for (;;) {
    const shown = await Promise.all(pages.map((page) => linesOf(page)));
    if (shown.every((each) => each.join('\n') === lines.join('\n'))) return;
    if (performance.now() > end)
      throw new Error(`the pages show ${JSON.stringify(shown)}, not ${JSON.stringify(lines)}`);
    await delay(20);
  }
}

/** One of the two loses the network, both go on typing, and it comes back. */
async function comeBack(away: Seat, awayPage: Page, meanwhile: () => Promise<void>): Promise<void> {
  away.tunnel.cut();
  await waits(awayPage, 'synced', false);
  // The browser is told as well, so that it says `online` in the end, which ends the wait for the next attempt.
  await away.context.setOffline(true);
  await meanwhile();
  away.tunnel.mend();
  await away.context.setOffline(false);
  await ready(awayPage);
}

for (const editor of editors) {
  test(`C1 ${editor}: our provider and y-websocket's`, async (context) => {
    const { ours, stock } = context;
    const check = (behaviour: keyof typeof behaviours, run: () => Promise<void>): Promise<void> =>
      table.check(editor, behaviours[behaviour], run);
    const a = await open(context, ours, editor);
    await a.evaluate(() => tideweaveEditor.focus());
    await a.keyboard.type('one');
    await a.keyboard.press('Enter');
    await a.keyboard.type('two');
    const b = await open(context, stock, editor);
    const both = [a, b] as const;
    try {
      await check('typing', async () => {
        await shows(both, ['one', 'two']);
        await typeAtOnce(both, ' of Ada at once', ' of Grace at once');
        await shows(both, ['one of Ada at once', 'two of Grace at once']);
      });
      await check('carets', async () => {
        await Promise.all([waits(a, 'carets', stock.user), waits(b, 'carets', ours.user)]);
      });
      await check('offline', async () => {
        await comeBack(ours, a, async () => {
          await typeAtOnce(both, ', alone', ', meanwhile');
          await shows([a], ['one of Ada at once, alone', 'two of Grace at once']);
          await waits(a, 'carets', '');
          await waits(b, 'carets', '');
          assert.ok(((await a.evaluate(() => tideweaveEditor.unsaved())) ?? 0) > 0, 'it says that edits are unsaved');
        });
        await shows(both, ['one of Ada at once, alone', 'two of Grace at once, meanwhile']);
        await waits(a, 'unsaved', 0);
        await Promise.all([waits(a, 'carets', stock.user), waits(b, 'carets', ours.user)]);
      });
      await check('stockOffline', async () => {
        await comeBack(stock, b, async () => {
          await typeAtOnce(both, '!', '.');
        });
        await shows(both, ['one of Ada at once, alone!', 'two of Grace at once, meanwhile.']);
      });
      await check('reload', async () => {
        for (const page of both) {
          await page.reload();
          await ready(page);
          await shows(both, ['one of Ada at once, alone!', 'two of Grace at once, meanwhile.']);
        }
        await typeAtOnce(both, ' Again', ' Again');
      });
      await check('same', async () => {
        const lines = ['one of Ada at once, alone! Again', 'two of Grace at once, meanwhile. Again'];
        await shows(both, lines);
        const fresh = new TideweaveProvider(
          `ws://127.0.0.1:${context.relay.address.port}`,
          `${editor} & co`,
          new Y.Doc(),
        );
        try {
          await new Promise<void>((resolve) => fresh.once('sync', () => resolve()));
          assert.is(textIn(fresh.doc).replace(/\s/g, ''), lines.join('').replace(/\s/g, ''));
          for (const page of both) {
            const copy = new Y.Doc();
            Y.applyUpdate(copy, Uint8Array.from(await page.evaluate(() => tideweaveEditor.update())));
            assert.ok(
              Y.equalSnapshots(Y.snapshot(copy), Y.snapshot(fresh.doc)),
              'the same edits and the same deletions',
            );
          }
        } finally {
          fresh.destroy();
        }
      });
      assert.equal([...ours.problems, ...stock.problems], [], 'no page had an error that nobody caught');
    } finally {
      ours.tunnel.mend();
      stock.tunnel.mend();
      await Promise.all([ours.context.setOffline(false), stock.context.setOffline(false)]);
      await Promise.all(both.map((page) => page.close()));
      ours.problems.length = 0;
      stock.problems.length = 0;
    }
  });
}

for (const name of examples) {
  test(`C1 the example ${name} works, beside itself written for y-websocket`, async ({ relay, ours, stock }) => {
    const { folder, source, before, said, added } = await readExample(name);
    assert.is(added, said, 'the README counts its lines right');
    assert.match(before, 'WebsocketProvider(');
    assert.not.match(before, 'Tideweave');
    const show = async (seat: Seat, text: string, hash: string): Promise<{ page: Page; served: Served }> => {
      const { port } = relay.address;
      const served = await serveExample(folder, text.replaceAll('ws://127.0.0.1:1234', `ws://127.0.0.1:${port}`));
      const page = await seat.context.newPage();
      page.setDefaultTimeout(hangMs);
      await page.goto(`${served.url}${hash}`);
      return { page, served };
    };
    const write = async (page: Page, words: string): Promise<void> => {
      await page.click(inputs[name]);
      await page.keyboard.type(words);
      await page.keyboard.press('Enter');
    };
    const reads = async (page: Page, words: string): Promise<void> => {
      await page.waitForFunction((text) => document.body.textContent.includes(text), words);
    };
    const first = await show(ours, source, '');
    await first.page.waitForSelector(inputs[name]);
    await write(first.page, 'Written with ours');
    const second = await show(stock, before, '#guest');
    await reads(second.page, 'Written with ours');
    await write(second.page, 'Written with theirs');
    await reads(first.page, 'Written with theirs');
    await Promise.all(
      [first, second].map(async ({ page, served }) => {
        await page.close();
        await served.close();
      }),
    );
  });
}

test('P1 the examples are well typed', async () => {
  for (const project of ['tsconfig.json', 'web-push/tsconfig.json', 'web-push/tsconfig.worker.json']) {
    const args = [`${root}node_modules/typescript/bin/tsc`, '-p', `${root}client/examples/${project}`];
    await promisify(execFile)(process.execPath, args).catch(({ stdout }: { stdout: string }) =>
      assert.unreachable(stdout),
    );
  }
});

test('C1 all bindings in the bundle share one Yjs', ({ served }) => {
  const copies = Object.keys(served.metafile.inputs).filter((path) => /node_modules\/yjs\//.test(path));
  assert.is(copies.length, 1, copies.join(', '));
});

test.run();
