import { test } from 'uvu';
import * as assert from 'uvu/assert';

import { sliceSnapshot } from '@tideweave/shared';
import type * as Y from 'yjs';

import { merge } from '../../src/compaction/compaction.worker.ts';
import { Compactor } from '../../src/compaction/compactor.ts';
import { type Merger, unpackUpdates } from '../../src/compaction/merge-task.ts';
import type { NewEntry } from '../../src/log/document-log.ts';
import { MemoryLog } from '../../src/log/memory-log.ts';
import { append, countingIds, headOf, rejection } from '../log/log-fixtures.ts';
import { VirtualClock } from '../virtual-clock.ts';
import { forgedOverlaps, genuineUpdates, load, losingMaps } from './poison.ts';

async function withCompactor(
  rawWindowBytes: number,
  run: (compactor: Compactor, log: MemoryLog) => Promise<void>,
): Promise<void> {
  const clock = new VirtualClock();
  const log = new MemoryLog({ wallTime: () => clock.wallTime(), randomId: countingIds() });
  const compactor = new Compactor({ log, clock, rawWindowBytes });
  try {
    await run(compactor, log);
  } finally {
    await compactor.close();
  }
}

const asEntries = (updates: readonly Uint8Array[]): NewEntry[] =>
  updates.map((update, time) => ({ time, user: 'ada', device: '', update }));

/** Loads a document as the relay sends it: snapshot and tail. */
async function loaded(log: MemoryLog, name: string): Promise<Y.Doc> {
  const { snapshotSeq } = await headOf(log, name);
  const tail = await log.read(name, snapshotSeq);
  const snapshot = await log.snapshot(name);
  return load([...(snapshot === null ? [] : [snapshot.update]), ...tail.map(({ update }) => update)]);
}

test('D3 a document is the same after each compaction, and its tail is gone', () =>
  withCompactor(0, async (compactor, log) => {
    const updates = genuineUpdates(1, 90, 7);
    for (let at = 0; at < 90; at += 30) {
      await append(log, 'doc', asEntries(updates.slice(at, at + 30)));
      const outcome = await compactor.compact('doc');
      assert.equal([outcome?.head.snapshotSeq, outcome?.head.tailBytes, outcome?.head.firstSeq], [at + 30, 0, at + 31]);
      assert.equal(
        (await loaded(log, 'doc')).getText('text').toDelta(),
        load(updates.slice(0, at + 30))
          .getText('text')
          .toDelta(),
      );
    }
    assert.is(await compactor.compact('doc'), null, 'nothing to do');
    assert.is(await compactor.compact('nobody'), null);
    const snapshot = await log.snapshot('doc');
    assert.ok(snapshot !== null);
    assert.equal(
      load([sliceSnapshot(snapshot.update, snapshot.index, new Map())])
        .getText('text')
        .toDelta(),
      load(updates).getText('text').toDelta(),
    );
  }));

test('C4 raw entries stay in the window behind the snapshot, newest first', () =>
  withCompactor(300, async (compactor, log) => {
    const updates = genuineUpdates(1, 60, 7);
    for (const part of [updates.slice(0, 40), updates.slice(40, 44), updates.slice(44)]) {
      await append(log, 'doc', asEntries(part));
      await compactor.compact('doc');
      const { firstSeq, lastSeq } = await headOf(log, 'doc');
      const kept = await log.read('doc', firstSeq - 1);
      const bytes = kept.reduce((sum, { update }) => sum + update.byteLength, 0);
      assert.ok(bytes <= 300 && kept.length > 0, `${bytes} bytes`);
      assert.equal(
        kept.map(({ update }) => update),
        updates.slice(firstSeq - 1, lastSeq),
      );
      assert.ok(bytes + (updates[firstSeq - 2]?.byteLength ?? 300) > 300, 'one more would not fit');
    }
  }));

