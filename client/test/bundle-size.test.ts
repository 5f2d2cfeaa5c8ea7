import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { type Metafile, build } from 'esbuild';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

const packageFolder = fileURLToPath(new URL('../../', import.meta.url));

interface Bundle {
  /** What a page loads at once, minified and gzipped. */
  readonly bytes: number;
  readonly inputs: readonly string[];
}

/**
 * What a page that uses `names` loads at once, beyond Yjs and what Yjs itself brings (lib0). y-protocols counts; what is
 * imported lazily is a file of its own and does not.
 */
async function bundle(names: string): Promise<Bundle> {
  const result = await build({
    stdin: { contents: `export { ${names} } from '@tideweave/client';`, resolveDir: packageFolder },
    bundle: true,
    minify: true,
    splitting: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    external: ['yjs', 'lib0/*', 'ws'],
    outdir: '/bundle',
    metafile: true,
    write: false,
    legalComments: 'none',
  });
  const outputs: Metafile['outputs'] = result.metafile.outputs;
  const loaded = new Set<string>();
  const load = (path: string): void => {
    const output = outputs[path];
    if (output === undefined || loaded.has(path)) return;
    loaded.add(path);
    for (const { path: next, kind } of output.imports) if (kind === 'import-statement') load(next);
  };
  for (const [path, { entryPoint }] of Object.entries(outputs)) if (entryPoint === '<stdin>') load(path);
  let bytes = 0;
  for (const file of result.outputFiles)
    if ([...loaded].some((path) => file.path.endsWith(path.replace(/^(?:\.\.\/)*/, '/'))))
      bytes += gzipSync(file.contents, { level: 9 }).length;
  return { bytes, inputs: [...loaded].flatMap((path) => Object.keys(outputs[path]?.inputs ?? {})) };
}

/** The budget, with the provider for editor bindings and without it. */
const budgetKilobytes = 15;

for (const names of ['SyncClient', 'SyncClient, TideweaveProvider']) {
  test(`R6 a page loads at most ${budgetKilobytes} KB gzip for ${names}, beyond Yjs`, async () => {
    const { bytes, inputs } = await bundle(names);
    console.log(`${names}: ${bytes} bytes gzip`);
    assert.ok(bytes > 5000, 'something was measured');
    assert.ok(bytes <= budgetKilobytes * 1024, `${bytes} bytes`);
    const forbidden =
      /(?:server-session|hocuspocus|y-websocket|scan-|struct-|copy-state|device-copy|snapshot-digest|kept-document|sync-now|store\/|refusal-texts|src\/merge\/|another-history)/;
    assert.equal(
      inputs.filter((path) => forbidden.test(path)),
      [],
    );
  });
}

test.run();
