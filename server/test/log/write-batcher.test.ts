import { test } from 'uvu';
import * as assert from 'uvu/assert';

import type { Append, AppendResult } from '../../src/log/document-log.ts';
import { MemoryLog } from '../../src/log/memory-log.ts';
import { type StorageHealth, WriteBatcher } from '../../src/log/write-batcher.ts';
import { VirtualClock } from '../virtual-clock.ts';
import { accepted, countingIds, entries, entry, refusedWith } from './log-fixtures.ts';

/** A memory log whose appends take 2 ms, and a record of what was asked of it and when. */
function setUp(options: { uncommittedBytesMax?: number } = {}) {
  const clock = new VirtualClock();
  const log = new MemoryLog({ wallTime: () => clock.wallTime(), randomId: countingIds() });
  const commits: { at: number; appends: readonly Append[] }[] = [];
  const appendToLog = log.append.bind(log);
  log.append = (appends) => {
    commits.push({ at: clock.now(), appends });
    return appendToLog(appends);
  };
  log.faults.beforeAppend = () => new Promise((resolve) => clock.after(2, resolve));
  const healths: StorageHealth[] = [];
  const errors: unknown[] = [];
  const batcher = new WriteBatcher({
    log,
    clock,
    gatherMs: 20,
    uncommittedBytesMax: options.uncommittedBytesMax ?? 1_000_000,
    onHealth: (health) => healths.push(health),
    onError: (error) => errors.push(error),
  });
  return { clock, log, commits, healths, errors, batcher };
}

const ignore = (): void => {};

test('D2 S5 nothing is settled before its commit, everything after it', async () => {
  const { clock, batcher, log } = setUp();
  const settled: [lastSeq: number, firstSeq: number][] = [];
  for (const added of [entries(1, 2), entries(3, 1)]) {
    batcher.enqueue('doc', null, added, (result, firstSeq) => settled.push([accepted(result).lastSeq, firstSeq]));
  }
  await clock.advance(1);
  assert.is(settled.length, 0);
  await clock.advance(1);
  assert.equal(
    settled,
    [
      [3, 1],
      [3, 3],
    ],
    'each is told where its entries begin',
  );
  assert.is(batcher.uncommittedBytes, 0);
  assert.equal(
    (await log.read('doc', 0)).map(({ update }) => update),
    entries(1, 3).map(({ update }) => update),
  );
});

test('D2 S5 an idle relay commits at once, one append for all that came in a turn', async () => {
  const { clock, batcher, commits } = setUp();
  for (const name of ['a', 'b', 'a']) batcher.enqueue(name, null, entries(1, 1), ignore);
  await clock.advance(0);
  assert.equal(
    commits.map(({ at, appends }) => [at, appends.map((each) => [each.name, each.entries.length])]),
    [
      [
        0,
        [
          ['a', 2],
          ['b', 1],
        ],
      ],
    ],
  );
  await clock.advance(100);
  batcher.enqueue('a', null, entries(1, 1), ignore);
  await clock.advance(0);
  assert.is(commits[1]?.at, 100);
});

test('D2 S5 one append is in flight; what comes meanwhile goes with the next, in order', async () => {
  const { clock, batcher, commits, log } = setUp();
  for (let at = 0; at < 5; at += 1) {
    batcher.enqueue('doc', null, entries(at, 1), ignore);
    await clock.advance(0.5);
  }
  await clock.advance(10);
  assert.equal(
    commits.map(({ appends }) => appends[0]?.entries.length),
    [1, 3, 1],
  );
  assert.is(commits[1]?.at, 2);
  assert.equal(
    (await log.read('doc', 0)).map(({ update }) => update),
    entries(0, 5).map(({ update }) => update),
  );
});

test('D2 S5 under load commits start 20 ms apart, and at once again when it is over', async () => {
  const { clock, batcher, commits } = setUp();
  let count = 0;
  for (; count < 400; count += 1) {
    batcher.enqueue(`doc ${count % 7}`, null, entries(count, 1), ignore);
    await clock.advance(0.5);
  }
  await clock.advance(100);
  const busy = commits.slice(3).map(({ at }, index) => at - (commits[index + 2]?.at ?? 0));
  assert.ok(busy.length >= 8 && busy.every((gap) => gap >= 20 && gap < 23), `gaps ${busy.join(' ')}`);
  assert.is(
    commits.reduce((sum, { appends }) => sum + appends.reduce((more, each) => more + each.entries.length, 0), 0),
    400,
  );
  const before = commits.length;
  const now = clock.now();
  batcher.enqueue('doc', null, entries(1, 1), ignore);
  await clock.advance(0);
  assert.is(commits[before]?.at, now);
});