test('L1 entries that cannot be applied are set aside, and the document goes on', () =>
  withCompactor(100_000, async (compactor, log) => {
    const before = [...losingMaps(), ...genuineUpdates(1, 20, 11)];
    const bad = forgedOverlaps(20);
    const after = genuineUpdates(2, 20, 13);
    await append(log, 'doc', asEntries([...before, ...bad, ...after]));
    const outcome = await compactor.compact('doc');
    assert.equal(
      outcome?.quarantined.map(({ seq, user }) => [seq, user]),
      bad.map((_, index) => [before.length + index + 1, 'ada']),
    );
    assert.equal(await log.quarantined('doc'), outcome?.quarantined);
    assert.is(
      outcome?.head.firstSeq,
      before.length + bad.length + after.length + 1,
      'they are not sent to anybody again',
    );
    assert.equal(
      (await loaded(log, 'doc')).getText('text').toDelta(),
      load([...before, ...after])
        .getText('text')
        .toDelta(),
    );
    await append(log, 'doc', asEntries(genuineUpdates(3, 5, 15)));
    assert.equal((await compactor.compact('doc'))?.quarantined, []);
  }));

test('R6 calls for a document that is being compacted share its result; a deletion meanwhile is no error', () =>
  withCompactor(0, async (compactor, log) => {
    await append(log, 'doc', asEntries(genuineUpdates(1, 10, 7)));
    const both = [compactor.compact('doc'), compactor.compact('doc')];
    assert.is(both[0], both[1]);
    await Promise.all(both);
    await append(log, 'doc', asEntries(genuineUpdates(2, 10, 9)));
    log.faults.beforeCompact = async () => {
      await log.delete('doc');
    };
    assert.is(await compactor.compact('doc'), null);
  }));

test('R6 however many documents are to be compacted at once, few are in memory; those whose turn has not come when it closes are left', async () => {
  const clock = new VirtualClock();
  const log = new MemoryLog({ wallTime: () => clock.wallTime(), randomId: countingIds() });
  let inMemory = 0;
  let inMemoryMax = 0;
  const merger: Merger = {
    merge: async (task) => {
      inMemory++;
      inMemoryMax = Math.max(inMemoryMax, inMemory);
      await new Promise((resolve) => setImmediate(resolve));
      inMemory--;
      return merge(task.snapshot, unpackUpdates(task));
    },
    close: () => Promise.resolve(),
  };
  const compactor = new Compactor({ log, clock, rawWindowBytes: 0, merger });
  const names = Array.from({ length: 40 }, (_, at) => `doc-${at}`);
  for (const name of names) await append(log, name, asEntries(genuineUpdates(1, 5, 7)));
  const outcomes = await Promise.all(names.map((name) => compactor.compact(name)));
  assert.ok(inMemoryMax > 1 && inMemoryMax <= 4, `${inMemoryMax} at once`);
  assert.ok(outcomes.every((outcome) => outcome?.head.tailBytes === 0));
  for (const name of names) await append(log, name, asEntries(genuineUpdates(2, 5, 8)));
  const late = names.map((name) => compactor.compact(name));
  await compactor.close();
  const begun = (await Promise.all(late)).filter((outcome) => outcome !== null);
  assert.ok(begun.length <= 4, `${begun.length} went on`);
});

test('D3 appends while a compaction runs stay in the tail', () =>
  withCompactor(0, async (compactor, log) => {
    const updates = genuineUpdates(1, 30, 7);
    await append(log, 'doc', asEntries(updates.slice(0, 20)));
    log.faults.beforeCompact = async () => {
      await append(log, 'doc', asEntries(updates.slice(20)));
    };
    const outcome = await compactor.compact('doc');
    assert.equal([outcome?.head.snapshotSeq, outcome?.head.lastSeq], [20, 30]);
    assert.equal((await loaded(log, 'doc')).getText('text').toDelta(), load(updates).getText('text').toDelta());
  }));

test('R6 a document that cannot be compacted is left alone after three attempts, until somebody asks; others are not', () =>
  withCompactor(0, async (compactor, log) => {
    await append(log, 'doc', asEntries(genuineUpdates(1, 3, 7)));
    const { epoch } = await headOf(log, 'doc');
    const broken = { seq: 1, update: Uint8Array.of(1, 2, 3), index: new Uint8Array(0) };
    await log.compact('doc', { snapshot: broken, from: { epoch, snapshotSeq: 0 }, keepFrom: 1, quarantined: [] });
    for (let attempt = 0; attempt < 3; attempt += 1) {
      assert.match((await rejection(() => compactor.compact('doc'))).message, 'does not load');
    }
    assert.is(await compactor.compact('doc'), null);
    assert.match((await rejection(() => compactor.compact('doc', true))).message, 'does not load');
    await append(log, 'other', asEntries(genuineUpdates(1, 3, 7)));
    assert.is((await compactor.compact('other'))?.head.snapshotSeq, 3);
  }));

test.run();
