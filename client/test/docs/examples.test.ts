// @slow
// @timeout 240s
/** The examples of the documentation: all that are code of ours compile, and those marked to run do what the page says. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { createRelay } from '@tideweave/server';
import { transform } from 'esbuild';
import type { Page as Tab } from 'playwright-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { serveExample, startChromium } from '../editors/browser.ts';
import { systemTool } from '../support/system-tool.ts';
import { until } from '../support/wait.ts';
import { type Fence, fences, pages, root } from './markdown.ts';
import { compilerOptions, surroundings } from './surroundings.ts';

const execute = promisify(execFile);
/** Within the checkout, as a newcomer saves them: from there the packages are found by their names. */
const folder = join(root, 'client/dist/doc-examples');

interface Example extends Fence {
  /** With what the page imported before and this block needs no less. */
  readonly source: string;
  /** What the page says that it prints, or null. */
  readonly prints: string | null;
}

const isCode = ({ language, use }: Fence): boolean => ['ts', 'tsx', 'js'].includes(language) && use !== 'before';
const importLine = /^import \{ (.+) \} from '.+';$/gm;

function importedNames(code: string): Set<string> {
  return new Set([...code.matchAll(importLine)].flatMap(([, names = '']) => names.split(', ')));
}

/** The page's examples; each goes on where the one before it ended, as far as imports are concerned. */
function examplesOf(blocks: readonly Fence[]): Example[] {
  const before = new Map<string, string>();
  return blocks.map((block, index) => {
    const own = importedNames(block.code);
    const missing = isCode(block) ? [...before].filter(([name]) => !own.has(name)).map(([, line]) => line) : [];
    for (const [line] of block.code.matchAll(importLine)) {
      for (const name of importedNames(line)) before.set(name, `import { ${name} } from ${line.split(' from ').pop()}`);
    }
    const next = blocks[index + 1];
    const prints = next?.language === 'text' ? next.code : null;
    return { ...block, source: [...missing, block.code].join('\n'), prints };
  });
}

const documentation = pages().filter(({ path }) => path === 'README.md' || /^docs\/[^/]+\.md$/.test(path));
const examples = documentation.flatMap((page) => examplesOf(fences(page)));
const pageOf = ({ place }: Fence): string => place.slice(0, place.lastIndexOf(':'));

/** A name for a block that leads back to it. */
const fileName = ({ place, language }: Fence): string => `${place.replaceAll(/[^\w]+/g, '-')}.${language}`;

test.before(async () => {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
});
test.after(() => rm(folder, { recursive: true, force: true }));

test('O8 every page about an interface has an example that runs', () => {
  const running = new Set(examples.filter(({ use }) => use === 'run' || use === 'browser').map(pageOf));
  const expected = ['client', 'embedding', 'http-api', 'merge-report', 'operating', 'quick-start', 'react', 'tabs'];
  assert.equal([...running].sort(), ['README.md', ...expected.map((name) => `docs/${name}.md`)]);
});

test('O8 every example compiles against the packages', async () => {
  const checked = examples.filter(isCode);
  assert.ok(checked.length >= 20, `only ${checked.length} examples`);
  const here = join(folder, 'checked');
  await mkdir(here);
  await writeFile(join(here, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['.'] }));
  await writeFile(join(here, 'surroundings.d.ts'), surroundings);
  for (const example of checked) await writeFile(join(here, fileName(example)), `${example.source}\nexport {};\n`);
  const { stdout } = await execute(join(root, 'node_modules/.bin/tsc'), ['-p', here]).catch(
    (error: { stdout: string }) => error,
  );
  assert.is(stdout, '');
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}

