// Whether a cursor that somebody brings points into this log, or into one that went back in time.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { indexSnapshot } from '@tideweave/shared';
import * as Y from 'yjs';
import type { Head } from '../../src/log/document-log.ts';
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

test('C4 R6 a crowd that has the same is served from one answer, and from a new one after the next update', async () => {
  const log = memoryLog();
  const doc = new Y.Doc();
  doc.clientID = 7;
  const typed: Uint8Array[] = [];
  doc.on('update', (update: Uint8Array) => typed.push(update));
  for (let at = 0; at < 5; at++) doc.getText('text').insert(at, 'x');
  const [first, second, third, last] = typed;
  assert.ok(first !== undefined && second !== undefined && third !== undefined && last !== undefined);
  const entries = [first, second].map((update) => ({ time: 0, user: 'ann', device: '', update }));
  const [result] = await log.append([{ name: 'notes', epoch: null, entries }]);
  assert.ok(result !== undefined && 'head' in result);
  const history = new History('notes', log, new SnapshotCache(log, 1000), result.head, await log.read('notes', 0));
  const known = (clock: number): { seq: null; stateVector: Map<number, number> } => ({
    seq: null,
    stateVector: new Map([[7, clock]]),
  });
  const served = (clock: number): number => {
    const copy = new Y.Doc();
    Y.applyUpdate(copy, first);
    for (const update of history.compose(known(clock)) ?? []) Y.applyUpdate(copy, update);
    return copy.getText('text').length;
  };
  assert.is(history.compose(known(1)), history.compose(known(1)), 'composed once');
  assert.is(served(1), 2);
  assert.is.not(history.compose(known(2)), history.compose(known(1)), 'who has more gets another answer');
  history.add([third]);
  assert.is(served(1), 3, 'what came since is in it');
  for (let clock = 1; clock < 100; clock++) history.compose(known(clock));
  assert.is(served(1), 3, 'what was dropped is composed again');
  history.release();
  history.add([last]);
  assert.is(history.compose(known(1)), null, 'and what was given back is loaded first');
});

test('C1 C2 whoever joins gets everything when the first word of a new snapshot is a commit, its own word late or lost', async () => {
  const log = memoryLog();
  const doc = new Y.Doc();
  const typed: Uint8Array[] = [];
  doc.on('update', (update: Uint8Array) => typed.push(update));
  for (let at = 0; at < 6; at++) doc.getText('text').insert(at, String(at));
  const append = async (update: Uint8Array | undefined): Promise<Head> => {
    assert.ok(update !== undefined);
    const [result] = await log.append([
      { name: 'notes', epoch: null, entries: [{ time: 0, user: 'ann', device: '', update }] },
    ]);
    assert.ok(result !== undefined && 'head' in result);
    return result.head;
  };
  const compact = async (seq: number, { epoch, snapshotSeq }: Head): Promise<Head> => {
    const update = Y.mergeUpdates(typed.slice(0, seq));
    const snapshot = { seq, update, index: indexSnapshot(update), count: seq };
    return log.compact('notes', { snapshot, from: { epoch, snapshotSeq }, keepFrom: 1, quarantined: [] });
  };
  const known = { seq: null, stateVector: new Map<number, number>() };
  const served = async (history: History): Promise<string> => {
    let updates = history.compose(known);
    if (updates === null) {
      await history.load(known);
      updates = history.compose(known);
    }
    const copy = new Y.Doc();
    for (const update of updates ?? []) Y.applyUpdate(copy, update);
    return copy.getText('text').toString();
  };

  await append(typed[0]);
  const first = await compact(1, await append(typed[1]));
  let head = first;
  for (const update of typed.slice(2, 5)) head = await append(update);
  const tail = await log.read('notes', first.snapshotSeq);
  const history = new History('notes', log, new SnapshotCache(log, 1_000_000), head, tail);
  assert.is(await served(history), '01234');

  const switched = await compact(4, head);
  history.add(typed.slice(5));
  const committed = await append(typed[5]);
  const [entry] = await log.read('notes', committed.lastSeq - 1);
  assert.ok(entry !== undefined);
  history.commit(committed, [entry]);
  assert.is(await served(history), '012345');
  history.compacted(switched);
  assert.is(await served(history), '012345', 'the word that comes late changes nothing');
});

test.run();
