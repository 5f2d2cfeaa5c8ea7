import type { Clock, ConnectionState, RefusalStatus, SafeTier } from '@tideweave/shared';
import type { Awareness } from 'y-protocols/awareness';
import type * as Y from 'yjs';
import type { BackgroundSync } from './background-sync.ts';
import type { DocumentClient } from './document-client.ts';
import { DocumentHandle, type WhenSavedOptions } from './document-handle.ts';
import { Emitter } from './emitter.ts';
import { type ClientEnvironment, platformEnvironment } from './environment.ts';
import { PageLifecycle } from './lifecycle.ts';
import { mergeUpdates } from './merge-updates.ts';
import { refusedError } from './refused-error.ts';
import { RelayClient, type RelayClientOptions } from './relay/relay-client.ts';
import type { MergeReporting } from './merge/merge-desk.ts';
import type { OfflineStore } from './store/offline-store.ts';
import type { SyncNowOptions, SyncResult } from './sync-now.ts';
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
  readonly token?: Token | undefined;
  /** How this device calls itself in the document's history, at most 128 bytes. Default empty. */
  readonly device?: string | undefined;
  /**
   * Keeps documents on the device, so that they open without a network and edits survive this process: see
   * `@tideweave/client/store`. Whoever opened it closes it, after `destroy()`. `'device'`, in browsers only, is the store of
   * the page's origin, loaded when it is needed and closed with the client. Default none.
   */
  readonly store?: OfflineStore | Promise<OfflineStore> | 'device' | undefined;
  /**
   * Shares the connection and the store with the other tabs of this browser: `shareTabs()` of `@tideweave/client/tabs`.
   * Default none: a connection of its own.
   */
  readonly tabs?: TabSharing | undefined;
  /**
   * Reports of what a merge did after both sides changed a document apart: `mergeReports()` of `@tideweave/client/merge`.
   * Default none.
   */
  readonly merges?: MergeReporting | undefined;
  /** WebSocket class; default the platform's, or the package ws in Node 20. */
  readonly WebSocket?: WebSocketClass | undefined;
  /** Connect at once; default true. Otherwise `connect()` does. */
  readonly connect?: boolean;
  /** Ask before a page is left while an edit is in memory alone; default true, only in browsers. */
  readonly warnBeforeUnload?: boolean;
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
  /** Since when the oldest of them waits (monotonic ms), or null. */
  readonly pendingSince: number | null;
  /** Where the least safe of all open documents is safe. */
  readonly safe: SafeTier;
}

/** Events of a client. */
export interface ClientEvents {
  status: ClientStatus;
  /** The store `'device'` could not do something; other stores tell the `onError` that they were opened with. */
  storefailed: Error;
}

/**
 * Keeps Yjs documents in sync with a relay, all of them over one connection, which it makes again whenever it is lost.
 */
export class SyncClient extends Emitter<ClientEvents> {
  readonly #client: DocumentClient;
  readonly #handles = new Map<string, DocumentHandle>();
  /** Documents that are not open; null until there are any. */
  #background: BackgroundSync | null = null;
  readonly #store: OfflineStore | Promise<OfflineStore> | undefined;
  readonly #ownsStore: boolean;
  readonly #clock: Pick<Clock, 'after'>;
  readonly #lifecycle: PageLifecycle;
  readonly #warnBeforeUnload: boolean;
  #closed = false;

