// What a provider counts, played by a model of it, against what the ledger answers.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { seededRandom } from '../../src/base/random.ts';
import { HocuspocusLedger, type HocuspocusPlace } from '../../src/session/hocuspocus-ledger.ts';
import { decodeStateVector } from '../../src/update/state-vector.ts';

/** A document whose edits are at hand one by one. */
class Editor {
  readonly doc: Y.Doc = new Y.Doc();
  #last: Uint8Array = new Uint8Array(0);

  constructor() {
    this.doc.on('update', (update: Uint8Array) => (this.#last = update));
    this.insert();
    this.insert();
  }

  insert(): Uint8Array {
    this.doc.getText('text').insert(0, 'abcdefghij');
    return this.#last;
  }

  delete(): Uint8Array {
    this.doc.getText('text').delete(0, 1);
    return this.#last;
  }

  begin(ledger: HocuspocusLedger): void {
    ledger.begin(decodeStateVector(Y.encodeStateVector(this.doc)));
  }
}

function acksOf(ledger: HocuspocusLedger, updates: readonly (readonly [Uint8Array, HocuspocusPlace])[]): number[] {
  return updates.map(([update, place]) => ledger.update(update, place));
}

test('U1 an edit is worth one, once it is committed', () => {
  const [ledger, editor] = [new HocuspocusLedger(), new Editor()];
  editor.begin(ledger);
  ledger.handshakeAsked();
  assert.equal(ledger.answer(), { acks: 1, everything: true });
  ledger.owe(1, 5);
  assert.equal(
    acksOf(ledger, [
      [editor.insert(), 'after'],
      [editor.delete(), 'after'],
    ]),
    [1, 1],
  );
  ledger.owe(1, 5);
  ledger.owe(1, 6);
  assert.is(ledger.committed(4), 0);
  assert.is(ledger.committed(5), 2);
  assert.is(ledger.committed(5), 0);
  assert.is(ledger.committed(9), 1);
});

test('P86 U1 what was made before the step 1 is worth nothing, wherever it comes', () => {
  const [ledger, editor] = [new HocuspocusLedger(), new Editor()];
  const [inserted, deleted, another] = [editor.insert(), editor.delete(), editor.insert()];
  assert.equal(
    acksOf(ledger, [
      [inserted, 'before'],
      [deleted, 'before'],
    ]),
    [0, 0],
  );
  editor.begin(ledger);
  assert.equal(
    acksOf(ledger, [
      [inserted, 'among-queued'],
      [deleted, 'among-queued'],
      [another, 'after'],
    ]),
    [0, 0, 0],
  );
  assert.is(ledger.update(editor.insert(), 'after'), 1);
});

test('U1 a batch that began before the step 1 is worth nothing', () => {
  const [ledger, editor] = [new HocuspocusLedger(), new Editor()];
  const before = editor.insert();
  editor.begin(ledger);
  assert.is(ledger.update(Y.mergeUpdates([before, editor.insert()]), 'after'), 0);
});

test('U1 deletions behind something queued were queued too', () => {
  const [ledger, editor] = [new HocuspocusLedger(), new Editor()];
  const [queued, queuedDeletion] = [editor.insert(), editor.delete()];
  editor.begin(ledger);
  ledger.handshakeAsked();
  const acks = acksOf(ledger, [
    [editor.insert(), 'among-queued'],
    [queued, 'among-queued'],
    [queuedDeletion, 'among-queued'],
  ]);
  assert.equal(acks, [1, 0, 0]);
  ledger.answer();
  assert.is(ledger.isUnsure, false);
});

test('P87 U1 deletions that nothing tells apart are worth nothing until the provider counts anew', () => {
  const [ledger, editor] = [new HocuspocusLedger(), new Editor()];
  editor.begin(ledger);
  ledger.handshakeAsked();
  assert.is(ledger.update(editor.delete(), 'among-queued'), 0);
  assert.is(ledger.isUnsure, false, 'its queue is not empty yet');
  ledger.owe(ledger.answer().acks, 1);
  assert.is(ledger.isUnsure, false, 'something is due');
  assert.is(ledger.committed(1), 1);
  assert.is(ledger.isUnsure, true);
  editor.begin(ledger);
  assert.is(ledger.isUnsure, false);
});

test('U1 a new step 1 makes void what was due before it', () => {
  const [ledger, editor] = [new HocuspocusLedger(), new Editor()];
  editor.begin(ledger);
  ledger.handshakeAsked();
  ledger.owe(ledger.update(editor.insert(), 'after'), 1);
  editor.begin(ledger);
  ledger.handshakeAsked();
  assert.is(ledger.committed(1), 0);
  assert.is(ledger.answer().acks, 0, 'the answer to the first question');
  assert.is(ledger.answer().acks, 1, 'the answer to the second');
});

test('U1 C5 what could not be taken is due with the answer to the question for it', () => {
  const [ledger, editor] = [new HocuspocusLedger(), new Editor()];
  editor.begin(ledger);
  ledger.handshakeAsked();
  ledger.owe(ledger.answer().acks, 1);
  ledger.defer(1);
  ledger.defer(1);
  ledger.resyncAsked();
  assert.is(ledger.isAsking, true);
  assert.equal(ledger.answer(), { acks: 2, everything: true });
  assert.is(ledger.isAsking, false);
  assert.equal(ledger.answer(), { acks: 1, everything: false }, 'nobody asked for this one');
});

test('U1 in 2000 reconnects, the count never falls below what is not committed, and ends at 0 unless that is unsure', () => {
  const random = seededRandom(11);
  const outcomes = { exact: 0, unsure: 0 };
  for (let round = 0; round < 2000; round++) {
    const [ledger, editor] = [new HocuspocusLedger(), new Editor()];
    const some = (max: number): Uint8Array[] =>
      Array.from({ length: Math.floor(random() * (max + 1)) }, () =>
        random() < 0.5 ? editor.insert() : editor.delete(),
      );
    let count = 0;
    let ticket = 0;
    /** Tickets of everything that the provider counts. */
    const counted: number[] = [];
    const commit = (upTo: number): void => {
      count -= ledger.committed(upTo);
      const outstanding = counted.filter((one) => one > upTo).length;
      assert.ok(count >= outstanding, `round ${round}: ${count} shown, ${outstanding} not committed`);
    };
    const arrive = (updates: readonly Uint8Array[], place: HocuspocusPlace, isCounted: boolean): void => {
      for (const update of updates) {
        ledger.owe(ledger.update(update, place), ++ticket);
        if (isCounted) counted.push(ticket);
      }
    };
    const queued = some(4);
    editor.begin(ledger);
    ledger.handshakeAsked();
    const direct = some(2);
    const late = some(2);
    count = 1 + direct.length + late.length;
    arrive(direct, 'among-queued', true);
    arrive(queued, 'among-queued', false);
    ledger.owe(ledger.answer().acks, ++ticket);
    counted.push(ticket);
    arrive(late, 'after', true);
    const middle = Math.floor(random() * ticket);
    commit(middle);
    commit(ticket);
    if (ledger.isUnsure) outcomes.unsure++;
    else {
      assert.is(count, 0, `round ${round}`);
      outcomes.exact++;
    }
  }
  assert.ok(outcomes.exact > 0 && outcomes.unsure > 0, JSON.stringify(outcomes));
});

test.run();
