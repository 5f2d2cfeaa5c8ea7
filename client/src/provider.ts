import { type ConnectionState, type DocumentStatus, isRefusalCode, refusalRules } from '@tideweave/shared';
import { Awareness, removeAwarenessStates } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { systemClock } from './clock.ts';
import type { DocumentHandle, WhenSavedOptions } from './document-handle.ts';
import { type ConnectionStatus, ProviderEmitter, type ProviderEvents } from './provider-events.ts';
import { SharedClient, type SharedClientOptions } from './shared-client.ts';
import type { ClientStatus, SyncClient, SyncClientOptions } from './sync-client.ts';
import type { WebSocketClass } from './transport/websocket-transport.ts';

/** Options of a provider: those of y-websocket that mean something here, and our own. */
export interface TideweaveProviderOptions {
  /** Connect at once; default true. Otherwise `connect()` does. */
  readonly connect?: boolean;
  /** Presence to announce; default a new one, which is destroyed with the provider. */
  readonly awareness?: Awareness;
  /** Query parameters of the connection; `token` goes to the relay as `options.token` does. Default none. */
  readonly params?: Readonly<Record<string, string>>;
  /** WebSocket class; default the platform's, or the package ws in Node 20. */
  readonly WebSocketPolyfill?: WebSocketClass;
  /** Sent with the document; a function is asked anew before each attempt to connect. Default none. */
  readonly token?: SyncClientOptions['token'];
  /** How this device calls itself in the document's history, at most 128 bytes. Default empty. */
  readonly device?: string;
  /** Keeps documents on this device: they open offline, and edits survive a reload. Default none. */
  readonly store?: SyncClientOptions['store'];
  /** Shares the connection with the other tabs of this browser, as `SyncClientOptions.tabs`. Default none. */
  readonly tabs?: SyncClientOptions['tabs'];
  /** Reports of merges in `handle.merges`, as `SyncClientOptions.merges`. Default none. */
  readonly merges?: SyncClientOptions['merges'];
  /** Use one connection with the other providers of this address, token, device and class; default true. */
  readonly shareConnection?: boolean;
  /** Client to use, in place of one for the address; it stays the application's, to destroy as well. */
  readonly client?: SyncClient;
  /** No effect: the relay sends what there is when there is it. */
  readonly resyncInterval?: number;
  /** No effect: the waits between attempts are the client's. */
  readonly maxBackoffTime?: number;
  /** No effect: no document goes from tab to tab beside the relay. */
  readonly disableBc?: boolean;
}

/**
 * Presence as y-protocols has it. The generic signatures are for bindings that say which shape they themselves put into
 * it, as Lexical does.
 */
export type ProviderAwareness = Awareness & {
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- inferred from the type that a binding expects
  getLocalState<State>(): State | null;
  getStates<State>(): Map<number, State>;
};

type Events = ProviderEvents<TideweaveProvider, Y.Doc>;

/**
 * Keeps one Yjs document in sync, with the constructor and the surface of y-websocket's `WebsocketProvider`: editor
 * bindings take it as it is, and switching is one import.
 */
export class TideweaveProvider extends ProviderEmitter<Events> {
  readonly type = 'tideweave' as const;
  readonly serverUrl: string;
  readonly roomname: string;
  readonly doc: Y.Doc;
  readonly awareness: ProviderAwareness;
  readonly #clientOptions: SharedClientOptions;
  readonly #givenClient: SyncClient | null;
  readonly #share: boolean;
  readonly #ownsAwareness: boolean;
  #shouldConnect = false;
  #shared: SharedClient | null = null;
  #client: SyncClient | null = null;
  #unsubscribe: (() => void)[] = [];
  #handle: DocumentHandle | null = null;
  /** What there was to know when the document was last let go of; kept up to date until it is open again. */
  #detached: DocumentStatus;
  #clientConnection: ConnectionState = 'stopped';
  /** What listeners were told last. */
  #connection: ConnectionStatus = 'disconnected';
  #synced = false;
  #refused = false;
  #destroyed = false;
  /** Called when the document is open again, or never will be. */
  readonly #waiting = new Set<() => void>();