/** Runs with a relay that has a document `notes`, in a folder of the example's own, and the example at their addresses. */
async function surrounded(
  { source }: Example,
  run: (at: { readonly here: string; readonly source: string; readonly connections: () => number }) => Promise<void>,
): Promise<void> {
  const here = await mkdtemp(join(folder, 'run-'));
  const relay = await createRelay({ port: 0, data: join(here, 'relay') });
  const address = `127.0.0.1:${relay.address.port}`;
  try {
    const doc = new Y.Doc();
    doc.getText('body').insert(0, 'what was here before');
    const answer = await fetch(`http://${address}/api/docs/notes/update`, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body: Buffer.from(Y.encodeStateAsUpdate(doc)),
    });
    assert.is(answer.status, 200);
    let placed = source.replaceAll('127.0.0.1:1234', address);
    for (const port of new Set(source.match(/\b432\d\b/g))) placed = placed.replaceAll(port, String(await freePort()));
    assert.not.match(placed, /\b1234\b/);
    await run({ here, source: placed, connections: () => relay.stats.connections });
  } finally {
    await relay.close();
  }
}

async function inNode(here: string, source: string): Promise<string> {
  const { code } = await transform(source, { loader: 'ts', format: 'esm' });
  await writeFile(join(here, 'example.mjs'), code);
  // What closes what it opened ends by itself. What goes on, as a page does, is ended when it has come to its last line.
  const endsItself = source.includes('.destroy()');
  await writeFile(join(here, 'whole.mjs'), "await import('./example.mjs');\nprocess.exit(0);\n");
  const options = { cwd: here, timeout: 30_000 };
  return (await execute(process.execPath, [endsItself ? 'example.mjs' : 'whole.mjs'], options)).stdout;
}

async function inShell(here: string, source: string): Promise<string> {
  const path = [join(root, 'node_modules/.bin'), dirname(await systemTool('curl')), process.env['PATH']].join(
    delimiter,
  );
  const options = { cwd: here, timeout: 60_000, env: { PATH: path, HOME: here } };
  return (await execute('/bin/sh', ['-e', '-c', source], options)).stdout;
}

for (const example of examples.filter(({ use }) => use === 'run')) {
  test(`O8 the example at ${example.place} does what the page says`, () =>
    surrounded(example, async ({ here, source }) => {
      const printed = example.language === 'sh' ? await inShell(here, source) : await inNode(here, source);
      if (example.prints !== null) assert.is(printed, example.prints);
    }));
}

/** Opens the page's example in two tabs of one browser. */
async function inTabs(
  page: string,
  run: (tabs: readonly [Tab, Tab], connections: () => number) => Promise<void>,
): Promise<void> {
  const example = examples.find((each) => each.use === 'browser' && pageOf(each) === page);
  assert.ok(example);
  await surrounded(example, async ({ here, source, connections }) => {
    const html = '<!doctype html><title>example</title><body><script type="module" src="/main.js"></script></body>';
    await writeFile(join(here, 'index.html'), html);
    await writeFile(join(here, 'style.css'), '');
    const served = await serveExample(here, source);
    const browser = await startChromium();
    try {
      const context = await browser.newContext();
      const tabs = [await context.newPage(), await context.newPage()] as const;
      const broken: string[] = [];
      for (const tab of tabs) {
        tab.on('pageerror', (error) => broken.push(String(error)));
        await tab.goto(served.url);
      }
      await run(tabs, connections);
      assert.equal(broken, []);
    } finally {
      await browser.close();
      await served.close();
    }
  });
}

test('O8 the example of docs/react.md counts in two tabs, and says when it is saved', () =>
  inTabs('docs/react.md', async ([one, other]) => {
    await other.getByRole('button', { name: 'pushed 0 times' }).waitFor();
    await one.getByRole('button').click();
    for (const tab of [one, other]) await tab.getByRole('button', { name: 'pushed 1 times, saved' }).waitFor();
  }));

test('O8 the example of docs/tabs.md syncs in each tab, over one connection', () =>
  inTabs('docs/tabs.md', async (tabs, connections) => {
    const synced = new Set<Tab>();
    for (const tab of tabs) {
      tab.on('console', (message) => {
        if (message.text() === 'synced') synced.add(tab);
      });
      await tab.reload();
    }
    await until('both tabs are synced', () => synced.size === 2);
    assert.is(connections(), 1);
  }));

test.run();
