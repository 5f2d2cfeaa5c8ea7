import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { PartsBuffer } from '../../src/session/parts-buffer.ts';
import { refusedWith } from '../protocol/samples.ts';

test('P13 parts and the rest make the whole, and the buffer is empty again', () => {
  const parts = new PartsBuffer();
  const frame = Uint8Array.of(9, 1, 2, 9);
  parts.add(frame.subarray(1, 3), 5);
  frame.fill(0);
  parts.add(Uint8Array.of(3), 5);
  assert.is(parts.bytes, 3);
  assert.equal(parts.conclude(Uint8Array.of(4, 5), 5), Uint8Array.of(1, 2, 3, 4, 5));
  assert.is(parts.bytes, 0);
  const alone = Uint8Array.of(1);
  assert.is(parts.conclude(alone, 5), alone);
});

test('P15 neither a part nor the rest takes the update over the limit', () => {
  const parts = new PartsBuffer();
  parts.add(new Uint8Array(3), 5);
  assert.throws(() => parts.add(new Uint8Array(3), 5), refusedWith('TW_TOO_LARGE'));
  assert.throws(() => parts.conclude(new Uint8Array(3), 5), refusedWith('TW_TOO_LARGE'));
  assert.is(parts.conclude(new Uint8Array(2), 5).length, 5);
});

test('P42 what was begun can be forgotten', () => {
  const parts = new PartsBuffer();
  parts.add(Uint8Array.of(1), 5);
  parts.clear();
  assert.equal(parts.conclude(Uint8Array.of(2), 5), Uint8Array.of(2));
});

test.run();
