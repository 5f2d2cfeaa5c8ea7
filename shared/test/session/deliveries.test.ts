import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { type Random, seededRandom } from '../../src/base/random.ts';
import { mergeUpdates } from '../../src/update/merge.ts';
import { Deliveries } from '../../src/session/deliveries.ts';

const test = suite('Deliveries');

/** Updates of one author that set `0`, `1` … in a map, one each. */
function updates(count: number): Uint8Array[] {
  const doc = new Y.Doc();
  const made: Uint8Array[] = [];
  doc.on('update', (update: Uint8Array) => made.push(update));
  for (let n = 0; n < count; n++) doc.getMap('map').set(String(n), n);
  return made;
}

/** Keys that an update sets, in order, whether or not what they build on is there; none of null. */
function keysOf(update: Uint8Array | null): number[] {
  if (update === null) return [];
  const subs = Y.decodeUpdate(update).structs.map((struct) => ('parentSub' in struct ? struct.parentSub : null));
  return subs.flatMap((sub) => (sub === null ? [] : [Number(sub)]));
}

function filled(count: number): Deliveries {
  const deliveries = new Deliveries(mergeUpdates);
  for (const update of updates(count)) deliveries.add(update);
  return deliveries;
}

test('P36 a settled watermark confirms all that came before it, and nothing twice', () => {
  const deliveries = filled(3);
  assert.is(deliveries.watermark(true), 3);
  assert.is(deliveries.watermark(true), 0);
  assert.is(deliveries.reopen(true), 0);
  assert.is(deliveries.returning, null);
});

test('P36 one that is not settled confirms what came before the previous one', () => {
  const deliveries = new Deliveries(mergeUpdates);
  const [first, second, third] = updates(3);
  assert.ok(first && second && third);
  deliveries.add(first);
  assert.is(deliveries.watermark(false), 0);
  deliveries.add(second);
  deliveries.add(third);
  assert.is(deliveries.watermark(false), 1);
  assert.is(deliveries.watermark(false), 2);
  assert.is(deliveries.watermark(false), 0);
});

test('P36 a settled watermark confirms what an earlier one left open', () => {
  const deliveries = filled(2);
  assert.is(deliveries.watermark(false), 0);
  for (const update of updates(3)) deliveries.add(update);
  assert.is(deliveries.watermark(true), 5);
});

test('C4 P36 what no watermark confirmed is handed back on the next opening, in one update, and only that', () => {
  const deliveries = new Deliveries(mergeUpdates);
  const all = updates(5);
  for (const update of all.slice(0, 2)) deliveries.add(update);
  assert.is(deliveries.watermark(true), 2);
  deliveries.add(all[2] ?? new Uint8Array(0));
  assert.is(deliveries.watermark(false), 0);
  for (const update of all.slice(3)) deliveries.add(update);
  assert.is(deliveries.returning, null);
  assert.is(deliveries.reopen(true), 0);
  assert.equal(keysOf(deliveries.returning), [2, 3, 4]);
  assert.is(deliveries.acknowledge(), 3);
  assert.is(deliveries.returning, null);
  assert.is(deliveries.acknowledge(), 0, 'an acknowledgement of edits confirms nothing more');
});

test('C4 P37 without an acknowledgement it is handed back again, with what came since, and counted once', () => {
  const deliveries = filled(2);
  deliveries.reopen(true);
  const [, , third, fourth] = updates(4);
  assert.ok(third && fourth);
  deliveries.add(third);
  deliveries.add(fourth);
  assert.is(deliveries.reopen(true), 0);
  assert.is(keysOf(deliveries.returning).length, 4);
  assert.is(deliveries.reopen(true), 0);
  assert.is(keysOf(deliveries.returning).length, 4);
  assert.is(deliveries.acknowledge(), 4);
});

test('P36 P37 watermarks do not confirm what is being handed back, and what they confirm is counted behind it', () => {
  const deliveries = filled(2);
  deliveries.reopen(true);
  for (const update of updates(3)) deliveries.add(update);
  assert.is(deliveries.watermark(true), 0, 'the oldest come first');
  assert.is(keysOf(deliveries.returning).length, 2);
  assert.is(deliveries.acknowledge(), 5);
});

