import {
  type Cancel,
  type ClientOutput,
  ClientSession,
  type Clock,
  type ConnectionState,
  type DocumentStatus,
  RefusedError,
  type RefusalStatus,
  defaultLimits,
  nameBytesMax,
} from '@tideweave/shared';
import type { Awareness } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { DeviceCopy, resumed } from './device-copy.ts';
import type { DocumentClient } from './document-client.ts';
import { DocumentHandle } from './document-handle.ts';
import { Emitter } from './emitter.ts';
import { type ClientEnvironment, platformEnvironment } from './environment.ts';
import type { OfflineStore, StoredDocument } from './store/offline-store.ts';
import type { Transport, WebSocketClass } from './transport/websocket-transport.ts';

/** How to reach a relay. */
export interface SyncClientOptions {
  /** Address of the relay, `ws://` or `wss://`. */
  readonly url: string;
  /** Sent with every document that is opened; a function is asked anew before each attempt to connect. Default none. */
  readonly token?: string | (() => string | Promise<string>);
  /** How this device calls itself in the document's history, at most 128 bytes. Default empty. */
  readonly device?: string;
  /**
   * Keeps documents on the device, so that they open without a network and edits survive this process: see
   * `@tideweave/client/store`. Whoever opened it closes it, after `destroy()`. Default none.
   */
  readonly store?: OfflineStore | Promise<OfflineStore>;
  /** WebSocket class; default the platform's, or the package ws in Node 20. */
  readonly WebSocket?: WebSocketClass;
  /** Connect at once; default true. Otherwise `connect()` does. */
  readonly connect?: boolean;
}

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
export class SyncClient extends Emitter<ClientEvents> implements DocumentClient {
  readonly #options: SyncClientOptions;
  readonly #environment: ClientEnvironment;
  readonly #clock: Clock;
  readonly #session: ClientSession;
  readonly #handles = new Map<string, DocumentHandle>();
  /** Documents that are being read from the device, with the edits made meanwhile. */
  readonly #early = new Map<DocumentHandle, Uint8Array[]>();
  readonly #copies = new Map<DocumentHandle, DeviceCopy>();
  #transport: Transport | null = null;
  /** Counts attempts, so that an answer to an earlier one is not taken for this one's. */
  #attempt = 0;
  #drainScheduled = false;
  #timer: Cancel | null = null;
  #timerDueMs = Infinity;
  readonly #unwatchNetwork: () => void;
  #closed = false;

