#!/usr/bin/env node
/**
 * Which rule is proven by which test. Rules are lines `- **D1** …` of the documents below; a test proves those with which
 * its title begins. Exits 1 when a rule has no test, a title names a rule that is not there, or a rule is there twice.
 *
 *   node scripts/rules.mjs          what is wrong
 *   node scripts/rules.mjs --list   every rule with its tests
 *
 * A rule that begins with "(not yet)" is known and needs no test.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { letters } from './rule-ids.mjs';
import { filesUnder, packages, root } from './source-files.mjs';
import { lex, lineAt } from './source-text.mjs';

const documents = [
  { path: 'docs/promises.md', tests: packages.map((name) => `${name}/test/`) },
  { path: 'docs/PROTOCOL.md', tests: packages.map((name) => `${name}/test/`) },
  { path: 'docs/STORAGE.md', tests: ['server/test/'] },
  { path: 'docs/dialects.md', tests: packages.map((name) => `${name}/test/`) },
];

const ruleLine = new RegExp(String.raw`^- \*\*([${letters}]\d+)\*\* +(.*)$`, 'gm');
/** A text that begins as a title does; nothing else in a test does. */
const title = new RegExp(
  String.raw`(['"\`])([${letters}]\d+(?:,? [${letters}]\d+)*)(?=[:\s])((?:\\.|(?!\1)[^\\])*)\1`,
  'gs',
);

const problems = [];
const rules = new Map();
for (const document of documents) {
  if (!existsSync(join(root, document.path))) {
    problems.push(`${document.path} is missing`);
    continue;
  }
  const text = readFileSync(join(root, document.path), 'utf8');
  for (const match of text.matchAll(ruleLine)) {
    const [, id, words] = match;
    const place = `${document.path}:${lineAt(text, match.index)}`;
    const earlier = rules.get(id);
    if (earlier) problems.push(`${place}: ${id} is already at ${earlier.place}`);
    else rules.set(id, { place, document, isPromised: !words.startsWith('(not yet)'), words, tests: [] });
  }
}

let titles = 0;
for (const path of packages.flatMap((name) => filesUnder(`${name}/test`))) {
  if (!/\.(?:ts|tsx)$/.test(path)) continue;
  const { text, uncommented } = lex(readFileSync(join(root, path), 'utf8'));
  for (const match of uncommented.matchAll(title)) {
    titles += 1;
    const place = `${path}:${lineAt(text, match.index)}`;
    for (const id of match[2].split(/,? /)) {
      const rule = rules.get(id);
      if (!rule) problems.push(`${place}: there is no rule ${id}`);
      else if (!rule.document.tests.some((folder) => path.startsWith(folder))) {
        problems.push(
          `${place}: ${id} is a rule of ${rule.document.path}, whose tests are under ${rule.document.tests}`,
        );
      } else rule.tests.push({ place, title: `${match[2]}${match[3]}` });
    }
  }
}
for (const [id, { place, isPromised, words, tests }] of rules) {
  if (isPromised && tests.length === 0) problems.push(`${place}: ${id} has no test (${words})`);
}

if (process.argv.includes('--list')) {
  for (const [id, { words, tests }] of rules) {
    console.log(`${id} ${words}`);
    for (const test of tests) console.log(`    ${test.place}  ${test.title}`);
  }
}
for (const problem of problems) console.log(problem);
const summary = `rules: ${rules.size} rules, ${titles} titles, `;
console.log(summary + (problems.length === 0 ? 'every rule has a test' : `${problems.length} problems`));
process.exitCode = problems.length === 0 ? 0 : 1;
