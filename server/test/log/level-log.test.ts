import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { test } from 'uvu';
import * as assert from 'uvu/assert';

import type { DocumentLog } from '../../src/log/document-log.ts';
import { openLevelLog } from '../../src/log/level-log.ts';
import { LevelStorage } from '../../src/log/level-storage.ts';
import { StorageLockedError } from '../../src/log/storage-errors.ts';
import { formatKey } from '../../src/log/keys.ts';
import { documentLogContract } from './document-log.contract.ts';
import { append, compact, entries, headOf, rejection } from './log-fixtures.ts';

const newFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'tideweave-log-'));
const openAt = (path: string): Promise<DocumentLog> => openLevelLog({ path, wallTime: () => Date.now() });

documentLogContract('level', async () => {
  const path = await newFolder();
  let log = await openAt(path);
  return {
    log,
    reopen: async () => {
      await log.close();
      log = await openAt(path);
      return log;
    },
    dispose: async () => {
      await log.close();
      await rm(path, { recursive: true });
    },
  };
});

test('D1 S23 a second relay on the same folder is told who has it', async () => {
  const path = await newFolder();
  const log = await openAt(path);
  const error = await rejection(() => openAt(path));
  if (!(error instanceof StorageLockedError)) throw error;
  assert.is(error.message, `another relay is using ${path}`);
  assert.is(error.code, 'TW_STORAGE_LOCKED');
  await append(log, 'doc', entries(1, 1));
  await log.close();
  await rm(path, { recursive: true });
});

test('D4 S23 a folder that another version wrote is left alone', async () => {
  const path = await newFolder();
  const storage = await LevelStorage.open(path);
  await storage.write([{ key: formatKey, value: Buffer.from('tideweave level log 99') }], true);
  await storage.close();
  const error = await rejection(() => openAt(path));
  assert.match(error.message, 'another version: tideweave level log 99');
  await rm(path, { recursive: true });
});

test('D5 S9 reads that are under way go on while the storage is reopened', async () => {
  const path = await newFolder();
  const storage = await LevelStorage.open(path);
  const key = Uint8Array.of(1);
  await storage.write([{ key, value: new Uint8Array(100_000) }], true);
  const reading = { stop: false };
  let count = 0;
  const read = async (): Promise<void> => {
    while (!reading.stop) {
      assert.is((await storage.get(key))?.byteLength, 100_000);
      assert.is((await storage.pairs({ from: key, to: Uint8Array.of(2) })).length, 1);
      count += 1;
    }
  };
  const readers = Promise.all([read(), read(), read(), read()]);
  for (let round = 0; round < 5; round += 1) await storage.reopen();
  reading.stop = true;
  await readers;
  assert.ok(count > 0);
  await storage.close();
  await rm(path, { recursive: true });
});

test('D4 S10 S15 a document that is written to while it is read and compacted is never taken for damaged', async () => {
  for (let round = 0; round < 15; round += 1) {
    const path = await newFolder();
    const log = await openAt(path);
    await append(log, 'doc', entries(1, 50));
    const run = { stop: false };
    const write = async (): Promise<void> => {
      for (let at = 51; !run.stop; at += 1) await append(log, 'doc', entries(at, 1));
    };
    const read = async (): Promise<void> => {
      while (!run.stop) {
        const { snapshotSeq } = await headOf(log, 'doc');
        await log.read('doc', snapshotSeq).catch((error: unknown) => {
          // A compaction came between.
          if (!(error instanceof RangeError)) throw error;
        });
      }
    };
    const merge = async (): Promise<void> => {
      for (let count = 0; count < 6; count += 1) await compact(log, 'doc', (await headOf(log, 'doc')).lastSeq);
    };
    const others = [write(), read(), read(), read()];
    await merge().finally(() => (run.stop = true));
    await Promise.all(others);
    await log.close();
    await rm(path, { recursive: true });
  }
});

test.run();
