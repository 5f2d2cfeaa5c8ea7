// @slow
/** Real LevelDB files with damage in one place each: no document is ever silently shorter, and a single flipped bit is put right. */
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { RefusedError } from '@tideweave/shared';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

import type { DocumentLog } from '../../src/log/document-log.ts';
import { openLevelLog } from '../../src/log/level-log.ts';
import { lostRegions } from '../../src/log/level-wal.ts';
import { append, entries, entry, headOf, snapshotAt } from './log-fixtures.ts';

const documents = 12;
const rounds = 40;
const probes = 40;
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

/** Damage of one bit, and of one that is beyond putting right. */
function damaged(intact: Buffer, at: number, single: boolean): Buffer {
  const copy = Buffer.from(intact);
  for (let index = at; index < Math.min(intact.byteLength, at + (single ? 1 : 6)); index += 1) {
    copy[index] = (copy[index] ?? 0) ^ (single ? 1 << (at % 8) : 0x5a + index);
  }
  return copy;
}

/** Runs with the folder as it was before, but for one file, again and again. */
async function withDamage(
  path: string,
  file: string,
  single: boolean,
  run: (what: string) => Promise<void>,
): Promise<void> {
  const copies = new Map<string, Buffer>();
  for (const name of await readdir(path)) copies.set(name, await readFile(join(path, name)));
  const intact = await readFile(file);
  for (let probe = 0; probe < probes; probe += 1) {
    const at = Math.floor(((probe + 0.5) / probes) * intact.byteLength);
    for (const name of await readdir(path)) await rm(join(path, name));
    for (const [name, bytes] of copies) await writeFile(join(path, name), bytes);
    await writeFile(file, damaged(intact, at, single));
    await run(`byte ${at} of ${intact.byteLength}`);
  }
}

const allWhole = names.map((): Outcome => 'whole');

test('D4 S18 a single flipped bit in the write-ahead log is put right before LevelDB reads it', () =>
  withFolder(async (path) => {
    await withDamage(path, await fileIn(path, /^\d+\.log$/), true, async (what) => {
      const log = await openAt(path);
      assert.equal(await outcomes(log), allWhole, what);
      await log.close();
    });
  }));

test('D4 S17 damage in the write-ahead log is noticed at any place, even when LevelDB says nothing, and not forgotten', () =>
  withFolder(async (path) => {
    let corrupt = 0;
    await withDamage(path, await fileIn(path, /^\d+\.log$/), false, async (what) => {
      let log = await openAt(path);
      const first = await outcomes(log);
      assert.not.ok(first.includes('short'), `${what}: ${first.join(' ')}`);
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
    });
    assert.ok(corrupt > probes / 2, `${corrupt}`);
  }));

test('D1 S20 a write that the loss of power cut off is no damage', () =>
  withFolder(async (path) => {
    const file = await fileIn(path, /^\d+\.log$/);
    const intact = await readFile(file);
    assert.is(lostRegions(intact, false).length, 0);
    for (let less = 1; less < 3000; less += 7)
      assert.is(lostRegions(intact.subarray(0, intact.byteLength - less), true).length, 0, `${less} bytes`);
    assert.is(lostRegions(Buffer.concat([intact, Buffer.alloc(5000)]), true).length, 0, 'zeros at the end');
    await truncate(file, intact.byteLength - 50);
    // It was not acknowledged, so the witness has not seen it.
    const witness = join(path, 'witness');
    await truncate(witness, (await readFile(witness)).byteLength - 1);
    const log = await openAt(path);
    const found = await outcomes(log);
    assert.equal(
      found.slice(0, -1),
      Array.from({ length: documents - 1 }, () => 'whole'),
    );
    assert.is((await headOf(log, 'document 11')).lastSeq, rounds - 1);
    await log.close();
  }));

test('D4 S21 a write that was acknowledged and is cut off all the same is damage: the witness has seen it', () =>
  withFolder(async (path) => {
    const file = await fileIn(path, /^\d+\.log$/);
    await truncate(file, (await readFile(file)).byteLength - 50);
    const log = await openAt(path);
    assert.equal(await outcomes(log), [...allWhole.slice(0, -1), 'corrupt']);
    await log.close();
  }));

test('D4 S18 S19 damage in a table never makes a document silently shorter, and a single flipped bit is put right', () =>
  withFolder(async (path) => {
    await (await openAt(path)).close();
    const file = await fileIn(path, /\.ldb$/);
    let noticed = 0;
    for (const single of [true, false]) {
      await withDamage(path, file, single, async (what) => {
        const log = await openAt(path);
        const found = await outcomes(log);
        assert.not.ok(found.includes('short'), `${what}: ${found.join(' ')}`);
        if (single) assert.equal(found, allWhole, what);
        if (found.includes('corrupt')) noticed += 1;
        await log.close();
      });
    }
    assert.ok(noticed > probes / 2, `${noticed}`);
  }));

test.run();
