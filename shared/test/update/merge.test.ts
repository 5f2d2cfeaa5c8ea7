import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { mergeUpdates } from '../../src/update/merge.ts';
import { scanUpdate } from '../../src/update/scanner.ts';
import { UpdateScan } from '../../src/update/update-scan.ts';
import { below, caseRandom, documentOf, pick, randomHistory, shuffled, testSeed } from './random-documents.ts';
import { contentOf } from './reference.ts';

const scan = new UpdateScan();

function assertAccepted(update: Uint8Array, note: string): void {
  assert.ok(scanUpdate(update, scan), `${note}: ${scan.error} at ${scan.errorOffset} of ${update.join(' ')}`);
}

test('C3 a merge does what its updates do, whatever their order and however often they come', () => {
  const seed = testSeed('merge');
  for (let index = 0; index < 600; index++) {
    const random = caseRandom(seed, index);
    const { updates, documents } = randomHistory(random, { undo: false });
    const whole = documents.map((document) => Y.encodeStateAsUpdate(document));
    const several = [...updates, ...updates.filter(() => random() < 0.2), ...whole.filter(() => random() < 0.3)];
    const batch = random() < 0.5 ? several : shuffled(random, several);
    const merged = mergeUpdates(batch);
    assertAccepted(merged, `case ${index}`);
    const gc = random() < 0.5;
    const reference = contentOf(documentOf(updates, gc));
    assert.equal(contentOf(documentOf([merged], gc)), reference, `case ${index}`);
    // A tree of merges is a merge.
    const cut = below(random, batch.length);
    const tree = mergeUpdates([mergeUpdates(batch.slice(0, cut)), mergeUpdates(batch.slice(cut))]);
    assert.equal(contentOf(documentOf([tree], gc)), reference, `tree, case ${index}`);
  }
});

test('C3 a merge of some of the updates is worth these updates, gaps included', () => {
  const seed = testSeed('merge with gaps');
  for (let index = 0; index < 300; index++) {
    const random = caseRandom(seed, index);
    const { updates } = randomHistory(random, { undo: false });
    const some = updates.filter(() => random() < 0.7);
    const rest = updates.filter((update) => !some.includes(update));
    const merged = mergeUpdates(shuffled(random, some));
    if (merged.length > 2) assertAccepted(merged, `case ${index}`);
    // What can be integrated of it, and that it is complete. (Filling the gaps in a Y.Doc proves less: 13.6 keeps structs
    // pending for good in about one of a thousand such histories, however they are merged.)
    const reference = some.length === 0 ? new Y.Doc() : documentOf([Y.mergeUpdates(some)]);
    assert.equal(Y.encodeStateVector(documentOf([merged])), Y.encodeStateVector(reference), `case ${index}`);
    const whole = documentOf([mergeUpdates(shuffled(random, [merged, ...rest]))]);
    assert.equal(contentOf(whole), contentOf(documentOf(updates)), `case ${index}`);
  }
});

test('C4 a merge for somebody who knows a part leaves that part out', () => {
  const seed = testSeed('merge with known');
  let saved = 0;
  for (let index = 0; index < 600; index++) {
    const random = caseRandom(seed, index);
    const { updates } = randomHistory(random, { undo: false });
    const known = below(random, updates.length + 1);
    const older = documentOf(updates.slice(0, known));
    const vector = Y.decodeStateVector(Y.encodeStateVector(older));
    const from = below(random, known + 1);
    const batch = random() < 0.5 ? updates.slice(from) : [Y.encodeStateAsUpdate(documentOf(updates))];
    const merged = mergeUpdates(batch, { known: vector });
    assertAccepted(merged, `case ${index}`);
    const yjs = Y.diffUpdate(mergeUpdates(batch), Y.encodeStateVector(older));
    assert.equal(structEnds(merged, vector), structEnds(yjs, vector), `case ${index}`);
    const reference = documentOf(updates.slice(0, known));
    Y.applyUpdate(older, merged);
    reference.transact(() => batch.forEach((update) => Y.applyUpdate(reference, update)));
    assert.equal(contentOf(older), contentOf(reference), `case ${index}`);
    assert.ok(merged.length <= Math.max(2, yjs.length), `case ${index}: ${merged.length} against ${yjs.length}`);
    saved += yjs.length - merged.length;
  }
  console.log(`${saved} bytes smaller than Y.diffUpdate of the same`);
});

