import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

import type { NewEntry } from '../../src/log/document-log.ts';
import { headKey, headRange, nameOfHeadKey, recordKey, seqOfRecordKey } from '../../src/log/keys.ts';
import { decodeQuarantined, decodeRecord, encodeQuarantined, encodeRecord } from '../../src/log/record.ts';

const anyEntry: fc.Arbitrary<NewEntry> = fc.record(
  {
    time: fc.oneof(fc.constantFrom(0, 1, 1_700_000_000_000), fc.double({ noNaN: true })),
    user: fc.oneof(fc.constantFrom('', 'ada'), fc.string({ unit: 'grapheme' })),
    device: fc.oneof(fc.constantFrom('', 'laptop'), fc.string({ unit: 'binary' })),
    update: fc.uint8Array({ maxLength: 50 }),
  },
  { noNullPrototype: true },
);

test('D1 S3 records give back any entries', () => {
  fc.assert(
    fc.property(fc.array(anyEntry, { maxLength: 20 }), fc.nat(), (written, seq) => {
      const key = recordKey('00ff00ff00ff00ff', seq);
      const expected = written.map((each, index) => ({ ...each, seq: seq + index }));
      assert.equal(decodeRecord(key, seq, encodeRecord(key, written)), expected);
    }),
  );
});

test('D4 S2 any single flipped bit of a record is noticed, in its value and in its key', () => {
  fc.assert(
    fc.property(fc.array(anyEntry, { maxLength: 4 }), fc.nat(), fc.nat(7), (written, place, bit) => {
      const key = recordKey('00ff00ff00ff00ff', 7);
      const value = encodeRecord(key, written).slice();
      for (const bytes of [key, value]) {
        const at = place % bytes.byteLength;
        bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
        assert.is(decodeRecord(key, 7, value), null);
        bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
      }
    }),
  );
});

test('L1 S13 entries set aside keep their reason', () => {
  fc.assert(
    fc.property(anyEntry, fc.string({ unit: 'grapheme', maxLength: 100 }), (written, reason) => {
      const key = recordKey('00ff00ff00ff00ff', 7);
      const entry = { ...written, seq: 7, reason };
      assert.equal(decodeQuarantined(key, 7, encodeQuarantined(key, entry)), entry);
    }),
  );
});

test('D1 S1 keys sort as their numbers do', () => {
  const seqs = [0, 1, 255, 256, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 3, Number.MAX_SAFE_INTEGER];
  const all = seqs.map((seq) => recordKey('ffffffffffffffff', seq));
  assert.equal(all.map(seqOfRecordKey), seqs);
  assert.equal(
    [...all].sort((a, b) => Buffer.compare(a, b)),
    all,
  );
});

test('D1 S1 keys of heads give back names', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }), (name) => {
      const key = headKey(name);
      assert.is(nameOfHeadKey(key), name);
      assert.ok(Buffer.compare(headRange(name).from, key) > 0);
      assert.ok(Buffer.compare(headRange(null).from, key) < 0);
    }),
  );
});

test.run();
