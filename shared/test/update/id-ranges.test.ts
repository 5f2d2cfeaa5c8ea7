import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { RefusedError } from '../../src/base/errors.ts';
import { IdRanges } from '../../src/update/id-ranges.ts';
import { scanUpdate } from '../../src/update/scanner.ts';
import { UpdateScan } from '../../src/update/update-scan.ts';
import { varUint } from './handmade.ts';
import { below, caseRandom, documentOf, randomHistory, testSeed } from './random-documents.ts';

test('C3 ranges added in any order and way are the set of their clocks', () => {
  const seed = testSeed('id ranges');
  for (let index = 0; index < 2000; index++) {
    const random = caseRandom(seed, index);
    const ranges = new IdRanges();
    const clocks = new Set<number>();
    const size = 10 + below(random, 200);
    for (let round = 0; round < 4; round++) {
      const count = 1 + below(random, 40);
      const starts = Float64Array.from({ length: count }, () => below(random, size));
      const lengths = Float64Array.from({ length: count }, () => 1 + below(random, 6));
      if (random() < 0.5) ranges.addRows(1, starts, lengths, 0, count);
      else for (let i = 0; i < count; i++) ranges.add(1, starts[i]!, starts[i]! + lengths[i]!);
      starts.forEach((start, i) => {
        for (let clock = start; clock < start + lengths[i]!; clock++) clocks.add(clock);
      });
    }
    const expected: number[][] = [];
    for (const clock of [...clocks].sort((a, b) => a - b)) {
      if (expected.at(-1)?.[2] === clock) expected.at(-1)![2]!++;
      else expected.push([1, clock, clock + 1]);
    }
    const found: number[][] = [];
    ranges.forEach((...range) => found.push(range));
    assert.equal(found, expected, `case ${index}`);
    assert.is(ranges.size, expected.length);
    const start = below(random, size);
    const end = start + 1 + below(random, 5);
    let inside = true;
    for (let clock = start; clock < end; clock++) inside &&= clocks.has(clock);
    assert.is(ranges.has(1, start, end), inside);
    assert.not.ok(ranges.has(2, start, end));
  }
});

test('C1 what an update deletes and a set lacks is the difference of their clocks, whatever the order of the rows', () => {
  const seed = testSeed('difference');
  const scan = new UpdateScan();
  for (let index = 0; index < 2000; index++) {
    const random = caseRandom(seed, index);
    const held = new IdRanges();
    const heldClocks = new Set<string>();
    const rows: [client: number, clock: number, length: number][] = [];
    for (let count = below(random, 40); count > 0; count--) {
      const [client, clock, length] = [1 + below(random, 2), below(random, 80), 1 + below(random, 9)];
      if (random() < 0.5) {
        rows.push([client, clock, length]);
        continue;
      }
      held.add(client, clock, clock + length);
      for (let at = clock; at < clock + length; at++) heldClocks.add(`${client} ${at}`);
    }
    if (random() < 0.5) rows.sort((a, b) => a[1] - b[1]);
    const sections = [2, 1].map((client) => rows.filter((row) => row[0] === client)).filter(({ length }) => length > 0);
    const deleteSet = sections.flatMap((section) => [
      ...varUint(section[0]![0]),
      ...varUint(section.length),
      ...section.flatMap(([, clock, length]) => [...varUint(clock), ...varUint(length)]),
    ]);
    assert.ok(scanUpdate(Uint8Array.from([0, sections.length, ...deleteSet]), scan), scan.error);
    const expected = new Set<string>();
    for (const [client, clock, length] of rows) {
      for (let at = clock; at < clock + length; at++)
        if (!heldClocks.has(`${client} ${at}`)) expected.add(`${client} ${at}`);
    }
    const found: string[] = [];
    held.missingOf(scan).forEach((client, start, end) => {
      for (let clock = start; clock < end; clock++) found.push(`${client} ${clock}`);
    });
    assert.equal(found.sort(), [...expected].sort(), `case ${index}`);
  }
});

test('C1 a delete set is written and read as Yjs does', () => {
  for (let index = 0; index < 200; index++) {
    const document = documentOf(randomHistory(caseRandom(12, index)).updates);
    const bytes = Y.encodeStateAsUpdate(document, Y.encodeStateVector(document));
    const ranges = new IdRanges();
    ranges.addDeleteSet(bytes, 1);
    assert.equal(ranges.encode(), bytes.slice(1), `case ${index}`);
  }
});

test('R3 tens of thousands of ranges between others are added in one pass', () => {
  const ranges = new IdRanges();
  const count = 65_536;
  const lengths = new Float64Array(count).fill(1);
  const start = performance.now();
  for (let round = 0; round < 6; round++) {
    ranges.addRows(
      1,
      Float64Array.from({ length: count }, (_, i) => (count - i) * 12 + round * 2),
      lengths,
      0,
      count,
    );
  }
  const milliseconds = performance.now() - start;
  assert.is(ranges.size, count * 6);
  assert.ok(milliseconds < 2000, `${milliseconds} ms`);
});

test('R1 bytes that are not a delete set are refused with a code', () => {
  const bad: readonly (readonly number[])[] = [
    [],
    [1],
    [1, 1],
    [1, 1, 1],
    [1, 1, 1, 0],
    [1, 1, 1, 0, 0],
    [0, 0],
    [1, 1, 1, ...varUint(2 ** 40), 1],
    [1, 1, 100, ...Array.from({ length: 99 }, () => [1, 1]).flat()],
  ];
  for (const bytes of bad) {
    assert.throws(
      () => new IdRanges().addDeleteSet(Uint8Array.from(bytes)),
      (error: unknown) => error instanceof RefusedError && error.code === 'TW_MALFORMED_UPDATE',
      bytes.join(' '),
    );
  }
});

test.run();
