#!/usr/bin/env node
/**
 * The laws of this repository that neither the compiler nor the linter can hold. Prints one line per violation, as
 * `path:line: what`, and exits 1 when there is any.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { titleHint, titleRule } from './rule-ids.mjs';
import { filesUnder, packages, root } from './source-files.mjs';
import { lex, lineAt } from './source-text.mjs';

const linesMax = 400;

/** Where nothing may read a clock, set a timer or roll dice by itself: a `Clock` and a `Random` are handed in. */
const pureFolders = ['shared/src/', 'server/src/room/', 'client/src/'];
/** The implementations of `Clock`, which are what the rule is there to be bypassed by. */
const clockFiles = new Set(['server/src/clock.ts', 'client/src/clock.ts']);
const impure = /\b(?:Date\.now|Math\.random|performance\.now|setTimeout|setInterval|setImmediate)\b|\bnew Date\(\s*\)/g;

// Put together so that this file does not break its own law.
const unfinished = new RegExp(String.raw`\b(?:TO${''}DO|FIX${''}ME|X${''}XX)\b`, 'g');

const violations = [];
function violation(path, line, what) {
  violations.push({ path, line, what });
}

function checkLength(path, text) {
  const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0);
  if (lines > linesMax) violation(path, lines, `${lines} lines; more than ${linesMax} asks for a split`);
}

function checkUnfinished(path, text) {
  for (const match of text.matchAll(unfinished)) {
    violation(path, lineAt(text, match.index), `${match[0]}: finish it, or write down the limitation and its reason`);
  }
}

function checkPurity(path, { text, code }) {
  if (clockFiles.has(path) || !pureFolders.some((folder) => path.startsWith(folder))) return;
  for (const match of code.matchAll(impure)) {
    violation(path, lineAt(text, match.index), `${match[0]} outside a clock: take a Clock or a Random as an argument`);
  }
}

function checkImports(path, { text, code, uncommented }) {
  for (const match of code.matchAll(/\bexport\s*\*/g)) {
    violation(path, lineAt(text, match.index), 'export * hides what an entry exports: name each export');
  }
  for (const match of code.matchAll(/\bcreateRequire\b/g)) {
    violation(path, lineAt(text, match.index), 'createRequire gets around the import laws: import instead');
  }
  const [home, kind] = path.split('/');
  if (kind === 'src' && home !== 'bench') {
    for (const match of code.matchAll(/\bimport\(\s*[^'"\s]/g)) {
      violation(path, lineAt(text, match.index), 'import() of something computed gets around the import laws');
    }
  }
  for (const match of uncommented.matchAll(/\b(?:from|import)\s*\(?\s*(['"`])(\.[^'"`]*)\1/g)) {
    // The keyword itself must be code, not a sentence inside a text.
    if (code[match.index] === ' ') continue;
    const target = posix.join(posix.dirname(path), match[2]);
    const line = lineAt(text, match.index);
    if (!target.startsWith(`${home}/`)) violation(path, line, `${match[2]} leaves the package: import it by its name`);
    else if (kind === 'src' && !target.startsWith(`${home}/src/`)) violation(path, line, `${match[2]} leaves src`);
  }
}

/** Every suite of a test file runs, after its last test is defined, whole, and with titles that name a rule. */
function checkSuites(path, { text, code, uncommented }) {
  const suites = [...code.matchAll(/\b(?:const|let)\s+(\w+)\s*=\s*suite(?:<[^>]*>)?\(/g)].map((match) => match[1]);
  if (/\bimport\s*\{[^}]*\btest\b[^}]*\}\s*from\s*['"]uvu['"]/.test(uncommented)) suites.push('test');
  const isTestFile = path.endsWith('.test.ts');
  for (const name of suites) {
    const defined = code.matchAll(new RegExp(String.raw`(?<![\w.])${name}\(`, 'g'));
    const lastDefined = Math.max(-1, ...[...defined].map((match) => match.index));
    const lastRun = code.lastIndexOf(`${name}.run()`);
    if (lastRun < lastDefined) {
      violation(path, lineAt(text, lastDefined), `tests of ${name} are never run: call ${name}.run() after the last`);
    }
    for (const match of code.matchAll(new RegExp(String.raw`(?<![\w.])${name}\.(only|skip)\b`, 'g'))) {
      violation(path, lineAt(text, match.index), `.${match[1]} leaves tests out`);
    }
  }
  if (isTestFile && !/\.run\(\)/.test(code)) violation(path, 1, 'no suite is run: call .run()');
  const called = new RegExp(
    String.raw`(?<![\w.])(?:${['test', ...suites].join('|')})\(\s*(['"\`])((?:\\.|(?!\1).)*)\1`,
    'gs',
  );
  for (const match of uncommented.matchAll(called)) {
    // Only a definition in code; and a title that starts with an expression is checked when it runs.
    if (code[match.index] === ' ' || match[2].startsWith('${')) continue;
    if (!titleRule.test(match[2])) {
      violation(path, lineAt(text, match.index), `the title "${match[2]}" must be one that ${titleHint}`);
    }
  }
}

/** Anchors as GitHub makes them from headings. */
function anchorsOf(markdown) {
  const headings = [...markdown.matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)].map((match) =>
    match[1]
      .toLowerCase()
      .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-'),
  );
  const explicit = [...markdown.matchAll(/<a (?:id|name)="([^"]+)"/g)].map((match) => match[1]);
  return new Set([...headings, ...explicit]);
}

function checkLinks(path, text) {
  const prose = text
    .replace(/^(```|~~~)[\s\S]*?^\1/gm, (block) => block.replace(/[^\n]/g, ' '))
    .replace(/`[^`\n]*`/g, (code) => ' '.repeat(code.length));
  for (const match of prose.matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)|^\[[^\]]+\]:\s+(\S+)/gm)) {
    const link = match[1] ?? match[2];
    if (/^(?:[a-z][a-z0-9+.-]*:|\/\/)/i.test(link)) continue;
    const [file, anchor] = link.split('#');
    const target = file === '' ? join(root, path) : join(root, dirname(path), decodeURIComponent(file));
    const line = lineAt(prose, match.index);
    if (!existsSync(target)) violation(path, line, `the link ${link} leads nowhere`);
    else if (anchor && statSync(target).isFile() && target.endsWith('.md')) {
      if (!anchorsOf(readFileSync(target, 'utf8')).has(anchor))
        violation(path, line, `there is no heading for ${link}`);
    }
  }
}

for (const path of packages.flatMap((name) => filesUnder(name))) {
  if (!/\.(?:ts|tsx|mjs)$/.test(path)) continue;
  const source = lex(readFileSync(join(root, path), 'utf8'));
  checkLength(path, source.text);
  checkUnfinished(path, source.text);
  checkPurity(path, source);
  checkImports(path, source);
  if (path.split('/')[1] === 'test') checkSuites(path, source);
}
for (const path of filesUnder('scripts')) {
  const text = readFileSync(join(root, path), 'utf8');
  checkLength(path, text);
  checkUnfinished(path, text);
}
for (const path of filesUnder('.').filter((name) => name.endsWith('.md'))) {
  const text = readFileSync(join(root, path), 'utf8');
  checkUnfinished(path, text);
  checkLinks(path, text);
}

for (const { path, line, what } of violations) console.log(`${path}:${line}: ${what}`);
console.log(violations.length === 0 ? 'tidy: every law holds' : `tidy: ${violations.length} violations`);
process.exitCode = violations.length === 0 ? 0 : 1;
