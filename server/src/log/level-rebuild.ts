/**
 * Makes a folder that LevelDB must not open one that it may: a new MANIFEST over every table that can be read. Unlike
 * LevelDB's own repair it checks every block, cannot be made to crash, and tells what may be missing.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { Level } from 'level';

import type { KeyRange } from './keys.ts';
import { encodeManifest, type Manifest } from './leveldb/manifest.ts';
import { between, examineTable, type TableFacts, tableSummary, userKey } from './leveldb/table.ts';
import {
  fileName,
  filePatterns,
  type FolderState,
  keepOriginal,
  type MendedFile,
  namesIn,
  replaceFile,
  replaceFiles,
} from './level-files.ts';

import { setDamagedLogsAside } from './level-storage.ts';

interface Collected {
  readonly tables: Map<number, TableFacts>;
  readonly replaced: MendedFile[];
  readonly lost: KeyRange[];
  lastSequence: number;
}

/** Rebuilds the list of tables, and merges them all. Says what it did. The caller holds the folder's lock. */
export async function rebuildFolder(path: string, state: FolderState): Promise<string[]> {
  const names = await namesIn(path);
  const numbersOf = (pattern: RegExp): number[] => names.flatMap((name) => pattern.exec(name)?.[1] ?? []).map(Number);
  const all = Object.values(filePatterns).flatMap(numbersOf);
  const manifestNumber = Math.max(0, ...all, state.manifest?.nextFile ?? 0) + 1;

  const collected = await collectTables(path, numbersOf(filePatterns.table), state.manifest);
  const missing = missingTables(state.manifest, collected.tables);
  collected.lost.push(...missing.map(([, { smallest, largest }]) => between(smallest, largest)));
  const logs = state.mended.filter(({ name }) => filePatterns.log.test(name));
  await replaceFiles(path, [...collected.replaced, ...logs], collected.lost);
  for (const name of ['CURRENT', ...names.filter((each) => filePatterns.manifest.test(each))]) {
    await keepOriginal(path, name);
  }
  const manifest = encodeManifest({
    // All logs there are: what is in tables already is written once more, as the same.
    logNumber: 0,
    nextFile: manifestNumber + 1,
    lastSequence: Math.max(collected.lastSequence, state.manifest?.lastSequence ?? 0),
    tables: collected.tables,
  });
  const manifestName = `MANIFEST-${String(manifestNumber).padStart(6, '0')}`;
  await replaceFile(path, manifestName, manifest);
  await replaceFile(path, 'CURRENT', Buffer.from(`${manifestName}\n`));
  return [
    ...state.broken,
    `${manifestName} was written anew, with ${collected.tables.size} tables`,
    ...[...collected.replaced, ...logs].map(({ what }) => what),
    ...missing.map(([number]) => `the table ${fileName(number, 'ldb')} is gone`),
  ];
}

/**
 * Merges all tables once. Those of a rebuilt list overlap on one level, where LevelDB takes the value of a key from the
 * table with the highest number: only merging goes by the order in which values were written.
 */
export async function mergeTables(path: string): Promise<void> {
  await setDamagedLogsAside(path, 0);
  const db = new Level<Uint8Array, Uint8Array>(path, { keyEncoding: 'view', valueEncoding: 'view' });
  await db.open();
  try {
    await compactRange(db, new Uint8Array(0), new Uint8Array(64).fill(0xff));
  } finally {
    await db.close();
  }
}

async function collectTables(path: string, numbers: readonly number[], manifest: Manifest | null): Promise<Collected> {
  const collected: Collected = { tables: new Map(), replaced: [], lost: [], lastSequence: 0 };
  for (const number of numbers.toSorted((a, b) => a - b)) {
    const name = fileName(number, 'ldb');
    const stored = await readFile(join(path, name));
    const facts = manifest?.tables.get(number) ?? null;
    const found = examineTable(stored, facts, true);
    if (!found.intact && found.file !== null) {
      collected.lost.push(...found.lost);
      collected.replaced.push({ name, bytes: found.file, what: `${name}: the damaged part was taken out` });
    }
    const summary = tableSummary(found.intact || found.file === null ? stored : found.file);
    if (summary === null) continue;
    collected.tables.set(number, summary);
    collected.lastSequence = Math.max(collected.lastSequence, summary.lastSequence);
  }
  return collected;
}

/**
 * Tables that the MANIFEST names and that are not there. Where it was cut off it names those that were merged since:
 * they are not missed when tables that it does not know cover their keys.
 */
function missingTables(manifest: Manifest | null, found: ReadonlyMap<number, TableFacts>): [number, TableFacts][] {
  if (manifest === null) return [];
  const later = [...found].filter(([number]) => number >= manifest.nextFile).map(([, facts]) => facts);
  const from = later.map(({ smallest }) => userKey(smallest)).toSorted(byBytes)[0];
  const to = later
    .map(({ largest }) => userKey(largest))
    .toSorted(byBytes)
    .at(-1);
  return [...manifest.tables].filter(([number, { smallest, largest }]) => {
    if (found.has(number)) return false;
    const covered =
      from !== undefined &&
      to !== undefined &&
      Buffer.compare(from, userKey(smallest)) <= 0 &&
      Buffer.compare(userKey(largest), to) <= 0;
    return !covered;
  });
}

function byBytes(a: Uint8Array, b: Uint8Array): number {
  return Buffer.compare(a, b);
}

/** ClassicLevel has it, and the types of `level` leave it out because browsers do not. */
async function compactRange(db: object, from: Uint8Array, to: Uint8Array): Promise<void> {
  if (!('compactRange' in db) || typeof db.compactRange !== 'function') return;
  await (db.compactRange as (from: Uint8Array, to: Uint8Array) => Promise<void>).call(db, from, to);
}
