// @slow
// An import is killed at some moment, again and again, and in the end everything is there once.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { seededRandom } from '@tideweave/shared';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';

import { withFolder } from '../support/folders.ts';
import { pass } from '../support/wait.ts';
import { counts, documentOf, load, report, storedDocument, typed, withLog, writeYLeveldb } from './sources.ts';

const main = fileURLToPath(new URL('../../src/main.js', import.meta.url));
const documents = 1500;

test('C4 D1 an import killed at any moment goes on when it is run again, and nothing is there twice', () =>
  withFolder(async (folder) => {
    const seed = Number(process.env['TIDEWEAVE_SEED'] ?? process.pid);
    console.log(`seed ${seed}`);
    const random = seededRandom(seed);
    const source = join(folder, 'db');
    const data = join(folder, 'data');
    const all = new Map(Array.from({ length: documents }, (_, at) => [`doc ${at}`, documentOf(at)]));
    // One that goes in as a snapshot, in two steps.
    for (let at = 0; at < 10; at += 1) {
      all.set(
        `long ${at}`,
        typed(9 + at, (doc) => doc.getText('body').insert(0, 'lorem ipsum '.repeat(30_000))),
      );
    }
    await writeYLeveldb(source, all);

    let completed = false;
    let killed = 0;
    for (let round = 0; round < 6 && !completed; round += 1) {
      const child = spawn(process.execPath, [main, 'import', source, '--data', data], { stdio: 'ignore' });
      const ended = once(child, 'exit');
      await Promise.race([pass(700 + random() * 1500), ended]);
      child.kill('SIGKILL');
      const [code] = (await ended) as [number | null];
      completed = code !== null;
      if (!completed) killed += 1;
    }
    console.log(`killed ${killed} times`);
    assert.ok(killed > 0, 'it was killed');

    const result = await report(source, '--data', data);
    assert.equal([result.exitCode, result.findings], [0, []]);
    const { imported = 0, present = 0 } = counts(result);
    console.log(`${present} were there already, ${imported} came now`);
    assert.is(imported + present, all.size);
    assert.equal(counts(await report(source, '--data', data)), { present: all.size });
    await withLog(data, async (log) => {
      for (const [name, updates] of all) {
        const head = await log.head(name);
        assert.ok(head !== null && head.lastSeq <= 2, name);
        const stored = await storedDocument(log, name);
        const expected = load(updates);
        assert.is(stored.getText('body').toString(), expected.getText('body').toString(), name);
        assert.equal(Y.encodeStateAsUpdate(stored), Y.encodeStateAsUpdate(expected), name);
      }
    });
  }));

test('R5 U3 Ctrl-C brings what is under way to an end, says so, and the next run goes on', () =>
  withFolder(async (folder) => {
    const source = join(folder, 'db');
    const data = join(folder, 'data');
    const all = new Map(Array.from({ length: documents }, (_, at) => [`doc ${at}`, documentOf(at)]));
    await writeYLeveldb(source, all);
    const child = spawn(process.execPath, [main, 'import', source, '--data', data, '--json'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let out = '';
    child.stdout.on('data', (bytes: Buffer) => void (out += bytes.toString()));
    const ended = once(child, 'close');
    await pass(1200);
    child.kill('SIGINT');
    const [code, signal] = (await ended) as [number | null, string | null];
    // Before the command runs there is nobody to hear it; when it is through there is nothing to interrupt.
    assert.ok(code === 130 || code === 0 || signal === 'SIGINT', `${code} ${signal}`);
    if (code === 130) assert.is((JSON.parse(out) as { interrupted: boolean }).interrupted, true);
    const result = await report(source, '--data', data);
    const { imported = 0, present = 0 } = counts(result);
    assert.equal([result.exitCode, imported + present], [0, documents]);
  }));

test.run();
