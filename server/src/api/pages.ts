/** Serves the pages that `scripts/bundle.mjs` has built: each is one folder of files without folders in it. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RefusedError } from '@tideweave/shared';
import { Hono } from 'hono';
import type { ApiEnv } from './env.ts';

interface PageFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly type: string;
  readonly etag: string;
  readonly cacheControl: string;
}

/** The pages there are. */
export type PageName = 'playground' | 'inspector';

/** Whether this runs from a checkout: the sources of the pages lie beside the package. */
export function isCheckout(): boolean {
  return existsSync(new URL('../../../../client/playground/main.tsx', import.meta.url));
}

/**
 * A page below `at` (`''` or `/NAME`), with its files beside it; what is not one of them is left to the next handler.
 * Read when it is first asked for, and kept. Whoever mounts it says who may see it.
 */
export function pageRoutes(name: PageName, at: string): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  let reading: Promise<ReadonlyMap<string, PageFile>> | null = null;
  app.on('GET', [at, `${at}/`, `${at}/:file`], async (c, next) => {
    reading ??= readFolder(fileURLToPath(new URL(`../../pages/${name}/`, import.meta.url)));
    const files = await reading;
    if (files.size === 0) {
      reading = null;
      throw new RefusedError('TW_NOT_FOUND', `the ${name} is not built: npm run build`);
    }
    const asked = c.req.param('file');
    // Its files are named relative to the folder, so the page's own address has to end in a slash.
    if (asked === undefined && !c.req.path.endsWith('/')) return c.redirect(`${c.req.path}/`, 301);
    const file = files.get(asked ?? 'index.html');
    if (file === undefined) return next();
    const headers = {
      ...pageHeaders,
      'Content-Type': file.type,
      'Cache-Control': file.cacheControl,
      ETag: file.etag,
    };
    if (c.req.header('if-none-match') === file.etag) return c.body(null, 304, headers);
    return c.body(file.bytes, 200, headers);
  });
  return app;
}

/** A missing folder has no files. */
async function readFolder(folder: string): Promise<ReadonlyMap<string, PageFile>> {
  const names = await readdir(folder).catch(() => []);
  const files = new Map<string, PageFile>();
  for (const name of names) {
    const type = types[extname(name)];
    if (type === undefined) continue;
    const bytes = new Uint8Array(await readFile(`${folder}${name}`));
    const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
    const cacheControl = hashedName.test(name) ? 'public, max-age=31536000, immutable' : 'no-cache';
    files.set(name, { bytes, type, etag, cacheControl });
  }
  return files;
}

/** As `scripts/bundle.mjs` names what carries a hash of its content. */
const hashedName = /^(?:chunk|asset)-[A-Z0-9]{8}\./;

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
};

/**
 * Nothing from anywhere else, no inline scripts and style sheets. Style attributes are allowed: the binding for CodeMirror
 * colours the others' carets with them.
 */
const pageHeaders: Readonly<Record<string, string>> = {
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "style-src-attr 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "worker-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
};
