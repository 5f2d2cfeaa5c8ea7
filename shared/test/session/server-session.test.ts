import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RefusedError } from '../../src/base/errors.ts';
import { encodeMessages } from '../../src/protocol/codec.ts';
import type { ClientMessage, OpenMessage } from '../../src/protocol/message.ts';
import { type ServerOutput, ServerSession } from '../../src/session/server-session.ts';
import {
  type ServerDocumentEvent,
  type ServerDocumentState,
  serverDocumentTransitions,
} from '../../src/session/transitions.ts';

const limits = { updateBytesMax: 100, documentsPerConnectionMax: 3, connectionTimeoutMs: 60_000 };
const update = Uint8Array.of(0, 0);
const vector = Uint8Array.of(0);

function open(request: number): OpenMessage {
  return {
    type: 'open',
    request,
    name: 'n',
    token: '',
    device: '',
    epoch: '',
    cursor: new Uint8Array(0),
    stateVector: vector,
  };
}

function opened(request: number, doc: number): Parameters<ServerSession['granted']>[0] {
  return { request, doc, epoch: '', access: 'write', user: '', totalBytes: 0 };
}

function say(session: ServerSession, ...messages: ClientMessage[]): string[] {
  session.receive(encodeMessages(messages), 0);
  return outputs(session);
}

/** Outputs in a word or three each. */
function outputs(session: ServerSession): string[] {
  return session.drain().map(words);
}

function words(output: ServerOutput): string {
  if (output.kind !== 'send') {
    if (output.kind === 'close') return `close ${output.error.code}`;
    return output.kind === 'store' ? `store ${output.n} (${output.update.length})` : output.kind;
  }
  const { message } = output;
  if (message.type === 'refuse') return `refuse ${message.scope} ${message.code}`;
  return message.type === 'ack' ? `ack ${message.n}` : message.type;
}

function sessionWith(...docs: number[]): ServerSession {
  const session = new ServerSession(limits, 0);
  for (const doc of docs) {
    say(session, open(doc));
    assert.ok(session.granted(opened(doc, doc)));
  }
  session.drain();
  return session;
}

const push = (n: number, doc = 1): ClientMessage => ({ type: 'push', doc, n, update });
const resync = (n: number, doc = 1): ClientMessage => ({ type: 'resync', doc, n, update });
const compare = (doc = 1): ClientMessage => ({ type: 'compare', doc, cursor: vector, digest: vector });
const part = (length: number, doc = 1): ClientMessage => ({ type: 'part', doc, bytes: new Uint8Array(length) });

const eventOf: Record<ServerDocumentEvent, (session: ServerSession) => void> = {
  granted: (session) => {
    session.receive(encodeMessages([open(99)]), 0);
    session.drain();
    session.granted(opened(99, 1));
  },
  push: (session) => session.receive(encodeMessages([push(1)]), 0),
  resync: (session) => session.receive(encodeMessages([resync(1)]), 0),
  part: (session) => session.receive(encodeMessages([part(1)]), 0),
  awareness: (session) => session.receive(encodeMessages([{ type: 'awareness', doc: 1, update }]), 0),
  'caught-up': (session) => session.receive(encodeMessages([{ type: 'caught-up', doc: 1 }]), 0),
  compare: (session) => session.receive(encodeMessages([compare()]), 0),
  who: (session) => session.receive(encodeMessages([{ type: 'who', doc: 1, cursor: vector }]), 0),
  'behind-client': (session) => session.missing(1, null, vector),
  leave: (session) => session.receive(encodeMessages([{ type: 'leave', doc: 1 }]), 0),
  refused: (session) => session.refuseDocument(1, new RefusedError('TW_OVERLOADED', 'r')),
};

function inState(state: ServerDocumentState): ServerSession {
  if (state === 'absent') return sessionWith();
  const session = sessionWith(1);
  if (state === 'wanting') session.missing(1, null, vector);
  session.drain();
  return session;
}

/** The state that a session shows by what it does. */
function stateOf(session: ServerSession): ServerDocumentState {
  if (say(session, push(5)).length === 0) return 'absent';
  return say(session, resync(6))[0]?.startsWith('store') ? 'wanting' : 'open';
}

