import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { updateLimits } from '../../src/protocol/limits.ts';
import { DocumentState } from '../../src/update/document-state.ts';
import { scanErrors } from '../../src/update/scan-errors.ts';
import { scanUpdate } from '../../src/update/scanner.ts';
import { UpdateScan } from '../../src/update/update-scan.ts';
import {
  any,
  embed,
  gc,
  item,
  type Section,
  single,
  singleOf,
  skip,
  text,
  update,
  varString,
  varUint,
} from './handmade.ts';
import { below, caseRandom, pick, randomHistory, syncInto, testSeed } from './random-documents.ts';
import { scannedRanges, yjsRanges } from './reference.ts';

const scan = new UpdateScan();

test('C2 every genuine update is accepted, with the ranges that Yjs reads', () => {
  const seed = testSeed('genuine updates');
  let updates = 0;
  for (let index = 0; index < 300; index++) {
    const history = randomHistory(caseRandom(seed, index));
    for (const document of history.documents) syncInto(history.documents[0]!, document);
    const whole = history.documents.map((document) => Y.encodeStateAsUpdate(document));
    for (const bytes of [...history.updates, ...whole, Y.mergeUpdates([...history.updates])]) {
      assert.ok(scanUpdate(bytes, scan), `case ${index}: ${scan.error} at ${scan.errorOffset} of ${bytes.join(' ')}`);
      assert.equal(scannedRanges(scan), yjsRanges(bytes), `case ${index}`);
      updates++;
    }
  }
  console.log(`${updates} genuine updates`);
});

function accept(bytes: Uint8Array): void {
  assert.ok(scanUpdate(bytes, scan), `${scan.error} at ${scan.errorOffset}`);
}

function refuse(bytes: Uint8Array, error: string): void {
  assert.not.ok(scanUpdate(bytes, scan), 'accepted');
  assert.is(scan.error, error);
  assert.is(scan.runCount + scan.deleteCount + scan.sectionCount + scan.depCount + scan.goneCount, 0);
}

test('C2 the empty update, and clients in any order, are accepted', () => {
  accept(Uint8Array.of(0, 0));
  accept(update([1, 3, 2].map((client) => ({ client, clock: 0, structs: [text('a')] }))));
});

test('C2 what merging needs to know of the layout is right', () => {
  const bytes = update(
    [
      {
        client: 300,
        clock: 5,
        structs: [text('ab', { origin: [7, 1] }), skip(3), gc(2), text('c', { right: [7, 9] })],
      },
      { client: 7, clock: 0, structs: [text('x'), text('y', { origin: [7, 0], right: [300, 2] })] },
    ],
    [[7, 0, 1]],
  );
  accept(bytes);
  assert.is(scan.sectionCount, 2);
  assert.equal([...scan.sectionClient.subarray(0, 2)], [300, 7]);
  assert.equal([...scan.sectionClock.subarray(0, 2)], [5, 0]);
  assert.equal([...scan.sectionStructs.subarray(0, 2)], [4, 2]);
  assert.is(scan.sectionOffset[0], 5);
  assert.equal([...scan.sectionRun.subarray(0, 2)], [0, 2]);
  assert.equal([...scan.sectionDep.subarray(0, 2)], [0, 2]);
  assert.equal(scannedRanges(scan), {
    runs: [
      [300, 5, 7],
      [300, 10, 13],
      [7, 0, 2],
    ],
    gone: [[300, 10, 12]],
    deletes: [[7, 0, 1]],
  });
  const deps = [0, 1, 2].map((row) => [scan.depAt[row], scan.depClient[row], scan.depClock[row]]);
  assert.equal(deps, [
    [5, 7, 1],
    [12, 7, 9],
    [1, 300, 2],
  ]);
  assert.is(scan.deleteSetOffset, bytes.length - 5);
});

test('R3 a dependency that an earlier struct had already is listed once', () => {
  accept(update([{ client: 1, clock: 0, structs: [3, 2, 3, 4, 1].map((clock) => text('a', { origin: [2, clock] })) }]));
  assert.is(scan.depCount, 2);
});

test('R3 a V2 update that would become millions of structs is not an update', () => {
  const document = new Y.Doc();
  document.getText('t').insert(0, 'hello');
  const v2 = Y.encodeStateAsUpdateV2(document);
  assert.not.ok(scanUpdate(v2, scan));
  // 5,000,000 structs in run-length encoding.
  const columns = [[], [1, 0], [], [], [0, ...varUint(4_999_999)], [], [], [], [1, ...varUint(4_999_999)]];
  const bytes = [0, ...columns.flatMap((column) => [column.length, ...column]), 1, ...varUint(5_000_000), 0, 0];
  assert.not.ok(scanUpdate(Uint8Array.from(bytes), scan));
});

