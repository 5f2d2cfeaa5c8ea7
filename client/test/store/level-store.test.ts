import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Level } from 'level';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { systemClock, systemRandom } from '../../src/clock.ts';
import { DocumentStore } from '../../src/store/document-store.ts';
import { LevelBackend, openLevelStore } from '../../src/store/level-store.ts';
import { StoreError } from '../../src/store/offline-store.ts';
import { offlineStoreContract } from './offline-store.contract.ts';
import { at, codeOf, contentOf, edits, fail, keysSet, rejection } from './store-fixtures.ts';

const test = suite('OfflineStore: level');
const options = { clock: systemClock, random: systemRandom, onError: fail };

const newFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'tideweave-store-'));

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await newFolder();
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

offlineStoreContract(
  test,
  async () => {
    const folder = await newFolder();
    const location = join(folder, 'a', 'store');
    return {
      open: (limits = {}) => openLevelStore({ ...options, location, limits }),
      dispose: () => rm(folder, { recursive: true }),
    };
  },
  { shared: false },
);

test('U3 a folder that another process has open is refused, with its name', () =>
  inFolder(async (folder) => {
    const writer = fileURLToPath(new URL('store-writer.js', import.meta.url));
    const child = spawn(process.execPath, [writer, folder, '1', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      await once(child.stdout, 'data');
      const error = await rejection(() => openLevelStore({ ...options, location: folder }));
      assert.instance(error, StoreError);
      assert.is((error as StoreError).code, 'locked');
      assert.match(error.message, folder);
    } finally {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      await ended;
    }
    const store = await openLevelStore({ ...options, location: folder });
    assert.is(await codeOf(() => openLevelStore({ ...options, location: folder })), 'locked');
    await store.close();
  }));

test('C4 a database that was closed underneath is opened again, once for all that fail together', () =>
  inFolder(async (folder) => {
    const backend = await LevelBackend.open(folder);
    let reopened = 0;
    const reopen = backend.reopen.bind(backend);
    backend.reopen = () => {
      reopened += 1;
      return reopen();
    };
    const store = await DocumentStore.open(backend, options);
    const made = edits(1, 6);
    await store.append('doc', 'pending', at(made, 0)).durable;
    await backend.close();
    await store.append('doc', 'pending', at(made, 1)).durable;
    assert.is(reopened, 1);
    await backend.close();
    const reads = [store.load('doc'), store.load('doc'), store.load('other')];
    await Promise.all([...reads, store.list(), store.append('doc', 'pending', at(made, 2)).durable]);
    assert.is(reopened, 2);
    // Closed while a batch is being written.
    const writing = store.append('doc', 'pending', at(made, 3)).durable;
    await Promise.resolve();
    await Promise.all([backend.close(), writing]);
    assert.ok(reopened <= 3);
    await store.close();
    const again = await openLevelStore({ ...options, location: folder });
    assert.equal(contentOf(await again.load('doc')), keysSet(1, 4));
    await again.close();
  }));

test('U3 data of a later version, or of something else, is refused and left alone', () =>
  inFolder(async (folder) => {
    const location = join(folder, 'store');
    let db = new Level(location);
    await db.put('format', JSON.stringify({ format: 2, id: 'x' }));
    await db.close();
    const error = await rejection(() => openLevelStore({ ...options, location }));
    assert.is((error as StoreError).code, 'newer');
    assert.match(error.message, /later version of Tideweave \(format 2, this one reads 1\)/);
    db = new Level(location);
    assert.equal(await db.iterator().all(), [['format', JSON.stringify({ format: 2, id: 'x' })]]);
    await db.put('format', 'jpeg');
    await db.close();
    assert.is(await codeOf(() => openLevelStore({ ...options, location })), 'foreign');

    const foreign = join(folder, 'foreign');
    db = new Level(foreign);
    await db.put('something', 'else');
    await db.close();
    assert.is(await codeOf(() => openLevelStore({ ...options, location: foreign })), 'foreign');
    db = new Level(foreign);
    assert.equal(await db.keys().all(), ['something']);
    await db.close();
  }));

test.run();
