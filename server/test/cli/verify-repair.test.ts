// @slow
// The two commands that look after a data folder while no relay runs.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { test } from 'uvu';
import * as assert from 'uvu/assert';

import { runProgram } from '../../src/cli/program.ts';
import type { RepairReport } from '../../src/cli/repair.ts';
import type { VerifyReport } from '../../src/cli/verify.ts';
import type { DocumentLog, NewEntry } from '../../src/log/document-log.ts';
import { openLevelLog } from '../../src/log/level-log.ts';
import { forgedOverlaps, genuineUpdates, losingMaps } from '../compaction/poison.ts';
import { append, refusalOf } from '../log/log-fixtures.ts';
import { withFolder } from '../support/folders.ts';
import { withRelayProcess } from '../support/relay-process.ts';

interface Outcome {
  readonly exitCode: number | null;
  readonly out: string;
  readonly error: string;
}

async function run(...args: readonly string[]): Promise<Outcome> {
  let out = '';
  let error = '';
  const exitCode = await runProgram(args, {
    env: {},
    version: '1',
    writeOut: (text) => void (out += text),
    writeError: (text) => void (error += text),
    serve: () => Promise.reject(new Error('not serving')),
  });
  return { exitCode, out, error };
}

const openAt = (path: string): Promise<DocumentLog> => openLevelLog({ path, wallTime: () => 1 });
const stored = (updates: readonly Uint8Array[]): NewEntry[] =>
  updates.map((update) => ({ time: 1, user: 'ada', device: 'laptop', update }));

async function filesIn(path: string): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const entry of (await readdir(path, { withFileTypes: true })).toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    files.set(entry.name, entry.isFile() ? (await readFile(join(path, entry.name))).toString('latin1') : 'folder');
  }
  return files;
}

/** Three documents in the log of a relay that was killed: `doc 0` is written first, `doc 2` last. */
async function prepare(path: string): Promise<void> {
  const log = await openAt(path);
  for (let index = 0; index < 3; index += 1) {
    await append(log, `doc ${index}`, stored(genuineUpdates(index + 1, 60, 11 + index)));
  }
  await log.close();
}

/** Zeroes what the first document wrote. */
async function damageFirst(path: string): Promise<void> {
  const file = join(path, (await readdir(path)).find((name) => name.endsWith('.log')) ?? '');
  const bytes = await readFile(file);
  await writeFile(file, bytes.fill(0, 300, 500));
}

test('U3 S25 verify says that everything is in order, and changes nothing', () =>
  withFolder(async (path) => {
    await prepare(path);
    const before = await filesIn(path);
    const { exitCode, out, error } = await run('verify', '--data', path);
    assert.equal([exitCode, error], [0, '']);
    assert.match(
      out,
      /has 3 documents with 180 entries .* in 0 tables and 1 log\ntideweave: everything is in order\n$/,
    );
    assert.equal(await filesIn(path), before);
    const report = JSON.parse((await run('verify', '--json', '--data', path)).out) as VerifyReport;
    assert.equal([report.documents, report.entries, report.findings], [3, 180, []]);
  }));

test('D4 S25 verify names damaged documents, exits with 1, says what to do, and changes nothing', () =>
  withFolder(async (path) => {
    await prepare(path);
    await damageFirst(path);
    const before = await filesIn(path);
    const { exitCode, out } = await run('verify', '--data', path);
    assert.is(exitCode, 1);
    assert.match(out, /document "doc 0": entries were lost/);
    assert.match(out, new RegExp(`run "tideweave repair --data ${path}"`));
    assert.equal(await filesIn(path), before);
  }));

test('D4 S25 verify finds damage to LevelDB’s files that a start would refuse', () =>
  withFolder(async (path) => {
    await prepare(path);
    await rm(join(path, 'CURRENT'));
    const before = await filesIn(path);
    const { exitCode, out } = await run('verify', '--data', path);
    assert.is(exitCode, 1);
    assert.match(out, /CURRENT is missing/);
    assert.equal(await filesIn(path), before);
  }));

