// The worker's task, called without a thread.
import { test } from 'uvu';
import * as assert from 'uvu/assert';

import { DocumentState, scanUpdate, seededRandom, UpdateScan } from '@tideweave/shared';
import * as Y from 'yjs';

import { merge } from '../../src/compaction/compaction.worker.ts';
import { packTask, unpackUpdates } from '../../src/compaction/merge-task.ts';
import { forgedOverlaps, genuineUpdates, load, losingMaps, poison } from './poison.ts';

/** A document's content and clocks, for comparing. */
function content(update: Uint8Array): unknown {
  const doc = load([update]);
  return [
    doc.getText('text').toDelta(),
    doc.getMap('map').toJSON(),
    doc.getArray('array').toJSON(),
    [...Y.decodeStateVector(Y.encodeStateVector(doc))].sort(([a], [b]) => a - b),
  ];
}

const contentOf = (updates: readonly Uint8Array[]): unknown => content(Y.encodeStateAsUpdate(load(updates)));

test('D3 a tail is merged into a snapshot, with nothing left out', () => {
  const updates = [...genuineUpdates(1, 60, 7), ...genuineUpdates(2, 60, 9)];
  const first = merge(null, updates.slice(0, 50));
  const second = merge(first.update, updates.slice(50));
  assert.equal([second.count, second.leftOut], [70, []]);
  assert.equal(content(second.update), contentOf(updates));
  assert.ok(second.index instanceof Uint8Array);
});

