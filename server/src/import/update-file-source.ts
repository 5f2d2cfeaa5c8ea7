/** A file with one Yjs update, as `tideweave export` writes it: one document, named by the file unless told otherwise. */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';

import type { Source } from './source.ts';

/** The ending of such files. */
export const updateFileEnding = '.yjs';

export function updateFileSource(path: string, name: string | null): Source {
  return {
    kind: 'yjs-update',
    count: 1,
    async *documents() {
      const updates = [new Uint8Array(await readFile(path))];
      yield { name: name ?? basename(path, updateFileEnding), updates, problem: null };
    },
  };
}
