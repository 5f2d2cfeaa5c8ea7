// Whether a cursor that somebody brings points into this log, or into one that went back in time.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { entryCheck } from '../../src/room/entry-check.ts';
import { History } from '../../src/room/history.ts';
import { SnapshotCache } from '../../src/room/snapshot-cache.ts';
import { memoryLog } from '../support/relay.ts';

test('C7 a cursor is believed only when it says which entry it means, and that entry is there', async () => {
  const log = memoryLog();
  const entries = [1, 2, 3].map((clock) => ({ time: 0, user: 'ann', device: '', update: Uint8Array.of(0, 0, clock) }));
  const [result] = await log.append([{ name: 'notes', epoch: null, entries }]);
  assert.ok(result !== undefined && 'head' in result);
  const { head } = result;
  const stored = await log.read('notes', 0);
  const history = new History('notes', log, new SnapshotCache(log, 1000), head, stored);
  const { logId } = head;
  for (const entry of stored) {
    const { seq } = entry;
    assert.is(await history.locate({ logId, seq, check: entryCheck(entry) }), 'here', `entry ${seq}`);
    assert.is(await history.locate({ logId, seq, check: entryCheck(entry) + 1 }), 'elsewhere', `another ${seq}`);
    // Taken for "here", what a log that was put back lacks would never be noticed.
    assert.is(await history.locate({ logId, seq, check: 0 }), 'unknown', `unchecked ${seq}`);
  }
  assert.is(await history.locate({ logId, seq: 0, check: 0 }), 'here', 'the beginning of every log');
  assert.is(await history.locate({ logId, seq: 4, check: 1 }), 'elsewhere', 'beyond the end');
  assert.is(await history.locate({ logId: 'another', seq: 1, check: 1 }), 'elsewhere', 'another log');
});

test.run();
