import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeCursor, encodeCursor } from '../../src/protocol/cursor.ts';
import { cursorBytesMax } from '../../src/protocol/limits.ts';
import { numRuns, pooled, refusedWith, seed } from './samples.ts';

test('P32 a cursor comes back as it was, and fits its field', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 32 }), fc.maxSafeNat(), fc.nat(2 ** 31 - 1), (logId, seq, check) => {
      const bytes = encodeCursor({ logId, seq, check });
      assert.ok(bytes.length <= cursorBytesMax);
      assert.equal(decodeCursor(pooled(bytes)), { logId, seq, check });
    }),
    { seed, numRuns },
  );
  assert.is(decodeCursor(new Uint8Array(0)), null);
});

test('P32 what is not a cursor, or more than one, is refused', () => {
  const good = encodeCursor({ logId: 'log', seq: 300, check: 1 });
  const bad = [
    good.subarray(0, 3),
    good.subarray(0, 5),
    Buffer.concat([good, Uint8Array.of(0)]),
    Uint8Array.of(1, 0xff, 0),
  ];
  for (const bytes of bad) {
    assert.throws(() => decodeCursor(pooled(bytes)), refusedWith('TW_MALFORMED_MESSAGE'));
  }
  assert.throws(() => decodeCursor(encodeCursor({ logId: 'x'.repeat(33), seq: 1, check: 1 })), refusedWith());
});

test.run();
