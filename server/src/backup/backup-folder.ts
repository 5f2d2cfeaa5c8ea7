/**
 * The folder of a backup: `backup.json` says what is in it and that it is finished, `documents/` has one file per
 * document, named by the SHA-256 of its name. Files are replaced whole, so that whatever is there can be used.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { DocumentImage } from '../log/document-log.ts';
import { parseImage } from './image-lines.ts';

/** What `backup.json` says. */
export interface Manifest {
  readonly format: 1;
  /** Everything that was acknowledged before this is in it (ISO 8601). */
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly source: string;
  readonly documents: number;
  readonly deleted: number;
  /** SHA-256 over the files, in the order of their names. */
  readonly digest: string;
}

export class BackupFolder {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Makes the folder where there is none, and takes back that a backup in it is finished. */
  async begin(): Promise<void> {
    await mkdir(this.#documents, { recursive: true });
    // Finished, but of another time: kept under another name until the new one is finished.
    await rename(this.#manifest, `${this.#manifest}.before`).catch(ignoreMissing);
  }

  async finish(manifest: Manifest): Promise<void> {
    await replace(this.#manifest, [`${JSON.stringify(manifest, null, 2)}\n`]);
  }

  /** What the folder is; null when no backup was finished in it. */
  async manifest(): Promise<Manifest | null> {
    const text = await readFile(this.#manifest, 'utf8').catch(ignoreMissing);
    return text === null ? null : (JSON.parse(text) as Manifest);
  }

  /** Names of the files of documents, in order. */
  async files(): Promise<readonly string[]> {
    const names = (await readdir(this.#documents).catch(ignoreMissing)) ?? [];
    return names.filter((name) => name.endsWith('.jsonl')).toSorted();
  }

  /** Throws `ImageDamagedError`. */
  async read(file: string): Promise<{ readonly image: DocumentImage; readonly sha256: string }> {
    const bytes = await readFile(join(this.#documents, file));
    return { image: parseImage(bytes), sha256: sha256(bytes) };
  }

  /** The document as the folder has it; null when it has none that is whole. */
  async imageOf(name: string): Promise<DocumentImage | null> {
    return this.read(fileOf(name)).then(
      ({ image }) => image,
      () => null,
    );
  }

  /** Replaces the file of a document. */
  write(name: string, lines: Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>): Promise<void> {
    return replace(join(this.#documents, fileOf(name)), lines);
  }

  get #documents(): string {
    return join(this.#path, 'documents');
  }

  get #manifest(): string {
    return join(this.#path, 'backup.json');
  }
}

function fileOf(name: string): string {
  return `${sha256(Buffer.from(name))}.jsonl`;
}

/** The digest over files that are named in their order. */
export class FilesDigest {
  readonly #hash = createHash('sha256');

  add(file: string, digest: string): void {
    this.#hash.update(`${file} ${digest}\n`);
  }

  result(): string {
    return this.#hash.digest('hex');
  }
}

/** Written beside and put in place when it is on the disk. */
async function replace(
  path: string,
  content: Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>,
): Promise<void> {
  const partial = `${path}.partial`;
  await writeFile(partial, content, { flush: true });
  await rename(partial, path);
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function ignoreMissing(error: unknown): null {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
  throw error;
}
