/** A copy of a data folder to look into: opening a database changes its files, and looking must not. */
import { copyFile, link, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { filePatterns } from './level-files.ts';

/** Inside the folder, unless the caller says otherwise. */
const copyName = 'verify.tmp';
/** LevelDB's lock and its own diary. */
const left = new Set(['LOCK', 'LOG', 'LOG.old']);

/**
 * Runs with a copy of the folder, which is gone afterwards. The caller holds the folder's lock. `copy` is where to put
 * it: tables are linked where that is on the same file system.
 */
export async function withCopy<T>(
  path: string,
  run: (copy: string) => Promise<T>,
  copy: string = join(path, copyName),
): Promise<T> {
  await rm(copy, { recursive: true, force: true });
  await mkdir(copy, { recursive: true });
  try {
    for (const entry of await readdir(path, { withFileTypes: true })) {
      if (!entry.isFile() || left.has(entry.name)) continue;
      const [from, to] = [join(path, entry.name), join(copy, entry.name)];
      // Tables are never changed in place.
      if (filePatterns.table.test(entry.name)) await link(from, to).catch(() => copyFile(from, to));
      else await copyFile(from, to);
    }
    return await run(copy);
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}
