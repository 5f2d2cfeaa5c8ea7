import * as encoding from 'lib0/encoding';
import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Reader } from '../../src/base/reader.ts';
import { numRuns, pooled, refusedWith, seed } from '../protocol/samples.ts';

function encoded(write: (encoder: encoding.Encoder) => void): Uint8Array {
  return pooled(encoding.encode(write));
}

const malformed = refusedWith('TW_MALFORMED_MESSAGE');

test('P2 numbers, bytes and texts are read as lib0 writes them', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.uint8Array(), fc.string({ unit: 'binary' }), (number, bytes, text) => {
      const reader = new Reader(
        encoded((encoder) => {
          encoding.writeVarUint(encoder, number);
          encoding.writeVarUint8Array(encoder, bytes);
          encoding.writeVarString(encoder, text);
        }),
      );
      assert.is(reader.varUint(), number);
      assert.equal(reader.varBytes(bytes.length), bytes);
      assert.is(reader.varString(Buffer.byteLength(text)), text);
      assert.ok(reader.done);
    }),
    { seed, numRuns },
  );
});

test('P2 the largest number is 2^53 - 1, however long its encoding', () => {
  const largest = encoded((encoder) => encoding.writeVarUint(encoder, Number.MAX_SAFE_INTEGER));
  assert.is(new Reader(largest).varUint(), Number.MAX_SAFE_INTEGER);
  assert.throws(() => new Reader(Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10)).varUint(), malformed);
  assert.throws(() => new Reader(new Uint8Array(100).fill(0x80)).varUint(), malformed);
  assert.throws(() => new Reader(new Uint8Array(100).fill(0xff)).varUint(), malformed);
  assert.is(new Reader(Uint8Array.of(0x80, 0x00)).varUint(), 0, 'a longer encoding than need be is understood');
});

test('P2 a number over the maximum that was asked for is refused', () => {
  assert.is(new Reader(Uint8Array.of(1)).varUint(1), 1);
  assert.throws(() => new Reader(Uint8Array.of(2)).varUint(1), malformed);
});

test('P2 P5 a length never leads out of the bytes', () => {
  const lying = Buffer.concat([encoding.encode((encoder) => encoding.writeVarUint(encoder, 5)), Buffer.from('four')]);
  assert.throws(() => new Reader(pooled(lying)).varBytes(100), malformed);
  assert.throws(() => new Reader(pooled(lying)).varString(100), malformed);
  assert.throws(() => new Reader(pooled(lying)).varBytes(4), refusedWith('TW_TOO_LARGE'));
  const huge = encoding.encode((encoder) => encoding.writeVarUint(encoder, Number.MAX_SAFE_INTEGER));
  assert.throws(() => new Reader(pooled(huge)).varBytes(Number.MAX_SAFE_INTEGER), malformed);
  assert.throws(() => new Reader(new Uint8Array(0)).varUint(), malformed);
});

test('P2 text must be UTF-8', () => {
  for (const bytes of [
    [1, 0xff],
    [2, 0xc0, 0x80],
    [3, 0xed, 0xa0, 0x80],
    [1, 0xe2],
  ]) {
    assert.throws(() => new Reader(pooled(Uint8Array.from(bytes))).varString(100), malformed);
  }
});

test.run();