  /** `environment` is internal: the platform's, unless `testing.ts` says otherwise. */
  constructor(options: SyncClientOptions, environment?: ClientEnvironment) {
    super();
    if (!/^wss?:\/\//.test(options.url))
      throw new TypeError(`url starts with ws:// or wss://, not ${JSON.stringify(options.url)}`);
    const { url, token, device = '' } = options;
    const world = environment ?? platformEnvironment(url, options.WebSocket);
    this.#ownsStore = options.store === 'device';
    this.#store = options.store === 'device' ? this.#openStore() : options.store;
    this.#clock = world.clock;
    this.#warnBeforeUnload = options.warnBeforeUnload !== false;
    this.#lifecycle = new PageLifecycle(() => void this.#flush());
    const relay = {
      environment: world,
      token,
      device,
      store: this.#store,
      merges: options.merges,
      changed: () => this.#changed(),
    };
    this.#client = options.tabs?.({ ...relay, url }) ?? new RelayClient(relay);
    if (options.connect !== false) this.connect();
  }

  get status(): ClientStatus {
    let pendingUpdates = 0;
    let pendingSince: number | null = null;
    let safe: SafeTier = 'server';
    for (const handle of this.#handles.values()) {
      const { pending, safe: tier } = handle.status;
      pendingUpdates += pending.updates;
      if (pending.since !== null) pendingSince = Math.min(pending.since, pendingSince ?? Infinity);
      if (tier === 'memory' || safe === 'server') safe = tier;
    }
    return { connection: this.#client.connection, error: this.#client.error, pendingUpdates, pendingSince, safe };
  }

  /** The open documents by name. */
  get documents(): ReadonlyMap<string, DocumentHandle> {
    return this.#handles;
  }

  /** Connects, and from then on again whenever the connection is lost. Calling it again does nothing. */
  connect(): void {
    this.#checkOpen();
    this.#background?.connecting();
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
    this.#background?.opening(name);
    const handle = new DocumentHandle(name, options, {
      link: (document) => this.#client.link(document),
      open: (other) => this.open(other),
      store: this.#store,
      closed: () => {
        this.#handles.delete(name);
        this.#background?.closed(name);
      },
    });
    this.#handles.set(name, handle);
    return handle;
  }

  /**
   * Keeps these documents, and no others beside the open ones, in sync on the device without their being opened (prefetch):
   * they then open with all that the relay has, without a network. Needs a store. Rejects with
   * `RefusedError` TW_INVALID_NAME.
   */
  async keep(names: Iterable<string>): Promise<void> {
    (await this.#inBackground()).keep(names);
  }

  /**
   * Batch mode, for background tasks and metered links: connects, pushes, pulls, waits until all is durable and what it
   * touched was compared with the relay's, and disconnects again unless `connect()` was called. `names` defaults to the
   * open documents and all that the device keeps; it needs a store. Resolves with a result for each, in that order.
   */
  async syncNow(names?: Iterable<string>, options: SyncNowOptions = {}): Promise<SyncResult[]> {
    return (await this.#inBackground()).syncNow(names, options);
  }

  /** Resolves when every edit made before the call, in every open document, is durable: see `DocumentHandle.whenSaved`. */
  async whenSaved(options: WhenSavedOptions): Promise<void> {
    await Promise.all(Array.from(this.#handles.values(), (handle) => handle.whenSaved(options)));
  }

  /** Closes every document and the connection. Edits that are not saved are lost: await `whenSaved` before. */
  destroy(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#background?.end();
    for (const handle of this.#handles.values()) handle.close();
    this.#client.destroy();
    this.#lifecycle.end();
    if (this.#ownsStore) void this.#closeStore();
  }

  #changed(): void {
    const { status } = this;
    this.#lifecycle.warn(this.#warnBeforeUnload && status.pendingUpdates > 0 && status.safe === 'memory');
    this.emit('status', status);
  }

  async #flush(): Promise<void> {
    for (const handle of this.#handles.values()) handle.flush();
    try {
      await (await this.#store)?.flush();
    } catch {
      // The store tells its `onError`, and the status of the documents says it.
    }
  }

  async #openStore(): Promise<OfflineStore> {
    const { openBrowserStore } = await import('./store/browser-store.ts');
    return openBrowserStore({ onError: (error) => this.emit('storefailed', error) });
  }

  async #closeStore(): Promise<void> {
    try {
      await (await this.#store)?.close();
    } catch (error) {
      this.emit('storefailed', error instanceof Error ? error : new Error(String(error)));
    }
  }

  async #inBackground(): Promise<BackgroundSync> {
    if (this.#store === undefined) throw new TypeError('documents that are not open are kept in a store: give one');
    const { BackgroundSync } = await import('./background-sync.ts');
    this.#checkOpen();
    this.#background ??= new BackgroundSync({
      client: this.#client,
      store: this.#store,
      clock: this.#clock,
      handles: this.#handles,
      mergeUpdates,
      refusedError,
    });
    return this.#background;
  }

  #checkOpen(): void {
    if (this.#closed) throw new Error('the client was destroyed');
  }
}
