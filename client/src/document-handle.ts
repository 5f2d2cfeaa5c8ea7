import type { Divergence, DocumentStatus, RefusalStatus } from '@tideweave/shared';
import { Awareness, applyAwarenessUpdate, encodeAwarenessUpdate, removeAwarenessStates } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { systemClock } from './clock.ts';
import type { DocumentLink, LinkedDocument } from './document-client.ts';
import { Emitter } from './emitter.ts';
import { refusedError } from './refused-error.ts';
import type { DocumentMerge } from './merge/document-merges.ts';
import type { MergeEntry } from './merge/report-types.ts';
import type { RestoreOptions, RestoreResult } from './merge/restore.ts';
import type { OfflineStore, StoredAside, StoredDocument } from './store/offline-store.ts';

/** Events of an open document. */
export interface DocumentEvents {
  /** The status changed; the value is the new one. */
  status: DocumentStatus;
  /** Everything that the relay had has arrived; after every reconnect. */
  synced: DocumentHandle;
  /** Nothing made here is unsaved any more: all of it is durable on the relay. */
  saved: DocumentHandle;
  /** The relay refused something; `action` says what to do next (U3). */
  refused: RefusalStatus;
  /**
   * The copy here and the relay's document were not the same although both were quiet (C1). They are being exchanged; when
   * that does not help, the document is refused with TW_DIVERGED.
   */
  diverged: Divergence;
  /** Both sides had changed the document apart: what came of it. Told again when the report grows. */
  merge: DocumentMerge;
  /** `merges` has changed: there is a new report, or one was dismissed or read from the device. */
  merges: readonly DocumentMerge[];
  /** The device could not give the document; it is kept in memory and on the relay only. */
  storefailed: Error;
}

/** Where an edit has to be for `whenSaved` to resolve. `device` needs a store. */
export interface WhenSavedOptions {
  readonly tier: 'device' | 'server';
  readonly signal?: AbortSignal;
}

/** One document, kept in sync while the handle is open. Made by `SyncClient.open`. */
export class DocumentHandle extends Emitter<DocumentEvents> implements LinkedDocument {
  readonly name: string;
  readonly doc: Y.Doc;
  readonly awareness: Awareness;
  /** @internal What keeps the document in sync. */
  readonly link: DocumentLink;
  readonly #owner: HandleOwner;
  readonly #ownsDoc: boolean;
  readonly #ownsAwareness: boolean;
  readonly #waiters = new Set<Waiter>();
  #lastStatus: DocumentStatus | null = null;
  #savedN = 0;
  #lastSavedAt: number | null = null;
  /** Something of what is being applied was not here yet. */
  #arrived = false;
  readonly #loaded: Promise<void>;
  #markLoaded: () => void = () => undefined;
  #closed = false;

