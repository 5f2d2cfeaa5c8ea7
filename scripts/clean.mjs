#!/usr/bin/env node
/** Removes everything `tsc -b` writes: stale outputs stay otherwise, and would be packed. */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { packages, root } from './source-files.mjs';

for (const folder of ['', ...packages, ...packages.map((name) => join(name, 'test'))]) {
  const path = join(root, folder);
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const isBuilt = entry.name === 'dist' || entry.name.endsWith('.tsbuildinfo');
    if (isBuilt) rmSync(join(path, entry.name), { recursive: true, force: true });
  }
}