/** First clock and end of each client in an update, none of it known. */
function structEnds(update: Uint8Array, known: ReadonlyMap<number, number>): unknown {
  const { from, to } = Y.parseUpdateMeta(update);
  for (const [client, clock] of from) assert.ok(clock >= (known.get(client) ?? 0));
  return [[...from], [...to]];
}

test('R3 ten thousand typed characters become one struct', () => {
  const document = new Y.Doc();
  document.clientID = 4711;
  const updates: Uint8Array[] = [];
  document.on('update', (update: Uint8Array) => updates.push(update));
  for (let i = 0; i < 10_000; i++) document.getText('t').insert(i, 'abcdefgh'[i % 8]!);
  const merged = mergeUpdates(updates);
  assert.is(Y.decodeUpdate(merged).structs.length, 1);
  assert.equal(merged, Y.encodeStateAsUpdate(document));
});

test('R3 lists of values, deletions and collected runs are joined too', () => {
  const document = new Y.Doc();
  const updates: Uint8Array[] = [];
  document.on('update', (update: Uint8Array) => updates.push(update));
  const array = document.getArray<number>('a');
  for (let i = 0; i < 300; i++) array.push([i]);
  assert.is(Y.decodeUpdate(mergeUpdates(updates)).structs.length, 1);
  updates.length = 0;
  for (let i = 0; i < 300; i++) array.delete(0);
  const deleted = [...Y.decodeUpdate(mergeUpdates(updates)).ds.clients.values()];
  assert.equal(JSON.stringify(deleted), '[[{"clock":0,"len":300}]]');
});

test('C2 a cut through a surrogate pair leaves what Yjs leaves', () => {
  const document = new Y.Doc();
  document.clientID = 1;
  document.getText('t').insert(0, 'a😀b');
  const update = Y.encodeStateAsUpdate(document);
  for (let clock = 0; clock <= 4; clock++) {
    const vector = new Map([[1, clock]]);
    const ours = mergeUpdates([update], { known: vector });
    assert.equal(ours, Y.diffUpdate(update, Y.encodeStateVector(vector)), `cut at ${clock}`);
  }
});

test('C2 nothing, one update and equal updates merge to themselves', () => {
  assert.equal(Array.from(mergeUpdates([])), [0, 0]);
  const { updates } = randomHistory(caseRandom(1, 1));
  const update = pick(caseRandom(1, 2), updates);
  assert.is(mergeUpdates([update]), update);
  const document = documentOf([mergeUpdates(updates)]);
  const whole = Y.encodeStateAsUpdate(document);
  assert.equal(mergeUpdates([whole, whole, whole]).length <= whole.length, true);
});

test('R1 a merge that fails on damaged bytes does not spoil the next', () => {
  const { updates } = randomHistory(caseRandom(1, 3));
  const whole = mergeUpdates(updates);
  for (let cut = 3; cut < whole.length - 1; cut += 7) {
    try {
      mergeUpdates([whole, whole.subarray(0, cut)]);
    } catch {
      // Nobody promises what damaged bytes merge to.
    }
    assert.equal(mergeUpdates(updates), whole);
  }
});

test('C2 more than 127 clients and structs are counted in as many bytes as it takes', () => {
  const updates: Uint8Array[] = [];
  for (let client = 1; client <= 300; client++) {
    const document = new Y.Doc();
    document.clientID = client * 1000;
    for (let i = 0; i < 200; i++) document.getArray('a').insert(0, [i]);
    updates.push(Y.encodeStateAsUpdate(document));
  }
  const merged = mergeUpdates(updates);
  assertAccepted(merged, 'many clients');
  assert.is(Y.decodeUpdate(merged).structs.length, 300 * 200);
  assert.equal(merged, Y.mergeUpdates(updates));
});

test.run();
