/** The embedded log with damaged, missing and misplaced values: each is noticed, and only its document is refused. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';

import type { DocumentLog } from '../../src/log/document-log.ts';
import { openLevelLog } from '../../src/log/level-log.ts';
import { append, countingIds, entries, headOf, refusalOf, refusedWith, rejection, snapshotAt } from './log-fixtures.ts';
import { MemoryDisk } from './memory-disk.ts';

const openOn = (disk: MemoryDisk): Promise<DocumentLog> =>
  openLevelLog({ path: 'memory', wallTime: () => 1, randomId: countingIds(), openStorage: async () => disk });

/** Two documents alike: `doc` will be damaged, `other` must not notice. */
async function prepared(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  const log = await openOn(disk);
  for (const name of ['doc', 'other']) {
    for (let at = 1; at <= 30; at += 3) await append(log, name, entries(at, 3));
    const { epoch } = await headOf(log, name);
    const [first] = await log.read(name, 0);
    assert.ok(first !== undefined);
    const snapshot = snapshotAt(12, 150_000);
    await log.compact(name, {
      snapshot,
      from: { epoch, snapshotSeq: 0 },
      keepFrom: 13,
      quarantined: [{ ...first, reason: 'bad' }],
    });
  }
  return disk;
}

async function everything(log: DocumentLog, name: string): Promise<unknown> {
  const head = await headOf(log, name);
  return [head, await log.read(name, head.firstSeq - 1), await log.snapshot(name), await log.quarantined(name)];
}

async function keysOf(disk: MemoryDisk, name: string, tag: string): Promise<Uint8Array[]> {
  const { logId } = await headOf(await openOn(disk), name);
  const prefix =
    tag === 'h'
      ? Buffer.concat([Buffer.from(tag), Buffer.from(name)])
      : Buffer.concat([Buffer.from(tag), Buffer.from(logId, 'hex')]);
  return disk.allKeys().filter((key) => Buffer.compare(key.subarray(0, prefix.byteLength), prefix) === 0);
}

async function assertOnlyDocRefused(disk: MemoryDisk, intact: unknown, what: string): Promise<void> {
  const log = await openOn(disk);
  assert.is(await refusalOf(() => everything(log, 'doc')), 'TW_DOCUMENT_CORRUPT', what);
  assert.is(
    refusedWith((await log.append([{ name: 'doc', epoch: null, entries: entries(31, 1) }]))[0]),
    'TW_DOCUMENT_CORRUPT',
    what,
  );
  assert.equal(await everything(log, 'other'), intact, what);
  assert.is((await append(log, 'other', entries(31, 1))).lastSeq, 31, what);
  assert.equal((await log.list({ after: null, limit: 9 })).at(-1)?.name, 'other', what);
}

for (const tag of ['h', 'r', 's', 'q']) {
  test(`D4 S2 S15 a flipped bit anywhere in a value of kind ${tag} is noticed, and other documents go on`, async () => {
    const start = await prepared();
    const intact = await everything(await openOn(start), 'other');
    const all = await keysOf(start, 'doc', tag);
    assert.ok(all.length > 0);
    for (const key of all) {
      const value = await start.get(key);
      assert.ok(value !== undefined);
      const step = Math.max(1, Math.floor(value.byteLength / 12));
      for (let at = 0; at < value.byteLength; at += step) {
        const disk = start.afterCrash({ unsynced: true });
        const flipped = value.slice();
        flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
        disk.tamper(key, flipped);
        await assertOnlyDocRefused(disk, intact, `byte ${at}`);
      }
    }
  });
}

test('D4 S15 a removed record, part or quarantined entry is noticed', async () => {
  const start = await prepared();
  const intact = await everything(await openOn(start), 'other');
  for (const tag of ['r', 's', 'q']) {
    for (const [index, key] of (await keysOf(start, 'doc', tag)).entries()) {
      const disk = start.afterCrash({ unsynced: true });
      disk.tamper(key, null);
      await assertOnlyDocRefused(disk, intact, `${tag} ${index}`);
    }
  }
});

test('D4 S2 S15 a cut value and a value under the wrong key are noticed', async () => {
  const start = await prepared();
  const intact = await everything(await openOn(start), 'other');
  const records = await keysOf(start, 'doc', 'r');
  const [first, second] = records;
  assert.ok(first !== undefined && second !== undefined);
  const value = await start.get(first);
  assert.ok(value !== undefined);
  for (const length of [0, 1, 4, 5, value.byteLength - 1]) {
    const disk = start.afterCrash({ unsynced: true });
    disk.tamper(first, value.subarray(0, length));
    await assertOnlyDocRefused(disk, intact, `cut to ${length}`);
  }
  const disk = start.afterCrash({ unsynced: true });
  disk.tamper(second, value);
  await assertOnlyDocRefused(disk, intact, 'copied over the next');
});

test('D4 S15 the error names the document and the entry', async () => {
  const disk = await prepared();
  const record = (await keysOf(disk, 'doc', 'r'))[2];
  assert.ok(record !== undefined);
  disk.tamper(record, null);
  const log = await openOn(disk);
  assert.match((await rejection(() => log.read('doc', 12))).message, 'document "doc" is damaged: entry 19');
});

test('D4 S16 a damaged document can be deleted and created again', async () => {
  const disk = await prepared();
  for (const key of await keysOf(disk, 'doc', 'h')) disk.tamper(key, new Uint8Array(50));
  const log = await openOn(disk);
  assert.is(await refusalOf(() => log.create('doc')), 'TW_DOCUMENT_CORRUPT');
  assert.is(await log.delete('doc'), true);
  assert.is((await log.create('doc')).lastSeq, 0);
  assert.is((await append(log, 'doc', entries(1, 1))).lastSeq, 1);
});

test.run();
