import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RefusedError } from '../../src/base/errors.ts';
import {
  decodeClientMessages,
  decodeServerMessages,
  encodeFrames,
  encodeMessage,
  encodeMessages,
  splitUpdate,
} from '../../src/protocol/codec.ts';
import { frameBytes, messagesPerFrameMax, partBytes, reasonBytesMax } from '../../src/protocol/limits.ts';
import type { ClientMessage } from '../../src/protocol/message.ts';
import { clientMessage, numRuns, pooled, refusedWith, samples, seed, serverMessage } from './samples.ts';

const updateBytesMax = 1000;

test('P3 every message decodes to what was encoded', () => {
  const options = { seed, numRuns };
  fc.assert(
    fc.property(fc.array(clientMessage, { maxLength: 5 }), (messages) => {
      assert.equal(decodeClientMessages(pooled(encodeMessages(messages)), updateBytesMax), messages);
    }),
    options,
  );
  fc.assert(
    fc.property(fc.array(serverMessage, { maxLength: 5 }), (messages) => {
      assert.equal(decodeServerMessages(pooled(encodeMessages(messages)), updateBytesMax), messages);
    }),
    options,
  );
});

test('P1 a frame is the messages one after the other', () => {
  const messages = Object.values(samples).flat();
  const joined = Buffer.concat(messages.map(encodeMessage));
  assert.equal(new Uint8Array(joined), encodeMessages(messages));
  assert.equal(decodeClientMessages(new Uint8Array(0), updateBytesMax), []);
});

/** Whether the frame was understood; anything but a refusal is a failure. */
function understood(frame: Uint8Array): boolean {
  let both = 0;
  for (const decode of [decodeClientMessages, decodeServerMessages]) {
    try {
      decode(pooled(frame), updateBytesMax);
      both++;
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      assert.ok(['TW_MALFORMED_MESSAGE', 'TW_TOO_LARGE'].includes(error.code), error.code);
    }
  }
  return both > 0;
}

test('P2 every cut of every message is refused, and nothing behind the frame is read', () => {
  for (const message of Object.values(samples).flat()) {
    const frame = encodeMessage(message);
    assert.ok(understood(frame), message.type);
    for (let length = 1; length < frame.length; length++) {
      assert.not(understood(frame.subarray(0, length)), `${message.type} cut to ${length} bytes`);
    }
  }
});

test('P2 R1 no frame makes decoding throw anything but a refusal', () => {
  const frame = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc.tuple(fc.oneof(clientMessage, serverMessage), fc.nat(), fc.nat(255)).map(([message, at, value]) => {
      const bytes = encodeMessage(message);
      bytes[at % bytes.length] = value;
      return bytes;
    }),
  );
  fc.assert(
    fc.property(frame, (bytes) => void understood(bytes)),
    { seed, numRuns: numRuns * 5 },
  );
});

test('P2 fields that are views stay within the frame', () => {
  const push = decodeClientMessages(pooled(encodeMessage(samples.push[0]!)), updateBytesMax)[0];
  assert.ok(push?.type === 'push');
  assert.equal([...push.update], [1, 2, 3]);
});

test('P2 an unknown type, scope, action or access is refused', () => {
  const frames = [[8], [15], [23], [99], [22, 3, 0, 0, 0, 0, 0], [22, 0, 0, 0, 0, 5, 0], [16, 1, 1, 0, 2, 0, 0]];
  for (const bytes of frames) assert.not(understood(Uint8Array.from(bytes)), bytes.join(' '));
  assert.throws(() => decodeClientMessages(Uint8Array.of(16, 1, 1, 0, 1, 0, 0), 10), /type 16/);
  assert.throws(() => decodeServerMessages(encodeMessage(samples.push[0]!), 10), /type 4/);
});

test('P4 R3 a frame from a client holds so many messages and no more', () => {
  const pings = new Uint8Array(messagesPerFrameMax + 1);
  assert.is(decodeClientMessages(pings.subarray(1), 10).length, messagesPerFrameMax);
  assert.throws(() => decodeClientMessages(pings, 10), refusedWith('TW_TOO_LARGE'));
  assert.is(decodeServerMessages(pings, 10).length, messagesPerFrameMax + 1);
});

test('P4 a backlog is divided into frames that the relay takes', () => {
  const update = new Uint8Array(partBytes);
  const messages: ClientMessage[] = [
    ...splitUpdate(
      1,
      new Uint8Array(3_000_000),
      partBytes,
      (rest) => ({ type: 'push', doc: 1, n: 1, update: rest }) as const,
    ),
    ...Array.from({ length: 25_000 }, (_, doc) => ({ type: 'leave', doc }) as const),
    { type: 'push', doc: 1, n: 2, update },
  ];
  const frames = encodeFrames(messages);
  assert.equal(
    frames.flatMap((frame) => decodeClientMessages(frame, partBytes)),
    messages,
  );
  for (const frame of frames) assert.ok(frame.length < frameBytes + partBytes + 32, `${frame.length}`);
  assert.equal(encodeFrames([]), []);
});

test('P5 a field over its limit is refused as too large', () => {
  const open = { ...samples.open[0]!, type: 'open' } as Extract<ClientMessage, { type: 'open' }>;
  const refused = (message: ClientMessage): void =>
    assert.throws(() => decodeClientMessages(encodeMessage(message), 100), refusedWith('TW_TOO_LARGE'));
  refused({ ...open, name: 'n'.repeat(513) });
  refused({ ...open, token: 't'.repeat(8193) });
  refused({ ...open, device: 'd'.repeat(129) });
  refused({ ...open, epoch: 'e'.repeat(129) });
  refused({ ...open, cursor: new Uint8Array(65) });
  refused({ ...open, stateVector: new Uint8Array(4 * 1024 * 1024 + 1) });
  refused({ type: 'push', doc: 1, n: 1, update: new Uint8Array(101) });
  decodeClientMessages(encodeMessage({ ...open, name: 'n'.repeat(512), token: 't'.repeat(8192) }), 100);
});

test('P5 a reason is cut to what the other side takes, whatever its characters', () => {
  for (const reason of ['a'.repeat(5000), '語'.repeat(5000), '👩'.repeat(5000)]) {
    const [decoded] = decodeServerMessages(
      encodeMessage({
        type: 'refuse',
        scope: 'connection',
        id: 0,
        code: 'X',
        reason,
        action: 'retry',
        retryAfterMs: 0,
      }),
      10,
    );
    assert.ok(decoded?.type === 'refuse');
    assert.ok(Buffer.byteLength(decoded.reason) <= reasonBytesMax);
  }
});

test('P13 P14 an update is divided into parts and a rest, without copies', () => {
  const update = Uint8Array.from({ length: 25 }, (_, at) => at);
  for (const [size, messages] of [
    [25, 1],
    [24, 2],
    [10, 3],
    [5, 5],
  ] as const) {
    const split = splitUpdate(7, update, size, (rest) => ({ type: 'update', doc: 7, update: rest }) as const);
    assert.is(split.length, messages);
    const bytes = split.map((message) => (message.type === 'part' ? message.bytes : message.update));
    assert.equal(new Uint8Array(Buffer.concat(bytes)), update);
    for (const each of bytes) assert.is(each.buffer, update.buffer);
    assert.is(split.at(-1)?.type, 'update');
  }
});

test.run();
