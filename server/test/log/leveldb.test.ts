/** LevelDB's own formats, as we read, mend and write them. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import fc from 'fast-check';
import { Level } from 'level';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

import { unsnappy, varint, ByteReader, MalformedError } from '../../src/log/leveldb/coding.ts';
import { crc32c, flippedBit, masked } from '../../src/log/leveldb/crc32c.ts';
import { decodeBatch, encodeLog, mendedLog, readableRecords } from '../../src/log/leveldb/log-file.ts';
import { encodeManifest, readManifest } from '../../src/log/leveldb/manifest.ts';
import { examineTable, isMetadataIntact, tableSummary, userKey } from '../../src/log/leveldb/table.ts';

const keys = 3000;
const keyAt = (index: number): Uint8Array => Buffer.from(`key ${String(index).padStart(6, '0')}`);
const flip = (bytes: Uint8Array, bit: number): void =>
  void (bytes[bit >>> 3] = (bytes[bit >>> 3] ?? 0) ^ (1 << (bit & 7)));

/** The only table of a database of many keys, with what its MANIFEST says of it. */
async function realTable(): Promise<{ file: Buffer; folder: Map<string, Buffer> }> {
  const path = await mkdtemp(join(tmpdir(), 'tideweave-table-'));
  try {
    for (const put of [true, false]) {
      const db = new Level<Uint8Array, Uint8Array>(path, { keyEncoding: 'view', valueEncoding: 'view' });
      await db.open();
      if (put) {
        const value = (index: number): Uint8Array =>
          Uint8Array.from({ length: 60 }, (_, at) => (index * at * 7919) & 0xff);
        await db.batch(
          Array.from({ length: keys }, (_, index) => ({ type: 'put', key: keyAt(index), value: value(index) })),
        );
      }
      await db.close();
    }
    const folder = new Map<string, Buffer>();
    for (const name of await readdir(path)) folder.set(name, await readFile(join(path, name)));
    const table = [...folder].find(([name]) => name.endsWith('.ldb'))?.[1];
    if (table === undefined) throw new Error('no table');
    return { file: table, folder };
  } finally {
    await rm(path, { recursive: true });
  }
}

test('D4 S18 the checksum is CRC-32C, and a single flipped bit is found from it', () => {
  assert.is(crc32c(Buffer.from('123456789')), 0xe3_06_92_83);
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), fc.nat(), (bytes, place) => {
      const stored = masked(crc32c(bytes));
      const bit = place % (8 * bytes.byteLength);
      flip(bytes, bit);
      assert.is(flippedBit(bytes, 0, bytes.byteLength, stored), bit);
    }),
  );
});

test('D4 S17 a log file gives back its records, whatever their sizes', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(100_000), { maxLength: 8 }), (sizes) => {
      const records = sizes.map((size, index) => new Uint8Array(size).fill(index + 1));
      assert.equal(readableRecords(encodeLog(records)), records);
    }),
    { numRuns: 50 },
  );
});

test('D4 S18 any single flipped bit of a log file is put right, and an intact one is left alone', () => {
  const intact = encodeLog([new Uint8Array(40_000).fill(7), new Uint8Array(3).fill(8), new Uint8Array(500).fill(9)]);
  assert.is(mendedLog(intact), null);
  fc.assert(
    fc.property(fc.nat(8 * intact.byteLength - 1), (bit) => {
      const damaged = intact.slice();
      flip(damaged, bit);
      assert.equal(mendedLog(damaged), intact, `bit ${bit}`);
    }),
    { numRuns: 300 },
  );
});

test('D4 S17 records behind a damaged one are read, which LevelDB drops with it', () => {
  const records = Array.from({ length: 20 }, (_, index) => new Uint8Array(100).fill(index));
  const file = encodeLog(records);
  file.fill(0xee, 3 * 107, 3 * 107 + 30);
  assert.equal(readableRecords(file), records.toSpliced(3, 1));
});

test('D4 S17 what is not a batch is not taken for one', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void decodeBatch(bytes)));
  assert.is(decodeBatch(new Uint8Array(11)), null);
});

test('D4 S19 Snappy blocks are unpacked, and nonsense is refused', () => {
  const packed = Uint8Array.of(12, 3 << 2, ...Buffer.from('abcd'), ((8 - 4) << 2) | 1, 4);
  assert.is(Buffer.from(unsnappy(packed, 100)).toString(), 'abcdabcdabcd');
  assert.throws(
    () => unsnappy(packed, 11),
    (error: unknown) => error instanceof MalformedError,
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      try {
        unsnappy(bytes, 10_000);
      } catch (error) {
        assert.instance(error, MalformedError);
      }
    }),
  );
});

