/** What every client of the suite can do, whichever protocol it speaks. */
import { SyncClient } from '@tideweave/client';
import { Awareness } from 'y-protocols/awareness';
import { WebsocketProvider } from 'y-websocket';
import { WebsocketProvider as WebsocketProvider2 } from 'y-websocket-2';
import * as Y from 'yjs';
import { until } from '../support/wait.ts';
import { HocuspocusClient } from './hocuspocus-client.ts';
import { QuietWebSocket } from './quiet-web-socket.ts';

export interface ClientOptions {
  /** `ws://…` without a path. */
  readonly url: string;
  readonly name: string;
  readonly token?: string;
  readonly doc?: Y.Doc;
}

export interface Client {
  readonly kind: string;
  readonly doc: Y.Doc;
  readonly awareness: Awareness;
  /** Everything that the relay had has arrived on this connection. */
  readonly isSynced: boolean;
  /** What it shows as saved; null when its protocol has no such thing. */
  readonly isSaved: boolean | null;
  /** The last reason with which it was refused something; empty while it was not. */
  readonly refusal: string;
  goOffline(): Promise<void>;
  goOnline(): void;
  /** Calls `lost` whenever its connection ends. */
  onLost(lost: () => void): void;
  destroy(): void;
}

export class YWebsocketClient implements Client {
  readonly kind: string;
  readonly doc: Y.Doc;
  readonly provider: WebsocketProvider;
  /** Closes after which it stays away: major 3 only. */
  readonly closed: { readonly code: number; readonly reason: string }[] = [];
  #refusal = '';

  constructor(major: 2 | 3, { url, name, token = '', doc = new Y.Doc() }: ClientOptions) {
    this.kind = `y-websocket ${major}`;
    this.doc = doc;
    this.provider = new (major === 3 ? WebsocketProvider : WebsocketProvider2)(url, name, doc, {
      WebSocketPolyfill: QuietWebSocket as unknown as typeof globalThis.WebSocket,
      disableBc: true,
      maxBackoffTime: 200,
      params: { token },
    });
    this.provider.on('connection-close', (event: CloseEvent | null) => {
      if (event !== null && event.reason !== '') this.#refusal = event.reason;
    });
    this.provider.on('closed', (event) => this.closed.push(event));
    // Type 2 is what the relay says about permissions; stock clients print it.
    const print = this.provider.messageHandlers[2];
    this.provider.messageHandlers[2] = (encoder, decoder, provider, emitSynced, type) => {
      const warn = console.warn;
      console.warn = (text: string) => void (this.#refusal = text);
      print?.(encoder, decoder, provider, emitSynced, type);
      console.warn = warn;
    };
  }

  get awareness(): Awareness {
    return this.provider.awareness;
  }

  get isSynced(): boolean {
    return this.provider.synced;
  }

  readonly isSaved = null;

  get refusal(): string {
    return this.#refusal;
  }

  async goOffline(): Promise<void> {
    this.provider.disconnect();
    await until(`${this.kind} to be offline`, () => !this.provider.wsconnected && this.provider.ws === null);
  }

  goOnline(): void {
    this.provider.connect();
  }

  onLost(lost: () => void): void {
    this.provider.on('connection-close', lost);
  }

  destroy(): void {
    const { awareness } = this;
    this.provider.destroy();
    awareness.destroy();
  }
}

class TideweaveClient implements Client {
  readonly kind = 'tideweave';
  readonly doc: Y.Doc;
  readonly #client: SyncClient;
  readonly #handle: ReturnType<SyncClient['open']>;

  constructor({ url, name, token = '', doc = new Y.Doc() }: ClientOptions) {
    this.doc = doc;
    this.#client = new SyncClient({ url, token });
    this.#handle = this.#client.open(name, { doc, awareness: new Awareness(doc) });
  }

  get awareness(): Awareness {
    return this.#handle.awareness;
  }

  get isSynced(): boolean {
    return this.#handle.status.synced;
  }

  get isSaved(): boolean {
    return this.#handle.status.pending.updates === 0;
  }

  get refusal(): string {
    const { error } = this.#handle.status;
    return error === null ? '' : `${error.code}: ${error.reason}`;
  }

  async goOffline(): Promise<void> {
    this.#client.disconnect();
    await until('tideweave to be offline', () => !this.isSynced);
  }

  goOnline(): void {
    this.#client.connect();
  }

  onLost(lost: () => void): void {
    this.#client.on('status', ({ connection }) => {
      if (connection !== 'connected') lost();
    });
  }

  destroy(): void {
    const { awareness } = this;
    this.#client.destroy();
    awareness.destroy();
  }
}

/** Every client of the suite by name. */
export const clients = {
  tideweave: (options: ClientOptions): Client => new TideweaveClient(options),
  'y-websocket 3': (options: ClientOptions): Client => new YWebsocketClient(3, options),
  'y-websocket 2': (options: ClientOptions): Client => new YWebsocketClient(2, options),
  'hocuspocus 4': (options: ClientOptions): Client => new HocuspocusClient(4, options),
  'hocuspocus 3': (options: ClientOptions): Client => new HocuspocusClient(3, options),
  'hocuspocus 2': (options: ClientOptions): Client => new HocuspocusClient(2, options),
} as const;

export type ClientKind = keyof typeof clients;

export const clientKinds = Object.keys(clients) as ClientKind[];

/** Every pair of clients, a client with its own kind included. */
export const pairs: readonly (readonly [ClientKind, ClientKind])[] = clientKinds.flatMap((first, at) =>
  clientKinds.slice(at).map((second) => [first, second] as const),
);
