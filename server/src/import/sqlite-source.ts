/**
 * Documents in the table of Hocuspocus' SQLite extension: `name`, and `data` with the whole document as one V1 update.
 * SQLite is the WebAssembly build (node-sqlite3-wasm): it is the same on every machine, needs no compiler, and reads a
 * file page by page. It works on a copy, as looking into a file whose server was killed means repairing it first.
 */
import { constants, copyFile, mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import sqlite from 'node-sqlite3-wasm';

import { documentBytesMax } from './bounds.ts';
import { type Source, type SourceDocument, SourceError, type SourceOptions } from './source.ts';

/** What SQLite keeps beside a file: the changes of a transaction that was cut short, and those not yet written back. */
const companions = ['-journal', '-wal'];

/** Runs with the documents of a file, through a copy. Throws `SourceError`. */
export async function openSqliteSource<T>(
  { path, table, scratch }: SourceOptions,
  run: (source: Source) => Promise<T>,
): Promise<T> {
  await rm(scratch, { recursive: true, force: true });
  await mkdir(scratch, { recursive: true });
  try {
    const copy = join(scratch, 'documents.sqlite');
    await copyStill(path, copy);
    const db = new sqlite.Database(copy);
    try {
      return await readTable(db, path, table, run);
    } finally {
      db.close();
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function readTable<T>(
  db: sqlite.Database,
  path: string,
  table: string,
  run: (source: Source) => Promise<T>,
): Promise<T> {
  const quoted = `"${table.replaceAll('"', '""')}"`;
  let count: number;
  try {
    // Without this a file in WAL mode would need memory shared between processes.
    db.exec('PRAGMA locking_mode = EXCLUSIVE');
    count = Number(db.get(`SELECT count(*) AS count FROM ${quoted}`)?.['count']);
    db.get(`SELECT name, data FROM ${quoted} LIMIT 1`);
  } catch (error) {
    throw new SourceError(`${path} cannot be read: ${messageOf(error)}; --table names the table of the documents`);
  }
  return run({ kind: 'hocuspocus-sqlite', count, documents: () => documentsOf(db, quoted) });
}

async function* documentsOf(db: sqlite.Database, quoted: string): AsyncGenerator<SourceDocument> {
  // By row, not in one statement: a damaged page then costs what is on it, and memory holds one document.
  const rows = db.all(`SELECT rowid AS id, length(data) AS bytes FROM ${quoted} ORDER BY rowid`);
  for (const { id, bytes } of rows) {
    const row = Number(id);
    const tooLarge = typeof bytes === 'number' && bytes > documentBytesMax;
    let name = `(row ${row})`;
    try {
      const stored = db.get(`SELECT CAST(name AS TEXT) AS name FROM ${quoted} WHERE rowid = ?`, [row])?.['name'];
      if (typeof stored === 'string') name = stored;
      const data = tooLarge ? null : db.get(`SELECT data FROM ${quoted} WHERE rowid = ?`, [row])?.['data'];
      if (data instanceof Uint8Array) yield { name, updates: [data], problem: null };
      else
        yield {
          name,
          updates: [],
          problem: tooLarge ? `it has ${bytes} bytes, which is too much` : 'its data is not a blob',
        };
    } catch (error) {
      yield { name, updates: [], problem: `SQLite cannot read it: ${messageOf(error)}` };
    }
  }
}

/** Copies a file that nobody writes to. A server has no lock on it between two writes, so its times are what tells. */
async function copyStill(path: string, copy: string): Promise<void> {
  const before = await stateOf(path);
  for (const suffix of ['', ...companions]) {
    await copyFile(`${path}${suffix}`, `${copy}${suffix}`, constants.COPYFILE_FICLONE).catch((error: unknown) => {
      if (suffix === '' || !(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
    });
  }
  if ((await stateOf(path)) !== before) {
    throw new SourceError(`${path} is being written to: stop its server, or make a copy with sqlite3's .backup`);
  }
}

async function stateOf(path: string): Promise<string> {
  const states = await Promise.all(
    ['', ...companions].map(async (suffix) => stat(`${path}${suffix}`, { bigint: true }).catch(() => null)),
  );
  return states.map((state) => (state === null ? '' : `${state.size} ${state.mtimeNs}`)).join();
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