test('R3 a claimed count beyond the bytes left is refused before anything is made for it', () => {
  refuse(Uint8Array.from([1, ...varUint(2 ** 25), 1, 0]), scanErrors.count);
  refuse(Uint8Array.from([...varUint(2 ** 25), 1, 1, 0]), scanErrors.count);
  refuse(Uint8Array.from([0, ...varUint(2 ** 25), 1]), scanErrors.count);
  refuse(Uint8Array.from([0, 1, 1, ...varUint(2 ** 25), 1]), scanErrors.count);
  refuse(single(item(8, varUint(2 ** 25))), scanErrors.count);
  refuse(single(item(2, varUint(2 ** 25))), scanErrors.count);
  refuse(single(any([[117, ...varUint(2 ** 25)]])), scanErrors.count);
  refuse(single(any([[118, ...varUint(2 ** 25)]])), scanErrors.count);
});

test('A3 a GC, a Skip or deleted content of enormous length is refused', () => {
  refuse(single(gc(2 ** 52)), scanErrors.run);
  refuse(single(skip(2 ** 52)), scanErrors.run);
  refuse(single(item(1, varUint(2 ** 52))), scanErrors.run);
  refuse(update([], [[1, 0, 2 ** 52]]), scanErrors.run);
  accept(single(gc(updateLimits.runMax)));
  refuse(update([{ client: 1, clock: 2 ** 52, structs: [text('a')] }]), scanErrors.clock);
  refuse(update([{ client: 1, clock: updateLimits.clockMax, structs: [gc(1)] }]), scanErrors.clock);
  refuse(update([], [[1, updateLimits.clockMax, 1]]), scanErrors.clock);
});

test('C5 a deletion in the future decodes, and is missing what it deletes', () => {
  const bytes = update([], [[1, 10, 5]]);
  assert.is(bytes.length, 6);
  accept(bytes);
  assert.is(new DocumentState(new Map([[1, 12]])).admit(scan), 'missing');
  assert.is(new DocumentState(new Map([[1, 15]])).admit(scan), 'new');
});

test('L1 structs and ranges of no length are refused, were it a million of them', () => {
  const empty = gc(0);
  refuse(singleOf(Array.from({ length: 1_000_000 }, () => empty)), scanErrors.empty);
  refuse(single(skip(0), gc(1)), scanErrors.empty);
  refuse(single(item(1, [0])), scanErrors.empty);
  refuse(single(item(2, [0])), scanErrors.empty);
  refuse(single(text('')), scanErrors.empty);
  refuse(single(any([])), scanErrors.empty);
  refuse(update([], [[1, 0, 0]]), scanErrors.empty);
});

test('L1 values are nested at most 64 deep, in whichever kind of content', () => {
  const nested = (depth: number): number[] =>
    Array.from({ length: depth }, () => [117, 1])
      .flat()
      .concat(126);
  const nestedObject = (depth: number): number[] =>
    Array.from({ length: depth }, () => [118, 1, 1, 97])
      .flat()
      .concat(126);
  const json = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
  const jsonObject = (depth: number): string => '{"a":'.repeat(depth) + '1' + '}'.repeat(depth);
  const contents = (depth: number): number[][] => [
    any([nested(depth)]),
    any([nestedObject(depth)]),
    item(9, varString('guid').concat(nestedObject(depth))),
    embed(json(depth)),
    embed(jsonObject(depth)),
    item(6, varString('bold').concat(varString(json(depth)))),
    item(2, [1].concat(varString(json(depth)))),
  ];
  for (const content of contents(64)) accept(single(content));
  for (const content of contents(65)) refuse(single(content), scanErrors.valueDepth);
  for (const content of contents(100_000)) refuse(single(content), scanErrors.valueDepth);
});

test('L1 two thousand nested types are an update; it is for the worker that applies it to bound their nesting', () => {
  const maps = Array.from({ length: 2000 }, (_, clock) =>
    item(7, [1], { key: 'k', ...(clock === 0 ? {} : { parent: [1, clock - 1] as const }) }),
  );
  // How deep a type is depends on updates that came before, which the scanner does not know.
  const bytes = singleOf(maps);
  accept(bytes);
  Y.applyUpdate(new Y.Doc(), bytes);
});

