/**
 * Checks LevelDB's own files before LevelDB opens them (D4). It would drop what it cannot read without a word, delete
 * files that a damaged list does not name, begin a new database where one file is missing, and end the process at some
 * damaged tables. What can be put right here is: a single flipped bit anywhere, a table without its damaged blocks.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { open, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { startCheckBytesMax } from './bounds.ts';
import { lockFolder } from './folder-lock.ts';
import type { KeyRange } from './keys.ts';
import { mendedLog, readableRecords } from './leveldb/log-file.ts';
import { type Manifest, readManifest } from './leveldb/manifest.ts';
import { examineTable, isMetadataIntact, type TableFacts } from './leveldb/table.ts';
import { lostRegions } from './level-wal.ts';
import { witnessFiles } from './level-witness.ts';
import { errorCode, StorageBrokenError } from './storage-errors.ts';

/** A better version of a file. */
export interface MendedFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** For people. */
  readonly what: string;
}

/** What was found in a folder. */
export interface FolderState {
  /** Why LevelDB must not open it; empty when it may. */
  readonly broken: readonly string[];
  readonly mended: readonly MendedFile[];
  /** Keys whose newest values may be missing once the mended files are in place. */
  readonly lost: readonly KeyRange[];
  readonly manifest: Manifest | null;
  /** Nothing was ever stored: the process that was to begin the database did not get far enough. */
  readonly unused: boolean;
  /** What of it was read, for reports. */
  readonly tables: number;
  readonly logs: number;
}

/** A folder that LevelDB may open. */
export interface PreparedFolder {
  /** What was put right, for people. */
  readonly done: readonly string[];
  /** Write-ahead logs before this one are no longer needed, though they may still be there. */
  readonly logNumber: number;
}

/** Where lost ranges wait until their documents are marked. */
const lostFile = 'lost.json';
const keptSuffix = '.damaged-kept';
const currentPattern = /^MANIFEST-(\d+)\n$/;
export const filePatterns: Readonly<Record<'log' | 'table' | 'manifest', RegExp>> = {
  log: /^(\d+)\.log$/,
  table: /^(\d+)\.ldb$/,
  manifest: /^MANIFEST-(\d+)$/,
};

/**
 * Brings the files into a state in which LevelDB may open them, and says what it did. Throws `StorageBrokenError` when
 * that takes a person, and `StorageLockedError` when something is wrong because another process is at work.
 */
export async function prepareFolder(path: string): Promise<PreparedFolder> {
  const first = await examineFolder(path, startCheckBytesMax);
  const logNumber = first.manifest?.logNumber ?? 0;
  if (first.broken.length === 0 && first.mended.length === 0 && !first.unused) return { done: [], logNumber };
  const lock = await lockFolder(path);
  try {
    const state = await examineFolder(path, startCheckBytesMax);
    const [broken] = state.broken;
    if (broken !== undefined) throw new StorageBrokenError(path, broken);
    if (state.unused) await clearUnused(path);
    await replaceFiles(path, state.mended, state.lost);
    return { done: state.mended.map(({ what }) => what), logNumber: state.manifest?.logNumber ?? 0 };
  } finally {
    await lock.release();
  }
}

/** Reads LevelDB's files without changing any; of tables beyond `tableBytesMax` only what leads through them. */
export async function examineFolder(path: string, tableBytesMax: number): Promise<FolderState> {
  const names = await namesIn(path);
  const numbers = (pattern: RegExp): number[] =>
    names
      .flatMap((name) => pattern.exec(name)?.[1] ?? [])
      .map(Number)
      .toSorted((a, b) => b - a);
  const logs = numbers(filePatterns.log);
  const found = { broken: [] as string[], mended: [] as MendedFile[], lost: [] as KeyRange[] };
  const state = (manifest: Manifest | null, unused = false): FolderState => ({
    ...found,
    manifest,
    unused,
    tables: numbers(filePatterns.table).length,
    logs: logs.length,
  });
  const isNew = !names.some((name) => Object.values(filePatterns).some((pattern) => pattern.test(name)));
  if (isNew && !names.includes('CURRENT')) return state(null);

  // LevelDB does not sync the list of a new database before it points to it.
  const nothingStored =
    numbers(filePatterns.table).length === 0 && (await areEmpty(path, [...logNames(logs), ...witnessFiles]));
  const manifestName = await currentManifest(path, names);
  if (manifestName === null && nothingStored) return state(null, true);
  if (manifestName === null) {
    found.broken.push('the file CURRENT is missing or damaged');
    return state(null);
  }
  const stored = await readFile(join(path, manifestName));
  const mendedManifest = mendedLog(stored);
  if (mendedManifest !== null) {
    found.mended.push({
      name: manifestName,
      bytes: mendedManifest,
      what: `${manifestName}: flipped bits were put right`,
    });
  }
  const bytes = mendedManifest ?? stored;
  const manifest = lostRegions(bytes, true).length > 0 ? null : readManifest(readableRecords(bytes));
  if (manifest === null && nothingStored) return state(null, true);
  if (manifest === null) {
    found.broken.push(`${manifestName}, which lists the tables, is damaged`);
    return state(null);
  }
  // It is created before it is named here, and deleted only after a later one has been.
  if (manifest.logNumber > 0 && !logs.includes(manifest.logNumber)) {
    found.broken.push(
      `the write-ahead log ${fileName(manifest.logNumber, 'log')} is missing, or ${manifestName} is cut off`,
    );
  }
  for (const log of logs.filter((number) => number >= manifest.logNumber)) {
    const name = fileName(log, 'log');
    const mended = mendedLog(await readFile(join(path, name)));
    if (mended !== null) found.mended.push({ name, bytes: mended, what: `${name}: flipped bits were put right` });
  }
  let bytesLeft = tableBytesMax;
  for (const [number, facts] of [...manifest.tables].toSorted(([a], [b]) => b - a)) {
    await examineOne(path, number, facts, bytesLeft > 0, found);
    bytesLeft -= facts.size;
  }
  return state(manifest);
}

