/** Chromium with the page of `store.page.ts`, served from this process. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Metafile, build } from 'esbuild';
import { type BrowserContext, type Page, chromium } from 'playwright-core';
import { systemTool } from '../support/system-tool.ts';

const entry = fileURLToPath(new URL('store.page.js', import.meta.url));
const html = '<!doctype html><title>store</title><script type="module" src="/store.page.js"></script>';

export interface ServedPage {
  readonly url: string;
  readonly metafile: Metafile;
  readonly close: () => Promise<void>;
}

/** Bundles the page and serves it on a port of its own. */
export async function servePage(): Promise<ServedPage> {
  const { outputFiles, metafile } = await build({
    entryPoints: [entry],
    bundle: true,
    format: 'esm',
    splitting: true,
    platform: 'browser',
    outdir: '/bundle',
    write: false,
    metafile: true,
  });
  const files = new Map(outputFiles.map(({ path, text }) => [`/${basename(path)}`, text]));
  const server = createServer((request, response) => {
    const file = files.get(request.url ?? '');
    response.setHeader('content-type', file === undefined ? 'text/html' : 'text/javascript');
    response.end(file ?? html);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, metafile, close };
}

/** Starts Chromium on a profile in this folder. */
export async function startChromium(profile: string): Promise<BrowserContext> {
  return chromium.launchPersistentContext(profile, {
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

/** A tab with the page loaded. */
export async function openTab(context: BrowserContext, url: string): Promise<Page> {
  const tab = await context.newPage();
  await tab.goto(url);
  await tab.waitForFunction(() => 'tideweaveStore' in globalThis);
  return tab;
}