test('P36 P37 what was confirmed behind it is not handed back again, but keeps its place in the count', () => {
  const deliveries = filled(2);
  deliveries.reopen(true);
  for (const update of updates(5).slice(2)) deliveries.add(update);
  assert.is(deliveries.watermark(true), 0);
  deliveries.add(updates(6)[5] ?? new Uint8Array(0));
  assert.is(deliveries.reopen(true), 0);
  const returned = keysOf(deliveries.returning).sort((a, b) => a - b);
  assert.equal(returned, [0, 1, 5], 'two again, the newest, and not the three');
  assert.is(deliveries.acknowledge(), 6);
});

test('P36 the first watermark of a connection that is not settled confirms nothing of an earlier one', () => {
  const deliveries = filled(1);
  assert.is(deliveries.watermark(false), 0);
  deliveries.reopen(true);
  deliveries.acknowledge();
  deliveries.add(updates(1)[0] ?? new Uint8Array(0));
  assert.is(deliveries.watermark(false), 0);
  assert.is(deliveries.watermark(false), 1);
});

test('A1 C4 who may only read hands nothing back and gives it up, so that nothing piles up', () => {
  const deliveries = filled(3);
  assert.is(deliveries.reopen(false), 3);
  assert.is(deliveries.returning, null);
  assert.is(deliveries.reopen(true), 0);
  assert.is(deliveries.returning, null);
});

test('A1 C4 a grant that was taken away gives up what was being handed back', () => {
  const deliveries = filled(2);
  deliveries.reopen(true);
  deliveries.add(updates(1)[0] ?? new Uint8Array(0));
  deliveries.watermark(true);
  assert.is(deliveries.reopen(false), 3);
  assert.is(deliveries.returning, null);
});

test('C4 what is kept is a copy: the frame that it came in may be reused', () => {
  const [update] = updates(1);
  assert.ok(update);
  const deliveries = new Deliveries(mergeUpdates);
  deliveries.add(update);
  update.fill(255);
  deliveries.reopen(true);
  assert.equal(keysOf(deliveries.returning), [0]);
});

/** The same, by the rules: each update with what is known of it, and the count that has been told. */
class Model {
  readonly #all: { confirmed: boolean; before: boolean; returning: boolean }[] = [];
  #told = 0;

  add(): void {
    this.#all.push({ confirmed: false, before: false, returning: false });
  }

  watermark(settled: boolean): number {
    for (const each of this.#all) {
      if (each.returning || each.confirmed) continue;
      if (settled || each.before) each.confirmed = true;
      each.before = true;
    }
    return this.#tell();
  }

  reopen(writable: boolean): number {
    for (const each of this.#all) {
      if (each.confirmed) continue;
      each.returning = writable;
      each.confirmed = !writable;
    }
    return this.#tell();
  }

  acknowledge(): number {
    for (const each of this.#all) {
      each.confirmed ||= each.returning;
      each.returning = false;
    }
    return this.#tell();
  }

  get returning(): number[] {
    return this.#all.flatMap(({ returning }, at) => (returning ? [at] : []));
  }

  /** Confirmed ones are told from the oldest on, without a gap. */
  #tell(): number {
    const open = this.#all.findIndex(({ confirmed }) => !confirmed);
    const confirmed = open === -1 ? this.#all.length : open;
    const more = confirmed - this.#told;
    this.#told = confirmed;
    return more;
  }
}

function conversation(random: Random, made: readonly Uint8Array[]): void {
  const deliveries = new Deliveries(mergeUpdates);
  const model = new Model();
  let added = 0;
  for (let step = 0; step < 60; step++) {
    const roll = random();
    if (roll < 0.45 && added < made.length) {
      deliveries.add(made[added++] ?? new Uint8Array(0));
      model.add();
    } else if (roll < 0.7) {
      const settled = random() < 0.4;
      assert.is(deliveries.watermark(settled), model.watermark(settled));
    } else if (roll < 0.85) {
      const writable = random() < 0.8;
      assert.is(deliveries.reopen(writable), model.reopen(writable));
    } else {
      assert.is(deliveries.acknowledge(), model.acknowledge());
    }
    assert.equal(keysOf(deliveries.returning), model.returning);
  }
}

test('C4 P36 P37 counts and what is handed back are those of the rules, in 2,000 random conversations', () => {
  const made = updates(40);
  for (let seed = 1; seed <= 2000; seed++) {
    try {
      conversation(seededRandom(seed), made);
    } catch (error) {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }
});

test.run();
