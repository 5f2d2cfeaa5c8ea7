import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Bench, opened, refuse } from './client-bench.ts';

const reauth = (id: number): ReturnType<typeof refuse> => refuse({ id, code: 'TW_UNAUTHORIZED', action: 'reauth' });

/** Lets time pass until the session asks for a token; how long it took, or null when it does not ask within `limitMs`. */
function askedAfterMs(bench: Bench, limitMs = 3_600_000): number | null {
  const from = bench.now;
  for (;;) {
    bench.now = Math.max(bench.now, Math.min(bench.session.deadline, from + limitMs));
    bench.session.tick(bench.now);
    bench.say({ type: 'pong' });
    bench.messages();
    if (bench.told.includes('token')) return bench.now - from;
    if (bench.now >= from + limitMs) return null;
  }
}

test('P98 a token is asked for 60 s before the first grant ends, after half of a shorter one, and never in a hurry', () => {
  for (const [ends, asked] of [
    [[3_000_000, 600_000], 540_000],
    [[90_000], 45_000],
    [[2000], 1000],
    [[100], 500],
    [[0], null],
  ] as const) {
    const bench = new Bench().live('a', 'b');
    for (const endsInMs of ends) bench.say({ type: 'grant', doc: 1, endsInMs });
    assert.is(askedAfterMs(bench), asked, ends.join());
  }
});

test('P96 P98 the new token goes to the relay for what is open, and with what is opened later', () => {
  const bench = new Bench().live('a');
  bench.say({ type: 'grant', doc: 1, endsInMs: 10_000 });
  assert.is(askedAfterMs(bench), 5000);
  bench.session.renewed('second', bench.now);
  assert.equal(bench.messages(), [{ type: 'token', token: 'second' }]);
  assert.is(askedAfterMs(bench, 100_000), null, 'until the relay tells when the next ends');
  bench.say({ type: 'grant', doc: 1, endsInMs: 10_000 });
  assert.is(askedAfterMs(bench), 5000);
  bench.session.open('b');
  assert.equal(
    bench.messages().map((message) => (message.type === 'open' ? message.token : message.type)),
    ['second'],
  );
});

test('P98 a token that is too long for the protocol is refused here, as with a connection', () => {
  const bench = new Bench().live('a');
  bench.say({ type: 'grant', doc: 1, endsInMs: 10_000 });
  askedAfterMs(bench);
  bench.session.renewed('x'.repeat(10_000), bench.now);
  assert.equal(bench.sent(), []);
  const { error } = bench.session.status('a');
  assert.equal([error?.code, error?.retryable, error?.action], ['TW_TOO_LARGE', false, 'contact']);
});

test('P40 P98 what was refused with reauth is not asked for with the token that was refused; a question serves all', () => {
  const bench = new Bench().live('a', 'b', 'c');
  bench.say(reauth(1), reauth(2));
  bench.messages();
  assert.equal(bench.session.status('a').error, {
    code: 'TW_UNAUTHORIZED',
    reason: '',
    retryable: true,
    action: 'reauth',
    retryAfterMs: 0,
  });
  const waits: (number | null)[] = [];
  for (let round = 0, request = 4; round < 6; round++, request += 2) {
    waits.push(askedAfterMs(bench));
    bench.session.renewed(`token ${round}`, bench.now);
    const sent = bench.messages().map((message) => ('token' in message ? `${message.type} ${message.token}` : ''));
    assert.equal(sent, [`token token ${round}`, `open token ${round}`, `open token ${round}`]);
    for (const id of [request, request + 1])
      bench.say({ ...reauth(id), scope: 'request' } as ReturnType<typeof refuse>);
  }
  assert.equal(waits, [125, 250, 500, 1000, 2000, 4000], 'the waits grow, whoever else waits');
  askedAfterMs(bench);
  bench.session.renewed('good', bench.now);
  bench.messages();
  bench.say(opened(16, 7), reauth(3));
  assert.is(askedAfterMs(bench), 125, 'an opened document starts the count anew');
});

test('P98 a token that the application has not, or does not give in time, is asked for again', () => {
  const bench = new Bench().live('a');
  bench.say({ type: 'grant', doc: 1, endsInMs: 10_000 });
  askedAfterMs(bench);
  const waits: (number | null)[] = [];
  for (let round = 0; round < 3; round++) {
    bench.session.tokenless('Error: none', bench.now);
    waits.push(askedAfterMs(bench));
  }
  assert.equal(waits, [125, 250, 500]);
  assert.is(askedAfterMs(bench), 10_000, 'no answer');
  bench.session.renewed('late', bench.now);
  assert.equal(bench.messages(), [{ type: 'token', token: 'late' }]);
});

test('P98 U3 without a token to connect with the client waits, and says why', () => {
  const bench = new Bench();
  bench.session.open('a');
  bench.session.start(0);
  bench.session.tokenless('Error: the service is down', 0);
  assert.is(bench.session.connection, 'waiting');
  assert.is(bench.session.deadline, 125);
  assert.equal(bench.session.error, {
    code: 'TW_UNAUTHORIZED',
    reason: 'Error: the service is down',
    retryable: true,
    action: 'reauth',
    retryAfterMs: 0,
  });
  bench.connect();
  bench.say(opened(1, 1));
  assert.is(bench.session.error, null);
});

test('P97 a changed access opens the document again, with the new token', () => {
  const bench = new Bench().live('a');
  bench.say({ type: 'grant', doc: 1, endsInMs: 1000 });
  askedAfterMs(bench);
  bench.session.renewed('less', bench.now);
  bench.messages();
  bench.say(refuse({ code: 'TW_ACCESS_CHANGED' }));
  bench.now += 125;
  bench.session.tick(bench.now);
  assert.equal(
    bench.messages().map((message) => (message.type === 'open' ? message.token : message.type)),
    ['less'],
  );
  bench.say({ ...opened(2, 1), access: 'read' } as ReturnType<typeof opened>);
  assert.equal([bench.session.status('a').access, bench.session.status('a').error], ['read', null]);
});

test.run();
