import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { refusedWith } from '../protocol/samples.ts';
import { Bench, opened, refuse } from './client-bench.ts';

test('P38 P39 a code of a later version is taken by its action', () => {
  const bench = new Bench().live('a', 'b');
  bench.say(refuse({ code: 'TW_LATER', action: 'contact' }), refuse({ id: 2, code: 'TW_LATER', action: 'retry' }));
  assert.is(bench.session.status('a').phase, 'refused');
  assert.is(bench.session.status('b').phase, 'ready');
  assert.is(bench.session.status('b').error?.code, 'TW_LATER');
});

test('P40 P45 a document that is refused again and again waits longer, though others succeed', () => {
  const bench = new Bench().live('a', 'b');
  const waits: number[] = [];
  for (let round = 0; round < 5; round++) {
    bench.type('a', 'x');
    bench.say({ type: 'ack', doc: 2, n: 0 }, refuse({ id: 1, code: 'TW_STORAGE_FAILED' }));
    bench.sent();
    const due = Math.min(bench.session.deadline, bench.now + 8000);
    waits.push(due - bench.now);
    bench.now = due;
    bench.session.tick(due);
    assert.match(bench.sent().join(), /^open #/);
    bench.say(opened(round + 3, 1), { type: 'caught-up', doc: 1 });
  }
  assert.equal(waits, [125, 250, 500, 1000, 2000]);
  bench.sent();
  bench.say({ type: 'ack', doc: 1, n: 5 }, refuse({ id: 1 }));
  assert.is(bench.session.deadline - bench.now, 125, 'an acknowledgement starts the count anew');
});

test('P40 after reauth a new connection, which has a new token, is reason enough', () => {
  const bench = new Bench().live('a', 'b');
  bench.say(refuse({ id: 1, action: 'reauth', retryAfterMs: 5000 }), refuse({ id: 2, retryAfterMs: 5000 }));
  bench.session.disconnected(0);
  const atRest = bench.session.deadline;
  assert.ok(atRest < 5000, 'only the connection is waited for while there is none');
  bench.connect();
  assert.equal(
    bench.messages().map((message) => (message.type === 'open' ? message.name : message.type)),
    ['a'],
  );
  bench.now = 6000;
  bench.session.tick(6000);
  assert.ok(bench.messages().some((message) => message.type === 'open' && message.name === 'b'));
});

test('P43 what follows a refusal of the connection in the same frame is not acted upon', () => {
  const bench = new Bench().live('a');
  bench.say(refuse({ scope: 'connection', id: 0, code: 'TW_SHUTTING_DOWN' }), { type: 'ping' }, opened(9, 9));
  assert.equal(bench.sent(), []);
  assert.equal(bench.told, ['disconnect', 'connection']);
  assert.is(bench.session.connection, 'waiting');
});

test('P59 the time of a refusal counts for one attempt', () => {
  const bench = new Bench().live('a');
  bench.say(refuse({ scope: 'connection', id: 0, retryAfterMs: 20_000 }));
  assert.is(bench.session.deadline, 20_125);
  bench.now = bench.session.deadline;
  bench.session.tick(bench.now);
  bench.session.disconnected(bench.now);
  assert.is(bench.session.deadline - bench.now, 250);
});

test('P45 an open socket does not shorten the wait; a document that opens does', () => {
  const bench = new Bench();
  bench.session.open('a');
  const lose = (): number => {
    bench.session.disconnected(bench.now);
    return bench.session.deadline - bench.now;
  };
  bench.connect();
  assert.is(lose(), 125);
  bench.connect();
  assert.is(lose(), 250);
  bench.connect();
  bench.say(opened(3, 1));
  assert.is(lose(), 125);
});

test('P51 P55 a socket that does not open is given up on; being woken tries at once', () => {
  const bench = new Bench();
  bench.session.start(0);
  bench.sent();
  assert.is(bench.session.deadline, 10_000);
  bench.session.tick(10_000);
  bench.sent();
  assert.equal(bench.told, ['disconnect', 'connection']);
  assert.is(bench.session.connection, 'waiting');
  bench.session.wake(10_001);
  assert.is(bench.session.connection, 'connecting');
});

test('P55 P54 woken while connected, it asks for a sign of life, and gives 10 s for it', () => {
  const bench = new Bench().live('a');
  bench.session.wake(100_000);
  bench.session.wake(100_001);
  assert.equal(bench.sent(), ['ping']);
  bench.session.tick(109_999);
  assert.is(bench.session.connection, 'connected');
  bench.session.tick(110_000);
  assert.is(bench.session.connection, 'waiting');
});

test('P50 P53 P54 after a sleep it asks before it gives up, and answers what it is asked', () => {
  const bench = new Bench().live('a');
  bench.session.tick(3_600_000);
  assert.equal(bench.sent(), ['ping']);
  assert.is(bench.session.deadline, 3_610_000);
  bench.now = 3_600_010;
  bench.say({ type: 'pong' }, { type: 'ping' });
  assert.equal(bench.sent(), ['pong']);
  assert.is(bench.session.deadline, 3_615_010);
});

test('P5 what the relay would refuse the connection for is not sent', () => {
  const bench = new Bench();
  assert.throws(() => bench.session.open(''), refusedWith('TW_INVALID_NAME'));
  assert.throws(() => bench.session.open('語'.repeat(171)), refusedWith('TW_INVALID_NAME'));
  bench.session.open('語'.repeat(170));
  bench.session.start(0);
  bench.session.connected(0, 't'.repeat(8193));
  assert.is(bench.session.connection, 'stopped');
  assert.is(bench.session.error?.code, 'TW_TOO_LARGE');
});

test('P41 L1 a document whose update cannot be applied is left and stays refused', () => {
  const bench = new Bench().live('a', 'b');
  bench.session.applyFailed('a', 'impossible');
  bench.session.applyFailed('gone', 'impossible');
  assert.equal(bench.sent(), ['leave doc 1']);
  assert.is(bench.session.status('a').error?.code, 'TW_QUARANTINED');
  assert.ok(bench.session.status('b').synced);
});

test.run();
