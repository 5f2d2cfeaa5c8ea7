// @slow
// The client in a real browser: two pages in headless Chromium, and a relay that goes away and comes back.
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { createRelay } from '@tideweave/server';
import { type BuildResult, build } from 'esbuild';
import { type Page, chromium } from 'playwright-core';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { memoryLog } from './support/relay.ts';
import { systemTool } from './support/system-tool.ts';
import { until } from './support/wait.ts';

const browserArgs = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** What the page's script offers to the test. */
interface PageApi {
  text(): string;
  type(text: string): void;
  saved(): Promise<void>;
  status(): { phase: string; synced: boolean; safe: string; pending: number; connection: string };
}

const script = `
  import { SyncClient } from '@tideweave/client';
  const client = new SyncClient({ url: new URLSearchParams(location.search).get('relay') });
  const handle = client.open('document');
  const text = handle.doc.getText('text');
  const input = document.querySelector('textarea');
  text.observe(() => { if (input.value !== text.toString()) input.value = text.toString(); });
  input.addEventListener('input', () => {
    // Typing at the end only, as the test does it.
    const typed = input.value.slice(text.length);
    if (typed !== '') text.insert(text.length, typed);
  });
  globalThis.page = {
    text: () => text.toString(),
    type: (more) => text.insert(text.length, more),
    saved: () => handle.whenSaved({ tier: 'server' }),
    status: () => ({
      phase: handle.status.phase,
      synced: handle.status.synced,
      safe: handle.status.safe,
      pending: handle.status.pending.updates,
      connection: client.status.connection,
    }),
  };
`;

async function bundle(
  contents: string,
  external: string[] = [],
): Promise<BuildResult<{ write: false; metafile: true }>> {
  return build({
    stdin: { contents, resolveDir: fileURLToPath(new URL('../../', import.meta.url)) },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    write: false,
    metafile: true,
    external,
  });
}

const evaluate = <Value>(page: Page, run: (api: PageApi) => Value | Promise<Value>): Promise<Value> =>
  page.evaluate(`(${run.toString()})(globalThis.page)`);

const test = suite('browser', { server: null as Server | null, origin: '' });

test.before(async (context) => {
  const code = (await bundle(script)).outputFiles[0]?.text;
  const html = '<!doctype html><meta charset="utf-8"><title>Page</title><textarea></textarea>';
  context.server = createServer((request, response) => {
    if (request.url === '/script.js') {
      response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(code);
    } else {
      response
        .writeHead(200, { 'Content-Type': 'text/html' })
        .end(`${html}<script type="module" src="/script.js"></script>`);
    }
  });
  await new Promise<void>((resolve) => context.server?.listen(0, '127.0.0.1', resolve));
  context.origin = `http://127.0.0.1:${(context.server.address() as AddressInfo).port}`;
});

test.after((context) => {
  context.server?.closeAllConnections();
  context.server?.close();
});

test('R6 the bundle for browsers leaves the package ws out, and has a size to look at', async () => {
  const { metafile, outputFiles } = await bundle(`export { SyncClient } from '@tideweave/client';`);
  const inputs = Object.keys(metafile.inputs);
  assert.equal(
    inputs.filter((path) => /node_modules\/ws\//.test(path) && !path.startsWith('(disabled)')),
    [],
  );
  const contents = outputFiles[0]?.contents ?? new Uint8Array(0);
  const own = await bundle(`export { SyncClient } from '@tideweave/client';`, ['yjs', 'y-protocols/*', 'lib0/*']);
  const ownContents = own.outputFiles[0]?.contents ?? new Uint8Array(0);
  console.log(
    `SyncClient: ${contents.length} B minified, ${gzipSync(contents).length} B gzipped with yjs, y-protocols and lib0; ` +
      `${ownContents.length} B and ${gzipSync(ownContents).length} B without`,
  );
});

test('C1 U1 U2 two pages type into one document, through a relay that restarts and a network that goes', async ({
  origin,
}) => {
  const executablePath = await systemTool('chromium');
  const browser = await chromium.launch({ executablePath, args: browserArgs, headless: true });
  const log = memoryLog();
  let relay = await createRelay({ port: 0, log });
  const { port } = relay.address;
  try {
    const errors: string[] = [];
    const open = async (): Promise<Page> => {
      const page = await (await browser.newContext()).newPage();
      page.on('pageerror', (error) => void errors.push(String(error)));
      await page.goto(`${origin}/?relay=${encodeURIComponent(`ws://127.0.0.1:${port}`)}`);
      await page.waitForFunction('globalThis.page?.status().synced === true');
      return page;
    };
    const [a, b] = [await open(), await open()];
    const both = (text: string): Promise<void> =>
      until(`both pages to show ${text}`, async () => {
        const texts = await Promise.all([a, b].map((page) => evaluate(page, (api) => api.text())));
        const shown = await Promise.all([a, b].map((page) => page.locator('textarea').inputValue()));
        return [...texts, ...shown].every((each) => each === text);
      });

    await a.locator('textarea').pressSequentially('Ada types. ');
    await both('Ada types. ');
    await b.locator('textarea').pressSequentially('Berta too.');
    await both('Ada types. Berta too.');
    await evaluate(a, (api) => api.saved());
    await evaluate(b, (api) => api.saved());
    assert.equal(await evaluate(b, (api) => api.status()), {
      phase: 'ready',
      synced: true,
      safe: 'server',
      pending: 0,
      connection: 'connected',
    });

    // The relay goes: the page says so, goes on, and tells the truth about what it types.
    await relay.close();
    await until('the loss to show', async () => !(await evaluate(a, (api) => api.status())).synced);
    await evaluate(a, (api) => api.type(' (offline)'));
    const offline = await evaluate(a, (api) => api.status());
    assert.equal([offline.phase, offline.safe, offline.pending], ['ready', 'memory', 1]);
    assert.is.not(offline.connection, 'connected');
    relay = await createRelay({ port, log });
    await evaluate(a, (api) => api.saved());
    assert.is((await evaluate(a, (api) => api.status())).safe, 'server');
    await both('Ada types. Berta too. (offline)');

    // The network of one page goes while the relay restarts, so that it cannot come back; then the network is back.
    await a.context().setOffline(true);
    await relay.close();
    relay = await createRelay({ port, log });
    await evaluate(a, (api) => api.type(' [1]'));
    await until('the other page to be back', async () => (await evaluate(b, (api) => api.status())).synced);
    await evaluate(b, (api) => api.type(' [2]'));
    await evaluate(b, (api) => api.saved());
    assert.is((await evaluate(a, (api) => api.status())).safe, 'memory');
    await a.context().setOffline(false);
    await evaluate(a, (api) => api.saved());
    await until('both pages to be the same', async () => {
      const [one, two] = await Promise.all([a, b].map((page) => evaluate(page, (api) => api.text())));
      return one === two && one?.includes('[1]') === true && one.includes('[2]');
    });
    assert.equal(errors, []);
  } finally {
    await browser.close();
    await relay.close();
  }
});

test.run();
