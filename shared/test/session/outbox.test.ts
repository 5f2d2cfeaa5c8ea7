import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Outbox } from '../../src/session/outbox.ts';
import { numRuns, seed } from '../protocol/samples.ts';

const bytes = (length: number): Uint8Array => new Uint8Array(length);

test('P17 edits are numbered from 1 and taken in order, as many as fit and at least one', () => {
  const outbox = new Outbox();
  assert.is(outbox.lastN, 0);
  assert.is(outbox.take(10), null);
  assert.equal(
    [6, 4, 1, 20].map((length) => outbox.add(bytes(length), 0)),
    [1, 2, 3, 4],
  );
  assert.is(outbox.take(10)?.n, 2);
  assert.is(outbox.take(10)?.n, 3);
  assert.is(outbox.take(10)?.updates.length, 1, 'one that is too large alone goes alone');
  assert.is(outbox.take(10), null);
  assert.is(outbox.bytesInFlight, 31);
});

test('P24 after a lost connection everything unacknowledged is taken again, with the same numbers', () => {
  const outbox = new Outbox();
  for (let edit = 0; edit < 4; edit++) outbox.add(bytes(1), edit);
  outbox.take(3);
  assert.ok(outbox.acknowledge(2));
  assert.is(outbox.since, 2);
  outbox.rewind();
  assert.is(outbox.lastSentN, 0);
  assert.is(outbox.bytesInFlight, 0);
  const again = outbox.take(100);
  assert.ok(again);
  assert.is(again.n, 4);
  assert.is(again.updates.length, 2);
});

test('P20 an acknowledgement covers everything up to its number, and only once', () => {
  const outbox = new Outbox();
  for (let edit = 0; edit < 3; edit++) outbox.add(bytes(2), 0);
  outbox.take(100);
  assert.not(outbox.acknowledge(0));
  assert.ok(outbox.acknowledge(2));
  assert.not(outbox.acknowledge(2));
  assert.is(outbox.size, 1);
  assert.is(outbox.bytes, 2);
  assert.ok(outbox.acknowledge(3));
  assert.is(outbox.since, null);
});

test('P28 a resync has a number of its own, which no later edit gets', () => {
  const outbox = new Outbox();
  outbox.add(bytes(1), 0);
  assert.is(outbox.takeAll(), 2);
  assert.is(outbox.lastSentN, 2);
  assert.is(outbox.lastN, 1, 'the newest edit is still the first');
  assert.not(outbox.hasUnsent);
  assert.is(outbox.add(bytes(1), 0), 3);
  assert.ok(outbox.acknowledge(2));
  assert.is(outbox.size, 1);
});

test('P17 P20 P24 counts are right whatever happens in whatever order', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('add' as const), length: fc.nat(20) }),
    fc.record({ kind: fc.constant('take' as const), bytesMax: fc.nat(30) }),
    fc.record({ kind: fc.constant('acknowledge' as const), back: fc.nat(5) }),
    fc.record({ kind: fc.constant('rewind' as const) }),
    fc.record({ kind: fc.constant('takeAll' as const) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const outbox = new Outbox();
      let model: { n: number; length: number; sent: boolean }[] = [];
      for (const each of steps) {
        if (each.kind === 'add') model.push({ n: outbox.add(bytes(each.length), 0), length: each.length, sent: false });
        else if (each.kind === 'take') {
          const taken = outbox.take(each.bytesMax);
          if (taken !== null) for (const entry of model) if (entry.n <= taken.n) entry.sent = true;
        } else if (each.kind === 'acknowledge') {
          const n = Math.max(0, outbox.lastSentN - each.back);
          outbox.acknowledge(n);
          model = model.filter((entry) => entry.n > n);
        } else if (each.kind === 'rewind') {
          outbox.rewind();
          for (const entry of model) entry.sent = false;
        } else {
          outbox.takeAll();
          for (const entry of model) entry.sent = true;
        }
        const sum = (entries: typeof model): number => entries.reduce((total, { length }) => total + length, 0);
        assert.is(outbox.size, model.length);
        assert.is(outbox.bytes, sum(model));
        assert.is(outbox.bytesInFlight, sum(model.filter(({ sent }) => sent)));
        assert.is(
          outbox.hasUnsent,
          model.some(({ sent }) => !sent),
        );
      }
    }),
    { seed, numRuns },
  );
});

test.run();
