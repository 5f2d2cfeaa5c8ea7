import type { ConnectionState, RefusalStatus } from '@tideweave/shared';
import type { Awareness } from 'y-protocols/awareness';
import type * as Y from 'yjs';
import type { DocumentClient } from './document-client.ts';
import { DocumentHandle } from './document-handle.ts';
import { Emitter } from './emitter.ts';
import { type ClientEnvironment, platformEnvironment } from './environment.ts';
import { RelayClient, type RelayClientOptions } from './relay/relay-client.ts';
import type { OfflineStore } from './store/offline-store.ts';
import type { Token } from './token.ts';
import type { WebSocketClass } from './transport/websocket-transport.ts';

/** How to reach a relay. */
export interface SyncClientOptions {
  /** Address of the relay, `ws://` or `wss://`. */
  readonly url: string;
  /**
   * Sent with every document that is opened. A function is asked anew before each attempt to connect, before a grant ends,
   * and when the relay refuses the token; while it fails it is asked again after a while. Default none.
   */
  readonly token?: Token;
  /** How this device calls itself in the document's history, at most 128 bytes. Default empty. */
  readonly device?: string;
  /**
   * Keeps documents on the device, so that they open without a network and edits survive this process: see
   * `@tideweave/client/store`. Whoever opened it closes it, after `destroy()`. Default none.
   */
  readonly store?: OfflineStore | Promise<OfflineStore>;
  /**
   * Shares the connection and the store with the other tabs of this browser: `shareTabs()` of `@tideweave/client/tabs`.
   * Default none: a connection of its own.
   */
  readonly tabs?: TabSharing;
  /** WebSocket class; default the platform's, or the package ws in Node 20. */
  readonly WebSocket?: WebSocketClass;
  /** Connect at once; default true. Otherwise `connect()` does. */
  readonly connect?: boolean;
}

/** Made by `shareTabs`. Null where tabs cannot find each other. */
export type TabSharing = (options: RelayClientOptions & { readonly url: string }) => DocumentClient | null;

/** What the client as a whole is doing. */
export interface ClientStatus {
  readonly connection: ConnectionState;
  /** Why the relay ended the connection last, or null. */
  readonly error: RefusalStatus | null;
  /** Edits of all documents that are not durable on the relay. */
  readonly pendingUpdates: number;
}

/** Events of a client. */
export interface ClientEvents {
  status: ClientStatus;
}

/**
 * Keeps Yjs documents in sync with a relay, all of them over one connection, which it makes again whenever it is lost.
 */
export class SyncClient extends Emitter<ClientEvents> {
  readonly #client: DocumentClient;
  readonly #handles = new Map<string, DocumentHandle>();
  #closed = false;

  /** `environment` is internal: the platform's, unless `testing.ts` says otherwise. */
  constructor(options: SyncClientOptions, environment?: ClientEnvironment) {
    super();
    if (!/^wss?:\/\//.test(options.url))
      throw new TypeError(`url starts with ws:// or wss://, not ${JSON.stringify(options.url)}`);
    const { url, token, store, device = '' } = options;
    const relay = {
      environment: environment ?? platformEnvironment(url, options.WebSocket),
      token,
      device,
      store,
      changed: () => this.emit('status', this.status),
    };
    this.#client = options.tabs?.({ ...relay, url }) ?? new RelayClient(relay);
    if (options.connect !== false) this.connect();
  }

  get status(): ClientStatus {
    let pendingUpdates = 0;
    for (const handle of this.#handles.values()) pendingUpdates += handle.status.pending.updates;
    return { connection: this.#client.connection, error: this.#client.error, pendingUpdates };
  }

  /** The open documents by name. */
  get documents(): ReadonlyMap<string, DocumentHandle> {
    return this.#handles;
  }

  /** Connects, and from then on again whenever the connection is lost. Calling it again does nothing. */
  connect(): void {
    this.#checkOpen();
    this.#client.connect();
  }

  /** Stays without a connection until `connect()`. Documents stay open and take edits. */
  disconnect(): void {
    this.#client.disconnect();
  }

  /**
   * Opens a document, 1 to 512 bytes of any Unicode as a name, and keeps it in sync until its handle is closed. `doc`
   * and `awareness` default to new ones; a document that has content already brings it along. Throws `RefusedError`
   * TW_INVALID_NAME, and when the name is open already.
   */
  open(name: string, options: { doc?: Y.Doc; awareness?: Awareness } = {}): DocumentHandle {
    this.#checkOpen();
    if (this.#handles.has(name)) throw new Error(`document ${JSON.stringify(name)} is open already`);
    const handle = new DocumentHandle(name, options, {
      link: (document) => this.#client.link(document),
      closed: () => this.#handles.delete(name),
    });
    this.#handles.set(name, handle);
    return handle;
  }

  /** Closes every document and the connection. Edits that are not saved are lost: await `whenSaved` before. */
  destroy(): void {
    if (this.#closed) return;
    for (const handle of this.#handles.values()) handle.close();
    this.#client.destroy();
    this.#closed = true;
  }

  #checkOpen(): void {
    if (this.#closed) throw new Error('the client was destroyed');
  }
}
