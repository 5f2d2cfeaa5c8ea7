// @slow
// What real servers stored, filled by stock providers. extension-sqlite-4.7.0.sqlite was written by @hocuspocus/server
// 4.7.0 with @hocuspocus/extension-sqlite 4.7.0 and three documents of a stock HocuspocusProvider; that extension compiles
// SQLite when it is installed, which a test run must not need.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, cp, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { SyncClient } from '@tideweave/client';
import { seededRandom } from '@tideweave/shared';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { LeveldbPersistence } from 'y-leveldb';
import * as Y from 'yjs';

import { YWebsocketClient } from '../conformance/client.ts';
import { withFolder } from '../support/folders.ts';
import { stablePort, withRelayProcess } from '../support/relay-process.ts';
import { until, within } from '../support/wait.ts';
import { counts, report, run, storedDocument, withLog } from './sources.ts';

const root = new URL('../../../../', import.meta.url);
const sqliteFile = fileURLToPath(new URL('server/test/import/extension-sqlite-4.7.0.sqlite', root));

/** Runs with @y/websocket-server, which stores in `folder`. */
async function withYWebsocketServer(folder: string, use: (url: string) => Promise<void>): Promise<void> {
  const port = await stablePort(seededRandom(process.pid));
  const server = spawn(
    process.execPath,
    [fileURLToPath(new URL('node_modules/@y/websocket-server/src/server.js', root))],
    {
      env: { ...process.env, HOST: '127.0.0.1', PORT: String(port), YPERSISTENCE: folder },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const ended = once(server, 'exit');
  try {
    let out = '';
    server.stdout.on('data', (bytes: Buffer) => void (out += bytes.toString()));
    await until('the y-websocket server listens', () => out.includes('running at'));
    await use(`ws://127.0.0.1:${port}`);
  } finally {
    server.kill('SIGKILL');
    await ended;
  }
}

const textOf = (doc: Y.Doc): string => doc.getText('body').toString();

/** The text of a document that the server has stored up to now. It names documents as they stand in the URL. */
async function storedByServer(folder: string, copy: string, name: string): Promise<string> {
  await rm(copy, { recursive: true, force: true });
  await cp(folder, copy, { recursive: true });
  const persistence = new LeveldbPersistence(copy);
  try {
    return textOf(await persistence.getYDoc(new URL(`ws://x/${name}`).pathname.slice(1)));
  } finally {
    await persistence.destroy();
  }
}

test('C2 L1 what the y-websocket server has stored is imported as it was, and opened by our client', () =>
  withFolder(async (folder) => {
    const source = join(folder, 'db');
    const data = join(folder, 'data');
    const docs = new Map<string, Y.Doc>();
    await withYWebsocketServer(source, async (url) => {
      for (const name of ['notes', 'team/Größe Ω', 'list']) {
        const client = new YWebsocketClient(3, { url, name });
        await until(`${name} is synced`, () => client.isSynced);
        client.doc.getText('body').insert(0, `This is ${name}. `);
        for (let at = 0; at < 30; at += 1) client.doc.getText('body').insert(at, 'x');
        client.doc.getText('body').delete(3, 20);
        client.doc.getMap('meta').set('tags', ['a', name]);
        // Another connection reads it when the server has it; it has stored it a moment later.
        const reader = new YWebsocketClient(2, { url, name });
        await until(`${name} is read`, () => reader.doc.getMap('meta').get('tags') !== undefined);
        docs.set(name, client.doc);
        reader.destroy();
        client.destroy();
      }
      // It acknowledges nothing; a copy of its folder tells when it has stored everything.
      for (const [name, doc] of docs) {
        await until(
          `${name} is stored`,
          async () => (await storedByServer(source, join(folder, 'copy'), name)) === textOf(doc),
        );
      }
    });
    const result = await report(source, '--data', data);
    assert.equal(
      [result.exitCode, result.kind, result.documents, counts(result)],
      [0, 'y-leveldb', 3, { imported: 3 }],
    );

    await withRelayProcess(data, {}, async (relay) => {
      const client = new SyncClient({ url: relay.url });
      for (const [name, expected] of docs) {
        const handle = client.open(name);
        await within(`${name} is synced`, handle.whenSynced());
        assert.is(textOf(handle.doc), textOf(expected), name);
        assert.equal(handle.doc.getMap('meta').toJSON(), expected.getMap('meta').toJSON(), name);
        assert.equal(Y.encodeStateVector(handle.doc), Y.encodeStateVector(expected), name);
      }
      client.destroy();
    });
  }));

test('U3 a folder that its server still has is refused, and nothing is written', () =>
  withFolder(async (folder) => {
    const source = join(folder, 'db');
    await withYWebsocketServer(source, async (url) => {
      const client = new YWebsocketClient(3, { url, name: 'notes' });
      await until('it is synced', () => client.isSynced);
      client.destroy();
      const { exitCode, out, error } = await run(source, '--data', join(folder, 'data'));
      assert.equal([exitCode, out], [2, '']);
      assert.match(error, /db is in use: stop the server that has it/);
    });
  }));

test('C2 L1 what the SQLite extension of Hocuspocus has stored is imported as it was, and the file stays as it is', () =>
  withFolder(async (folder) => {
    const source = join(folder, 'db.sqlite');
    await copyFile(sqliteFile, source);
    const data = join(folder, 'data');
    const result = await report(source, '--data', data);
    assert.equal([result.exitCode, result.kind, counts(result)], [0, 'hocuspocus-sqlite', { imported: 3 }]);
    assert.equal(await readFile(source), await readFile(sqliteFile));
    await withLog(data, async (log) => {
      const notes = await storedDocument(log, 'notes');
      assert.is(notes.getText('body').toString(), 'from Hocuspocus');
      assert.equal(notes.getMap('meta').toJSON(), { author: 'Ada' });
      assert.equal((await storedDocument(log, 'Größe/Ω')).getArray('list').toJSON(), [1, 'two', { three: 3 }]);
      assert.is((await storedDocument(log, 'long')).getText('body').length, 3000);
    });
  }));

test.run();