test('L1 S27 verify loads every document and tells which entries cannot be applied', () =>
  withFolder(async (path) => {
    const log = await openAt(path);
    await append(log, 'poisoned', stored([...losingMaps()]));
    await append(log, 'poisoned', stored(forgedOverlaps(2)));
    await append(log, 'healthy', stored(genuineUpdates(1, 20, 5)));
    await log.close();
    const { exitCode, out } = await run('verify', '--data', path);
    assert.is(exitCode, 1);
    assert.match(out, /document "poisoned": 2 entries cannot be applied/);
    assert.not.ok(out.includes('healthy'));
  }));

test('D1 S23 S25 both commands refuse a folder that a relay has, or that is not there, with one line and exit code 2', () =>
  withFolder(async (folder) => {
    const path = join(folder, 'data');
    await mkdir(path);
    await withRelayProcess(path, {}, async () => {
      for (const command of ['verify', 'repair']) {
        const { exitCode, out, error } = await run(command, '--data', path);
        assert.equal([exitCode, out], [2, '']);
        assert.match(error, /^tideweave: [^\n]*in use by a relay[^\n]*\n$/);
      }
    });
    for (const command of ['verify', 'repair']) {
      const { exitCode, error } = await run(command, '--data', join(folder, 'nowhere'));
      assert.is(exitCode, 2);
      assert.match(error, /^tideweave: there is no data folder [^\n]*\n$/);
    }
  }));

test('D4 S26 repair has nothing to do where everything is in order', () =>
  withFolder(async (path) => {
    await prepare(path);
    const { exitCode, out } = await run('repair', '--data', path);
    assert.is(exitCode, 0);
    assert.match(out, /there was nothing to repair/);
  }));

test('D4 S26 a dry run says what a repair would do, and does nothing', () =>
  withFolder(async (path) => {
    await prepare(path);
    await damageFirst(path);
    const before = await filesIn(path);
    const dry = JSON.parse((await run('repair', '--dry-run', '--json', '--data', path)).out) as RepairReport;
    assert.equal(await filesIn(path), before);
    const done = JSON.parse((await run('repair', '--json', '--data', path)).out) as RepairReport;
    assert.equal({ ...dry, dryRun: false }, done);
  }));

test('D4 S26 repair puts back what LevelDB dropped, sets the rest aside with a file, and does nothing the second time', () =>
  withFolder(async (path) => {
    await prepare(path);
    await damageFirst(path);
    let log = await openAt(path);
    const refused: string[] = [];
    for (const name of ['doc 0', 'doc 1', 'doc 2']) {
      await log.read(name, 0).catch(() => void refused.push(name));
    }
    assert.ok(refused.length > 1, 'LevelDB dropped what was behind the damage, too');
    await log.close();

    const { exitCode, out } = await run('repair', '--data', path);
    assert.is(exitCode, 1);
    assert.match(out, /1 stay refused/);
    const file = /what can be read is in (aside\/\S+)/.exec(out)?.[1] ?? '';
    const [head] = (await readFile(join(path, file), 'utf8'))
      .split('\n')
      .map((line) => line && (JSON.parse(line) as object));
    assert.is((head as { document: string }).document, 'doc 0');

    const again = await run('repair', '--data', path);
    assert.is(again.out, out.replace(/tideweave: \d+ made whole\n(?: {2}.*\n)*/, ''));
    log = await openAt(path);
    assert.is(await refusalOf(() => log.read('doc 0', 0)), 'TW_DOCUMENT_CORRUPT');
    for (const name of ['doc 1', 'doc 2']) assert.is((await log.read(name, 0)).length, 60, name);
    // It is refused until somebody decides what it is to be.
    await log.delete('doc 0');
    await log.create('doc 0');
    assert.is((await append(log, 'doc 0', stored(genuineUpdates(1, 3, 4)))).lastSeq, 3);
    await log.close();
    assert.is((await run('verify', '--data', path)).exitCode, 0);
  }));

test.run();
