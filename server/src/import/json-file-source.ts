/** A file with the root types of one document as JSON, as `tideweave export --format json` writes it. */
import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';

import { documentBytesMax } from './bounds.ts';
import type { BuiltFromJson } from './import-task.ts';
import type { Source } from './source.ts';

/** The ending of such files. */
export const jsonFileEnding = '.json';

export function jsonFileSource(
  path: string,
  given: string | null,
  build: (json: string) => Promise<BuiltFromJson>,
): Source {
  return {
    kind: 'json',
    count: 1,
    async *documents() {
      const name = given ?? basename(path, jsonFileEnding);
      const { size } = await stat(path);
      if (size > documentBytesMax) {
        yield { name, updates: [], problem: `it has ${size} bytes, which is too much` };
        return;
      }
      const { update, problem } = await build(await readFile(path, 'utf8')).catch((error: unknown) => ({
        update: null,
        problem: error instanceof Error ? error.message : String(error),
      }));
      yield { name, updates: update === null ? [] : [update], problem };
    },
  };
}