test('R3 5,000 updates that build upon nothing are each turned away at once', () => {
  const state = new DocumentState();
  for (let i = 0; i < 5000; i++) {
    accept(update([{ client: i + 10, clock: 0, structs: [text('x', { origin: [i + 9, 0] })] }]));
    assert.is(state.admit(scan), 'missing');
  }
  assert.is(state.stateVector.size, 0);
});

test('R3 names of root types, deleted ranges and clients are bounded', () => {
  const roots = (count: number): Uint8Array =>
    singleOf(Array.from({ length: count }, (_, i) => text('a', { parent: `root ${i}` })));
  accept(roots(64));
  refuse(roots(65), scanErrors.rootNames);
  refuse(roots(100_000), scanErrors.rootNames);
  accept(single(...Array.from({ length: 1000 }, (_, i) => text('a', { parent: `root ${i % 64}` }))));

  const ranges = (count: number): Uint8Array =>
    Uint8Array.from([
      0,
      1,
      1,
      ...varUint(count),
      ...Array.from({ length: count }, (_, i) => [...varUint(i * 2), 1]).flat(),
    ]);
  accept(ranges(65_536));
  refuse(ranges(65_537), scanErrors.deleteRanges);
  refuse(ranges(400_000), scanErrors.deleteRanges);

  const clients = (count: number): Uint8Array =>
    update(Array.from({ length: count }, (_, i) => ({ client: i, clock: 0, structs: [gc(1)] })));
  accept(clients(4096));
  refuse(clients(4097), scanErrors.clients);
  refuse(clients(20_000), scanErrors.clients);
  refuse(
    update(
      [],
      Array.from({ length: 4097 }, (_, i) => [i, 0, 1] as const),
    ),
    scanErrors.clients,
  );
});

test('R1 an update that is cut anywhere, also within its delete set, is refused as a whole', () => {
  for (let index = 0; index < 50; index++) {
    for (const whole of randomHistory(caseRandom(3, index)).updates) {
      for (let length = 0; length < whole.length; length++) {
        assert.not.ok(scanUpdate(whole.subarray(0, length), scan), `case ${index}: ${length} of ${whole.join(' ')}`);
      }
      refuse(Uint8Array.of(...whole, 0), scanErrors.trailing);
    }
  }
});

test('L1 __proto__ is refused wherever it would become a key', () => {
  const key = '__proto__';
  refuse(single(text('a', { key })), scanErrors.prototypeKey);
  refuse(single(text('a', { parent: key })), scanErrors.prototypeKey);
  refuse(single(any([[118, 1, ...varString(key), 126]])), scanErrors.prototypeKey);
  refuse(single(any([[117, 1, 118, 1, ...varString(key), 126]])), scanErrors.prototypeKey);
  refuse(single(item(6, [...varString(key), ...varString('1')])), scanErrors.prototypeKey);
  refuse(single(embed('{"a":[{"__proto__":1}]}')), scanErrors.prototypeKey);
  refuse(single(embed('{"\\u005f_proto_\\u005F":1}')), scanErrors.prototypeKey);
  refuse(single(item(2, [1, ...varString('{"__proto__":1}')])), scanErrors.prototypeKey);
  refuse(single(item(9, [...varString('guid'), 118, 1, ...varString(key), 126])), scanErrors.prototypeKey);
  accept(
    single(
      embed('{"a":"__proto__","__proto_":1,"__prot\\n__":2}'),
      text(key, { key: 'k' }),
      any([[119, ...varString(key)]]),
    ),
  );
});

test('L1 an item that refers to itself or to what its client writes later is refused', () => {
  refuse(single(text('a', { origin: [1, 0] })), scanErrors.selfReference);
  refuse(single(text('a'), text('b', { right: [1, 1] })), scanErrors.selfReference);
  refuse(single(text('a', { parent: [1, 5] })), scanErrors.selfReference);
  accept(single(text('a'), text('b', { origin: [1, 0] })));
});

test('C3 two sections of one client are refused, in whatever order', () => {
  const section = (client: number, clock = 0): Section => ({ client, clock, structs: [text('a')] });
  refuse(update([section(2), section(2, 1)]), scanErrors.duplicateClient);
  refuse(update([section(2), section(3), section(1), section(3, 1)]), scanErrors.duplicateClient);
  refuse(update([section(3), section(2), section(1), section(2, 1)]), scanErrors.duplicateClient);
});