test('U3 S8 a refused document is told so, the others are committed', async () => {
  const { clock, batcher, log } = setUp();
  await log.create('gone');
  await log.delete('gone');
  const settled = new Map<string, AppendResult>();
  for (const name of ['a', 'gone', 'b'])
    batcher.enqueue(name, null, entries(1, 1), (result) => settled.set(name, result));
  await clock.advance(5);
  assert.equal(
    ['a', 'gone', 'b'].map((name) => refusedWith(settled.get(name))),
    [null, 'TW_DOCUMENT_DELETED', null],
  );
});

test('C6 S8 callers of one document that disagree on its epoch are answered each', async () => {
  const { clock, batcher, log } = setUp();
  const { epoch } = await log.create('doc');
  const settled: (string | null)[] = [];
  for (const each of [epoch, 'ffffffffffffffff', epoch, null])
    batcher.enqueue('doc', each, entries(1, 1), (result) => settled.push(refusedWith(result)));
  await clock.advance(5);
  assert.equal(settled, [null, 'TW_EPOCH_MISMATCH', null, null]);
});

test('R6 S7 over the bound there is no room, until commits have made some', async () => {
  const { clock, batcher } = setUp({ uncommittedBytesMax: 1000 });
  const big = [entry(1, 400)];
  assert.ok(batcher.hasRoomFor(400));
  batcher.enqueue('a', null, big, ignore);
  batcher.enqueue('b', null, big, ignore);
  assert.not(batcher.hasRoomFor(400));
  await clock.advance(1);
  assert.not(batcher.hasRoomFor(400), 'what is in flight counts');
  await clock.advance(5);
  assert.ok(batcher.hasRoomFor(400));
});

test('D5 S9 a failing storage: nothing acknowledged, nothing lost, retried with backoff, health told', async () => {
  const { clock, batcher, commits, healths, log } = setUp();
  log.faults.beforeAppend = async () => {
    throw new Error('disk full');
  };
  let settled = 0;
  batcher.enqueue('doc', null, entries(0, 1), () => (settled += 1));
  await clock.advance(50);
  batcher.enqueue('doc', null, entries(1, 1), () => (settled += 1));
  assert.is(batcher.health, 'failing');
  await clock.advance(30_000);
  const gaps = commits.slice(1).map(({ at }, index) => at - (commits[index]?.at ?? 0));
  assert.equal(gaps.slice(0, 8), [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
  assert.is(settled, 0);
  assert.is(await log.head('doc'), null);
  delete log.faults.beforeAppend;
  await clock.advance(5000);
  assert.is(settled, 2);
  assert.is(batcher.health, 'ok');
  assert.is(healths.at(-1), 'ok');
  assert.equal(
    (await log.read('doc', 0)).map(({ update }) => update),
    entries(0, 2).map(({ update }) => update),
  );
});

test('R5 drain commits what waits without gathering and then resolves', async () => {
  const { clock, batcher, commits } = setUp();
  await batcher.drain();
  let settled = 0;
  for (let count = 0; count < 60; count += 1) {
    batcher.enqueue('doc', null, entries(count, 1), () => (settled += 1));
    await clock.advance(0.5);
  }
  const at = clock.now();
  let drainedAt = 0;
  const drained = batcher.drain().then(() => (drainedAt = clock.now()));
  await clock.advance(10);
  await drained;
  assert.is(settled, 60);
  assert.ok(drainedAt - at <= 4, `took ${drainedAt - at} ms`);
  assert.ok((commits.at(-1)?.at ?? 0) - (commits.at(-2)?.at ?? 0) < 20);
});

test('R5 after stop nothing is taken and no timer is left', async () => {
  const { clock, batcher, log } = setUp();
  log.faults.beforeAppend = async () => {
    throw new Error('disk full');
  };
  batcher.enqueue('doc', null, entries(1, 1), () => assert.unreachable());
  await clock.advance(10);
  const drained = batcher.drain();
  batcher.stop();
  await drained;
  assert.is(clock.waiting, 0);
  assert.not(batcher.hasRoomFor(1));
  batcher.enqueue('doc', null, entries(2, 1), () => assert.unreachable());
  await clock.advance(10_000);
});

test('R1 a callback that throws is reported and the others are called', async () => {
  const { clock, batcher, errors } = setUp();
  let settled = 0;
  batcher.enqueue('a', null, entries(1, 1), () => {
    throw new Error('bug');
  });
  batcher.enqueue('b', null, entries(1, 1), () => (settled += 1));
  await clock.advance(5);
  assert.is(settled, 1);
  assert.is(errors.length, 1);
});

test('R6 S7 one commit is bounded in bytes, and keeps a document together', async () => {
  const { clock, batcher, commits } = setUp({ uncommittedBytesMax: 2 ** 30 });
  for (const name of ['a', 'b', 'c', 'a']) batcher.enqueue(name, null, [entry(1, 6 * 1024 * 1024)], ignore);
  await clock.advance(100);
  assert.equal(
    commits.map(({ appends }) => appends.map(({ name }) => name)),
    [['a'], ['b', 'c']],
  );
});

test.run();
