// What a Y.Doc says of itself when it is compared with the relay's document.
import {
  DocumentState,
  type Random,
  UpdateScan,
  encodeStateVector,
  scanUpdate,
  seededRandom,
  stateDigest,
} from '@tideweave/shared';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { differenceOf, digestOf } from '../src/copy-state.ts';

const scan = new UpdateScan();

const seed = Number(process.env['TIDEWEAVE_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
console.log(`TIDEWEAVE_SEED=${seed}`);

/** What three people did, some of it at once: text, map keys and nested maps, and everything deleted now and then. */
function randomUpdates(random: Random): Uint8Array[] {
  const below = (limit: number): number => Math.floor(random() * limit);
  const updates: Uint8Array[] = [];
  const docs = [1, 2, 3].map((clientID) => {
    const doc = new Y.Doc();
    doc.clientID = clientID;
    doc.on('update', (update: Uint8Array, origin: unknown) => {
      if (origin === null) updates.push(update);
    });
    return doc;
  });
  for (let edit = 0; edit < 40; edit++) {
    const doc = docs[below(3)]!;
    const other = docs[below(3)]!;
    if (random() < 0.3) Y.applyUpdate(doc, Y.encodeStateAsUpdate(other), 'sync');
    const text = doc.getText('text');
    const map = doc.getMap('map');
    const nested = map.get('nested');
    const key = `key${below(3)}`;
    const kind = random();
    if (kind < 0.3) text.insert(below(text.length + 1), 'abc');
    else if (kind < 0.5 && text.length > 2) text.delete(below(text.length - 1), 1 + below(2));
    else if (kind < 0.7) map.set(key, edit);
    else if (kind < 0.75) map.delete(key);
    else if (kind < 0.85) map.set('nested', new Y.Map());
    else if (nested instanceof Y.Map) nested.set(key, random() < 0.5 ? edit : new Y.Text('in'));
  }
  return updates;
}

/** What a relay knows that accepted these updates; null when it would have refused one. */
function relayOf(updates: readonly Uint8Array[]): DocumentState | null {
  const state = new DocumentState();
  for (const update of updates) {
    if (!scanUpdate(update, scan) || state.admit(scan) === 'missing') return null;
    state.apply(scan);
  }
  return state;
}

function docOf(updates: readonly Uint8Array[]): Y.Doc {
  const doc = new Y.Doc();
  for (const update of updates) Y.applyUpdate(doc, update);
  return doc;
}

/** Everything that a reader sees: what is not deleted. */
function contentOf(doc: Y.Doc): string {
  const alive: string[] = [];
  for (const [client, structs] of doc.store.clients) {
    for (const struct of structs) {
      if (!struct.deleted) for (let at = 0; at < struct.length; at++) alive.push(`${client}:${struct.id.clock + at}`);
    }
  }
  return alive.sort().join(' ');
}

/** The relay's document as it is told to a client. */
function snapshotOf({ stateVector, deletes }: DocumentState): Uint8Array {
  return Uint8Array.from([...deletes.encode(), ...encodeStateVector(stateVector)]);
}

/** What the relay is sent of a digest. */
const sentDigest = (doc: Y.Doc): Uint8Array => digestOf(doc).slice(0, 16);

test('C1 P75 the relay and a healthy copy differ at most by deletions that follow from the rest', () => {
  let followed = 0;
  for (let index = 0; index < 400; index++) {
    const updates = randomUpdates(seededRandom(seed + index));
    const relay = relayOf(updates);
    if (relay === null) continue;
    const doc = docOf(updates);
    const { lacks, lacksInsertions, surplus, isStated } = differenceOf(doc, snapshotOf(relay));
    assert.equal([lacks, lacksInsertions, isStated], [null, false, false], `case ${index}`);
    if (surplus.length > 2) followed++;
    const told = relayOf([...updates, surplus]);
    assert.ok(told !== null);
    assert.equal(stateDigest(told), sentDigest(doc), `case ${index}: told of them, the relay has the same digest`);
  }
  assert.ok(followed > 0, 'some deletions followed from others');
});

test('C1 P74 P75 what one side lost is found, and the exchange makes both the same', () => {
  let lost = 0;
  for (let index = 0; index < 400; index++) {
    const random = seededRandom(seed + index);
    const updates = randomUpdates(random);
    const kept = updates.filter((update) => !scanUpdate(update, scan) || scan.runCount > 0 || random() < 0.5);
    const relay = relayOf(kept);
    const whole = relayOf(updates);
    if (relay === null || whole === null || kept.length === updates.length) continue;
    const doc = docOf(updates);
    const damaged = docOf(kept);
    const isDifferent = contentOf(damaged) !== contentOf(doc);
    if (isDifferent) lost++;
    const { surplus, isStated } = differenceOf(doc, snapshotOf(relay));
    assert.is(isStated, isDifferent, `case ${index}: the relay lost a deletion`);
    assert.equal(stateDigest(relayOf([...kept, surplus])!), sentDigest(doc), `case ${index}`);
    const { lacks } = differenceOf(damaged, snapshotOf(whole));
    if (lacks !== null) Y.applyUpdate(damaged, lacks);
    assert.is(contentOf(damaged), contentOf(doc), `case ${index}: the copy lost it`);
  }
  assert.ok(lost > 20, 'deletions were lost');
});

test.run();