/**
 * Puts better versions in place of files, and remembers which keys may be missing until `forgetLostRanges`. A crash at
 * any point leaves what can be done again. The originals stay for people.
 */
export async function replaceFiles(
  path: string,
  files: readonly MendedFile[],
  lost: readonly KeyRange[],
): Promise<void> {
  if (lost.length > 0) {
    const all = [...(await readLostRanges(path)), ...lost];
    const text = JSON.stringify(all.map(({ from, to }) => [from, to].map((key) => Buffer.from(key).toString('hex'))));
    await replaceFile(path, lostFile, Buffer.from(text));
  }
  for (const { name, bytes } of files) {
    await keepOriginal(path, name);
    await replaceFile(path, name, bytes);
  }
}

/** The ranges that `replaceFiles` remembered. */
export async function readLostRanges(path: string): Promise<readonly KeyRange[]> {
  try {
    const pairs = JSON.parse(await readFile(join(path, lostFile), 'utf8')) as [string, string][];
    return pairs.map(([from, to]) => ({ from: bytesOf(from), to: bytesOf(to) }));
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** Called when the documents in these ranges have been marked. */
export async function forgetLostRanges(path: string): Promise<void> {
  await rename(join(path, lostFile), join(path, `${lostFile}${keptSuffix}`)).catch((error: unknown) => {
    if (errorCode(error) !== 'ENOENT') throw error;
  });
}

/** Copies a file aside under a name that LevelDB does not know; an earlier copy is the better original. */
export async function keepOriginal(path: string, name: string): Promise<void> {
  try {
    await writeFile(join(path, `${name}${keptSuffix}`), await readFile(join(path, name)), { flag: 'wx', flush: true });
  } catch (error) {
    if (errorCode(error) !== 'EEXIST' && errorCode(error) !== 'ENOENT') throw error;
  }
}

/** Replaces or creates a file in one step that survives power loss. */
export async function replaceFile(path: string, name: string, bytes: Uint8Array): Promise<void> {
  const temporary = join(path, `${name}.tmp`);
  await writeFile(temporary, bytes, { flush: true });
  await rename(temporary, join(path, name));
  await syncFolder(path);
}

/** Makes the names of files durable: those that were created, renamed and removed. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** As LevelDB names it. */
export function fileName(number: number, extension: 'log' | 'ldb'): string {
  return `${String(number).padStart(6, '0')}.${extension}`;
}

/** The names in a folder, none when it is not there. */
export async function namesIn(path: string): Promise<string[]> {
  return readdir(path).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  });
}

/** Puts away what was begun of a database, so that it is begun again. */
export async function clearUnused(path: string): Promise<void> {
  for (const name of (await namesIn(path)).filter((each) => filePatterns.manifest.test(each) || each === 'CURRENT')) {
    await rename(join(path, name), join(path, `${name}${keptSuffix}`));
  }
}

function logNames(numbers: readonly number[]): string[] {
  return numbers.map((number) => fileName(number, 'log'));
}

async function areEmpty(path: string, names: readonly string[]): Promise<boolean> {
  for (const name of names) {
    const size = await stat(join(path, name)).then(
      (found) => found.size,
      () => 0,
    );
    if (size > 0) return false;
  }
  return true;
}

async function currentManifest(path: string, names: readonly string[]): Promise<string | null> {
  if (!names.includes('CURRENT')) return null;
  const content = await readFile(join(path, 'CURRENT'), 'latin1');
  const name = content.slice(0, -1);
  return currentPattern.test(content) && names.includes(name) ? name : null;
}

async function examineOne(
  path: string,
  number: number,
  facts: TableFacts,
  wholly: boolean,
  found: { broken: string[]; mended: MendedFile[]; lost: KeyRange[] },
): Promise<void> {
  const name = fileName(number, 'ldb');
  try {
    if (!wholly && hasIntactMetadata(join(path, name), facts.size)) return;
    const state = examineTable(await readFile(join(path, name)), facts);
    if (state.intact) return;
    if (state.file === null) {
      found.broken.push(`the table ${name} is damaged`);
      return;
    }
    found.lost.push(...state.lost);
    const what = state.lost.length === 0 ? 'damage was put right' : 'a damaged part was taken out';
    found.mended.push({ name, bytes: state.file, what: `${name}: ${what}` });
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
    found.broken.push(`the table ${name} is missing`);
  }
}

function hasIntactMetadata(path: string, size: number): boolean {
  const file = openSync(path, 'r');
  try {
    const read = (at: number, length: number): Uint8Array => {
      const bytes = new Uint8Array(length);
      return bytes.subarray(0, readSync(file, bytes, 0, length, at));
    };
    return fstatSync(file).size === size && isMetadataIntact(read, size);
  } finally {
    closeSync(file);
  }
}

function bytesOf(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'));
}
