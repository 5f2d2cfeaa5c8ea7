/** What the documentation tells people to type exists. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Page, fences, pages, root, withoutCode } from './markdown.ts';

/** Without the history, which tells of what may have gone since. */
const all = pages().filter(({ path }) => path !== 'CHANGELOG.md');

/** A command with what is around it on its line, and where it stands. */
interface Typed {
  readonly path: string;
  readonly line: string;
}

/** Lines of shell blocks, and what is set as code within the text. */
function typed(page: Page): Typed[] {
  const blocks = fences(page).filter(({ language }) => ['sh', 'console'].includes(language));
  const lines = blocks.flatMap(({ code }) => code.split('\n').map((line) => line.replace(/ {2,}#.*$/, '')));
  const spans = [...withoutCode(page.text).matchAll(/`([^`]+)`/g)].map(([, span = '']) => span);
  return [...lines, ...spans].map((line) => ({ path: page.path, line: line.replaceAll('\n', ' ') }));
}

const everything = all.flatMap(typed);

/** The commands of `tideweave` and their options, from pages that other tests compare with the program. */
function commands(): ReadonlyMap<string, ReadonlySet<string>> {
  const text = (path: string): string => all.find((page) => page.path === path)?.text ?? '';
  const flags = (from: string): string[] => [...from.matchAll(/`(--[a-z-]+)/g)].map(([, flag = '']) => flag);
  const sections = text('docs/cli.md')
    .split(/^## /m)
    .filter((section) => section.startsWith('tideweave '));
  return new Map(
    sections.map((section) => {
      const name = /^tideweave (\S+)/.exec(section)?.[1] ?? '';
      const also = name === 'serve' ? flags(text('docs/operating.md')) : [];
      return [name, new Set([...flags(section), ...also])];
    }),
  );
}

test('O8 every `tideweave` command in the documentation exists, with its options', () => {
  const known = commands();
  const unknown: string[] = [];
  let seen = 0;
  for (const { path, line } of everything) {
    for (const [, name = '', rest = ''] of line.matchAll(/(?:^|[ $])tideweave ([a-z]+)((?: [^&|;]*)?)/g)) {
      seen += 1;
      if (name === 'help') continue;
      const options = [...rest.matchAll(/(?<=\s)--[a-z-]+/g)].map(([option]) => option);
      if (!known.has(name)) unknown.push(`${path}: tideweave ${name}`);
      for (const option of options) if (!known.get(name)?.has(option)) unknown.push(`${path}: ${name} ${option}`);
    }
  }
  assert.ok(seen > 30, `only ${seen} commands`);
  assert.equal(unknown, []);
});

test('O8 every script and file that the documentation runs exists', () => {
  const scripts = (file: string): readonly string[] =>
    Object.keys((JSON.parse(readFileSync(join(root, file), 'utf8')) as { scripts?: object }).scripts ?? {});
  const workspace = (line: string): string => /(?:-w|--workspace) @tideweave\/(\w+)/.exec(line)?.[1] ?? '';
  const unknown: string[] = [];
  let seen = 0;
  for (const { path, line } of everything) {
    for (const [, name = ''] of line.matchAll(/npm run (?:-s )?([a-z][\w:-]*)/g)) {
      seen += 1;
      if (!scripts(join(workspace(line), 'package.json')).includes(name)) unknown.push(`${path}: npm run ${name}`);
    }
    for (const [, file = ''] of line.matchAll(/\bnode ((?:scripts|server|client|bench)\/[\w./-]+\.m?js)/g)) {
      seen += 1;
      if (!existsSync(join(root, file))) unknown.push(`${path}: ${file}`);
    }
  }
  assert.ok(seen > 20, `only ${seen} scripts`);
  assert.equal(unknown, []);
});

test.run();