  /** `environment` is internal: the platform's, unless `testing.ts` says otherwise. */
  constructor(options: SyncClientOptions, environment?: ClientEnvironment) {
    super();
    if (!/^wss?:\/\//.test(options.url))
      throw new TypeError(`url starts with ws:// or wss://, not ${JSON.stringify(options.url)}`);
    this.#options = options;
    this.#environment = environment ?? platformEnvironment(options.url, options.WebSocket);
    this.#clock = this.#environment.clock;
    this.#session = new ClientSession({
      random: this.#environment.random,
      device: options.device ?? '',
      updateBytesMax: defaultLimits.updateBytesMax,
      readStateVector: (name) => Y.encodeStateVector(this.#handle(name).doc),
      readDifference: (name, stateVector) => Y.encodeStateAsUpdate(this.#handle(name).doc, stateVector),
    });
    this.#unwatchNetwork = this.#environment.watchNetwork(() => {
      this.#session.wake(this.#clock.now());
      this.#drain();
    });
    if (options.connect !== false) this.connect();
  }

  get status(): ClientStatus {
    let pendingUpdates = 0;
    for (const handle of this.#handles.values()) pendingUpdates += handle.status.pending.updates;
    return { connection: this.#session.connection, error: this.#session.error, pendingUpdates };
  }

  /** The open documents by name. */
  get documents(): ReadonlyMap<string, DocumentHandle> {
    return this.#handles;
  }

  /** Connects, and from then on again whenever the connection is lost. Calling it again does nothing. */
  connect(): void {
    this.#checkOpen();
    this.#session.start(this.#clock.now());
    this.#drain();
  }

  /** Stays without a connection until `connect()`. Documents stay open and take edits. */
  disconnect(): void {
    this.#session.stop();
    this.#drain();
  }

  /**
   * Opens a document, 1 to 512 bytes of any Unicode as a name, and keeps it in sync until its handle is closed. `doc`
   * and `awareness` default to new ones; a document that has content already brings it along. Throws `RefusedError`
   * TW_INVALID_NAME, and when the name is open already.
   */
  open(name: string, options: { doc?: Y.Doc; awareness?: Awareness } = {}): DocumentHandle {
    this.#checkOpen();
    if (this.#handles.has(name)) throw new Error(`document ${JSON.stringify(name)} is open already`);
    checkName(name);
    const handle = new DocumentHandle(this, name, options);
    // Content made before the document was opened is an edit like any other: unsaved until it is acknowledged.
    const brought = handle.doc.store.clients.size > 0 ? [Y.encodeStateAsUpdate(handle.doc)] : [];
    const { store } = this.#options;
    this.#handles.set(name, handle);
    if (store === undefined) this.#session.open(name);
    else this.#early.set(handle, brought);
    if (store === undefined) for (const update of brought) this.edit(handle, update);
    else void this.#load(handle, store);
    this.#schedule();
    return handle;
  }

  /** Closes every document and the connection. Edits that are not saved are lost: await `whenSaved` before. */
  destroy(): void {
    if (this.#closed) return;
    for (const handle of this.#handles.values()) handle.close();
    this.#drain();
    this.#session.stop();
    this.#drain();
    this.#closed = true;
    this.#timer?.();
    this.#unwatchNetwork();
  }

  /** @internal */
  statusOf(handle: DocumentHandle): DocumentStatus {
    const early = this.#early.get(handle);
    if (early !== undefined) return statusWhileLoading(early);
    const status = this.#session.status(handle.name);
    const copy = this.#copies.get(handle);
    if (copy === undefined || status.safe === 'server') return status;
    return copy.isFailing || copy.durableN < this.lastEditOf(handle) ? status : { ...status, safe: 'device' };
  }

  /** @internal */
  lastEditOf(handle: DocumentHandle): number {
    return this.#session.lastEdit(handle.name);
  }

  /** @internal */
  durableEditOf(handle: DocumentHandle): number {
    const { pending } = this.#session.status(handle.name);
    return pending.updates === 0 ? this.lastEditOf(handle) : (this.#copies.get(handle)?.durableN ?? 0);
  }

  /** @internal */
  isLoading(handle: DocumentHandle): boolean {
    return this.#early.has(handle);
  }

  /** @internal */
  edit(handle: DocumentHandle, update: Uint8Array): void {
    const early = this.#early.get(handle);
    if (early !== undefined) {
      early.push(update);
      return;
    }
    const n = this.#session.edit(handle.name, update, this.#clock.now());
    this.#copies.get(handle)?.edited(n, update);
    this.#schedule();
  }

  /** @internal */
  announce(handle: DocumentHandle, awarenessUpdate: Uint8Array): void {
    if (this.#early.has(handle)) return;
    this.#session.announce(handle.name, awarenessUpdate);
    this.#schedule();
  }

  /** @internal */
  flush(): void {
    this.#drain();
  }

  /** @internal */
  close(handle: DocumentHandle): void {
    this.#handles.delete(handle.name);
    this.#copies.get(handle)?.close();
    this.#copies.delete(handle);
    if (this.#early.delete(handle)) return;
    this.#session.close(handle.name);
    this.#schedule();
  }

  /** Everything done in one turn leaves in one frame. */
  #schedule(): void {
    if (this.#drainScheduled) return;
    this.#drainScheduled = true;
    this.#clock.soon(() => {
      this.#drainScheduled = false;
      this.#drain();
    });
  }

  #drain(): void {
    let outputs = this.#session.drain();
    const changed = new Set<string>();
    let connectionChanged = false;
    while (outputs.length > 0) {
      for (const output of outputs) {
        if (output.kind === 'connection') connectionChanged = true;
        else if (output.kind === 'status') changed.add(output.name);
        else this.#perform(output);
      }
      outputs = this.#session.drain();
    }
    this.#setTimer();
    for (const name of changed) this.#handles.get(name)?.statusChanged();
    if (connectionChanged || changed.size > 0) this.emit('status', this.status);
  }

  #perform(output: Exclude<ClientOutput, { kind: 'connection' | 'status' }>): void {
    switch (output.kind) {
      case 'connect':
        void this.#connect();
        return;
      case 'disconnect':
        this.#attempt++;
        this.#transport?.close();
        this.#transport = null;
        return;
      case 'send':
        this.#transport?.send(output.frame as Uint8Array<ArrayBuffer>);
        return;
      case 'apply':
        this.#apply(output.name, output.update);
        return;
      case 'awareness':
        this.#handles.get(output.name)?.applyAwareness(output.update);
        return;
      case 'opened':
        this.#handles.get(output.name)?.opened();
        return;
      case 'synced':
        this.#handles.get(output.name)?.synced();
        return;
      case 'saved':
        this.#copyOf(output.name)?.saved(output.n);
        this.#handles.get(output.name)?.saved(output.n);
        return;
      case 'confirmed':
        this.#copyOf(output.name)?.confirmed(output.count);
        return;
      case 'refused':
        this.#handles.get(output.name)?.refused(output.error);
        return;
      case 'watermark':
        this.#copyOf(output.name)?.watermark(output.epoch, output.cursor);
        return;
    }
  }

  /** What passes every check may still fail when it is applied (L1); the document is then not to be trusted. */
  #apply(name: string, update: Uint8Array): void {
    try {
      this.#handles.get(name)?.apply(update);
      this.#copyOf(name)?.delivered(update);
    } catch (error) {
      this.#session.applyFailed(name, error instanceof Error ? error.message : String(error));
    }
  }

  /** Opens a document from the device. One that the device cannot give is opened from the relay alone. */
  async #load(handle: DocumentHandle, opening: OfflineStore | Promise<OfflineStore>): Promise<void> {
    let stored: StoredDocument | null = null;
    try {
      const store = await opening;
      const copy = new DeviceCopy(store, handle.name, this.#clock, () => handle.statusChanged());
      const found = await copy.load();
      if (!this.#early.has(handle)) return;
      handle.restore(found);
      stored = found;
      this.#copies.set(handle, copy);
    } catch (error) {
      handle.storeFailed(error);
    }
    const early = this.#early.get(handle);
    this.#early.delete(handle);
    if (early === undefined) return;
    this.#session.open(handle.name, stored === null ? undefined : resumed(stored, this.#clock.now()));
    for (const update of early) this.edit(handle, update);
    handle.loaded();
    this.#drain();
    handle.statusChanged();
  }

  async #connect(): Promise<void> {
    this.#attempt++;
    const attempt = this.#attempt;
    const isCurrent = (): boolean => attempt === this.#attempt;
    try {
      const { token = '' } = this.#options;
      const tokenText = typeof token === 'function' ? await token() : token;
      if (!isCurrent()) return;
      const transport = await this.#environment.connect({
        opened: () => this.#feed(isCurrent, (now) => this.#session.connected(now, tokenText)),
        received: (frame) => this.#feed(isCurrent, (now) => this.#session.receive(frame, now)),
        closed: () => this.#feed(isCurrent, (now) => this.#session.disconnected(now)),
      });
      if (isCurrent()) this.#transport = transport;
      else transport.close();
    } catch {
      // No token and no socket are both a failed attempt; the session decides when to make the next.
      this.#feed(isCurrent, (now) => this.#session.disconnected(now));
    }
  }

  #feed(isCurrent: () => boolean, feed: (now: number) => void): void {
    if (!isCurrent()) return;
    feed(this.#clock.now());
    this.#drain();
  }

  #setTimer(): void {
    const due = this.#closed ? Infinity : this.#session.deadline;
    // One that is set for earlier finds nothing due and is set again: cheaper than a new timer for every frame.
    if (this.#timer !== null && this.#timerDueMs <= due) return;
    this.#timer?.();
    this.#timer = null;
    if (due === Infinity) return;
    this.#timerDueMs = due;
    this.#timer = this.#clock.after(Math.max(0, due - this.#clock.now()), () => {
      this.#timer = null;
      this.#session.tick(this.#clock.now());
      this.#drain();
    });
  }

  #copyOf(name: string): DeviceCopy | undefined {
    const handle = this.#handles.get(name);
    return handle === undefined ? undefined : this.#copies.get(handle);
  }

  #handle(name: string): DocumentHandle {
    const handle = this.#handles.get(name);
    if (handle === undefined) throw new Error(`document ${JSON.stringify(name)} is not open`);
    return handle;
  }

  #checkOpen(): void {
    if (this.#closed) throw new Error('the client was destroyed');
  }
}

/** Before anything is made of it: with a store the session hears of the name only later. */
function checkName(name: string): void {
  if (name !== '' && new TextEncoder().encode(name).length <= nameBytesMax) return;
  throw new RefusedError('TW_INVALID_NAME', `a document name is 1 to ${nameBytesMax} bytes of Unicode`);
}

/** Nothing is known of a document while the device is being read. */
function statusWhileLoading(early: readonly Uint8Array[]): DocumentStatus {
  const bytes = early.reduce((sum, update) => sum + update.length, 0);
  return {
    phase: 'loading',
    synced: false,
    pending: { updates: early.length, bytes, since: null },
    safe: early.length === 0 ? 'device' : 'memory',
    progress: null,
    access: null,
    user: null,
    error: null,
  };
}
