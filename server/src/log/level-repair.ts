/** What `tideweave verify` and `tideweave repair` do to a folder; the commands themselves say it to people. */
import { access } from 'node:fs/promises';
import { join } from 'node:path';

import { lockFolder } from './folder-lock.ts';
import { damageKey } from './keys.ts';
import { DamageRegister } from './level-damage.ts';
import { allNames, readDocument, type WholeDocument } from './level-document.ts';
import { exportDocument, exportName } from './level-export.ts';
import { clearUnused, examineFolder, type FolderState, replaceFiles } from './level-files.ts';
import { openFormatted } from './level-open.ts';
import { Damage } from './level-reader.ts';
import { mergeTables, rebuildFolder } from './level-rebuild.ts';
import { type KeptValues, readKeptLogs, reasonOf, restoreDocument } from './level-restore.ts';
import { LevelStorage, type StoragePort } from './level-storage.ts';
import { readWitness, type Witnessed } from './level-witness.ts';

/** An open folder whose files are in order, and what is known against its documents. */
export interface CheckedFolder {
  readonly path: string;
  readonly storage: StoragePort;
  readonly files: FolderState;
  /** What was done to the files. */
  readonly done: readonly string[];
  readonly marked: ReadonlyMap<string, string>;
  readonly names: readonly string[];
}

/** What became of one document. `restored` and `aside` come from a repair only. */
export interface CheckedDocument {
  readonly name: string;
  readonly state: 'intact' | 'deleted' | 'damaged' | 'restored' | 'aside';
  /** What is wrong with it, or what was done. */
  readonly what: string | null;
  readonly whole: WholeDocument | null;
}

/** Puts the files of a folder in order and opens it. Throws `StorageLockedError` when a relay has it. */
export async function openChecked(path: string): Promise<CheckedFolder> {
  const lock = await lockFolder(path);
  let files: FolderState;
  let done: readonly string[];
  try {
    files = await examineFolder(path, Number.POSITIVE_INFINITY);
    if (files.unused) await clearUnused(path);
    if (files.broken.length > 0) {
      done = await rebuildFolder(path, files);
    } else {
      await replaceFiles(path, files.mended, files.lost);
      done = files.mended.map(({ what }) => what);
    }
  } finally {
    await lock.release();
  }
  if (files.broken.length > 0) await mergeTables(path);
  const storage = await openFormatted(path, (each) => LevelStorage.open(each));
  try {
    const register = new DamageRegister();
    await register.load(storage);
    return { path, storage, files, done, marked: register.marked, names: await allNames(storage) };
  } catch (error) {
    await storage.close();
    throw error;
  }
}

/** Reads one document without changing anything. */
export async function checkDocument({ storage, marked }: CheckedFolder, name: string): Promise<CheckedDocument> {
  const mark = marked.get(name);
  if (mark !== undefined) return { name, state: 'damaged', what: mark, whole: null };
  const whole = await readDocument(storage, name);
  if (whole instanceof Damage) return { name, state: 'damaged', what: whole.what, whole: null };
  return { name, state: whole.stored.head.deletedAt === null ? 'intact' : 'deleted', what: null, whole };
}

/** Repairs the documents of a folder, one call each. */
export class DocumentRepair {
  readonly #folder: CheckedFolder;
  readonly #kept: KeptValues;
  readonly #witness: ReadonlyMap<string, Witnessed>;

  private constructor(folder: CheckedFolder, kept: KeptValues, witness: ReadonlyMap<string, Witnessed>) {
    this.#folder = folder;
    this.#kept = kept;
    this.#witness = witness;
  }

  static async start(folder: CheckedFolder): Promise<DocumentRepair> {
    return new DocumentRepair(folder, await readKeptLogs(folder.path), await readWitness(folder.path));
  }

  /** Makes a damaged document whole, or sets it aside: it stays refused, and what can be read of it is in a file. */
  async run(checked: CheckedDocument): Promise<CheckedDocument> {
    if (checked.state !== 'damaged') return checked;
    const { path, storage, marked } = this.#folder;
    const { name } = checked;
    const mark = marked.get(name) ?? null;
    const seen = this.#witness.get(name);
    const restored = await restoreDocument(storage, name, this.#kept, { mark, seen });
    if (restored !== null) return { ...checked, state: 'restored', what: restored };
    const reason = reasonOf(mark ?? checked.what ?? '');
    const file = exportName(name);
    const what = `${reason}; set aside, what can be read is in ${file}`;
    if (mark === what && (await exists(join(path, file)))) return { ...checked, state: 'aside', what };
    await exportDocument(path, storage, name, reason, seen?.logId ?? null);
    await storage.write([{ key: damageKey(name), value: Buffer.from(what) }], true);
    return { ...checked, state: 'aside', what };
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
