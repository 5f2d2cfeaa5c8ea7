/**
 * Documents that package y-leveldb stored, as @y/websocket-server does under YPERSISTENCE. Keys are lists: per part a
 * byte for its type (0 text, 1 number) and a lib0 text or four bytes, big-endian. ['v1', NAME, 'update', N] is an update;
 * what the folder holds besides (state vectors, metadata) is not needed to read a document.
 */
import { Reader } from '@tideweave/shared';
import { Level } from 'level';

import { nameInPath } from '../endpoint/path-name.ts';
import { iteratorBytes } from '../log/bounds.ts';
import { withCopy } from '../log/folder-copy.ts';
import { lockFolder } from '../log/folder-lock.ts';
import { StorageLockedError } from '../log/storage-errors.ts';
import { documentBytesMax, documentUpdatesMax } from './bounds.ts';
import { type Source, type SourceDocument, SourceError, type SourceOptions } from './source.ts';

type Database = Level<Uint8Array, Uint8Array>;

/** Runs with the documents of a y-leveldb folder, through a copy in which tables are only linked. */
export async function openYLeveldbSource<T>(
  { path, scratch, rawNames }: SourceOptions,
  run: (source: Source) => Promise<T>,
): Promise<T> {
  const lock = await lockFolder(path).catch((error: unknown) => {
    if (error instanceof StorageLockedError) {
      throw new SourceError(`${path} is in use: stop the server that has it, or name a copy of the folder`);
    }
    throw error;
  });
  try {
    return await withCopy(path, (copy) => readCopy(copy, path, rawNames ? (name) => name : nameInPath, run), scratch);
  } finally {
    await lock.release();
  }
}

async function readCopy<T>(
  copy: string,
  path: string,
  rename: (name: string) => string,
  run: (source: Source) => Promise<T>,
): Promise<T> {
  const db: Database = new Level(copy, { keyEncoding: 'view', valueEncoding: 'view' });
  try {
    await db.open({ createIfMissing: false });
  } catch (error) {
    throw new SourceError(`${path} cannot be opened as a LevelDB database: ${causeOf(error)}`);
  }
  try {
    const count = await countDocuments(db);
    return await run({ kind: 'y-leveldb', count, documents: () => documentsOf(db, rename) });
  } finally {
    await db.close();
  }
}

const textType = 0;
const keyBytesMax = 64 * 1024;

/** The keys of all updates are next to each other, those of one document too. */
const updateKeys = { gte: textPart('v1'), lt: textPart('v2'), highWaterMarkBytes: iteratorBytes };

async function countDocuments(db: Database): Promise<number> {
  let count = 0;
  let last: string | null = null;
  for await (const key of db.keys(updateKeys)) {
    const name = nameOf(key);
    if (name === null || name === last) continue;
    last = name;
    count += 1;
  }
  return count;
}

async function* documentsOf(db: Database, rename: (name: string) => string): AsyncGenerator<SourceDocument> {
  let gathered = new Gathered('');
  for await (const [key, value] of db.iterator(updateKeys)) {
    const name = nameOf(key);
    if (name === null) continue;
    if (name !== gathered.name) {
      if (gathered.name !== '') yield { ...gathered.document(), name: rename(gathered.name) };
      gathered = new Gathered(name);
    }
    gathered.add(value);
  }
  if (gathered.name !== '') yield { ...gathered.document(), name: rename(gathered.name) };
}

/** The updates of one document, as far as there is room for them. */
class Gathered {
  readonly name: string;
  readonly #updates: Uint8Array[] = [];
  #bytes = 0;
  #count = 0;

  constructor(name: string) {
    this.name = name;
  }

  add(update: Uint8Array): void {
    this.#count += 1;
    this.#bytes += update.length;
    if (this.#tooLarge) this.#updates.length = 0;
    else this.#updates.push(update);
  }

  document(): SourceDocument {
    const problem = this.#tooLarge
      ? `it has ${this.#count} updates with ${this.#bytes} bytes, which is too much`
      : null;
    return { name: this.name, updates: this.#updates, problem };
  }

  get #tooLarge(): boolean {
    return this.#bytes > documentBytesMax || this.#count > documentUpdatesMax;
  }
}

/** The document of an update's key, or null for a key of something else. */
function nameOf(key: Uint8Array): string | null {
  const reader = new Reader(key);
  try {
    if (textOf(reader) !== 'v1') return null;
    const name = textOf(reader);
    return textOf(reader) === 'update' ? name : null;
  } catch {
    return null;
  }
}

function textOf(reader: Reader): string | null {
  return reader.varUint() === textType ? reader.varString(keyBytesMax) : null;
}

function textPart(text: string): Uint8Array {
  const bytes = Buffer.from(text);
  return Uint8Array.of(textType, bytes.length, ...bytes);
}

function causeOf(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error;
  return cause instanceof Error ? cause.message : String(cause);
}