for (const [state, cells] of Object.entries(serverDocumentTransitions)) {
  for (const [event, next] of Object.entries(cells)) {
    test(`P57 P10 server: ${event} in ${state} → ${next}`, () => {
      const session = inState(state as ServerDocumentState);
      eventOf[event as ServerDocumentEvent](session);
      const did = outputs(session);
      if (next === '!') {
        assert.ok(
          did.some((word) => /^refuse (connection|request) TW_UNEXPECTED_MESSAGE$/.test(word)),
          did.join(),
        );
        return;
      }
      if (next === '-') assert.equal(did, []);
      assert.is(stateOf(session), next === '-' ? state : next);
    });
  }
}

test('P7 every open is answered once, in any order', () => {
  const session = new ServerSession(limits, 0);
  assert.equal(say(session, open(1), open(2)), ['open', 'open']);
  assert.ok(session.granted(opened(2, 7)));
  session.refusedOpen(1, new RefusedError('TW_FORBIDDEN', 'no'));
  session.refusedOpen(1, new RefusedError('TW_FORBIDDEN', 'no'));
  assert.not(session.granted(opened(2, 7)));
  assert.equal(outputs(session), ['opened', 'refuse request TW_FORBIDDEN']);
});

test('P8 a request number under way is not taken twice; a document is opened once', () => {
  const session = sessionWith(1);
  assert.equal(say(session, open(5)), ['open']);
  assert.not(session.granted(opened(5, 1)));
  assert.equal(outputs(session), ['refuse request TW_UNEXPECTED_MESSAGE']);
  assert.equal(say(session, push(1)), ['store 1 (2)'], 'the one that is open stays open');
  assert.equal(say(session, open(6), open(6)).slice(1), [
    'refuse connection TW_UNEXPECTED_MESSAGE',
    'close TW_UNEXPECTED_MESSAGE',
  ]);
});

test('P7 R6 documents and opens under way are bounded together', () => {
  const session = sessionWith(1, 2);
  assert.equal(say(session, open(3), open(4)), ['open', 'refuse request TW_TOO_MANY_DOCUMENTS']);
  assert.equal(say(session, { type: 'leave', doc: 1 }, open(4)), ['leave', 'open']);
});

test('P20 P23 D2 an acknowledgement follows its commit, and covers what came before', () => {
  const session = sessionWith(1);
  say(session, push(1), push(2), push(3));
  session.stored(1, 1, 10);
  session.stored(1, 2, 10);
  session.stored(1, 3, 11);
  assert.equal(outputs(session), []);
  session.committed(1, 9);
  assert.equal(outputs(session), []);
  session.committed(1, 10);
  assert.equal(outputs(session), ['ack 2']);
  session.committed(1, 10);
  session.committed(1, 12);
  session.committed(99, 12);
  assert.equal(outputs(session), ['ack 3']);
});

test('P19 P20 C3 what is known already waits for what is under way', () => {
  const session = sessionWith(1);
  session.stored(1, 1, 5);
  session.stored(1, 2, 0);
  session.committed(1, 0);
  assert.equal(outputs(session), [], 'push 2 is durable, but push 1 before it is not');
  session.committed(1, 5);
  assert.equal(outputs(session), ['ack 2']);
  session.stored(1, 0, 5);
  session.committed(1, 5);
  assert.equal(outputs(session), ['ack 0']);
});

test('P22 P27 nothing behind a gap is acknowledged before the resync, and the relay asks once', () => {
  const session = sessionWith(1);
  session.stored(1, 1, 1);
  session.missing(1, 2, vector);
  session.missing(1, 3, vector);
  session.stored(1, 4, 2);
  assert.equal(outputs(session), ['want']);
  session.committed(1, 2);
  assert.equal(outputs(session), ['ack 1']);
  assert.equal(say(session, resync(5)), ['store 5 (2)']);
  session.stored(1, 5, 3);
  session.committed(1, 3);
  assert.equal(outputs(session), ['ack 5']);
});

test('P27 a resync that was not wanted ends the connection', () => {
  assert.equal(say(sessionWith(1), resync(1)), [
    'refuse connection TW_UNEXPECTED_MESSAGE',
    'close TW_UNEXPECTED_MESSAGE',
  ]);
});

