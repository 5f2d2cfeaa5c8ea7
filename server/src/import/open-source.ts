/** Finds out what kind of source a path is, and opens it. */
import { open, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { jsonFileEnding, jsonFileSource } from './json-file-source.ts';
import { type Source, SourceError, type SourceOptions } from './source.ts';
import { openSqliteSource } from './sqlite-source.ts';
import { updateFileEnding, updateFileSource } from './update-file-source.ts';
import { openYLeveldbSource } from './y-leveldb-source.ts';

/** Runs with the documents of a folder or file, whichever it is. Throws `SourceError`. */
export async function withSource<T>(options: SourceOptions, run: (source: Source) => Promise<T>): Promise<T> {
  const { path } = options;
  const found = await stat(path).catch(() => null);
  if (found === null) throw new SourceError(`there is no ${path}`);
  if (found.isDirectory()) {
    if (!(await stat(join(path, 'CURRENT')).catch(() => null))) {
      throw new SourceError(`${path} is a folder without a LevelDB database: name the folder that YPERSISTENCE named`);
    }
    return openYLeveldbSource(options, run);
  }
  if (path.endsWith(updateFileEnding)) return run(updateFileSource(path, options.name));
  if (path.endsWith(jsonFileEnding)) return run(jsonFileSource(path, options.name, options.buildFromJson));
  const head = Buffer.alloc(sqliteMagic.length);
  const file = await open(path, 'r');
  try {
    await file.read(head, 0, head.length, 0);
  } finally {
    await file.close();
  }
  if (head.toString('latin1') !== sqliteMagic) {
    throw new SourceError(
      `${path} is neither a folder of y-leveldb nor an SQLite file, nor does its name end in ${updateFileEnding} or ${jsonFileEnding}`,
    );
  }
  return openSqliteSource(options, run);
}

const sqliteMagic = 'SQLite format 3\0';
