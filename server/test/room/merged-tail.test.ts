// What joiners get of everything after the snapshot, while a crowd adds to it.
import { decodeStateVector, mergeUpdates, seededRandom } from '@tideweave/shared';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { MergedTail } from '../../src/room/merged-tail.ts';

function documentOf(updates: readonly Uint8Array[]): Y.Doc {
  const doc = new Y.Doc();
  doc.getText('text');
  doc.getMap('map');
  for (const update of updates) Y.applyUpdate(doc, update);
  return doc;
}

function contentOf(doc: Y.Doc): unknown {
  return [doc.getText('text').toDelta(), doc.getMap('map').toJSON()];
}

/** Several people who type, delete and set keys, and hear from each other now and then; in an order that respects causes. */
function history(random: () => number): readonly Uint8Array[] {
  const below = (limit: number): number => Math.floor(random() * limit);
  const updates: Uint8Array[] = [];
  const docs = Array.from({ length: 1 + below(4) }, (_, at) => {
    const doc = new Y.Doc();
    doc.clientID = at + 1;
    doc.on('update', (update: Uint8Array, origin: unknown) => {
      if (origin === null) updates.push(update);
    });
    return doc;
  });
  for (let edit = 0; edit < 60; edit++) {
    const doc = docs[below(docs.length)];
    const other = docs[below(docs.length)];
    if (doc === undefined || other === undefined) continue;
    if (random() < 0.3) Y.applyUpdate(doc, Y.encodeStateAsUpdate(other, Y.encodeStateVector(doc)), 'sync');
    const text = doc.getText('text');
    const at = below(text.length + 1);
    if (random() < 0.2) doc.getMap('map').set(`key ${below(3)}`, edit);
    else if (random() < 0.4) text.delete(at, Math.min(text.length - at, 1 + below(3)));
    else text.insert(at, 'ab');
  }
  return updates;
}

test('C1 C4 whoever joins while others add gets what is missing, whatever part of it is there', () => {
  const seed = Number(process.env['TIDEWEAVE_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
  console.log(`merged tail: TIDEWEAVE_SEED=${seed}`);
  for (let index = 0; index < 500; index++) {
    const random = seededRandom(seed + index);
    const below = (limit: number): number => Math.floor(random() * limit);
    const updates = history(random);
    const first = below(updates.length);
    const tail = new MergedTail(updates.slice(0, first));
    for (let at = first; at < updates.length;) {
      const next = Math.min(updates.length, at + 1 + below(8));
      tail.add(updates.slice(at, next));
      at = next;
      const device = documentOf(updates.slice(0, below(at + 1)));
      const stateVector = decodeStateVector(Y.encodeStateVector(device));
      const served = tail.for(stateVector);
      assert.equal(tail.for(stateVector), served, 'and so is the next who has the same');
      for (const update of served) Y.applyUpdate(device, update);
      const expected = documentOf(updates.slice(0, at));
      assert.equal(contentOf(device), contentOf(expected), `case ${index}`);
      assert.equal(Y.encodeStateVector(device), Y.encodeStateVector(expected), `case ${index}`);
    }
  }
});

test('R6 a crowd that left together and returns with edits of its own is served from a few pieces, each cut once', () => {
  const base = new Y.Doc({ gc: false });
  base.clientID = 1;
  for (let i = 0; i < 300; i++) base.getText('text').insert(i, i % 7 === 0 ? '\n' : 'x');
  const common = Y.encodeStateAsUpdate(base);
  const tail = new MergedTail([common]);
  const served: (readonly Uint8Array[])[] = [];
  for (let device = 0; device < 256; device++) {
    const doc = new Y.Doc({ gc: false });
    doc.clientID = 1000 + device;
    Y.applyUpdate(doc, common);
    const before = Y.encodeStateVector(doc);
    doc.getText('text').insert(device, 'what I typed on the way');
    served.push(tail.for(decodeStateVector(Y.encodeStateVector(doc))));
    tail.add([Y.encodeStateAsUpdate(doc, before)]);
  }
  const fresh = tail.for(new Map());
  assert.ok(fresh.length <= 12, `${fresh.length} pieces`);
  // Nothing has to be read anew for the next who comes.
  const [known, again] = [1, 2].map(() => tail.for(new Map([[1, 300]])));
  assert.ok(known !== undefined && again !== undefined);
  assert.ok(known.every((update, at) => update === again[at]));
  const bytes = known.reduce((sum, { length }) => sum + length, 0);
  const ideal = mergeUpdates(fresh, { known: new Map([[1, 300]]) }).length;
  assert.ok(bytes < ideal * 1.1, `${bytes} bytes, ${ideal} at best`);
  assert.is(
    documentOf([common, ...known])
      .getText('text')
      .toString(),
    documentOf(fresh).getText('text').toString(),
  );
  assert.is(served[0]?.length, 0, 'the first who returned lacked nothing');
});

test('C1 R6 whoever joins in the middle of a burst gets all of it, in pieces that the burst does not merge over and over', () => {
  const updates: Uint8Array[] = [];
  const doc = new Y.Doc();
  doc.on('update', (update: Uint8Array) => updates.push(update));
  const text = doc.getText('text');
  const random = seededRandom(7);
  for (let typed = 0; typed < 12_000; typed++) {
    if (random() < 0.2 && text.length > 0) text.delete(Math.floor(random() * text.length), 1);
    else text.insert(Math.floor(random() * (text.length + 1)), 'x');
  }
  const bytes = updates.reduce((sum, { length }) => sum + length, 0);
  const tail = new MergedTail([]);
  const seen = new Set<Uint8Array>();
  for (let at = 0; at < updates.length; at += 2000) {
    tail.add(updates.slice(at, at + 2000));
    const served = tail.for(new Map());
    for (const update of served) seen.add(update);
    const expected = documentOf(updates.slice(0, at + 2000));
    assert.equal(contentOf(documentOf(served)), contentOf(expected), `after ${at + 2000}`);
  }
  const large = [...seen].filter(({ length }) => length > 64 * 1024);
  const largeBytes = large.reduce((sum, { length }) => sum + length, 0);
  assert.ok(large.length > 1, 'a burst of several blocks');
  assert.ok(largeBytes <= bytes, `${largeBytes} bytes of large pieces were made of ${bytes}`);
});

test.run();
