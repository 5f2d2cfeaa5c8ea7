import { test } from 'uvu';
import * as assert from 'uvu/assert';

import { type CompactionState, decideCompaction } from '../../src/compaction/policy.ts';

const kib = 1024;
const state = (
  head: Partial<CompactionState['head']>,
  rest: Partial<Omit<CompactionState, 'head'>> = {},
): CompactionState => ({
  head: { snapshotBytes: 0, tailBytes: 100, lastSeq: 10, snapshotSeq: 5, ...head },
  quietMs: 0,
  busyMs: 0,
  sinceLastCompactionMs: Number.POSITIVE_INFINITY,
  unloading: false,
  ...rest,
});

test('R3 a document without a tail needs nothing, not even when it is unloaded', () => {
  assert.is(decideCompaction(state({ lastSeq: 5, tailBytes: 0 }, { unloading: true, quietMs: 1e9 })), 'none');
});

test('R3 any tail is merged when the document is unloaded', () => {
  assert.is(
    decideCompaction(state({ tailBytes: 2, lastSeq: 6 }, { unloading: true, sinceLastCompactionMs: 0 })),
    'now',
  );
});

test('R3 a tail over 64 KiB or half the snapshot is merged in the next pause, whichever is more', () => {
  for (const [tailBytes, snapshotBytes, expected] of [
    [64 * kib, 0, 'later'],
    [64 * kib + 1, 0, 'now'],
    [400 * kib, 1000 * kib, 'later'],
    [501 * kib, 1000 * kib, 'now'],
  ] as const) {
    assert.is(decideCompaction(state({ tailBytes, snapshotBytes })), expected);
  }
});

test('R3 a crowd that returns does not compete with a merge; who never pauses gets one after five seconds', () => {
  const tail = { tailBytes: 64 * kib + 1 };
  assert.is(decideCompaction(state(tail, { busyMs: 1 })), 'later');
  assert.is(decideCompaction(state(tail, { busyMs: 4999 })), 'later');
  assert.is(decideCompaction(state(tail, { busyMs: 5000 })), 'now');
});

test('R3 compactions of one document keep a distance', () => {
  assert.is(decideCompaction(state({ tailBytes: 10_000 * kib }, { sinceLastCompactionMs: 4999 })), 'later');
});

test('R3 a quiet document is compacted when its tail is worth it', () => {
  const quiet = { quietMs: 5000 };
  assert.is(decideCompaction(state({ tailBytes: 16 * kib }, quiet)), 'now');
  assert.is(decideCompaction(state({ tailBytes: 16 * kib }, { quietMs: 4999 })), 'later');
  assert.is(decideCompaction(state({ tailBytes: 16 * kib - 1 }, quiet)), 'later');
  assert.is(decideCompaction(state({ tailBytes: 16 * kib, snapshotBytes: 1000 * kib }, quiet)), 'later');
  assert.is(decideCompaction(state({ tailBytes: 100, lastSeq: 5 + 1024 }, quiet)), 'now');
});

test.run();
