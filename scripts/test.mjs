#!/usr/bin/env node
/**
 * The test runner: one process per compiled test file, a time limit each, and one plain closing line.
 *
 *   node scripts/test.mjs               all test files (compile first)
 *   node scripts/test.mjs PATTERN…      those whose path contains a pattern
 *   node scripts/test.mjs --unit        only files not marked slow
 *   node scripts/test.mjs --all         build, bundle, lint, tidy, knip, format, then everything (`npm test`)
 *
 * Two files run at a time. A file says in comments at its top what it needs: `// @slow` (real servers, browsers, crashes:
 * after the others), `// @waits` (slow, and hardly uses the processor: one of these runs beside the two), `// @alone` (uses
 * both cores itself: after all, with nothing beside it) and `// @timeout 300s` (120 s otherwise).
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root, testFiles } from './source-files.mjs';

const defaultTimeoutMs = 120_000;
const atOnceMax = 2;
const checkTimeoutMs = 600_000;

/** Before any test: a worker thread's code is a bundle, and an old one would be tested. */
const bundle = { name: 'bundle', command: [process.execPath, 'scripts/bundle.mjs'] };

const build = { name: 'build', command: ['node_modules/.bin/tsc', '-b'] };

const checks = [
  { name: 'lint', command: ['node_modules/.bin/oxlint', '--type-aware', '--deny-warnings'] },
  { name: 'tidy', command: [process.execPath, 'scripts/tidy.mjs'] },
  { name: 'rules', command: [process.execPath, 'scripts/rules.mjs'] },
  { name: 'knip', command: ['node_modules/.bin/knip'] },
  { name: 'format', command: ['node_modules/.bin/oxfmt', '--check'] },
];

const running = new Set();

function killGroup(child) {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // The group is gone already.
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.once(signal, () => {
    for (const child of running) killGroup(child);
    process.exit(1);
  });
}

/**
 * Runs a command in a process group of its own, so that a time limit, or a test that leaves a server behind, ends the
 * children too. Resolves with its whole output; never rejects.
 */
function run(command, { timeoutMs, onMessage }) {
  return new Promise((resolve) => {
    const started = performance.now();
    const stdio = ['ignore', 'pipe', 'pipe', ...(onMessage ? ['ipc'] : [])];
    const child = spawn(command[0], command.slice(1), { cwd: root, detached: true, stdio });
    running.add(child);
    const output = [];
    let timedOut = false;
    child.stdout.on('data', (bytes) => output.push(bytes));
    child.stderr.on('data', (bytes) => output.push(bytes));
    if (onMessage) child.on('message', onMessage);
    const timer = setTimeout(() => {
      timedOut = true;
      killGroup(child);
    }, timeoutMs);
    const end = (code, signal, problem) => {
      clearTimeout(timer);
      running.delete(child);
      const text = Buffer.concat(output).toString('utf8');
      resolve({
        code,
        signal,
        timedOut,
        ms: Math.round(performance.now() - started),
        output: problem ? `${text}${problem}\n` : text,
      });
    };
    child.once('error', (error) => end(1, null, String(error)));
    child.once('exit', (code, signal) => {
      killGroup(child);
      // A grandchild in another group may hold the pipes open; what has arrived by then is enough.
      const late = setTimeout(() => end(code, signal), 2000);
      child.once('close', () => {
        clearTimeout(late);
        end(code, signal);
      });
    });
  });
}

function report(ok, name, text, ms, output) {
  console.log(`${ok ? 'ok  ' : 'FAIL'} ${name}  ${text}  ${ms} ms`);
  if (!ok && output.trim() !== '') console.log(`${output.trimEnd().replace(/^/gm, '     | ')}\n`);
}

async function runCheck(check) {
  const result = await run(check.command, { timeoutMs: checkTimeoutMs });
  const ok = result.code === 0;
  report(ok, check.name, ok ? 'passed' : 'failed', result.ms, result.output);
  return { passed: ok ? 1 : 0, failed: ok ? 0 : 1 };
}

