/** Which files are ours: shared by the test runner, the repository laws and the cleaner. */
import { readdirSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const packages = ['shared', 'client', 'server', 'bench'];

const ignored = new Set(['node_modules', 'dist', 'coverage', '.git']);

/** Paths of all files under a folder, relative to the root, with forward slashes, in a stable order. */
export function filesUnder(folder) {
  const found = [];
  const visit = (path) => {
    let entries;
    try {
      entries = readdirSync(path, { withFileTypes: true });
    } catch (error) {
      // Absent, or gone since its parent was listed.
      if (error.code === 'ENOENT') return;
      throw error;
    }
    for (const entry of entries) {
      if (ignored.has(entry.name)) continue;
      if (entry.isDirectory()) visit(join(path, entry.name));
      else if (entry.isFile()) found.push(relative(root, join(path, entry.name)).split(sep).join('/'));
    }
  };
  visit(join(root, folder));
  return found.toSorted((a, b) => (a < b ? -1 : 1));
}

/** Every test file with the place where `tsc -b` puts it. */
export function testFiles() {
  return packages.flatMap((name) =>
    filesUnder(`${name}/test`)
      .filter((source) => source.endsWith('.test.ts'))
      .map((source) => ({
        source,
        compiled: source.replace(`${name}/test/`, `${name}/dist/test/`).replace(/\.ts$/, '.js'),
      })),
  );
}
