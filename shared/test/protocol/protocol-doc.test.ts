import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type TransitionTable,
  clientDocumentTransitions,
  serverDocumentTransitions,
} from '../../src/session/transitions.ts';

const url = new URL('../../../../docs/PROTOCOL.md', import.meta.url);
const page = readFileSync(url, 'utf8');

function markdownOf<State extends string, Event extends string>(table: TransitionTable<State, Event>): string {
  const states = Object.keys(table) as State[];
  const events = Object.keys(table[states[0]!]) as Event[];
  const rows = [
    ['event', ...states],
    ['---', ...states.map(() => '---')],
    ...events.map((event) => [event, ...states.map((state) => table[state][event])]),
  ];
  return rows.map((row) => `| ${row.join(' | ')} |\n`).join('');
}

const generated: Readonly<Record<string, string>> = {
  server: markdownOf(serverDocumentTransitions),
  client: markdownOf(clientDocumentTransitions),
};

test('P57 P58 the tables of PROTOCOL.md are those of the code (UPDATE=1 rewrites them)', () => {
  const marked = /(<!-- table: (\w+) -->\n)[\s\S]*?(<!-- end -->)/g;
  const found = [...page.matchAll(marked)].map((match) => match[2]);
  assert.equal(found, Object.keys(generated));
  const current = page.replace(marked, (_, head: string, name: string, end: string) => {
    return `${head}\n${generated[name]}\n${end}`;
  });
  if (process.env['UPDATE'] === '1') writeFileSync(url, current);
  assert.fixture(readFileSync(url, 'utf8'), current);
});

test('P57 every rule of PROTOCOL.md is stated once, and has a test that names it', () => {
  const rules = [...page.matchAll(/^- \*\*(P\d+)\*\* /gm)].map((match) => match[1] ?? '');
  assert.ok(rules.length > 50);
  assert.is(new Set(rules).size, rules.length);
  const folder = new URL('../../../test/', import.meta.url);
  const titles = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.ts'))
    .flatMap((path) => [...readFileSync(new URL(path, folder), 'utf8').matchAll(/test\(\s*['"`]([^'"`]*)/g)])
    .map((match) => match[1] ?? '');
  const proven = new Set(titles.flatMap((title) => [...title.matchAll(/\bP\d+\b/g)].map((match) => match[0])));
  assert.equal(
    rules.filter((rule) => !proven.has(rule)),
    [],
    'rules without a test',
  );
  assert.equal(
    [...proven].filter((rule) => !rules.includes(rule)),
    [],
    'tests of rules that are not stated',
  );
});

test.run();
