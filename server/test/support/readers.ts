/** Three ways to read a document afresh: each into a `Y.Doc` of its own that has never seen it. */
import { SyncClient } from '@tideweave/client';
import { WebSocket } from 'ws';
import { WebsocketProvider } from 'y-websocket';
import * as Y from 'yjs';
import { within } from './wait.ts';

export type Reader = (url: string, name: string) => Promise<Y.Doc>;

async function readNative(url: string, name: string): Promise<Y.Doc> {
  const client = new SyncClient({ url });
  const doc = new Y.Doc();
  try {
    await within(`${name} to be read by a native client`, client.open(name, { doc }).whenSynced());
  } finally {
    client.destroy();
  }
  return doc;
}

async function readStock(url: string, name: string): Promise<Y.Doc> {
  const doc = new Y.Doc();
  const provider = stockProvider(url, name, doc);
  try {
    await within(`${name} to be read by a stock provider`, new Promise((resolve) => provider.once('sync', resolve)));
  } finally {
    provider.destroy();
    provider.awareness.destroy();
  }
  return doc;
}

async function readHttp(url: string, name: string): Promise<Y.Doc> {
  const response = await fetch(`${url.replace(/^ws/, 'http')}/api/docs/${encodeURIComponent(name)}/update`);
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
  const doc = new Y.Doc();
  Y.applyUpdate(doc, new Uint8Array(await response.arrayBuffer()));
  return doc;
}

export const readers: Readonly<Record<'native' | 'stock' | 'http', Reader>> = {
  native: readNative,
  stock: readStock,
  http: readHttp,
};

/** Yjs's provider as an application makes it, on Node. */
export function stockProvider(
  url: string,
  name: string,
  doc: Y.Doc,
  options: { connect?: boolean; WebSocket?: typeof WebSocket; params?: Record<string, string> } = {},
): WebsocketProvider {
  // Each provider listens for the process's end; a test has many, and that is no leak.
  process.setMaxListeners(0);
  return new WebsocketProvider(url, encodeURIComponent(name), doc, {
    WebSocketPolyfill: (options.WebSocket ?? WebSocket) as unknown as typeof globalThis.WebSocket,
    disableBc: true,
    maxBackoffTime: 500,
    connect: options.connect ?? true,
    params: options.params ?? {},
  });
}

/** Resolves when a provider has what the relay has. */
export async function whenSynced(provider: WebsocketProvider): Promise<void> {
  if (!provider.synced)
    await within(
      'a stock provider to be synced',
      new Promise<void>((resolve) => provider.once('sync', () => resolve())),
    );
}

/** Ends a provider with the timer of its awareness. */
export function endProvider(provider: WebsocketProvider): void {
  provider.destroy();
  provider.awareness.destroy();
}

/** All that two documents could differ in. */
export function sameContent(a: Y.Doc, b: Y.Doc): boolean {
  return Buffer.compare(canonical(a), canonical(b)) === 0;
}

/** State vector and delete set, in an order that does not depend on how the document came about. */
function canonical(doc: Y.Doc): Buffer {
  const { ds } = Y.decodeUpdate(Y.encodeStateAsUpdate(doc));
  const clocks = [...Y.decodeStateVector(Y.encodeStateVector(doc))].sort(([a], [b]) => a - b);
  const deletions = [...ds.clients]
    .sort(([a], [b]) => a - b)
    .map(([client, items]) => [client, joined(items.map(({ clock, len }) => [clock, len] as const))]);
  return Buffer.from(JSON.stringify([clocks, deletions]));
}

function joined(ranges: readonly (readonly [number, number])[]): [number, number][] {
  const result: [number, number][] = [];
  for (const [clock, length] of ranges.toSorted(([a], [b]) => a - b)) {
    const last = result.at(-1);
    if (last !== undefined && last[0] + last[1] >= clock) last[1] = Math.max(last[1], clock + length - last[0]);
    else result.push([clock, length]);
  }
  return result;
}
