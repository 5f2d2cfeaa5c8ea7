/** Copies that are compared with the relay's document (C1). */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeCursor } from '../../src/protocol/cursor.ts';
import type { ServerMessage } from '../../src/protocol/message.ts';
import { IdRanges } from '../../src/update/id-ranges.ts';
import { type StateVector, encodeStateVector } from '../../src/update/state-vector.ts';
import { Bench, letter, none } from './client-bench.ts';

const settledAt = (seq: number): ServerMessage => ({
  type: 'watermark',
  doc: 1,
  epoch: 'e',
  cursor: encodeCursor({ logId: 'log', seq, check: 0 }),
  settled: true,
});

/** Something else has happened to be quiet about; time passes, and the client asks. */
function askedToCompare(bench: Bench, seq: number): void {
  bench.say(settledAt(seq));
  assert.equal(bench.sent(), []);
  bench.now += 5000;
  bench.session.tick(bench.now);
  assert.equal(bench.sent(), [`compare doc 1 at log/${seq}`]);
}

const differs = (stateVector: StateVector, deletes: IdRanges = new IdRanges()): ServerMessage => ({
  type: 'compared',
  doc: 1,
  result: 'differs',
  stateVector: encodeStateVector(stateVector),
  deletes: deletes.encode(),
});
const nothingCompared = { stateVector: none, deletes: none };

test('P71 nothing is compared while something is unsaved, unsettled or still coming', () => {
  const bench = new Bench().live('a');
  bench.type('a', 'x');
  bench.say(settledAt(1));
  bench.now += 9000;
  bench.session.tick(bench.now);
  assert.equal(bench.sent(), ['push doc 1 n=1 [1:0"x"]']);
  bench.say({ type: 'ack', doc: 1, n: 1 });
  bench.now += 3000;
  bench.say({ type: 'update', doc: 1, update: letter(9) });
  bench.now += 9000;
  bench.session.tick(bench.now);
  assert.not(bench.sent().some((message) => message.startsWith('compare')));
  bench.say({ ...settledAt(2), settled: false } as ServerMessage);
  assert.ok(bench.session.deadline > bench.now + 5000, 'nothing but a ping is due');
  bench.say(settledAt(3));
  assert.is(bench.session.deadline, bench.now + 5000);
});

test('P72 elsewhere proves nothing, and is asked again', () => {
  const bench = new Bench().live('a');
  askedToCompare(bench, 1);
  bench.say({ type: 'compared', doc: 1, result: 'elsewhere', ...nothingCompared });
  assert.not(bench.session.status('a').verified);
  askedToCompare(bench, 1);
  bench.say({ type: 'compared', doc: 1, result: 'same', ...nothingCompared });
  assert.ok(bench.session.status('a').verified);
  bench.say({ type: 'compared', doc: 1, result: 'same', ...nothingCompared });
  assert.is(bench.session.error?.code, 'TW_UNEXPECTED_MESSAGE', 'nobody asked');
});

test('P71 who waits for a comparison is asked for at once, and after an elsewhere with the next watermark', () => {
  const bench = new Bench().live('a');
  const ask = (): string[] => {
    bench.session.tick(bench.now);
    return bench.sent();
  };
  bench.session.compareSoon('a', bench.now);
  assert.equal(ask(), [], 'nothing vouches for what came');
  bench.say(settledAt(1));
  assert.equal(ask(), ['compare doc 1 at log/1']);
  bench.say({ type: 'compared', doc: 1, result: 'elsewhere', ...nothingCompared });
  assert.equal(ask(), [], 'the relay is not asked again and again');
  bench.now += 100;
  bench.say(settledAt(2));
  assert.equal(ask(), [], 'nor sooner than it answers');
  bench.now += 1150;
  assert.equal(ask(), ['compare doc 1 at log/2']);
  bench.say({ type: 'compared', doc: 1, result: 'same', ...nothingCompared });
  assert.ok(bench.session.status('a').verified);
  bench.say({ type: 'update', doc: 1, update: letter(9) }, settledAt(3));
  assert.equal(ask(), [], 'nobody waits any more');
  assert.is(bench.session.deadline, bench.now + 5000);
});

test('P76 edits made since the question are not held against the relay, and same proves nothing of them', () => {
  const bench = new Bench().live('a');
  askedToCompare(bench, 1);
  bench.type('a', 'x');
  bench.say(differs(new Map()));
  assert.equal(bench.sent(), ['resync doc 1 n=2 [1:0"x"]']);
  assert.not(bench.told.includes('diverged'));
  bench.say({ type: 'ack', doc: 1, n: 2 });
  askedToCompare(bench, 2);
  bench.type('a', 'y');
  bench.say({ type: 'compared', doc: 1, result: 'same', ...nothingCompared });
  assert.not(bench.session.status('a').verified);
});

test('P75 deletions that only follow from others travel alone, and are no difference', () => {
  const bench = new Bench().live('a');
  bench.stated = false;
  bench.doc('a').getText('t').insert(0, 'abc');
  bench.doc('a').getText('t').delete(1, 1);
  askedToCompare(bench, 1);
  bench.say(differs(new Map([[1, 3]])));
  assert.equal(bench.sent(), ['resync doc 1 n=1 [-1:1+1]']);
  assert.equal([bench.told, bench.session.status('a').safe], [[], 'server']);
});

test('P77 R6 what stays different after three exchanges ends the document', () => {
  const bench = new Bench().live('a');
  bench.doc('a').getText('t').insert(0, 'abc');
  for (let exchange = 1; exchange <= 4; exchange++) {
    askedToCompare(bench, 1);
    bench.say(differs(new Map()));
    assert.is(bench.sent()[0], `resync doc 1 n=${exchange} [1:0"abc"]`);
    assert.ok(bench.told.includes('diverged'));
    bench.say({ type: 'ack', doc: 1, n: exchange });
  }
  const { phase, error } = bench.session.status('a');
  assert.equal([phase, error?.code, error?.action], ['refused', 'TW_DIVERGED', 'reload']);
});

test.run();
