/**
 * Holds LevelDB's lock on a folder without opening the database in it, which would already change files: another,
 * empty database is opened whose lock file is a link to the folder's.
 */
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { Level } from 'level';

import { errorCode, StorageLockedError } from './storage-errors.ts';

/** Keeps other processes from opening the folder until it is released. */
export interface FolderLock {
  release(): Promise<void>;
}

/** Throws `StorageLockedError` when another process has the folder. */
export async function lockFolder(path: string): Promise<FolderLock> {
  const beside = await mkdtemp(join(tmpdir(), 'tideweave-lock-'));
  const remove = (): Promise<void> => rm(beside, { recursive: true, force: true });
  try {
    await symlink(join(resolve(path), 'LOCK'), join(beside, 'LOCK'));
    const db = new Level(beside);
    await db.open();
    return {
      release: async () => {
        await db.close();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    if (error instanceof Error && errorCode(error.cause) === 'LEVEL_LOCKED') throw new StorageLockedError(path, error);
    throw error;
  }
}