test('P22 R2 pushes that wait for the same thing take no further memory', () => {
  const session = sessionWith(1);
  session.missing(1, 1, vector);
  for (let n = 2; n < 100_000; n++) session.missing(1, n, vector);
  say(session, resync(100_000));
  for (let n = 100_001; n < 200_000; n++) session.stored(1, n, 1);
  session.committed(1, 1);
  assert.equal(outputs(session), ['ack 199999']);
});

test('P15 R2 parts of all documents together are bounded, and the one that is over ends alone', () => {
  const session = sessionWith(1, 2);
  assert.equal(say(session, part(60, 1), part(40, 2)), []);
  assert.equal(say(session, part(1, 2)), ['refuse document TW_TOO_LARGE', 'leave']);
  assert.equal(say(session, part(40, 1), push(1, 1)), ['refuse document TW_TOO_LARGE', 'leave']);
  say(session, open(3));
  session.granted(opened(3, 3));
  session.drain();
  assert.equal(say(session, part(98, 3), push(1, 3)), ['store 1 (100)'], 'what they held is free again');
});

test('P42 parts of a document that was left or refused are gone', () => {
  const session = sessionWith(1);
  say(session, part(50));
  session.refuseDocument(1, new RefusedError('TW_OVERLOADED', 'busy'));
  session.drain();
  assert.equal(say(session, push(1)), []);
  say(session, open(9));
  session.granted(opened(9, 1));
  session.drain();
  assert.equal(say(session, push(1)), ['store 1 (2)']);
  assert.equal(say(session, part(90), { type: 'leave', doc: 1 }), ['leave']);
  say(session, open(9));
  session.granted(opened(9, 1));
  session.drain();
  assert.equal(say(session, part(98), push(2)), ['store 2 (100)']);
});

test('P43 after a refusal of the connection nothing is said or heard', () => {
  const session = sessionWith(1);
  session.stored(1, 1, 1);
  session.close(new RefusedError('TW_SHUTTING_DOWN', 'bye'));
  assert.equal(outputs(session), ['refuse connection TW_SHUTTING_DOWN', 'close TW_SHUTTING_DOWN']);
  session.close(new RefusedError('TW_TIMEOUT', 'again'));
  session.committed(1, 1);
  session.missing(1, 2, vector);
  session.refuseDocument(1, new RefusedError('TW_OVERLOADED', 'busy'));
  assert.not(session.granted(opened(1, 2)));
  session.tick(1e9);
  assert.equal(say(session, push(1)), []);
  assert.is(session.deadline, Infinity);
});

test('P1 P2 R1 a frame that is broken at its end is not acted upon at all', () => {
  const session = sessionWith(1);
  const good = encodeMessages([push(1)]);
  session.receive(new Uint8Array([...good, 4, 1]), 0);
  assert.equal(outputs(session), ['refuse connection TW_MALFORMED_MESSAGE', 'close TW_MALFORMED_MESSAGE']);
});

test('P52 P54 a silent client is asked after half its time, and has the other half to answer', () => {
  const session = new ServerSession(limits, 1000);
  assert.is(session.deadline, 31_000);
  session.tick(30_999);
  assert.equal(outputs(session), []);
  // The process was suspended meanwhile: the client could not be heard, so it is asked and gets its time.
  session.tick(500_000);
  assert.equal(outputs(session), ['ping']);
  assert.is(session.deadline, 530_000);
  session.tick(529_999);
  assert.equal(outputs(session), []);
  session.tick(530_000);
  assert.equal(outputs(session), ['refuse connection TW_TIMEOUT', 'close TW_TIMEOUT']);
});

test('P53 any frame is a sign of life, and a ping is answered', () => {
  const session = new ServerSession(limits, 0);
  session.tick(30_000);
  session.receive(encodeMessages([{ type: 'ping' }, { type: 'pong' }]), 40_000);
  assert.equal(outputs(session), ['ping', 'pong']);
  assert.is(session.deadline, 70_000);
  session.heard(50_000);
  assert.is(session.deadline, 80_000);
});

test.run();