  /** Throws `TypeError` when the address is none, and `RefusedError` when the name is none. */
  constructor(serverUrl: string, roomname: string, doc: Y.Doc, options: TideweaveProviderOptions = {}) {
    super();
    this.serverUrl = serverUrl.replace(/\/+$/, '');
    this.roomname = roomname;
    this.doc = doc;
    this.#clientOptions = clientOptions(this.serverUrl, options);
    this.#ownsAwareness = options.awareness === undefined;
    this.awareness = (options.awareness ?? new Awareness(doc)) as ProviderAwareness;
    this.#givenClient = options.client ?? null;
    this.#share = options.shareConnection !== false;
    this.#detached = detachedStatus(doc);
    this.doc.on('update', this.#updated);
    if (options.connect === false) return;
    try {
      this.connect();
    } catch (error) {
      // Nobody has this provider to destroy it, and presence keeps a timer.
      this.destroy();
      throw error;
    }
  }

  /** The same as `doc`, as some bindings call it. */
  get document(): Y.Doc {
    return this.doc;
  }

  /** The open document with all that it offers; null while the provider is disconnected from a shared connection. */
  get handle(): DocumentHandle | null {
    return this.#handle;
  }

  /** What there is to know about the document: phase, what is unsaved, progress, access, errors. */
  get status(): DocumentStatus {
    return this.#handle?.status ?? this.#detached;
  }

  /** Whether everything that the relay had is here and edits flow. */
  get synced(): boolean {
    return this.#synced;
  }

  /** The same as `synced`, as some bindings call it. */
  get isSynced(): boolean {
    return this.#synced;
  }

  get wsconnected(): boolean {
    return this.#connection === 'connected';
  }

  get wsconnecting(): boolean {
    return this.#connection === 'connecting';
  }

  /** The same as `wsconnected`, as some bindings call it. */
  get isConnected(): boolean {
    return this.wsconnected;
  }

  /** Whether a connection is wanted. */
  get shouldConnect(): boolean {
    return this.#shouldConnect;
  }

  /** Begins to sync, or goes on with it. Does nothing when it does already, or when the provider was destroyed. */
  connect(): void {
    if (this.#destroyed || (this.#shouldConnect && !this.#refused)) return;
    this.#shouldConnect = true;
    if (this.#refused) this.#detach();
    if (this.#handle === null) {
      try {
        this.#attach();
      } catch (error) {
        this.#shouldConnect = false;
        throw error;
      }
    }
    this.#shared?.offer();
    this.#client?.connect();
    this.#look();
  }

  /** Stays away until `connect()`; the document takes edits. Who asks for both in one turn is not disconnected at all. */
  disconnect(): void {
    if (!this.#shouldConnect) return;
    this.#shouldConnect = false;
    this.#look();
    queueMicrotask(() => {
      if (!this.#shouldConnect) this.#part();
    });
  }

  /**
   * Resolves when every edit made before the call is durable on the relay. Rejects with `RefusedError` when the relay
   * refuses for good, with the signal's reason when that fires first, and when the provider is destroyed.
   */
  async whenSaved(options: Partial<WhenSavedOptions> = {}): Promise<void> {
    for (;;) {
      const handle = this.#handle ?? (await this.#opened(options.signal));
      try {
        return await handle.whenSaved({ tier: 'server', ...options });
      } catch (error) {
        // Let go of meanwhile: the edits are in the document, and go to the relay with it when it is open again.
        if (this.#destroyed || this.#handle === handle || options.signal?.aborted === true) throw error;
      }
    }
  }

  /** Ends the sync for good. Edits that are not saved stay in the document only: await `whenSaved` before. */
  destroy(): void {
    if (this.#destroyed) return;
    this.#shouldConnect = false;
    this.#look();
    this.#destroyed = true;
    this.#detach();
    this.#detached = { ...this.#detached, phase: 'closed' };
    this.doc.off('update', this.#updated);
    for (const wake of this.#waiting) wake();
    if (this.#ownsAwareness) this.awareness.destroy();
    this.emit('destroy', this);
    this.removeListeners();
  }

  /** A provider that joins a connection in use may be in sync before a binding is mounted, which waits to hear of it. */
  protected override latest(event: keyof Events): Events[keyof Events] | null {
    if ((event === 'sync' || event === 'synced') && this.#synced) return [true];
    return event === 'status' && this.wsconnected ? [{ status: 'connected' }] : null;
  }

  #attach(): void {
    const shared =
      this.#givenClient === null ? SharedClient.join(this.#clientOptions, this.roomname, this.#share) : null;
    const client = this.#givenClient ?? shared?.client;
    if (client === undefined) return;
    let handle: DocumentHandle;
    try {
      handle = client.open(this.roomname, { doc: this.doc, awareness: this.awareness });
    } catch (error) {
      shared?.leave();
      throw error;
    }
    this.#shared = shared;
    this.#client = client;
    this.#handle = handle;
    this.#clientConnection = client.status.connection;
    this.#unsubscribe = [
      client.on('status', this.#clientChanged),
      handle.on('status', this.#documentChanged),
      handle.on('saved', () => this.emit('saved', this)),
      handle.on('refused', (error) => this.emit('refused', error)),
    ];
    for (const wake of this.#waiting) wake();
  }

  /** Leaves the connection, or ends it where nobody else uses it: then the document stays open and resumes by cursor. */
  #part(): void {
    if (this.#shared?.isAlone === true) {
      this.#shared.withdraw();
      this.#shared.client.disconnect();
    } else this.#detach();
  }

  #detach(): void {
    const handle = this.#handle;
    if (handle === null) return;
    const { status } = handle;
    this.#handle = null;
    this.#detached = { ...status, synced: false, verified: false, progress: null, upload: null };
    for (const unsubscribe of this.#unsubscribe.splice(0)) unsubscribe();
    const presence = this.awareness.getLocalState();
    handle.close();
    // Closing takes presence back; ours is only away, and is announced again when the document is open again.
    if (!this.#destroyed && presence !== null) this.awareness.setLocalState(presence);
    this.#shared?.leave();
    this.#shared = null;
    this.#client = null;
    this.#clientConnection = 'stopped';
    this.#refused = false;
  }

  readonly #updated = (update: Uint8Array, origin: unknown): void => {
    if (this.#handle === null) {
      const { updates, bytes, since } = this.#detached.pending;
      const pending = {
        updates: updates + 1,
        bytes: bytes + update.byteLength,
        since: since ?? systemClock.now(),
      };
      this.#detached = { ...this.#detached, pending, safe: 'memory' };
    }
    this.emit('update', update, origin);
    if (this.#handle === null) this.emit('details', this.#detached);
  };

  readonly #clientChanged = ({ connection }: ClientStatus): void => {
    this.#clientConnection = connection;
    this.#look();
  };

  readonly #documentChanged = (status: DocumentStatus): void => {
    // Documents hear that a connection was lost before the client's own listeners do.
    if (status.synced !== this.#synced) this.#clientConnection = this.#client?.status.connection ?? 'stopped';
    this.#look();
    this.emit('details', status);
  };

  /** Tells what is different from what was told last, in the order of y-websocket. */
  #look(): void {
    const status = this.#handle?.status ?? null;
    const refused = status?.phase === 'refused';
    const before = this.#connection;
    this.#connection = this.#shouldConnect && !refused ? connectionStatus(this.#clientConnection) : 'disconnected';
    if (before !== 'disconnected' && this.#connection === 'disconnected') {
      if (before === 'connecting' && this.#shouldConnect && !refused)
        this.emit('connection-error', new Event('error'), this);
      this.emit('connection-close', null, this);
    }
    // What is lost is told before the connection that is, and what is there after it.
    if (this.#connection !== 'connected') this.#setSynced(false);
    if (before === 'connected' && this.#connection !== 'connected') this.#forgetOthers();
    if (this.#connection !== before) this.emit('status', { status: this.#connection });
    if (this.#connection === 'connected') this.#setSynced(status?.synced === true);
    if (refused && !this.#refused) {
      this.#refused = true;
      const { code = '', reason = '' } = status?.error ?? {};
      this.emit('closed', { code: isRefusalCode(code) ? refusalRules[code].closeCode : 4400, reason }, this);
    }
  }

  #setSynced(synced: boolean): void {
    if (this.#synced === synced) return;
    this.#synced = synced;
    this.emit('synced', synced);
    this.emit('sync', synced);
  }

  /** Without a connection nobody else is known to be here. */
  #forgetOthers(): void {
    const others = [...this.awareness.states.keys()].filter((client) => client !== this.awareness.clientID);
    removeAwarenessStates(this.awareness, others, this);
    // With the clocks: a state that did not change while we were away is news when it comes again.
    for (const client of others) this.awareness.meta.delete(client);
  }

  #opened(signal: AbortSignal | undefined): Promise<DocumentHandle> {
    return new Promise((resolve, reject) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        signal?.removeEventListener('abort', wake);
        if (signal?.aborted === true) reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
        else if (this.#handle !== null) resolve(this.#handle);
        else reject(new Error('the provider was destroyed'));
      };
      this.#waiting.add(wake);
      signal?.addEventListener('abort', wake);
      if (signal?.aborted === true || this.#destroyed) wake();
    });
  }
}

function connectionStatus(connection: ConnectionState): ConnectionStatus {
  return connection === 'connected' || connection === 'connecting' ? connection : 'disconnected';
}

function detachedStatus(doc: Y.Doc): DocumentStatus {
  const hasContent = doc.store.clients.size > 0;
  return {
    phase: 'loading',
    synced: false,
    verified: false,
    pending: hasContent
      ? { updates: 1, bytes: Y.encodeStateAsUpdate(doc).byteLength, since: systemClock.now() }
      : { updates: 0, bytes: 0, since: null },
    safe: 'memory',
    progress: null,
    upload: null,
    access: null,
    user: null,
    error: null,
  };
}

function clientOptions(serverUrl: string, options: TideweaveProviderOptions): SharedClientOptions {
  const { client, params = {}, token, device, store, tabs, merges, WebSocketPolyfill } = options;
  if (
    client !== undefined &&
    (options.params ?? token ?? device ?? store ?? tabs ?? merges ?? WebSocketPolyfill) !== undefined
  )
    throw new TypeError(
      'client brings its own params, token, device, store, tabs, merges and WebSocketPolyfill: give either',
    );
  const { token: tokenParameter, ...rest } = params;
  const query = new URLSearchParams(rest).toString();
  const url = serverUrl.replace(/^http/, 'ws') + (query === '' ? '' : `${serverUrl.includes('?') ? '&' : '?'}${query}`);
  return { url, token: token ?? tokenParameter, device, store, tabs, merges, WebSocket: WebSocketPolyfill };
}
