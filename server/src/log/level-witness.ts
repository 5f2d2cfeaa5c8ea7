/**
 * A second file that remembers how far each document was acknowledged. LevelDB cannot tell that the end of its log, or
 * the whole log, is gone: what is left looks complete. After every synced commit a few bytes per document go in here,
 * without an fsync: whatever of it survives is true, because the commit was durable before. Two files take turns, so
 * that it stays small; each holds more than what LevelDB has not yet put into tables.
 */
import { closeSync, ftruncateSync, openSync, renameSync, writeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';

import { witnessFileBytesMax } from './bounds.ts';
import { isHeadKey } from './keys.ts';
import type { WriteOperation } from './level-storage.ts';
import { headParts } from './record.ts';

/** How far a document was acknowledged. */
export interface Witnessed {
  readonly logId: string;
  readonly lastSeq: number;
  readonly deleted: boolean;
  /** Logs that the name had before. */
  readonly earlierLogIds: readonly string[];
}

/** The two files, the newer one first. */
export const witnessFiles: readonly string[] = ['witness', 'witness.old'];

const headerBytes = 2 + 8 + 8;
const checksumBytes = 4;
/** In place of a sequence number. */
const deletedMark = -1;

/** What the witness in a folder knows of each document; nothing when there is none. */
export async function readWitness(path: string): Promise<Map<string, Witnessed>> {
  const known = new Map<string, Witnessed>();
  for (const name of witnessFiles.toReversed()) readStatements(await contentOf(join(path, name)), known);
  return known;
}

export class Witness {
  readonly #path: string;
  #file: number;
  #bytes: number;

  private constructor(path: string, file: number, bytes: number) {
    this.#path = path;
    this.#file = file;
    this.#bytes = bytes;
  }

  /** Goes on where the file is still readable. */
  static async open(path: string): Promise<Witness> {
    const valid = readStatements(await contentOf(join(path, currentName)), new Map());
    const file = openSync(join(path, currentName), 'a');
    ftruncateSync(file, valid);
    return new Witness(path, file, valid);
  }

  /** Called when a batch has been synced. A disk that takes nothing more fails the next commit too, and that one is told. */
  note(batch: readonly WriteOperation[]): void {
    const statements = batch.flatMap(({ key, value }) =>
      value !== null && isHeadKey(key) ? [encode(key.subarray(1), value)] : [],
    );
    if (statements.length === 0) return;
    const bytes = Buffer.concat(statements);
    try {
      if (this.#bytes >= witnessFileBytesMax) this.#turn();
      this.#bytes += writeSync(this.#file, bytes);
    } catch {
      this.#cut();
    }
  }

  close(): void {
    closeSync(this.#file);
  }

  #turn(): void {
    closeSync(this.#file);
    renameSync(join(this.#path, currentName), join(this.#path, olderName));
    this.#file = openSync(join(this.#path, currentName), 'a');
    this.#bytes = 0;
  }

  /** Half a statement would hide those behind it. */
  #cut(): void {
    try {
      ftruncateSync(this.#file, this.#bytes);
    } catch {
      // The next opening cuts it.
    }
  }
}

const [currentName = '', olderName = ''] = witnessFiles;

async function contentOf(path: string): Promise<Buffer> {
  return readFile(path).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  });
}

/** Length of the name, id of the log, sequence number, name, checksum: taken over from a head as it is stored. */
function encode(name: Uint8Array, head: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(headerBytes + name.byteLength + checksumBytes);
  bytes.writeUInt16BE(name.byteLength, 0);
  bytes.set(head.subarray(headParts.logId, headParts.lastSeq + 8), 2);
  if (head[headParts.deleted] === 1) bytes.writeDoubleBE(deletedMark, 10);
  bytes.set(name, headerBytes);
  const end = bytes.byteLength - checksumBytes;
  bytes.writeUInt32BE(crc32(bytes.subarray(0, end)), end);
  return bytes;
}

/** Reads statements up to the first that is not whole, and returns where that begins. */
function readStatements(bytes: Buffer, known: Map<string, Witnessed>): number {
  let at = 0;
  while (at + headerBytes + checksumBytes < bytes.byteLength) {
    const end = at + headerBytes + bytes.readUInt16BE(at);
    if (end + checksumBytes > bytes.byteLength || crc32(bytes.subarray(at, end)) !== bytes.readUInt32BE(end)) break;
    const name = bytes.toString('utf8', at + headerBytes, end);
    const logId = bytes.toString('hex', at + 2, at + 10);
    const lastSeq = bytes.readDoubleBE(at + 10);
    const before = known.get(name);
    let earlierLogIds = before?.earlierLogIds ?? [];
    if (before !== undefined && before.logId !== logId) earlierLogIds = [...earlierLogIds, before.logId];
    known.set(name, { logId, lastSeq: Math.max(0, lastSeq), deleted: lastSeq === deletedMark, earlierLogIds });
    at = end + checksumBytes;
  }
  return at;
}
