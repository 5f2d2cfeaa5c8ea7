import { readFileSync, writeFileSync } from 'node:fs';
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

test.run();