async function runTestFile(test) {
  if (!existsSync(join(root, test.compiled))) {
    report(false, test.source, 'not compiled', 0, `There is no ${test.compiled}: run npm run build.`);
    return { passed: 0, failed: 1 };
  }
  let current = '';
  let done = null;
  const onMessage = (message) => {
    if (message?.running) current = message.running;
    if (message?.done) done = message.done;
  };
  const command = [process.execPath, '--enable-source-maps', 'scripts/test-child.mjs', join(root, test.compiled)];
  const result = await run(command, { timeoutMs: test.timeoutMs, onMessage });
  const problems = [...(done?.problems ?? [])];
  const during = current === '' ? 'while loading' : done ? 'after its last test' : `in the test "${current}"`;
  if (result.timedOut) problems.push(`timed out after ${test.timeoutMs} ms ${during}`);
  else if (!done) problems.push(`ended ${during} (${result.signal ?? `exit code ${result.code}`})`);
  else if (result.code !== 0 && done.failed + problems.length === 0) {
    problems.push(`all tests passed, but the process ended with ${result.signal ?? `exit code ${result.code}`}`);
  }
  const passed = done?.passed ?? 0;
  const failed = (done?.failed ?? 0) + problems.length;
  const text = failed === 0 ? `${passed} passed` : `${passed} passed, ${failed} failed`;
  report(failed === 0, test.source, text, result.ms, [...problems, result.output].join('\n'));
  gatherTables(result.output);
  return { passed, failed };
}

/** Marks stand in comments before the first line of code. */
function readMarks(source) {
  const head =
    /^(?:\s*(?:\/\/[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/))*/.exec(readFileSync(join(root, source), 'utf8'))?.[0] ?? '';
  const timeout = /@timeout\s+(\d+)s\b/.exec(head);
  const alone = /@alone\b/.test(head);
  const waits = /@waits\b/.test(head);
  return {
    alone,
    waits,
    slow: alone || waits || /@slow\b/.test(head),
    timeoutMs: timeout ? Number(timeout[1]) * 1000 : defaultTimeoutMs,
  };
}

/**
 * What tests have printed as Markdown tables, shown at the end even when everything passed: the rows by their header, so
 * that what several files tell in the same columns is one table.
 */
const tables = new Map();

function gatherTables(output) {
  let rows = null;
  for (const line of output.split('\n').map((text) => text.trim())) {
    if (!line.startsWith('|')) rows = null;
    else if (rows !== null) {
      if (!/^\|[\s|:-]*$/.test(line)) rows.push(line);
    } else {
      rows = tables.get(line) ?? [];
      tables.set(line, rows);
    }
  }
}

function showTable(header, rows) {
  const line = header.replace(/[^|]+/g, '---');
  console.log(['', header, line, ...rows].join('\n'));
}

const totals = { passed: 0, failed: 0 };
function add(counts) {
  totals.passed += counts.passed;
  totals.failed += counts.failed;
}

async function runAll(runOne, items, atOnce) {
  const queue = [...items];
  const worker = async () => {
    for (let item = queue.shift(); item; item = queue.shift()) add(await runOne(item));
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** Returns whether the build is good: tests of stale output would say nothing. */
async function runBuild(steps) {
  for (const step of steps) {
    const counts = await runCheck(step);
    add(counts);
    if (counts.failed > 0) {
      console.log('The build failed: nothing else was run.');
      return false;
    }
  }
  return true;
}

const args = process.argv.slice(2);
const unknown = args.find((arg) => arg.startsWith('-') && !['--all', '--unit'].includes(arg));
if (unknown !== undefined) {
  console.error(`test: unknown option ${unknown} (there are --all, --unit and patterns)`);
  process.exit(2);
}
const patterns = args.filter((arg) => !arg.startsWith('-'));
const started = performance.now();

const isAll = args.includes('--all');

if (await runBuild(isAll ? [build, bundle] : [bundle])) {
  if (isAll) await runAll(runCheck, checks, atOnceMax);
  // Listed from the sources: compiled output whose source is gone does not run.
  const tests = testFiles()
    .map((test) => ({ ...test, ...readMarks(test.source) }))
    .filter((test) => patterns.length === 0 || patterns.some((pattern) => test.source.includes(pattern)));
  const unit = tests.filter((test) => !test.slow);
  const slow = args.includes('--unit') ? [] : tests.filter((test) => test.slow);
  if (unit.length + slow.length === 0) {
    console.log(`No test file${patterns.length > 0 ? ` matches ${patterns.join(' ')}` : ''}.`);
    totals.failed += 1;
  }
  await runAll(runTestFile, unit, atOnceMax);
  const beside = slow.filter(({ alone }) => !alone);
  const [waiting, busy] = [beside.filter(({ waits }) => waits), beside.filter(({ waits }) => !waits)];
  await Promise.all([runAll(runTestFile, busy, atOnceMax), runAll(runTestFile, waiting, 1)]);
  await runAll(
    runTestFile,
    slow.filter(({ alone }) => alone),
    1,
  );
}

for (const [header, rows] of tables) showTable(header, rows);
console.log(`\nAfter ${((performance.now() - started) / 1000).toFixed(1)} s:`);
console.log(`${totals.passed} passed, ${totals.failed} failed`);
process.exitCode = totals.failed > 0 ? 1 : 0;