  /** @internal Use `SyncClient.open`. */
  constructor(name: string, options: { doc?: Y.Doc; awareness?: Awareness }, owner: HandleOwner) {
    super();
    this.#owner = owner;
    this.#loaded = new Promise((resolve) => (this.#markLoaded = resolve));
    this.name = name;
    this.#ownsDoc = options.doc === undefined;
    this.#ownsAwareness = options.awareness === undefined;
    this.doc = options.doc ?? new Y.Doc({ guid: name });
    this.awareness = options.awareness ?? new Awareness(this.doc);
    try {
      this.link = owner.link(this);
    } catch (error) {
      this.#destroyOwn();
      throw error;
    }
    // Content made before the document was opened is an edit like any other: unsaved until it is acknowledged.
    if (this.doc.store.clients.size > 0) this.link.edit(Y.encodeStateAsUpdate(this.doc));
    this.doc.on('update', this.#edited);
    this.awareness.on('update', this.#presenceChanged);
  }

  /** What there is to know about the document at this moment. */
  get status(): DocumentStatus {
    return this.#closed && this.#lastStatus !== null ? this.#lastStatus : this.link.status;
  }

  /** Resolves when the document's content is here: with a store from the device, without one as `whenSynced`. */
  whenLoaded(options?: { signal?: AbortSignal }): Promise<void> {
    return this.whenStatus(() => this.status.phase === 'ready', options?.signal);
  }

  /** Resolves when everything that the relay has is here; rejects with `RefusedError` when the relay refuses for good. */
  whenSynced(options?: { signal?: AbortSignal }): Promise<void> {
    return this.whenStatus(() => this.status.synced, options?.signal);
  }

  /**
   * Resolves when every edit made before the call is durable: on the relay, where neither a crash there nor one here
   * loses it, or on this device (or the relay, if that was quicker), which takes a store.
   * Rejects with `RefusedError` when the relay refuses for good, and with the signal's reason when that fires first.
   */
  async whenSaved({ tier, signal }: WhenSavedOptions): Promise<void> {
    if (this.link.isLoading) await this.#loaded;
    const n = this.link.lastEdit;
    const isOnDevice = (): boolean => tier === 'device' && this.link.durableEdit >= n;
    await this.whenStatus(() => this.#savedN >= n || isOnDevice(), signal);
  }

  /** When everything made here was last durable on the relay (ms since 1970); null while that has not been seen. */
  get lastSavedAt(): number | null {
    return this.#lastSavedAt;
  }

  /** Sends what waits for the end of the turn, now. */
  flush(): void {
    this.link.flush();
  }

  /** All that is here, as one Yjs V1 update: a copy to keep, whatever becomes of the document. */
  exportMine(): Uint8Array {
    return Y.encodeStateAsUpdate(this.doc);
  }

  /**
   * After TW_EPOCH_MISMATCH (C6): keeps what is here as a document of its own, under a name that nobody uses, and resolves
   * with its open handle when that is durable, on the device or the relay. This one stays as it is. Throws when the two
   * histories are one, and when the name is open.
   */
  async keepMineAs(name: string, options: { signal?: AbortSignal } = {}): Promise<DocumentHandle> {
    return (await import('./another-history.ts')).keepMineAs(this, this.#owner, name, options);
  }

  /**
   * After TW_EPOCH_MISMATCH (C6): closes this document, sets what was here aside on the device (see `listAside`), and opens
   * the relay's anew, in a `Y.Doc` of its own. Without a store nothing is kept of what was here but what `exportMine` gave.
   * Throws when the two histories are one; when the device refuses, the document stays there as it was.
   */
  async takeTheirs(): Promise<DocumentHandle> {
    return (await import('./another-history.ts')).takeTheirs(this, this.#owner);
  }

  /**
   * What `takeTheirs` set aside of this document on the device, oldest first: each is all that there was, as one Yjs V1
   * update to apply to a new `Y.Doc`. The newest four are kept, until `removeAside` or until the store deletes the document.
   */
  async listAside(): Promise<StoredAside[]> {
    return (await this.#owner.store)?.listAside(this.name) ?? [];
  }

  /** Forgets one of `listAside`. */
  async removeAside({ key }: Pick<StoredAside, 'key'>): Promise<void> {
    await (await this.#owner.store)?.removeAside(this.name, key);
  }

  /**
   * What merges did after both sides had changed the document apart, oldest first, until they are dismissed; at most 32.
   * Kept on the device where there is a store. Another array whenever it changes.
   */
  get merges(): readonly DocumentMerge[] {
    return this.link.merges?.merges ?? noMerges;
  }

  /**
   * Puts back what a merge took from me, as an ordinary edit: it can be undone, and the others get it. Resolves with what
   * came of it; rejects when the code for it cannot be loaded, and when the document was closed. Without
   * `mergeReports()` there is `'nothing'`.
   */
  async restoreMine(entry: MergeEntry, options?: RestoreOptions): Promise<RestoreResult> {
    return this.link.merges?.restoreMine(this.doc, entry, options) ?? 'nothing';
  }

  /** Forgets a merge report, or all of them. */
  dismiss(merge?: DocumentMerge): void {
    this.link.merges?.dismiss(merge);
  }

  /** Stops keeping the document in sync. Edits that are not saved are lost with it: see `status.pending`. */
  close(): void {
    if (this.#closed) return;
    removeAwarenessStates(this.awareness, [this.doc.clientID], 'close');
    this.#lastStatus = { ...this.status, phase: 'closed', synced: false };
    this.#closed = true;
    this.#markLoaded();
    this.doc.off('update', this.#edited);
    this.awareness.off('update', this.#presenceChanged);
    this.link.close();
    this.#owner.closed();
    for (const waiter of this.#waiters) waiter.fail(new Error(`document ${JSON.stringify(this.name)} was closed`));
    this.emit('status', this.#lastStatus);
    this.#destroyOwn();
  }

  /** @internal */
  stateVector(): Uint8Array {
    return Y.encodeStateVector(this.doc);
  }

  /** @internal */
  difference(stateVector: Uint8Array): Uint8Array {
    return Y.encodeStateAsUpdate(this.doc, stateVector);
  }

  /** @internal */
  read<Result>(reader: (doc: Y.Doc) => Result): Result {
    return reader(this.doc);
  }

  /** @internal The document as the device kept it; edits of earlier sessions are sent by the session, not as new ones. */
  restore({ base, received, delivered, pending }: StoredDocument): void {
    Y.transact(
      this.doc,
      () => {
        if (base !== null) Y.applyUpdate(this.doc, base, this);
        for (const update of received) Y.applyUpdate(this.doc, update, this);
        for (const { update } of [...delivered, ...pending]) Y.applyUpdate(this.doc, update, this);
      },
      this,
    );
  }

  /** @internal The device has been read. */
  loaded(): void {
    this.#markLoaded();
  }

  /** @internal */
  storeFailed(error: unknown): void {
    this.emit('storefailed', error instanceof Error ? error : new Error(String(error)));
  }

  /** @internal Applies what arrived; false when all of it was here already. Throws what Yjs throws. */
  apply(update: Uint8Array): boolean {
    this.#arrived = false;
    Y.applyUpdate(this.doc, update, this);
    return this.#arrived;
  }

  /** @internal */
  applyAwareness(update: Uint8Array): void {
    applyAwarenessUpdate(this.awareness, update, this);
  }

  /** @internal The document is open on a new connection: presence is told anew. */
  opened(): void {
    if (this.awareness.getLocalState() !== null) this.#announce([this.awareness.clientID]);
  }

  /** @internal */
  synced(): void {
    this.emit('synced', this);
  }

  /** @internal Every edit up to `n` is durable. */
  saved(n: number): void {
    this.#savedN = n;
    if (n < this.link.lastEdit) return;
    this.#lastSavedAt = systemClock.wallTime();
    this.emit('saved', this);
  }

  /** @internal */
  diverged(divergence: Divergence): void {
    this.emit('diverged', divergence);
  }

  /** @internal */
  refused(error: RefusalStatus): void {
    this.emit('refused', error);
  }

  /** @internal */
  mergesChanged(merge: DocumentMerge | null): void {
    if (this.#closed) return;
    this.emit('merges', this.merges);
    if (merge !== null) this.emit('merge', merge);
  }

  /** @internal */
  statusChanged(): void {
    if (this.#closed) return;
    const { status } = this;
    this.#lastStatus = status;
    for (const waiter of this.#waiters) this.#settle(waiter, status);
    this.emit('status', status);
  }

  readonly #edited = (update: Uint8Array, origin: unknown): void => {
    if (origin === this) this.#arrived = true;
    else this.link.edit(update);
  };

  readonly #presenceChanged = (
    { added, updated, removed }: { added: number[]; updated: number[]; removed: number[] },
    origin: unknown,
  ): void => {
    // What others announce is not ours to repeat, except where y-protocols raised our own clock in answer to them.
    const mine = [...added, ...updated, ...removed].filter(
      (client) => origin !== this || client === this.awareness.clientID,
    );
    const own = mine.filter((client) => client === this.awareness.clientID);
    if (own.length > 0) this.#announce(own);
  };

  #destroyOwn(): void {
    if (this.#ownsAwareness) this.awareness.destroy();
    if (this.#ownsDoc) this.doc.destroy();
  }

  #announce(clients: number[]): void {
    this.link.announce(encodeAwarenessUpdate(this.awareness, clients));
  }

  /** @internal Resolves when `done`, which is asked whenever the status changes; rejects as `whenSynced` does. */
  whenStatus(done: (status: DocumentStatus) => boolean, signal: AbortSignal | undefined): Promise<void> {
    if (this.#closed) return Promise.reject(new Error(`document ${JSON.stringify(this.name)} was closed`));
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        this.#waiters.delete(waiter);
        signal?.removeEventListener('abort', aborted);
        settle();
      };
      const waiter: Waiter = { done, resolve: () => end(resolve), fail: (error) => end(() => reject(error)) };
      const aborted = (): void => waiter.fail(signal?.reason instanceof Error ? signal.reason : new Error('aborted'));
      this.#waiters.add(waiter);
      signal?.addEventListener('abort', aborted);
      if (signal?.aborted === true) aborted();
      else this.#settle(waiter, this.status);
    });
  }

  #settle(waiter: Waiter, status: DocumentStatus): void {
    if (waiter.done(status)) waiter.resolve();
    else if (status.phase === 'refused' && status.error !== null) waiter.fail(refusedError(status.error));
  }
}

const noMerges: readonly DocumentMerge[] = [];

/** The client that a handle belongs to. */
export interface HandleOwner {
  link(document: LinkedDocument): DocumentLink;
  /** Opens a document as the application does. */
  open(name: string): DocumentHandle;
  readonly store: OfflineStore | Promise<OfflineStore> | undefined;
  /** The application has closed the handle. */
  closed(): void;
}

interface Waiter {
  readonly done: (status: DocumentStatus) => boolean;
  readonly resolve: () => void;
  readonly fail: (error: Error) => void;
}
