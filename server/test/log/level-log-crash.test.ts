/** The embedded log loses power at every single write of a compaction and of a deletion, one after the other. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';

import type { DocumentLog, Entry } from '../../src/log/document-log.ts';
import { openLevelLog } from '../../src/log/level-log.ts';
import { append, compact, countingIds, entries, entry, headOf, snapshotAt } from './log-fixtures.ts';
import { MemoryDisk } from './memory-disk.ts';

const chunkTag = 's'.charCodeAt(0);
const leftoverTag = 'g'.charCodeAt(0);
const ofKind = (disk: MemoryDisk, tag: number): Uint8Array[] => disk.allKeys().filter((key) => key[0] === tag);

const randomId = countingIds();
const openOn = (disk: MemoryDisk): Promise<DocumentLog> =>
  openLevelLog({ path: 'memory', wallTime: () => 1, randomId, openStorage: async () => disk });

/** What a crash leaves of the batches written: with the one under way or not, with unsynced ones or not. */
const crashes = [
  { fate: 'lose power', unsynced: true },
  { fate: 'lose power', unsynced: false },
  { fate: 'keep and lose power', unsynced: true },
  { fate: 'keep and lose power', unsynced: false },
] as const;

/** A document of 40 entries in commits of 3, compacted once up to 18, and another one. */
async function prepared(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  const log = await openOn(disk);
  for (let at = 1; at <= 40; at += 3) await append(log, 'doc', entries(at, Math.min(3, 41 - at)));
  const { epoch } = await headOf(log, 'doc');
  const snapshot = snapshotAt(18, 150_000);
  await log.compact('doc', { snapshot, from: { epoch, snapshotSeq: 0 }, keepFrom: 11, quarantined: [] });
  await append(log, 'other', entries(1, 2));
  return disk;
}

for (const { fate, unsynced } of crashes) {
  test(`D3 S10 a compaction killed at every write loses nothing (${fate}, unsynced ${unsynced ? 'kept' : 'lost'})`, async () => {
    const start = await prepared();
    let completed = false;
    let newState = 0;
    let crash = 0;
    for (; !completed; crash += 1) {
      assert.ok(crash < 100, 'the loop ends');
      const disk = start.afterCrash({ unsynced: true });
      const log = await openOn(disk);
      const { epoch } = await headOf(log, 'doc');
      const tail = await log.read('doc', 18);
      disk.writes = 0;
      disk.onWrite = (number) => (number === crash ? fate : 'ok');
      let acknowledged = 40;
      const appending = append(log, 'doc', [entry(41)]).then(
        ({ lastSeq }) => (acknowledged = lastSeq),
        () => null,
      );
      const set = tail[3];
      assert.ok(set !== undefined);
      completed = await log
        .compact('doc', {
          snapshot: snapshotAt(37, 1_500_000),
          from: { epoch, snapshotSeq: 18 },
          keepFrom: 38,
          quarantined: [{ ...set, reason: 'set aside' }],
        })
        .then(
          () => true,
          () => false,
        );
      await appending;
      completed = completed && acknowledged === 41;

      const survivor = disk.afterCrash({ unsynced });
      const again = await openOn(survivor);
      const head = await headOf(again, 'doc');
      assert.ok(head.lastSeq >= acknowledged, `crash ${crash}: what was acknowledged is there`);
      const rest: readonly Entry[] = await again.read('doc', head.snapshotSeq);
      assert.equal(
        rest.map(({ update }) => update),
        entries(head.snapshotSeq + 1, head.lastSeq - head.snapshotSeq).map(({ update }) => update),
      );
      assert.is(head.tailBytes, 8 * rest.length);
      if (head.snapshotSeq === 18) {
        assert.equal(await again.snapshot('doc'), snapshotAt(18, 150_000));
        assert.equal((await again.read('doc', 10))[0]?.seq, 11);
        assert.equal(await again.quarantined('doc'), []);
      } else {
        newState += 1;
        assert.equal(await again.snapshot('doc'), snapshotAt(37, 1_500_000));
        assert.equal(await again.quarantined('doc'), [{ ...set, reason: 'set aside' }]);
      }
      assert.equal(
        (await again.read('other', 0)).map(({ seq }) => seq),
        [1, 2],
      );

      // Life goes on, and the next compaction clears what this one left.
      const { lastSeq } = await append(again, 'doc', [entry(head.lastSeq + 1)]);
      await compact(again, 'doc', lastSeq);
      assert.equal(await again.snapshot('doc'), snapshotAt(lastSeq));
      assert.is(ofKind(survivor, chunkTag).length, 1, `crash ${crash}: no parts left over`);
    }
    assert.ok(crash > 4, 'there were several writes to crash at');
    assert.ok(newState >= 1);
  });

  test(`D3 S14 a deletion killed at every write is done or not done, and leaves nothing (${fate}, unsynced ${unsynced ? 'kept' : 'lost'})`, async () => {
    const start = await prepared();
    let completed = false;
    for (let crash = 0; !completed; crash += 1) {
      assert.ok(crash < 100, 'the loop ends');
      const disk = start.afterCrash({ unsynced: true });
      const log = await openOn(disk);
      disk.writes = 0;
      disk.onWrite = (number) => (number === crash ? fate : 'ok');
      const acknowledged = await log.delete('doc').catch(() => false);
      completed = disk.writes <= crash;

      const survivor = disk.afterCrash({ unsynced });
      const again = await openOn(survivor);
      const head = await headOf(again, 'doc');
      if (acknowledged) assert.is.not(head.deletedAt, null);
      if (head.deletedAt === null) {
        assert.equal(await again.snapshot('doc'), snapshotAt(18, 150_000));
        assert.is((await again.read('doc', 18)).length, 22);
      } else {
        const { logId } = head;
        const left = survivor
          .allKeys()
          .filter((key) => key[0] !== 'h'.charCodeAt(0) && Buffer.from(key).toString('hex').includes(logId));
        assert.is(left.length, 0, `crash ${crash}: nothing left over`);
        assert.is(ofKind(survivor, leftoverTag).length, 0);
        assert.is.not((await again.create('doc')).epoch, head.epoch);
      }
    }
  });
}

test.run();
