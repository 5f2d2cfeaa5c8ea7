import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RefusedError } from '../../src/base/errors.ts';
import { type YWebsocketMessage, encodeYWebsocket } from '../../src/protocol/dialects/y-websocket.ts';
import { type YWebsocketOutput, YWebsocketSession } from '../../src/session/y-websocket-session.ts';

const limits = { updateBytesMax: 100, connectionTimeoutMs: 60_000, messageBytesMax: 1000 };
const bytes = Uint8Array.of(1, 2);

function words(session: YWebsocketSession): string[] {
  return session.drain().map((output: YWebsocketOutput) => {
    switch (output.kind) {
      case 'send':
        return `send ${output.message.type}`;
      case 'close':
        return `close ${output.closeCode} ${output.error.code}`;
      case 'store':
        return `store${output.everything ? ' everything' : ''}`;
      default:
        return output.kind;
    }
  });
}

function say(session: YWebsocketSession, ...messages: YWebsocketMessage[]): string[] {
  session.receive(new Uint8Array(Buffer.concat(messages.map(encodeYWebsocket))));
  return words(session);
}

function openSession(): YWebsocketSession {
  const session = new YWebsocketSession(limits, 0);
  session.opened(bytes);
  session.joined();
  session.drain();
  return session;
}

test('P62 the relay speaks first, then answers what came before in its order', () => {
  const session = new YWebsocketSession(limits, 0);
  const frame = new Uint8Array(encodeYWebsocket({ type: 'step-1', stateVector: bytes }));
  session.receive(frame);
  frame.fill(0xff);
  assert.equal(say(session, { type: 'awareness', update: bytes }, { type: 'update', update: bytes }), []);
  session.opened(bytes);
  session.opened(bytes);
  assert.equal(words(session), ['send step-1', 'catch-up']);
  assert.equal(say(session, { type: 'query-awareness' }, { type: 'step-1', stateVector: bytes }), ['catch-up']);
  session.joined();
  session.joined();
  assert.equal(words(session), ['awareness', 'store', 'tell-awareness']);
});

test('P62 A4 R2 what is kept before the document is open is bounded, and not even decoded', () => {
  const large = new YWebsocketSession(limits, 0);
  large.receive(new Uint8Array(900));
  assert.equal(words(large), ['send permission-denied', 'close 4413 TW_TOO_LARGE']);
  const many = new YWebsocketSession(limits, 0);
  for (let frame = 0; frame < 100; frame++) many.receive(Uint8Array.of(3));
  assert.equal(words(many), ['send permission-denied', 'close 4413 TW_TOO_LARGE']);
  many.opened(bytes);
  assert.equal(words(many), []);
  const malformed = new YWebsocketSession(limits, 0);
  malformed.receive(Uint8Array.of(99));
  malformed.opened(bytes);
  assert.equal(words(malformed), ['send step-1', 'send permission-denied', 'close 4400 TW_MALFORMED_MESSAGE']);
});

test('P63 what a client sends is answered, stored or told', () => {
  assert.equal(
    say(
      openSession(),
      { type: 'step-1', stateVector: bytes },
      { type: 'step-2', update: bytes },
      { type: 'update', update: bytes },
      { type: 'query-awareness' },
    ),
    ['catch-up', 'store everything', 'store', 'tell-awareness'],
  );
});

test('P64 R1 what only a relay may say, and what is no message, closes the connection', () => {
  assert.equal(say(openSession(), { type: 'permission-denied', reason: '' }), [
    'send permission-denied',
    'close 4400 TW_UNEXPECTED_MESSAGE',
  ]);
  const session = openSession();
  session.receive(Uint8Array.of(0, 9));
  assert.equal(words(session), ['send permission-denied', 'close 4400 TW_MALFORMED_MESSAGE']);
  const busy = openSession();
  busy.close(new RefusedError('TW_OVERLOADED', 'come back'));
  assert.equal(words(busy), ['close 4503 TW_OVERLOADED']);
  assert.equal(say(session, { type: 'query-awareness' }), []);
  session.close(new RefusedError('TW_TIMEOUT', 'again'));
  session.denyWrite('too late');
  assert.equal(words(session), []);
});

test('P65 a quiet connection gets an empty awareness update every 20 s', () => {
  const session = openSession();
  assert.is(session.deadline, 20_000);
  session.sent(5000);
  session.tick(20_000);
  assert.equal(words(session), []);
  session.tick(25_000);
  assert.equal(words(session), ['send awareness']);
  assert.is(session.deadline, 45_000);
  assert.is(new YWebsocketSession(limits, 0).deadline, Infinity);
});

test('P66 an edit that is not allowed is answered with permission-denied', () => {
  const session = openSession();
  session.denyWrite('TW_READ_ONLY: no');
  assert.equal(words(session), ['send permission-denied']);
});

test('P67 D5 what could not be stored is asked for again', () => {
  const session = openSession();
  session.putOff(1000);
  session.putOff(2000);
  assert.is(session.deadline, 6000);
  session.tick(6000);
  assert.equal(words(session), ['ask']);
  assert.is(session.deadline, 20_000);
});

test.run();
