import * as fc from 'fast-check';
import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as auth from 'y-protocols/auth';
import { Awareness, encodeAwarenessUpdate } from 'y-protocols/awareness';
import * as sync from 'y-protocols/sync';
import * as Y from 'yjs';
import { RefusedError } from '../../src/base/errors.ts';
import { type YWebsocketMessage, decodeYWebsocket, encodeYWebsocket } from '../../src/protocol/dialects/y-websocket.ts';
import { messagesPerFrameMax } from '../../src/protocol/limits.ts';
import { numRuns, pooled, record, refusedWith, seed } from './samples.ts';

const updateBytesMax = 10_000;

/** Message types of y-websocket's provider, beside y-protocols' own. */
const outer = { sync: 0, awareness: 1, auth: 2, queryAwareness: 3 };

function frame(type: number, write: (encoder: encoding.Encoder) => void): Uint8Array {
  return encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, type);
    write(encoder);
  });
}

function document(): Y.Doc {
  const doc = new Y.Doc();
  doc.getText('t').insert(0, 'hello');
  return doc;
}

test('P60 what y-protocols encodes is understood', () => {
  const doc = document();
  const update = Y.encodeStateAsUpdate(doc);
  const awareness = new Awareness(doc);
  const presence = encodeAwarenessUpdate(awareness, [doc.clientID]);
  awareness.destroy();
  const cases: [Uint8Array, YWebsocketMessage][] = [
    [
      frame(outer.sync, (encoder) => sync.writeSyncStep1(encoder, doc)),
      { type: 'step-1', stateVector: Y.encodeStateVector(doc) },
    ],
    [frame(outer.sync, (encoder) => sync.writeSyncStep2(encoder, doc)), { type: 'step-2', update }],
    [frame(outer.sync, (encoder) => sync.writeUpdate(encoder, update)), { type: 'update', update }],
    [
      frame(outer.awareness, (encoder) => encoding.writeVarUint8Array(encoder, presence)),
      { type: 'awareness', update: presence },
    ],
    [
      frame(outer.auth, (encoder) => auth.writePermissionDenied(encoder, 'no')),
      { type: 'permission-denied', reason: 'no' },
    ],
    [frame(outer.queryAwareness, () => undefined), { type: 'query-awareness' }],
  ];
  for (const [bytes, message] of cases) {
    assert.equal(decodeYWebsocket(pooled(bytes), updateBytesMax), [message]);
    assert.equal(encodeYWebsocket(message), bytes, 'and encoded to the same bytes');
  }
});

test('P60 what we encode is understood by y-protocols', () => {
  const ours = document();
  const theirs = new Y.Doc();
  const read = (message: YWebsocketMessage): Uint8Array => {
    const decoder = decoding.createDecoder(encodeYWebsocket(message));
    assert.is(decoding.readVarUint(decoder), outer.sync);
    const reply = encoding.createEncoder();
    sync.readSyncMessage(decoder, reply, theirs, 'test');
    return encoding.toUint8Array(reply);
  };
  read({ type: 'step-2', update: Y.encodeStateAsUpdate(ours) });
  assert.is(theirs.getText('t').toJSON(), 'hello');
  ours.getText('t').insert(5, '!');
  read({ type: 'update', update: Y.encodeStateAsUpdate(ours, Y.encodeStateVector(theirs)) });
  assert.is(theirs.getText('t').toJSON(), 'hello!');
  const reply = read({ type: 'step-1', stateVector: Y.encodeStateVector(new Y.Doc()) });
  assert.is(reply[0], sync.messageYjsSyncStep2);

  const denied = decoding.createDecoder(encodeYWebsocket({ type: 'permission-denied', reason: 'not you' }));
  decoding.readVarUint(denied);
  let heard = '';
  auth.readAuthMessage(denied, ours, (_doc, reason) => (heard = reason));
  assert.is(heard, 'not you');
});

test('P60 P61 any message comes back as it was, alone and with others in a frame', () => {
  const bytes = fc.uint8Array({ maxLength: 100 });
  const message: fc.Arbitrary<YWebsocketMessage> = fc.oneof(
    record({ type: fc.constant('step-1' as const), stateVector: bytes }),
    record({ type: fc.constantFrom('step-2' as const, 'update' as const, 'awareness' as const), update: bytes }),
    record({ type: fc.constant('query-awareness' as const) }),
    record({
      type: fc.constant('permission-denied' as const),
      reason: fc.string({ unit: 'binary', maxLength: 100 }),
    }),
  );
  fc.assert(
    fc.property(fc.array(message, { maxLength: 4 }), (messages) => {
      const several = new Uint8Array(Buffer.concat(messages.map(encodeYWebsocket)));
      assert.equal(decodeYWebsocket(pooled(several), updateBytesMax), messages);
    }),
    { seed, numRuns },
  );
});

test('P64 R1 whatever else comes is refused, and nothing behind the frame is read', () => {
  const refusedOrRead = (bytes: Uint8Array): void => {
    try {
      decodeYWebsocket(pooled(bytes), 100);
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 30 }), refusedOrRead), { seed, numRuns: numRuns * 5 });
  const whole = encodeYWebsocket({ type: 'update', update: Uint8Array.of(1, 2, 3) });
  for (let length = 1; length < whole.length; length++) {
    assert.throws(() => decodeYWebsocket(pooled(whole.subarray(0, length)), 100), refusedWith());
  }
  for (const bytes of [[4], [0, 3, 0], [2, 1], [127]]) {
    assert.throws(() => decodeYWebsocket(Uint8Array.from(bytes), 100), refusedWith());
  }
  assert.throws(
    () => decodeYWebsocket(encodeYWebsocket({ type: 'update', update: new Uint8Array(101) }), 100),
    refusedWith('TW_TOO_LARGE'),
  );
});

test('P61 R3 a frame holds so many messages and no more', () => {
  const queries = new Uint8Array(messagesPerFrameMax + 1).fill(outer.queryAwareness);
  assert.is(decodeYWebsocket(queries.subarray(1), 100).length, messagesPerFrameMax);
  assert.throws(() => decodeYWebsocket(queries, 100), refusedWith('TW_TOO_LARGE'));
});

test.run();
