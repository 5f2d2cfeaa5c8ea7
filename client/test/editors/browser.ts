/** Chromium, and the pages of this folder bundled and served from this process. */
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Metafile, build } from 'esbuild';
import { type Browser, chromium } from 'playwright-core';
import { systemTool } from '../support/system-tool.ts';

export const root: string = fileURLToPath(new URL('../../../../', import.meta.url));

export interface Served {
  /** `http://…/`, of a page that loads the entry. */
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** A served page that was bundled from an entry, with what went into it. */
export interface ServedPages extends Served {
  readonly metafile: Metafile;
}

/** Every module of Yjs from one place: two copies in a page do not know each other's types. */
const oneYjs = {
  yjs: fileURLToPath(import.meta.resolve('yjs')),
  'y-protocols/awareness': fileURLToPath(import.meta.resolve('y-protocols/awareness')),
};

const options = {
  bundle: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  outdir: '/bundle',
  alias: oneYjs,
  // React's checks, StrictMode's second mount among them, are only in its development build.
  define: { 'process.env.NODE_ENV': '"development"' },
  loader: { '.ttf': 'empty' },
  write: false,
  metafile: true,
  logLevel: 'error',
} as const;

/** What these bindings ask of a page: spaces kept, and names above the line instead of in it, where they would break it. */
const pageStyle = `
  .ProseMirror { white-space: pre-wrap }
  .ProseMirror-yjs-cursor, .collaboration-carets__caret { position: relative }
  .ProseMirror-yjs-cursor > div, .collaboration-carets__label { position: absolute; top: -1em }
`;

/** Bundles an entry for browsers, with what it imports when it needs it in files of their own; `workers` beside it. */
export async function servePages(entry: string, workers: Readonly<Record<string, string>> = {}): Promise<ServedPages> {
  const entryPoints = { page: entry, ...workers };
  const { outputFiles, metafile } = await build({ ...options, entryPoints, splitting: true });
  const files = new Map(outputFiles.map(({ path, contents }) => [path.slice('/bundle'.length), contents]));
  const styles = [...files.keys()].filter((path) => path.endsWith('.css'));
  const links = styles.map((path) => `<link rel="stylesheet" href="${path}" />`).join('');
  const html = `<!doctype html><title>editor</title>${links}<style>${pageStyle}</style>
    <body><script type="module" src="/page.js"></script></body>`;
  return { ...(await serve(files, html)), metafile };
}

/** Bundles one file, given as text, into `/main.js` and serves it with the other files of its folder. */
export async function serveExample(folder: string, source: string): Promise<Served> {
  const { outputFiles } = await build({
    ...options,
    stdin: { contents: source, resolveDir: folder, loader: 'tsx' },
    jsx: 'automatic',
  });
  const [html, style] = await Promise.all(
    ['index.html', 'style.css'].map((name) => readFile(join(folder, name), 'utf8')),
  );
  const script = outputFiles.find(({ path }) => path.endsWith('.js'))?.contents ?? '';
  const files = new Map([
    ['/main.js', script],
    ['/style.css', style ?? ''],
  ]);
  return serve(files, html ?? '');
}

async function serve(files: ReadonlyMap<string, string | Uint8Array>, html: string): Promise<Served> {
  const types: Readonly<Record<string, string>> = { js: 'text/javascript', css: 'text/css' };
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0] ?? '/';
    response.setHeader('content-type', types[path.split('.').pop() ?? ''] ?? 'text/html');
    response.end(files.get(path) ?? html);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, close };
}

export async function startChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: await systemTool('chromium'),
    headless: true,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
