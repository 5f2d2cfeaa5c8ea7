/** Documents as other servers store them, written with those servers' own encoders, for tests of the importer. */
import { Level } from 'level';
import sqlite from 'node-sqlite3-wasm';
import { keyEncoding } from 'y-leveldb';
import * as Y from 'yjs';

import { runProgram } from '../../src/cli/program.ts';
import type { ImportReport } from '../../src/cli/import.ts';
import type { DocumentLog } from '../../src/log/document-log.ts';
import { openLevelLog } from '../../src/log/level-log.ts';

export type Documents = ReadonlyMap<string, readonly Uint8Array[]>;

/** Writes a folder as y-leveldb does. */
export async function writeYLeveldb(path: string, documents: Documents): Promise<void> {
  const db = new Level<Uint8Array, Uint8Array>(path, { keyEncoding: 'view', valueEncoding: 'view' });
  await db.open();
  for (const [name, updates] of documents) {
    await db.batch([
      ...updates.map((value, clock) => ({ type: 'put' as const, key: key('v1', name, 'update', clock), value })),
      { type: 'put', key: key('v1', name, 'meta', 'title'), value: Uint8Array.of(1) },
      { type: 'put', key: key('v1_sv', name), value: Uint8Array.of(0, 1, 0) },
    ]);
  }
  await db.close();
}

function key(...parts: (string | number)[]): Uint8Array {
  return new Uint8Array(keyEncoding.encode(parts));
}

/** Writes a file as Hocuspocus' SQLite extension does; values other than bytes stand for a damaged row. */
export function writeSqlite(path: string, rows: ReadonlyMap<string, Uint8Array | string>, table = 'documents'): void {
  const db = new sqlite.Database(path);
  try {
    db.exec(`CREATE TABLE "${table}" ("name" varchar(255) NOT NULL, "data" blob NOT NULL, UNIQUE(name))`);
    for (const [name, data] of rows) db.run(`INSERT INTO "${table}" VALUES (?, ?)`, [name, data]);
  } finally {
    db.close();
  }
}

/** What one client types: an update per edit. */
export function typed(client: number, edit: (doc: Y.Doc) => void, base: readonly Uint8Array[] = []): Uint8Array[] {
  const doc = load(base);
  doc.clientID = client;
  const updates: Uint8Array[] = [];
  doc.on('update', (update: Uint8Array) => updates.push(update));
  edit(doc);
  return updates;
}

export function load(updates: readonly Uint8Array[]): Y.Doc {
  const doc = new Y.Doc();
  for (const update of updates) Y.applyUpdate(doc, update);
  return doc;
}

/** A text, a map and a deletion that differ by number. */
export function documentOf(number: number): Uint8Array[] {
  return typed(1000 + number, (doc) => {
    doc.getText('body').insert(0, `document ${number} `.repeat(1 + (number % 7)));
    doc.getMap('meta').set('number', number);
    doc.getText('body').delete(0, 3);
  });
}

export interface Outcome {
  readonly exitCode: number | null;
  readonly out: string;
  readonly error: string;
}

/** Runs the command in this process. */
export async function run(...args: readonly string[]): Promise<Outcome> {
  let out = '';
  let error = '';
  const exitCode = await runProgram(['import', ...args], {
    env: {},
    version: '1',
    writeOut: (text) => void (out += text),
    writeError: (text) => void (error += text),
    serve: () => Promise.reject(new Error('not serving')),
  });
  return { exitCode, out, error };
}

/** Runs it with `--json`. */
export async function report(...args: readonly string[]): Promise<ImportReport & { readonly exitCode: number | null }> {
  const { exitCode, out, error } = await run(...args, '--json');
  if (out === '') throw new Error(error);
  return { ...(JSON.parse(out) as ImportReport), exitCode };
}

/** How many documents came to which end, those without left out. */
export function counts(result: ImportReport): Record<string, number> {
  return Object.fromEntries(Object.entries(result.counts).filter(([, count]) => count > 0));
}

export async function withLog<Value>(path: string, use: (log: DocumentLog) => Promise<Value>): Promise<Value> {
  const log = await openLevelLog({ path, wallTime: () => 1 });
  try {
    return await use(log);
  } finally {
    await log.close();
  }
}

/** A document as it is stored. */
export async function storedDocument(log: DocumentLog, name: string): Promise<Y.Doc> {
  const snapshot = await log.snapshot(name);
  const tail = await log.read(name, snapshot?.seq ?? 0);
  return load([...(snapshot === null ? [] : [snapshot.update]), ...tail.map(({ update }) => update)]);
}