test('D3 short updates and long ones, in whatever order they come, merge into what Yjs makes of them', () => {
  const seed = Number(process.env['TIDEWEAVE_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`merge: TIDEWEAVE_SEED=${seed}`);
  for (let index = 0; index < 150; index++) {
    const random = seededRandom(seed + index);
    const below = (limit: number): number => Math.floor(random() * limit);
    const updates: Uint8Array[] = [];
    const docs = [1, 2, 3].map((client) => {
      const doc = new Y.Doc();
      doc.clientID = client;
      doc.on('update', (update: Uint8Array, origin: unknown) => {
        if (origin !== 'others') updates.push(update);
      });
      return doc;
    });
    for (let step = below(80); step >= 0; step--) {
      const doc = docs[below(3)];
      assert.ok(doc !== undefined);
      const text = doc.getText('text');
      const at = below(text.length + 1);
      if (random() < 0.2) Y.applyUpdate(doc, Y.mergeUpdates(updates), 'others');
      else if (random() < 0.3) text.delete(at, Math.min(text.length - at, 1 + below(9)));
      else text.insert(at, 'a'.repeat(random() < 0.7 ? 1 : 100));
    }
    // Some of it comes a second time, on its own or as a part of what continues it.
    const from = below(updates.length);
    updates.splice(below(updates.length), 0, Y.mergeUpdates(updates.slice(from, from + 1 + below(4))));
    const half = below(updates.length);
    const first = merge(null, updates.slice(0, half));
    const waiting = updates.slice(first.count, half);
    const second = merge(first.update, [...waiting, ...updates.slice(half)]);
    assert.equal(second.leftOut, [], `case ${index}`);
    assert.equal(content(second.update), contentOf(updates), `case ${index}`);
  }
});

test('D3 merging collects garbage', () => {
  const doc = new Y.Doc();
  const updates: Uint8Array[] = [];
  doc.on('update', (update: Uint8Array) => updates.push(update));
  for (let round = 0; round < 500; round += 1) {
    doc.getText('text').insert(0, 'something long enough to matter');
    doc.getText('text').delete(0, 31);
  }
  assert.ok(merge(null, updates).update.byteLength < 100);
});

test('L1 updates that decode and throw are left out wherever they stand, and the others are merged', () => {
  const mine = genuineUpdates(1, 60, 7);
  const base = mine.slice(0, 30);
  const bad = poison(3, 24, base, [...mine.slice(30), ...genuineUpdates(2, 30, 9)]);
  assert.ok(bad.length >= 20);
  const { update: snapshot } = merge(null, base);
  for (const each of bad) {
    const alone = merge(snapshot, [each]);
    assert.equal(
      alone.leftOut.map(({ at }) => at),
      [0],
    );
    assert.match(alone.leftOut[0]?.reason ?? '', /^applying it throws \w+$/);
  }
  const others = genuineUpdates(5, 24, 11);
  const mixed = bad.flatMap((each, index) => [each, others[index] ?? each]);
  const merged = merge(snapshot, [...mixed, ...mine.slice(30)]);
  assert.equal(
    merged.leftOut.map(({ at }) => at),
    bad.map((_, index) => 2 * index),
  );
  assert.is(merged.count, mixed.length + 30);
  assert.equal(content(merged.update), contentOf([...base, ...others, ...mine.slice(30)]));
});

test('L1 updates that even scanner and admission accept, and that throw, are left out', () => {
  const base = losingMaps();
  const state = new DocumentState();
  const scan = new UpdateScan();
  for (const update of base) {
    assert.ok(scanUpdate(update, scan));
    state.apply(scan);
  }
  const bad = forgedOverlaps(24);
  for (const each of bad) {
    assert.ok(scanUpdate(each, scan));
    assert.is(state.admit(scan), 'new');
    assert.throws(() => load([...base, each]), /Cannot read properties/);
  }
  const others = genuineUpdates(5, 24, 11);
  const merged = merge(null, [...base, ...bad.flatMap((each, index) => [others[index] ?? each, each])]);
  assert.equal(
    merged.leftOut.map(({ at }) => at),
    bad.map((_, index) => base.length + 2 * index + 1),
  );
  assert.equal(content(merged.update), contentOf([...base, ...others]));
});

test('L1 a deletion that overflows the stack is left out, and the document still loads', () => {
  const doc = new Y.Doc();
  doc.clientID = 5;
  doc.transact(() => {
    let map = doc.getMap('map');
    for (let depth = 0; depth < 20_000; depth += 1) map = map.set('k', new Y.Map());
  });
  const snapshot = Y.encodeStateAsUpdate(doc);
  const deletion = Uint8Array.of(0, 1, 5, 1, 0, 1);
  assert.throws(() => load([snapshot, deletion]), /call stack/);
  const merged = merge(snapshot, [...genuineUpdates(1, 3, 7), deletion, ...genuineUpdates(2, 3, 9)]);
  assert.equal(merged.leftOut, [{ at: 3, reason: 'applying it throws RangeError' }]);
  load([merged.update]);
});

test('L1 what builds on something left out is left out with it', () => {
  const base = losingMaps();
  const [forged] = forgedOverlaps(1);
  assert.ok(forged !== undefined);
  // Without their first three, the other updates of a client cannot be integrated.
  const merged = merge(null, [...base, forged, ...genuineUpdates(2, 6, 11).slice(3), ...genuineUpdates(3, 4, 13)]);
  assert.equal(
    merged.leftOut.map(({ at }) => at),
    [2, 3, 4, 5],
  );
  assert.is(merged.leftOut[1]?.reason, 'it builds on content that is not there');
  assert.equal(content(merged.update), contentOf([...base, ...genuineUpdates(3, 4, 13)]));
});

test('D1 what comes before the content it builds on is merged all the same', () => {
  const [first, second, third, ...rest] = genuineUpdates(1, 20, 7);
  assert.ok(first !== undefined && second !== undefined && third !== undefined);
  const merged = merge(null, [third, second, first, ...rest]);
  assert.equal([merged.count, merged.leftOut], [20, []]);
});

test('D1 what waits for content that may be on its way gets a second chance', () => {
  const mine = genuineUpdates(1, 10, 7);
  const [first, ...later] = genuineUpdates(2, 5, 9);
  assert.ok(first !== undefined);
  const merged = merge(null, [...mine, ...later]);
  assert.equal([merged.count, merged.leftOut], [10, []], 'the compaction ends before it');
  const arrived = merge(merged.update, [...later, first]);
  assert.equal([arrived.count, arrived.leftOut], [5, []]);
  assert.equal(content(arrived.update), contentOf([...mine, first, ...later]));
  const never = merge(merged.update, later);
  assert.is(never.count, 4);
  assert.equal(
    never.leftOut.map(({ at }) => at),
    [0, 1, 2, 3],
  );
});

test('D4 a snapshot that does not load is an error, not a shorter document', () => {
  assert.throws(() => merge(Uint8Array.of(1, 2, 3), genuineUpdates(1, 3, 7)), /snapshot does not load/);
});

test('R6 a thousand bad updates end in bounded time', () => {
  const started = performance.now();
  const base = losingMaps();
  const merged = merge(null, [...base, ...forgedOverlaps(1000)]);
  assert.is(merged.leftOut.length, 1000);
  assert.ok(performance.now() - started < 20_000);
});

test('D3 tasks travel packed', () => {
  const updates = [Uint8Array.of(1, 2), new Uint8Array(0), Uint8Array.of(3)];
  assert.equal(unpackUpdates(packTask(null, updates)), updates);
  assert.equal(packTask(Buffer.from('snapshot').subarray(4), []).snapshot, new Uint8Array(Buffer.from('shot')));
});

test.run();
