import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type EntryAuthor,
  type IdRange,
  decodeEntryAuthors,
  encodeEntryAuthors,
} from '../../src/protocol/entry-authors.ts';
import { numRuns, record, refusedWith, seed } from './samples.ts';

const range: fc.Arbitrary<IdRange> = fc
  .tuple(fc.constantFrom(1, 7, 2 ** 32, Number.MAX_SAFE_INTEGER), fc.nat(), fc.integer({ min: 1, max: 2 ** 31 }))
  .map(([client, start, length]) => [client, start, start + length] as const);

const entry: fc.Arbitrary<EntryAuthor> = record({
  user: fc.constantFrom('', 'ada', 'Zoë', 'ada","'),
  device: fc.constantFrom('', 'phone', ',"'),
  time: fc.maxSafeNat(),
  inserts: fc.array(range, { maxLength: 5 }),
  deletes: fc.array(range, { maxLength: 5 }),
});

test('P3 P104 who wrote what decodes to what was encoded', () => {
  fc.assert(
    fc.property(fc.array(entry), (entries) => {
      assert.equal(decodeEntryAuthors(encodeEntryAuthors(entries, Infinity)), entries);
    }),
    { seed, numRuns },
  );
});

test('P104 of what does not fit, the first entries that do are told', () => {
  fc.assert(
    fc.property(fc.array(entry), fc.nat(200), (entries, bytesMax) => {
      const bytes = encodeEntryAuthors(entries, bytesMax);
      assert.ok(bytes.length <= bytesMax);
      const told = decodeEntryAuthors(bytes);
      assert.equal(told, entries.slice(0, told.length));
      const more = encodeEntryAuthors(entries.slice(0, told.length + 1), Infinity);
      assert.ok(told.length === entries.length || more.length > bytesMax, 'no more than has to is left out');
    }),
    { seed, numRuns },
  );
});

test('P104 five thousand keystrokes fit in one answer', () => {
  const typed = Array.from({ length: 5000 }, (_, at) => ({
    user: at % 2 === 0 ? 'ada' : 'bob',
    device: 'browser',
    time: 1_764_000_000_000 + at,
    inserts: [[3_000_000_000 + (at % 2), at, at + 1] as const],
    deletes: [],
  }));
  assert.is(decodeEntryAuthors(encodeEntryAuthors(typed, 64 * 1024)).length, 5000);
});

test('P2 bytes that are none of it are refused', () => {
  const bytes = encodeEntryAuthors([{ user: 'a', device: '', time: 1, inserts: [[1, 0, 3]], deletes: [] }], 100);
  for (let end = 1; end < bytes.length; end++)
    assert.throws(() => decodeEntryAuthors(bytes.subarray(0, end)), refusedWith('TW_MALFORMED_MESSAGE'));
  assert.throws(() => decodeEntryAuthors(Uint8Array.of(1)), refusedWith('TW_MALFORMED_MESSAGE'));
});

test.run();
