import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * The address of the code of a worker thread, as `scripts/bundle.mjs` has put it together: one file, with everything that it
 * imports. Throws where it was not built.
 */
export function workerFile(name: 'compaction' | 'content' | 'import'): string {
  const file = new URL(`../workers/${name}.worker.js`, import.meta.url);
  if (!existsSync(file)) throw new Error(`there is no ${fileURLToPath(file)}: run npm run build`);
  return file.href;
}
