import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { sliceBytesEstimate, sliceSnapshot, snapshotState } from '../../src/update/slice.ts';
import { indexSnapshot } from '../../src/update/snapshot-index.ts';
import { below, caseRandom, documentOf, randomHistory, testSeed } from './random-documents.ts';
import { contentOf } from './reference.ts';

test('C4 a slice is what Yjs itself would send, for 2,000 pairs of documents', () => {
  const seed = testSeed('slice');
  let ours = 0;
  let theirs = 0;
  for (let index = 0; index < 2000; index++) {
    const random = caseRandom(seed, index);
    const undo = random() < 0.3;
    const { updates } = randomHistory(random, { undo });
    const gc = random() < 0.5;
    const document = documentOf(updates, gc);
    const snapshot = Y.encodeStateAsUpdate(document);
    const snapshotIndex = indexSnapshot(snapshot);
    const older = documentOf(updates.slice(0, below(random, updates.length + 1)), gc);
    const vector = Y.decodeStateVector(Y.encodeStateVector(older));
    const slice = sliceSnapshot(snapshot, snapshotIndex, vector);
    const reference = Y.encodeStateAsUpdate(document, Y.encodeStateVector(older));
    assert.equal(slice, reference, `case ${index}`);
    assert.ok(sliceBytesEstimate(snapshotIndex, vector) >= slice.length, `case ${index}`);
    ours += slice.length;
    theirs += reference.length;
    if (undo) continue;
    Y.applyUpdate(older, slice);
    // Its own deletions may be more: Yjs takes superfluous formats out after each transaction.
    assert.equal({ ...contentOf(older), deleted: [] }, { ...contentOf(document), deleted: [] }, `case ${index}`);
  }
  console.log(`slices: ${ours} bytes, Yjs: ${theirs}`);
});

test('C4 a slice may begin within a struct, and for a state vector that is ahead or of strangers', () => {
  const seed = testSeed('slice within structs');
  for (let index = 0; index < 1000; index++) {
    const random = caseRandom(seed, index);
    const { updates } = randomHistory(random);
    const document = documentOf(updates);
    const snapshot = Y.encodeStateAsUpdate(document);
    const vector = new Map<number, number>();
    for (const [client, clock] of Y.decodeStateVector(Y.encodeStateVector(document))) {
      if (random() < 0.8) vector.set(client, below(random, clock + 3));
    }
    if (random() < 0.2) vector.set(999_999, 5);
    const slice = sliceSnapshot(snapshot, indexSnapshot(snapshot), vector);
    assert.equal(slice, Y.encodeStateAsUpdate(document, Y.encodeStateVector(vector)), `case ${index}`);
  }
});

test('C4 in a document of thousands of structs a slice finds its place by the index', () => {
  const document = new Y.Doc();
  document.clientID = 77;
  const text = document.getText('t');
  for (let i = 0; i < 20_000; i++) text.insert(0, 'é');
  const snapshot = Y.encodeStateAsUpdate(document);
  const index = indexSnapshot(snapshot);
  assert.ok(index.length < snapshot.length / 100, `${index.length} bytes of index for ${snapshot.length}`);
  for (let clock = 0; clock <= 20_000; clock += 613) {
    const vector = new Map([[77, clock]]);
    const slice = sliceSnapshot(snapshot, index, vector);
    assert.equal(slice, Y.encodeStateAsUpdate(document, Y.encodeStateVector(vector)));
    const estimate = sliceBytesEstimate(index, vector);
    assert.ok(estimate >= slice.length && estimate <= slice.length + 2500, `${estimate} for ${slice.length}`);
  }
});

test('R3 for somebody who knows nothing of it a snapshot is sent as it is, not copied', () => {
  const { updates } = randomHistory(caseRandom(5, 5));
  const snapshot = Y.encodeStateAsUpdate(documentOf(updates));
  assert.is(sliceSnapshot(snapshot, indexSnapshot(snapshot), new Map()), snapshot);
  assert.is(sliceSnapshot(snapshot, indexSnapshot(snapshot), new Map([[987_654, 3]])), snapshot);
  const empty = Y.encodeStateAsUpdate(new Y.Doc());
  assert.is(sliceSnapshot(empty, indexSnapshot(empty), new Map([[1, 1]])), empty);
});

test('C5 the state of a snapshot is that of its document', () => {
  for (let index = 0; index < 200; index++) {
    const document = documentOf(randomHistory(caseRandom(9, index)).updates);
    const snapshot = Y.encodeStateAsUpdate(document);
    const state = snapshotState(snapshot, indexSnapshot(snapshot));
    assert.equal(sorted(state.stateVector), sorted(Y.decodeStateVector(Y.encodeStateVector(document))));
    const deletes = Y.encodeStateAsUpdate(document, Y.encodeStateVector(document)).slice(1);
    assert.equal(state.deletes.encode(), deletes, `case ${index}`);
  }
});

function sorted(vector: ReadonlyMap<number, number>): [number, number][] {
  return [...vector].sort((a, b) => a[0] - b[0]);
}

test('R1 an index that is not this snapshot’s, or of another version, is not used', () => {
  const snapshot = Y.encodeStateAsUpdate(documentOf(randomHistory(caseRandom(5, 6)).updates));
  const index = indexSnapshot(snapshot);
  assert.throws(() => sliceSnapshot(snapshot.slice(1), index, new Map([[1, 1]])), /belongs to the snapshot/);
  assert.throws(() => sliceSnapshot(snapshot, Uint8Array.of(9, ...index.slice(1)), new Map()), /version/);
  assert.throws(() => sliceSnapshot(snapshot, index.slice(0, 6), new Map()), /can be read/);
});

test.run();