test('D4 S19 varints give back any number', () => {
  fc.assert(fc.property(fc.maxSafeNat(), (value) => assert.is(new ByteReader(varint(value)).varint(), value)));
});

test('D4 S22 a list of tables gives back what was written, and LevelDB’s own is read', async () => {
  const tables = new Map([[7, { size: 300, smallest: Uint8Array.of(1, 2), largest: new Uint8Array(70_000).fill(3) }]]);
  const written = { logNumber: 3, nextFile: 9, lastSequence: 2 ** 40, tables };
  assert.equal(readManifest(readableRecords(encodeManifest(written))), written);
  const { folder, file } = await realTable();
  const manifest = [...folder].find(([name]) => name.startsWith('MANIFEST'))?.[1] ?? Buffer.alloc(0);
  const read = readManifest(readableRecords(manifest));
  const facts = [...(read?.tables.values() ?? [])][0];
  assert.is(facts?.size, file.byteLength);
  assert.equal(
    [facts?.smallest, facts?.largest].map((key) => Buffer.from(userKey(key ?? new Uint8Array(0)))),
    [keyAt(0), keyAt(keys - 1)],
  );
  assert.is(readManifest([Uint8Array.of(99)]), null);
  assert.is(readManifest([]), null);
});

test('D4 S18 S19 a table of LevelDB is in order as it is, and whole again after any single flipped bit', async () => {
  const { file } = await realTable();
  const facts = tableSummary(file);
  assert.ok(facts !== null);
  assert.is(facts.lastSequence, keys);
  assert.equal(examineTable(file, facts), { intact: true });
  assert.ok(isMetadataIntact((at, length) => file.subarray(at, at + length), file.byteLength));
  for (let probe = 0; probe < 150; probe += 1) {
    // Half of them among index, filter and footer.
    const at = probe % 2 === 0 ? Math.floor((probe / 150) * file.byteLength) : file.byteLength - 1 - probe * 19;
    const damaged = Uint8Array.from(file);
    flip(damaged, 8 * at + (probe % 8));
    const state = examineTable(damaged, facts);
    if (state.intact) continue;
    assert.ok(state.file !== null, `byte ${at}`);
    assert.equal(state.lost, [], `byte ${at}`);
    assert.equal(examineTable(state.file, facts), { intact: true }, `byte ${at}`);
    assert.equal(tableSummary(state.file), facts, `byte ${at}`);
  }
});

test('D4 S19 a table loses the damaged part alone, keeps its size, and tells which keys may be missing', async () => {
  const { file } = await realTable();
  const facts = tableSummary(file);
  assert.ok(facts !== null);
  for (let probe = 0; probe < 24; probe += 1) {
    const at = Math.floor((probe / 24) * file.byteLength);
    const isCut = probe % 2 === 1;
    const damaged = isCut ? file.subarray(0, at) : Buffer.from(file).fill(0, at, at + 600);
    const state = examineTable(damaged, facts);
    assert.not.ok(state.intact);
    if (state.intact || state.file === null) continue;
    assert.is(state.file.byteLength, facts.size);
    assert.equal(examineTable(state.file, facts), { intact: true });
    const kept = new Set(await keysIn(state.file));
    const isLost = (key: Uint8Array): boolean =>
      state.lost.some(({ from, to }) => Buffer.compare(key, from) >= 0 && Buffer.compare(key, to) < 0);
    for (let index = 0; index < keys; index += 1) {
      const key = keyAt(index);
      assert.ok(
        kept.has(Buffer.from(key).toString()) || isLost(key),
        `${isCut ? 'cut at' : 'byte'} ${at}: key ${index}`,
      );
    }
    if (!isCut) assert.ok(kept.size > 0.8 * keys, `${kept.size} keys are left`);
  }
});

/** Keys of a table, as LevelDB itself reads them from a folder that has nothing else. */
async function keysIn(table: Uint8Array): Promise<string[]> {
  const path = await mkdtemp(join(tmpdir(), 'tideweave-table-'));
  try {
    await writeFile(join(path, '000005.ldb'), table);
    const facts = tableSummary(table);
    const tables = new Map(facts === null ? [] : [[5, facts] as const]);
    await writeFile(
      join(path, 'MANIFEST-000007'),
      encodeManifest({ logNumber: 0, nextFile: 8, lastSequence: keys, tables }),
    );
    await writeFile(join(path, 'CURRENT'), 'MANIFEST-000007\n');
    const db = new Level<string, Uint8Array>(path, { keyEncoding: 'utf8', valueEncoding: 'view' });
    const found = await db.keys().all();
    await db.close();
    return found;
  } finally {
    await rm(path, { recursive: true });
  }
}

test.run();
