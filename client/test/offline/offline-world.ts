/** What the offline tests stand on: relays that go and come back at one address, devices, and waiting. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type DocumentHandle, SyncClient, type SyncClientOptions } from '@tideweave/client';
import { type DocumentStore, type StoreError, type StoreOptions, openLevelStore } from '@tideweave/client/store';
import { MemoryLog, type Relay, type RelayOptions, createLogger, createRelay } from '@tideweave/server';
import { type Random, seededRandom } from '@tideweave/shared';
import { WebSocket } from 'ws';
import * as Y from 'yjs';
import { systemClock, systemRandom } from '../../src/clock.ts';

/** Long enough for a crowded machine; what takes longer does not come. */
const hangMs = 30_000;

/** Resolves when `look` finds something; the limit only names a hang. */
export async function until<Value>(
  what: string,
  look: () => Value | false | null | Promise<Value | false | null>,
): Promise<Value> {
  const end = performance.now() + hangMs;
  for (;;) {
    const value = await look();
    if (value !== false && value !== null) return value;
    if (performance.now() > end) throw new Error(`still waiting after ${hangMs} ms for: ${what}`);
    await delay(5);
  }
}

/** The promise's result, or an error that names what did not come. */
export async function within<Value>(what: string, promise: Promise<Value>): Promise<Value> {
  const controller = new AbortController();
  const late = delay(hangMs, undefined, { signal: controller.signal }).then(() => {
    throw new Error(`still waiting after ${hangMs} ms for: ${what}`);
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    controller.abort();
  }
}

/**
 * A port that a relay can be started on again and again. Below the range from which the system takes the clients' own
 * ports: a client that tries to reach a dead relay could otherwise connect to itself.
 */
async function stablePort(): Promise<number> {
  for (;;) {
    const port = 15_000 + Math.floor(systemRandom() * 15_000);
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!free) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}

function memoryLog(): MemoryLog {
  return new MemoryLog({ wallTime: () => Date.now(), randomId: () => randomBytes(8).toString('hex') });
}

/** What `GET /api/docs/:name` says, in part. */
export interface RelayDocument {
  readonly seq: number;
  readonly epoch: string;
}

/** One test's folder, relay and clients; everything ends with `end`. */
export class OfflineWorld {
  readonly port: number;
  readonly folder: string;
  readonly log: MemoryLog = memoryLog();
  /** What stores reported. */
  readonly storeErrors: StoreError[] = [];
  #relay: Relay | null = null;
  readonly #ends: (() => void | Promise<void>)[] = [];

  private constructor(port: number, folder: string) {
    this.port = port;
    this.folder = folder;
  }

  static async begin(): Promise<OfflineWorld> {
    return new OfflineWorld(await stablePort(), await mkdtemp(join(tmpdir(), 'tideweave-offline-')));
  }

  get url(): string {
    return `ws://127.0.0.1:${this.port}`;
  }

  /** The relay comes, with the log that it had before. */
  async online(options: RelayOptions = {}): Promise<void> {
    this.#relay = await createRelay({
      port: this.port,
      log: this.log,
      logger: createLogger({ level: 'silent' }),
      ...options,
    });
  }

  /** The relay goes. */
  async offline(): Promise<void> {
    await this.#relay?.close();
    this.#relay = null;
  }

  /** The device in a folder of this test; open once at a time. */
  async store(folder = 'device', options: Partial<StoreOptions> = {}): Promise<DocumentStore> {
    const store = await openLevelStore({
      location: join(this.folder, folder),
      clock: systemClock,
      random: systemRandom,
      onError: (error) => this.storeErrors.push(error),
      ...options,
    });
    this.#ends.push(() => store.close().catch(() => undefined));
    return store;
  }

  client(options: Partial<SyncClientOptions> = {}): SyncClient {
    const client = new SyncClient({ url: this.url, ...options });
    this.#ends.push(() => client.destroy());
    return client;
  }

  /** A document of a client of its own, as a process has it that was just started on this device. */
  async device(options: { folder?: string; name?: string; client?: Partial<SyncClientOptions> } = {}): Promise<Device> {
    const store = await this.store(options.folder);
    const client = this.client({ store, ...options.client });
    return new Device(store, client, client.open(options.name ?? 'document'));
  }

  async about(name = 'document'): Promise<RelayDocument> {
    const response = await fetch(`http://127.0.0.1:${this.port}/api/docs/${name}`);
    if (!response.ok) throw new Error(`GET ${name}: ${response.status}`);
    return (await response.json()) as RelayDocument;
  }

  /** What the relay holds. */
  async content(name = 'document'): Promise<Y.Doc> {
    return relayContent(`http://127.0.0.1:${this.port}`, name);
  }

  async request(method: 'PUT' | 'DELETE', name = 'document'): Promise<number> {
    const response = await fetch(`http://127.0.0.1:${this.port}/api/docs/${name}`, { method });
    await response.arrayBuffer();
    return response.status;
  }

  async end(): Promise<void> {
    for (const end of this.#ends.reverse()) await end();
    await this.offline();
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A process on a device: its store, its client and the document that it has open. */
export class Device {
  readonly store: DocumentStore;
  readonly client: SyncClient;
  readonly handle: DocumentHandle;

  constructor(store: DocumentStore, client: SyncClient, handle: DocumentHandle) {
    this.store = store;
    this.client = client;
    this.handle = handle;
  }

  get text(): Y.Text {
    return this.handle.doc.getText('text');
  }

  /** Ends in good order. */
  async end(): Promise<void> {
    this.client.destroy();
    await this.store.close();
  }
}

async function relayContent(http: string, name: string): Promise<Y.Doc> {
  const response = await fetch(`${http}/api/docs/${name}/update`);
  // Nobody has written to it: a writer may be killed before its first edit is on the device.
  if (response.status === 404) return new Y.Doc();
  if (!response.ok) throw new Error(`GET ${name}/update: ${response.status}`);
  const doc = new Y.Doc();
  Y.applyUpdate(doc, new Uint8Array(await response.arrayBuffer()));
  return doc;
}

/** A WebSocket class of one's own that counts the bytes of messages. */
export function countedSocket(): { WebSocket: typeof WebSocket; counts: { receivedBytes: number; sentBytes: number } } {
  const counts = { receivedBytes: 0, sentBytes: 0 };
  class CountedWebSocket extends WebSocket {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      this.on('message', (data: Buffer | ArrayBuffer) => void (counts.receivedBytes += data.byteLength));
    }

    override send(data: Uint8Array, ...rest: unknown[]): void {
      counts.sentBytes += data.byteLength;
      (super.send as (...args: unknown[]) => void)(data, ...rest);
    }
  }
  return { WebSocket: CountedWebSocket as unknown as typeof WebSocket, counts };
}

/** A seed to repeat a run with: `SEED` of the environment, or a new one; printed. */
export function printedSeed(): { seed: number; random: Random } {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
  console.log(`seed ${seed}`);
  return { seed, random: seededRandom(seed) };
}