test('L1 options of a subdocument that replace its guid or a function are refused', () => {
  const subdocument = (options: readonly number[]): Uint8Array => single(item(9, [...varString('g'), ...options]));
  accept(subdocument([118, 0]));
  accept(subdocument([118, 2, ...varString('meta'), 118, 1, ...varString('guid'), 126, ...varString('autoLoad'), 120]));
  refuse(subdocument([118, 1, ...varString('guid'), 126]), scanErrors.documentOptions);
  refuse(subdocument([118, 2, ...varString('gc'), 120, ...varString('gcFilter'), 120]), scanErrors.documentOptions);
  for (const options of [[126], [127], [120], [117, 0]]) refuse(subdocument(options), scanErrors.documentOptions);
});

test('C2 kinds, type refs and flags that Yjs does not know are refused', () => {
  for (let kind = 11; kind < 32; kind++) refuse(single(item(kind, [0, 0, 0])), scanErrors.kind);
  accept(single(item(7, [6])));
  refuse(single(item(7, [7])), scanErrors.typeRef);
  refuse(single([0x80, 1]), scanErrors.flags);
  refuse(single([0x2a, 1]), scanErrors.flags);
  for (const tag of [0, 115, 128, 255]) refuse(single(any([[tag]])), scanErrors.valueTag);
});

test('C2 numbers written in more bytes than they need are read, those beyond 2^53 are not', () => {
  accept(Uint8Array.of(0x81, 0x80, 0x00, 1, 1, 0, 0, 0x83, 0x00, 0x80, 0x00));
  assert.equal(scannedRanges(scan).runs, [[1, 0, 3]]);
  const client = (bytes: readonly number[]): Uint8Array => Uint8Array.from([1, 1, ...bytes, 0, 0, 1, 0]);
  accept(client(varUint(Number.MAX_SAFE_INTEGER)));
  refuse(client([255, 255, 255, 255, 255, 255, 255, 31]), scanErrors.integerRange);
  refuse(client([...Array.from({ length: 200 }, () => 128), 0]), scanErrors.integerRange);
});

test('C2 text is UTF-8 as a fatal TextDecoder judges it, counted in UTF-16 units', () => {
  const seed = testSeed('UTF-8');
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const random = caseRandom(seed, 0);
  const edges = [
    0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xed, 0xee, 0xef, 0xf0,
    0xf1, 0xf4, 0xf5, 0xff, 0xbb,
  ];
  let valid = 0;
  for (let i = 0; i < 100_000; i++) {
    const bytes = Uint8Array.from({ length: 1 + below(random, 5) }, () => pick(random, edges));
    let units = -1;
    try {
      units = decoder.decode(bytes).length;
      valid++;
    } catch {
      // Not UTF-8.
    }
    const accepted = scanUpdate(single([4, 1, 1, 116, bytes.length, ...bytes]), scan);
    assert.is(accepted ? scan.runEnd[0] : -1, units, bytes.join(' '));
  }
  console.log(`${valid} of 100000 valid`);
});

test('C2 JSON is what JSON.parse takes', () => {
  const seed = testSeed('JSON');
  const random = caseRandom(seed, 0);
  const tokens = [
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '"a"',
    '"\\u00e9"',
    '"\\x"',
    '"\\',
    '"\u0001"',
    '"é😀"',
    '0',
    '-',
    '1',
    '01',
    '1.',
    '.5',
    '1e',
    '1e5',
    '-0',
    '1E+2',
    'true',
    'false',
    'null',
    'nul',
    'undefined',
    ' ',
    '\n',
    '\ufeff',
    '\u00a0',
    '\\u12',
  ];
  let valid = 0;
  for (let i = 0; i < 100_000; i++) {
    const json = Array.from({ length: 1 + below(random, 6) }, () => pick(random, tokens)).join('');
    let parsed = true;
    try {
      JSON.parse(json);
      valid++;
    } catch {
      parsed = false;
    }
    assert.is(scanUpdate(single(embed(json)), scan), parsed, json);
    if (!parsed) assert.is(scan.error, scanErrors.json);
    const old = scanUpdate(single(item(2, [1, ...varString(json)])), scan);
    assert.is(old, parsed || json === 'undefined', json);
  }
  console.log(`${valid} of 100000 valid`);
});

test('C2 what large updates left behind does not show in the next scan', () => {
  accept(singleOf(Array.from({ length: 200_000 }, (_, i) => (i % 2 === 0 ? gc(1) : skip(1)))));
  assert.is(scan.runCount, 100_000);
  accept(single(text('a')));
  assert.equal(scannedRanges(scan), { runs: [[1, 0, 1]], gone: [], deletes: [] });
});

test.run();
