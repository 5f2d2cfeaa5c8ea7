#!/usr/bin/env node
/**
 * Bundles what is loaded as few files (compile first: it imports the packages by their names).
 *
 * The pages that the relay serves go into server/dist/pages/NAME, from client/NAME with `index.html`, `main.tsx` and
 * `style.css`. All files of a page lie in one folder; chunks and assets carry a hash of their content in their name,
 * `main.js`, `style.css` and `merge.worker.js` do not.
 *
 * The code of the relay's worker threads goes into server/dist/workers/NAME.worker.js, one file each: loading a hundred
 * modules would be most of what starting a thread costs.
 *
 * The same sources give the same bytes and only what differs is written, so that tests may run this side by side.
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { root } from './source-files.mjs';

/** What each is built of beside its `main.tsx` and `style.css`: merge reports look for their worker beside what starts it. */
const pages = { playground: { 'merge.worker': 'client/dist/src/merge/merge.worker.js' }, inspector: {} };

/** Every module of Yjs from one place: two copies in a page do not know each other's types. */
const fromClient = (name) => fileURLToPath(import.meta.resolve(name, `file://${root}/client/package.json`));
const oneYjs = { yjs: fromClient('yjs'), 'y-protocols/awareness': fromClient('y-protocols/awareness') };

/** The pools' workers, by the name that `server/src/worker-pool.ts` finds them under. */
const threads = {
  compaction: 'server/dist/src/compaction/compaction.worker.js',
  content: 'server/dist/src/content/content.worker.js',
  import: 'server/dist/src/import/import.worker.js',
};

/** What esbuild makes of it, by file name. */
async function bundled(options) {
  const { outputFiles } = await build({
    bundle: true,
    format: 'esm',
    logLevel: 'warning',
    absWorkingDir: root,
    write: false,
    ...options,
  });
  return new Map(outputFiles.map(({ path, contents }) => [basename(path), Buffer.from(contents)]));
}

async function bundlePage(name, workers) {
  const source = join(root, 'client', name);
  const files = await bundled({
    entryPoints: {
      main: join(source, 'main.tsx'),
      style: join(source, 'style.css'),
      ...Object.fromEntries(Object.entries(workers).map(([worker, path]) => [worker, join(root, path)])),
    },
    outdir: join(root, 'server/dist/pages', name),
    entryNames: '[name]',
    chunkNames: 'chunk-[hash]',
    assetNames: 'asset-[hash]',
    splitting: true,
    platform: 'browser',
    target: 'es2022',
    jsx: 'automatic',
    minify: true,
    alias: oneYjs,
    define: { 'process.env.NODE_ENV': '"production"' },
    legalComments: 'none',
  });
  files.set('index.html', readFileSync(join(source, 'index.html')));
  return files;
}

function bundleThreads() {
  return bundled({
    entryPoints: Object.fromEntries(
      Object.entries(threads).map(([name, path]) => [`${name}.worker`, join(root, path)]),
    ),
    outdir: join(root, 'server/dist/workers'),
    platform: 'node',
    target: 'node20',
    // For the coverage of the tests, and traces of `node --enable-source-maps`.
    sourcemap: 'linked',
  });
}

function store(folder, files) {
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) {
    if (!files.has(name)) rmSync(join(folder, name), { recursive: true });
  }
  for (const [name, bytes] of files) {
    const path = join(folder, name);
    if (!existsSync(path) || !readFileSync(path).equals(bytes)) writeFileSync(path, bytes);
  }
}

for (const [name, workers] of Object.entries(pages)) {
  store(join(root, 'server/dist/pages', name), await bundlePage(name, workers));
}
store(join(root, 'server/dist/workers'), await bundleThreads());
