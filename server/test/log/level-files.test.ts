// @slow
/** Real LevelDB files with one flipped bit each: no document is ever silently shorter. */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { RefusedError } from '@tideweave/shared';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

import type { DocumentLog } from '../../src/log/document-log.ts';
import { openLevelLog } from '../../src/log/level-log.ts';
import { lostRegions } from '../../src/log/level-wal.ts';
import { append, entries, entry, headOf, snapshotAt } from './log-fixtures.ts';

const documents = 12;
const rounds = 40;
const probes = 80;
const names = Array.from({ length: documents }, (_, index) => `document ${index}`);
const openAt = (path: string): Promise<DocumentLog> => openLevelLog({ path, wallTime: () => 1 });

/** Runs with a folder in which each document has 40 entries, and half of them a snapshot. */
async function withFolder(run: (path: string) => Promise<void>): Promise<void> {
  const path = await mkdtemp(join(tmpdir(), 'tideweave-files-'));
  try {
    const log = await openAt(path);
    for (let round = 0; round < rounds; round += 1) {
      for (const name of names) await append(log, name, [entry(round, 60)]);
      if (round !== 20) continue;
      for (const name of names.slice(0, documents / 2)) {
        const { epoch } = await headOf(log, name);
        await log.compact(name, {
          snapshot: snapshotAt(10, 5000),
          from: { epoch, snapshotSeq: 0 },
          keepFrom: 6,
          quarantined: [],
        });
      }
    }
    await log.close();
    await run(path);
  } finally {
    await rm(path, { recursive: true });
  }
}

async function fileIn(path: string, ending: RegExp): Promise<string> {
  const found = (await readdir(path)).find((name) => ending.test(name));
  if (found === undefined) throw new Error(`no file ${String(ending)}`);
  return join(path, found);
}

type Outcome = 'whole' | 'corrupt' | 'short';

async function outcomes(log: DocumentLog): Promise<Outcome[]> {
  const all: Outcome[] = [];
  for (const [index, name] of names.entries()) {
    try {
      // As a relay does it: the head alone may be an old one, and the entries tell.
      const compacted = index < documents / 2;
      const read = await log.read(name, compacted ? 10 : 0);
      const snapshot = await log.snapshot(name);
      const whole = read.length === (compacted ? 30 : 40) && (!compacted || snapshot?.update.byteLength === 5000);
      all.push(whole ? 'whole' : 'short');
    } catch (error) {
      assert.ok(error instanceof RefusedError && error.code === 'TW_DOCUMENT_CORRUPT', String(error));
      all.push('corrupt');
    }
  }
  return all;
}

/** In a process of its own, because LevelDB ends the process at some damage; null when it did, or could not open. */
async function outcomesInChild(path: string): Promise<Outcome[] | null> {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(import.meta.url), 'outcomes', path]);
    return JSON.parse(stdout);
  } catch {
    return null;
  }
}

test('D4 a flipped bit in the write-ahead log is noticed at any place, even when LevelDB says nothing', () =>
  withFolder(async (path) => {
    const file = await fileIn(path, /^\d+\.log$/);
    const intact = await readFile(file);
    const copies = new Map<string, Buffer>();
    for (const name of await readdir(path)) copies.set(name, await readFile(join(path, name)));
    let corrupt = 0;
    for (let probe = 0; probe < 60; probe += 1) {
      const flipped = Buffer.from(intact);
      const at = Math.floor(((probe + 0.5) / 60) * intact.byteLength);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (probe % 8));
      for (const name of await readdir(path)) await rm(join(path, name));
      for (const [name, bytes] of copies) await writeFile(join(path, name), bytes);
      await writeFile(file, flipped);
      let log = await openAt(path);
      const first = await outcomes(log);
      assert.ok(!first.includes('short'), `byte ${at}: ${first.join(' ')}`);
      await log.close();
      log = await openAt(path);
      assert.equal(await outcomes(log), first, 'it is not forgotten');
      const lost = names[first.indexOf('corrupt')];
      if (lost !== undefined) {
        corrupt += 1;
        await log.delete(lost);
        await log.create(lost);
        assert.is((await append(log, lost, entries(1, 1))).lastSeq, 1, 'deleted and created again it works');
      }
      await log.close();
    }
    assert.ok(corrupt > 30);
  }));

test('D1 a write that the loss of power cut off is no damage', () =>
  withFolder(async (path) => {
    const file = await fileIn(path, /^\d+\.log$/);
    const intact = await readFile(file);
    assert.is(lostRegions(intact).length, 0);
    for (let less = 1; less < 3000; less += 7)
      assert.is(lostRegions(intact.subarray(0, intact.byteLength - less)).length, 0, `${less} bytes`);
    assert.is(lostRegions(Buffer.concat([intact, Buffer.alloc(5000)])).length, 0, 'zeros at the end');
    await truncate(file, intact.byteLength - 50);
    const log = await openAt(path);
    const found = await outcomes(log);
    assert.equal(
      found.slice(0, -1),
      Array.from({ length: documents - 1 }, () => 'whole'),
    );
    assert.is((await headOf(log, 'document 11')).lastSeq, rounds - 1);
    await log.close();
  }));

test('D4 a flipped bit in a table never makes a document silently shorter', () =>
  withFolder(async (path) => {
    await (await openAt(path)).close();
    const file = await fileIn(path, /\.ldb$/);
    const intact = await readFile(file);
    let noticed = 0;
    for (let probe = 0; probe < probes; probe += 1) {
      const flipped = Buffer.from(intact);
      const at = Math.floor(((probe + 0.5) / probes) * intact.byteLength);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (probe % 8));
      await writeFile(file, flipped);
      const found = await outcomesInChild(path);
      assert.not(found?.includes('short'), `byte ${at} of ${intact.byteLength}: ${found?.join(' ')}`);
      if (found === null || found.includes('corrupt')) noticed += 1;
    }
    assert.ok(noticed > probes / 2, `${noticed}`);
  }));

if (process.argv[2] === 'outcomes') {
  const log = await openAt(process.argv[3] ?? '');
  process.stdout.write(JSON.stringify(await outcomes(log)));
  await log.close();
} else {
  test.run();
}
