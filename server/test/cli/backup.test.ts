// @slow
// What backup and restore do beside copying: go on, refuse what is damaged, leave alone what is there.
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runProgram } from '../../src/cli/program.ts';
import { readImage, sameImage } from '../../src/log/document-image.ts';
import type { DocumentLog } from '../../src/log/document-log.ts';
import { openLevelLog } from '../../src/log/level-log.ts';
import { genuineUpdates } from '../compaction/poison.ts';
import { append } from '../log/log-fixtures.ts';
import { withFolder } from '../support/folders.ts';
import { withRelay } from '../support/relay.ts';

const names = ['notes', '__proto__', 'Ω/../x', 'gone'];

interface CommandOutcome {
  readonly code: number | null;
  readonly out: string;
  readonly error: string;
}

async function runCommand(...args: readonly string[]): Promise<CommandOutcome> {
  let out = '';
  let error = '';
  const code = await runProgram(args, {
    env: {},
    version: '1',
    writeOut: (text) => void (out += text),
    writeError: (text) => void (error += text),
    serve: () => Promise.reject(new Error('not serving')),
  });
  return { code, out, error };
}

const openAt = (path: string): Promise<DocumentLog> => openLevelLog({ path, wallTime: () => 7 });

async function withLog<Value>(path: string, run: (log: DocumentLog) => Promise<Value>): Promise<Value> {
  const log = await openAt(path);
  try {
    return await run(log);
  } finally {
    await log.close();
  }
}

function fill(path: string): Promise<void> {
  return withLog(path, async (log) => {
    for (const name of names) {
      for (const update of genuineUpdates(1, 20, 9)) {
        await append(log, name, [{ time: 1, user: 'ada', device: 'laptop', update }]);
      }
    }
    await log.delete('gone');
  });
}

interface Report {
  readonly read: number;
  readonly restored: number;
  readonly present: number;
  readonly deleted: number;
  readonly documents: number;
  readonly digest: string;
  readonly isWhole: boolean;
  readonly findings: readonly { readonly document: string; readonly what: string }[];
}

function reportOf({ out, error }: CommandOutcome): Report {
  assert.is(error, '');
  return JSON.parse(out) as Report;
}

test('O5 what is restored is what was there, tombstones too, under new log ids; both go on where they were', async () => {
  await withFolder(async (folder) => {
    const [data, copy, other] = ['data', 'copy', 'other'].map((name) => join(folder, name)) as [string, string, string];
    await fill(data);
    const first = reportOf(await runCommand('backup', copy, '--data', data, '--json'));
    assert.equal([first.documents, first.deleted, first.read], [3, 1, 4]);
    const again = reportOf(await runCommand('backup', copy, '--data', data, '--json'));
    assert.equal([again.read, again.digest], [0, first.digest], 'nothing changed, nothing is read');
    await withLog(data, (log) =>
      append(log, 'notes', [{ time: 2, user: 'bo', device: '', update: Uint8Array.of(0, 0) }]),
    );
    assert.is(reportOf(await runCommand('backup', copy, '--data', data, '--json')).read, 1);

    const restored = await runCommand('restore', copy, '--data', other, '--json');
    assert.is(restored.code, 0);
    assert.equal([reportOf(restored).restored, reportOf(restored).isWhole], [4, true]);
    await withLog(data, (before) =>
      withLog(other, async (after) => {
        for (const name of names) {
          const [one, two] = [await readImage(before, name), await readImage(after, name)];
          assert.ok(one !== null && two !== null && sameImage(one, two), name);
          assert.is.not(one.head.logId, two.head.logId, name);
          assert.is(one.head.epoch, two.head.epoch, name);
        }
      }),
    );
    assert.is(reportOf(await runCommand('restore', copy, '--data', other, '--json')).present, 4);
  });
});

test('O5 a changed, a cut and a missing file are told, and the others are restored', async () => {
  await withFolder(async (folder) => {
    const [data, copy] = ['data', 'copy'].map((name) => join(folder, name)) as [string, string];
    await fill(data);
    assert.is((await runCommand('backup', copy, '--data', data)).code, 0);
    const files = (await readdir(join(copy, 'documents'))).toSorted().map((name) => join(copy, 'documents', name));
    const [first = '', second = '', third = ''] = files;
    const whole = await readFile(first);
    const changed = Buffer.from(whole);
    changed[100] = (changed[100] ?? 0) ^ 1;
    await writeFile(first, changed);
    await writeFile(second, (await readFile(second)).subarray(0, -20));
    const damaged = await runCommand('restore', copy, '--data', join(folder, 'a'), '--json');
    assert.is(damaged.code, 1);
    assert.equal([reportOf(damaged).restored, reportOf(damaged).findings.length], [2, 2]);
    // Taken again, they are made whole.
    assert.is(reportOf(await runCommand('backup', copy, '--data', data, '--json')).read, 2);
    await rm(third);
    const short = await runCommand('restore', copy, '--data', join(folder, 'b'), '--json');
    assert.equal([short.code, reportOf(short).isWhole], [1, false]);
  });
});

test('O5 an unfinished backup is not restored by mistake, and another document is not covered', async () => {
  await withFolder(async (folder) => {
    const [data, copy, other] = ['data', 'copy', 'other'].map((name) => join(folder, name)) as [string, string, string];
    await fill(data);
    await runCommand('backup', copy, '--data', data);
    await rm(join(copy, 'backup.json'));
    const refused = await runCommand('restore', copy, '--data', other);
    assert.is(refused.code, 2);
    assert.match(refused.error, /^tideweave: .*no backup was finished.*--unfinished\n$/);
    await withLog(other, (log) =>
      append(log, 'notes', [{ time: 2, user: '', device: '', update: Uint8Array.of(0, 0) }]),
    );
    const taken = await runCommand('restore', copy, '--data', other, '--unfinished', '--json');
    assert.is(taken.code, 1);
    assert.equal(
      reportOf(taken).findings.map(({ document }) => document),
      ['notes'],
    );
    assert.is(await withLog(other, async (log) => (await log.head('notes'))?.lastSeq), 1, 'left as it was');
  });
});

test('O5 A1 a relay gives a backup to its own machine, and through a proxy only with a grant for it', async () => {
  await withFolder(async (folder) => {
    await withRelay({}, async ({ http }) => {
      assert.is((await runCommand('backup', join(folder, 'a'), '--url', http)).code, 0);
      for (const header of ['X-Forwarded-For', 'Forwarded', 'Via']) {
        const response = await fetch(`${http}/api/admin/docs`, { headers: { [header]: '10.0.0.1' } });
        assert.is(response.status, 403, header);
      }
    });
    const authorize = ({ token }: { token: string }) =>
      ({ access: 'write', user: '', admin: token === 'keys' }) as const;
    await withRelay({ authorize }, async ({ http }) => {
      const refused = await runCommand('backup', join(folder, 'b'), '--url', http);
      assert.is(refused.code, 2);
      assert.match(refused.error, /TW_FORBIDDEN/);
      assert.is((await runCommand('backup', join(folder, 'b'), '--url', http, '--token', 'keys')).code, 0);
    });
    const nobody = await runCommand('backup', join(folder, 'c'), '--url', 'http://127.0.0.1:1');
    assert.is(nobody.code, 2);
    assert.match(nobody.error, /^tideweave: http:\/\/127\.0\.0\.1:1: [^\n]+\n$/);
  });
});

test.run();
