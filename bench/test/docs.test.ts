// @slow
/** The documentation leads somewhere, and its first example does what it says. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { MemoryLog, createRelay } from '@tideweave/server';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const run = promisify(execFile);

function pages(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name.startsWith('.') || ['node_modules', 'dist', 'data'].includes(entry.name)) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return pages(path);
    return entry.name.endsWith('.md') ? [path] : [];
  });
}

/** A page without its fenced code, in which `#` begins comments and brackets are no links. */
function withoutCode(text: string): string {
  return text.replaceAll(/^ *(`{3,}|~{3,}).*\n(?:[\s\S]*?\n)?? *\1[`~]* *$/gm, '');
}

/** The anchors that GitHub gives a page's headings. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of withoutCode(text).matchAll(/^#{1,6} (.+)$/gm)) {
    const plain = heading.replaceAll(/[^\p{L}\p{N} _-]/gu, '').toLowerCase();
    anchors.add(plain.trim().replaceAll(' ', '-'));
  }
  return anchors;
}

/** Where a page's links lead nowhere. */
function deadLinks(page: string): string[] {
  const text = withoutCode(readFileSync(page, 'utf8')).replaceAll(/`[^`\n]*`/g, '');
  const dead: string[] = [];
  for (const [, target = ''] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^(?:https?|mailto|wss?):/.test(target)) continue;
    const [path = '', anchor] = target.split('#');
    const to = path === '' ? page : resolve(dirname(page), path);
    const isThere = existsSync(to);
    if (
      !isThere ||
      (anchor !== undefined && !(statSync(to).isFile() && anchorsOf(readFileSync(to, 'utf8')).has(anchor)))
    ) {
      dead.push(`${relative(root, page)}: ${target}`);
    }
  }
  return dead;
}

test('O8 every link of the documentation leads to a file and a heading', () => {
  const all = pages(root);
  assert.ok(all.length > 20, `only ${all.length} pages`);
  assert.equal(all.flatMap(deadLinks), []);
});

test('O8 what looks like a heading within code is none', () => {
  const page =
    '# Real\n\n```sh\n# a comment\necho\n```\n\n## `Named` here\n\n1. a list\n\n   ~~~\n# another\n   ~~~\n\n```\n```\n\n### Last\n';
  assert.equal([...anchorsOf(page)], ['real', 'named-here', 'last']);
});

test('O8 the quick start prints what it says', async () => {
  const text = readFileSync(join(root, 'docs/quick-start.md'), 'utf8');
  const program = /```js\n([\s\S]*?)```/.exec(text)?.[1];
  const printed = /```text\n([\s\S]*?)```/.exec(text)?.[1];
  assert.ok(program !== undefined && printed !== undefined);
  let ids = 0;
  const log = new MemoryLog({ wallTime: Date.now, randomId: () => (ids += 1).toString(16).padStart(16, '0') });
  const relay = await createRelay({ port: 0, log });
  // Within the checkout, as a newcomer saves it: from there the packages are found by their names.
  const folder = join(root, 'bench/dist/quick-start');
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'two-devices.mjs'), program);
    const { host, port } = relay.address;
    const { stdout } = await run(process.execPath, ['two-devices.mjs'], {
      cwd: folder,
      env: { ...process.env, RELAY: `ws://${host}:${port}` },
      timeout: 30_000,
    });
    assert.is(stdout, printed);
  } finally {
    await relay.close();
    await rm(folder, { recursive: true, force: true });
  }
});

test.run();
