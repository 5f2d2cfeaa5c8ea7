/** The embedded log on a disk that fails for a while. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';

import type { DocumentLog } from '../../src/log/document-log.ts';
import { openLevelLog } from '../../src/log/level-log.ts';
import { append, compact, countingIds, entries, headOf, refusalOf, snapshotAt } from './log-fixtures.ts';
import { MemoryDisk } from './memory-disk.ts';

const openOn = (disk: MemoryDisk): Promise<DocumentLog> =>
  openLevelLog({ path: 'memory', wallTime: () => 1, randomId: countingIds(), openStorage: async () => disk });

test('D5 S9 a failed append acknowledges nothing, reads go on, and the next one reopens and succeeds', async () => {
  const disk = new MemoryDisk();
  const log = await openOn(disk);
  await append(log, 'doc', entries(1, 2));
  disk.onWrite = () => 'fail';
  for (let round = 0; round < 3; round += 1) {
    assert.is(await refusalOf(() => append(log, 'doc', entries(3, 1))), 'TW_STORAGE_FAILED');
    assert.is((await log.read('doc', 0)).length, 2);
    assert.is((await headOf(log, 'doc')).lastSeq, 2);
  }
  assert.is(await refusalOf(() => log.probe()), 'TW_STORAGE_FAILED');
  disk.onWrite = () => 'ok';
  assert.is((await append(log, 'doc', entries(3, 1))).lastSeq, 3);
  assert.is(disk.reopens, 4);
  await log.probe();
  assert.is(disk.reopens, 4, 'only after a failure');
});

test('D5 S4 S9 an append that failed and survived all the same leaves no gap', async () => {
  const disk = new MemoryDisk();
  const log = await openOn(disk);
  await append(log, 'doc', entries(1, 2));
  disk.onWrite = () => 'fail but keep';
  await refusalOf(() => append(log, 'doc', entries(3, 1)));
  disk.onWrite = () => 'ok';
  assert.is((await append(log, 'doc', entries(3, 1))).lastSeq, 4);
  assert.equal(
    (await log.read('doc', 0)).map(({ seq }) => seq),
    [1, 2, 3, 4],
  );
});

test('D5 S9 while reopening fails, appends reject and reads go on', async () => {
  const disk = new MemoryDisk();
  const log = await openOn(disk);
  await append(log, 'doc', entries(1, 2));
  disk.onWrite = () => 'fail';
  await refusalOf(() => append(log, 'doc', entries(3, 1)));
  disk.onWrite = () => 'ok';
  disk.reopenable = false;
  assert.is(await refusalOf(() => append(log, 'doc', entries(3, 1))), 'TW_STORAGE_FAILED');
  assert.is((await log.read('doc', 0)).length, 2);
  disk.reopenable = true;
  assert.is((await append(log, 'doc', entries(3, 1))).lastSeq, 3);
});

test('D5 S9 S10 a compaction on a failing disk changes nothing and can be done again', async () => {
  const disk = new MemoryDisk();
  const log = await openOn(disk);
  await append(log, 'doc', entries(1, 6));
  await compact(log, 'doc', 3);
  for (let failing = 0; ; failing += 1) {
    assert.ok(failing < 50);
    const first = disk.writes;
    disk.onWrite = (number) => (number === first + failing ? 'fail' : 'ok');
    const done = await compact(log, 'doc', 6).then(
      () => true,
      () => false,
    );
    if (done) break;
    assert.equal(await log.snapshot('doc'), snapshotAt(3));
    assert.equal(
      (await log.read('doc', 3)).map(({ seq }) => seq),
      [4, 5, 6],
    );
  }
  assert.equal(await log.snapshot('doc'), snapshotAt(6));
});

test.run();
