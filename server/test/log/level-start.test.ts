/** What is checked before LevelDB opens a folder: files that are missing, lists that are cut off, a witness that knows more. */
import { cp, mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { test } from 'uvu';
import * as assert from 'uvu/assert';

import { witnessFileBytesMax } from '../../src/log/bounds.ts';
import { headKey } from '../../src/log/keys.ts';
import { openLevelLog } from '../../src/log/level-log.ts';
import { readWitness, Witness } from '../../src/log/level-witness.ts';
import { encodeHead } from '../../src/log/record.ts';
import { StorageBrokenError } from '../../src/log/storage-errors.ts';
import type { DocumentLog } from '../../src/log/document-log.ts';
import { withFolder } from '../support/folders.ts';
import { emptyHead } from '../../src/log/head-rules.ts';
import { append, entries, headOf, refusalOf, rejection } from './log-fixtures.ts';

const openAt = (path: string, onDamage?: (what: string) => void): Promise<DocumentLog> =>
  openLevelLog({ path, wallTime: () => 1, ...(onDamage === undefined ? {} : { onDamage }) });

/** A folder with a table and a log, and every file of it. */
async function prepared(path: string): Promise<Map<string, Buffer>> {
  for (const round of [1, 2, 3]) {
    const log = await openAt(path);
    await append(log, `document ${round}`, entries(1, 5));
    await log.close();
  }
  return filesIn(path);
}

async function filesIn(path: string): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for (const name of (await readdir(path)).toSorted()) files.set(name, await readFile(join(path, name)));
  return files;
}

for (const [what, pattern] of [
  ['CURRENT', /^CURRENT$/],
  ['the list of tables', /^MANIFEST/],
  ['a table', /\.ldb$/],
  ['the write-ahead log', /\.log$/],
] as const) {
  test(`D4 S22 without ${what} the start is refused, says "tideweave repair", and changes nothing`, () =>
    withFolder(async (path) => {
      const files = await prepared(path);
      const name = [...files.keys()].find((each) => pattern.test(each)) ?? '';
      await rm(join(path, name));
      const before = await filesIn(path);
      const error = await rejection(() => openAt(path));
      assert.instance(error, StorageBrokenError);
      assert.match(error.message, `"tideweave repair --data ${path}"`);
      assert.equal(await filesIn(path), before);
    }));
}

test('D4 S22 a list of tables that is cut off is refused', () =>
  withFolder(async (path) => {
    await prepared(path);
    const name = (await readdir(path)).find((each) => each.startsWith('MANIFEST')) ?? '';
    await truncate(join(path, name), 60);
    assert.instance(await rejection(() => openAt(path)), StorageBrokenError);
  }));

test('D1 S20 a database that was begun when the power failed is begun again', () =>
  withFolder(async (path) => {
    await writeFile(join(path, 'CURRENT'), 'MANIFEST-000001\n');
    await writeFile(join(path, 'MANIFEST-000001'), new Uint8Array(30));
    const log = await openAt(path);
    assert.is((await append(log, 'doc', entries(1, 1))).lastSeq, 1);
    await log.close();
  }));

test('D4 S21 a folder put back to an older copy, its witness aside, is noticed document by document', () =>
  withFolder(async (folder) => {
    const [path, copy] = [join(folder, 'data'), join(folder, 'copy')];
    await mkdir(path);
    let log = await openAt(path);
    await append(log, 'old', entries(1, 3));
    await append(log, 'changed', entries(1, 3));
    await append(log, 'deleted', entries(1, 3));
    await append(log, 'again', entries(1, 3));
    await log.close();
    await cp(path, copy, { recursive: true });
    log = await openAt(path);
    await append(log, 'changed', entries(4, 1));
    await append(log, 'new', entries(1, 1));
    await log.delete('deleted');
    await log.delete('again');
    await log.create('again');
    await log.close();
    await cp(join(path, 'witness'), join(copy, 'witness'));
    const told: string[] = [];
    log = await openAt(copy, (what) => void told.push(what));
    for (const name of ['changed', 'new', 'deleted', 'again']) {
      assert.is(await refusalOf(() => log.head(name)), 'TW_DOCUMENT_CORRUPT', name);
      assert.ok(
        told.some((what) => what.includes(JSON.stringify(name))),
        name,
      );
    }
    assert.is((await headOf(log, 'old')).lastSeq, 3);
    assert.is(await log.delete('new'), true, 'even one that is not there can be got rid of');
    assert.is((await log.create('new')).lastSeq, 0);
    await log.close();
  }));

test('R6 S21 the witness is bounded, and survives a torn end', () =>
  withFolder(async (path) => {
    const witness = await Witness.open(path);
    const name = 'd'.repeat(500);
    const key = headKey(name);
    let lastSeq = 0;
    const note = (): void => {
      lastSeq += 1;
      const head = { ...emptyHead(name, '1'.repeat(16), '2'.repeat(16), 1), lastSeq };
      witness.note([{ key, value: encodeHead(key, { head, generation: 0, indexBytes: 0, quarantinedCount: 0 }) }]);
    };
    const bytes = 22 + name.length;
    while (lastSeq * bytes < 2.5 * witnessFileBytesMax) note();
    witness.close();
    let total = 0;
    for (const each of (await filesIn(path)).values()) total += each.byteLength;
    assert.ok(total <= 2 * witnessFileBytesMax + 2 * bytes, `${total} bytes`);
    assert.is((await readWitness(path)).get(name)?.lastSeq, lastSeq);
    const file = join(path, 'witness');
    await truncate(file, (await readFile(file)).byteLength - 3);
    assert.is((await readWitness(path)).get(name)?.lastSeq, lastSeq - 1);
    (await Witness.open(path)).close();
    assert.is((await readFile(file)).byteLength % bytes, 0, 'and is cut off where it is whole');
  }));

test.run();
