import type { DocumentStatus } from '@tideweave/shared';
import type { DocumentLink, LinkedDocument } from '../document-client.ts';
import { type DocumentMerge, DocumentMerges } from '../merge/document-merges.ts';
import type { MergeDesk } from '../merge/merge-desk.ts';
import { presentIn } from '../merge/merge-watch.ts';
import type { OfflineStore, StoredDocument } from '../store/offline-store.ts';
import { DeviceCopy, resumed } from './device-copy.ts';
import type { DocumentOutput, SessionDriver } from './session-driver.ts';

/**
 * One document between its three homes: the copy that the application edits, the session with the relay, and the device.
 * While the device is being read, edits wait here; the session hears of the document afterwards.
 */
export class RelayDocument implements DocumentLink {
  readonly document: LinkedDocument;
  readonly #driver: SessionDriver;
  readonly #closed: () => void;
  /** Edits made while the device is being read; null when it has been. */
  #early: Uint8Array[] | null = null;
  #copy: DeviceCopy | null = null;
  /** Null where nobody wants reports. */
  readonly #merges: DocumentMerges | null;
  readonly #isBrought: boolean;
  #isClosed = false;

  /** `desk`: null for no merge reports. `closed` is called once. */
  constructor(driver: SessionDriver, document: LinkedDocument, desk: MergeDesk | null, closed: () => void) {
    this.#driver = driver;
    this.document = document;
    this.#closed = closed;
    this.#isBrought = document.stateVector().length > emptyStateVector.length;
    this.#merges =
      desk === null
        ? null
        : new DocumentMerges({
            name: document.name,
            desk,
            encode: () => document.difference(emptyStateVector),
            changed: (merge) => document.mergesChanged(merge),
          });
  }

  /** Begins; called once. The session reads the document at once, or when the device has been read. */
  open(store: OfflineStore | Promise<OfflineStore> | undefined): void {
    if (store === undefined) this.#session.open(this.#name);
    else void this.#load(store);
    this.#driver.schedule();
  }

  get status(): DocumentStatus {
    if (this.#early !== null) return statusWhileLoading(this.#early);
    const status = this.#session.status(this.#name);
    const copy = this.#copy;
    if (copy === null || status.safe === 'server') return status;
    return copy.isFailing || copy.durableN < this.lastEdit ? status : { ...status, safe: 'device' };
  }

  get isLoading(): boolean {
    return this.#early !== null;
  }

  get lastEdit(): number {
    return this.#session.lastEdit(this.#name);
  }

  get durableEdit(): number {
    const { pending } = this.#session.status(this.#name);
    return pending.updates === 0 ? this.lastEdit : (this.#copy?.durableN ?? 0);
  }

  /** Identity of the document's history; empty while it is not known. */
  get epoch(): string {
    return this.#early === null ? this.#session.history(this.#name).epoch : '';
  }

  /** Updates from others that may not be durable on the relay. */
  get unconfirmed(): number {
    return this.#early === null ? this.#session.history(this.#name).unconfirmed : 0;
  }

  /** What is here is of this history, unless another one is known already (C6). Not while the device is being read. */
  adopt(epoch: string): void {
    this.#session.adopt(this.#name, epoch);
  }

  get merges(): readonly DocumentMerge[] {
    return this.#merges?.list ?? noMerges;
  }

  edit(update: Uint8Array): void {
    if (this.#early !== null) {
      this.#early.push(update);
      return;
    }
    const n = this.#session.edit(this.#name, update, this.#driver.clock.now());
    this.#copy?.edited(n, update);
    this.#merges?.watch.edited(n, update);
    this.#driver.schedule();
  }

  announce(awarenessUpdate: Uint8Array): void {
    if (this.#early !== null) return;
    this.#session.announce(this.#name, awarenessUpdate);
    this.#driver.schedule();
  }

  flush(): void {
    this.#driver.drain();
  }

  dismiss(merge?: DocumentMerge): void {
    this.#merges?.dismiss(merge);
  }

  async merged(): Promise<DocumentMerge | null> {
    return this.#merges?.settled() ?? null;
  }

  close(): void {
    this.#isClosed = true;
    this.#merges?.close();
    this.#copy?.close();
    this.#closed();
    if (this.#early !== null) return;
    this.#session.close(this.#name);
    this.#driver.schedule();
  }

  /** What the session tells of the document. */
  perform(output: DocumentOutput): void {
    const { document } = this;
    switch (output.kind) {
      case 'apply':
        this.#apply(output.update);
        return;
      case 'awareness':
        document.applyAwareness(output.update);
        this.#merges?.watch.present(presentIn(output.update));
        return;
      case 'opened':
        this.#merges?.watch.opened();
        document.opened();
        return;
      case 'synced':
        this.#merges?.watch.synced();
        document.synced();
        return;
      case 'saved':
        this.#copy?.saved(output.n);
        this.#merges?.watch.saved(output.n);
        document.saved(output.n);
        return;
      case 'confirmed':
        this.#copy?.confirmed(output.count);
        return;
      case 'diverged':
        document.diverged(output.divergence);
        return;
      case 'refused':
        document.refused(output.error);
        return;
      case 'watermark':
        this.#copy?.watermark(output.epoch, output.cursor);
        return;
    }
  }

  get #name(): string {
    return this.document.name;
  }

  get #session(): SessionDriver['session'] {
    return this.#driver.session;
  }

  /** What passes every check may still fail when it is applied (L1); the document is then not to be trusted. */
  #apply(update: Uint8Array): void {
    try {
      const changed = this.document.apply(update);
      this.#copy?.delivered(update);
      this.#merges?.watch.delivered(update, changed);
    } catch (error) {
      this.#session.applyFailed(this.#name, error instanceof Error ? error.message : String(error));
    }
  }

  /** Opens the document from the device. One that the device cannot give is opened from the relay alone. */
  async #load(opening: OfflineStore | Promise<OfflineStore>): Promise<void> {
    const early: Uint8Array[] = [];
    this.#early = early;
    const { document } = this;
    const { clock } = this.#driver;
    let stored: StoredDocument | null = null;
    try {
      const store = await opening;
      const copy = new DeviceCopy(store, this.#name, clock, () => this.#driver.statusChanged(this.#name));
      const found = await copy.load();
      if (this.#isClosed) return;
      document.restore(found);
      stored = found;
      this.#copy = copy;
      this.#loadMerges(store, found);
    } catch (error) {
      document.storeFailed(error);
    }
    if (this.#isClosed) return;
    this.#early = null;
    this.#session.open(this.#name, stored === null ? undefined : resumed(stored, clock.now()));
    for (const update of early) this.edit(update);
    document.loaded();
    this.#driver.drain();
    this.#driver.statusChanged(this.#name);
  }

  #loadMerges(store: OfflineStore, { base, received, delivered, pending, resume, reports }: StoredDocument): void {
    const merges = this.#merges;
    if (merges === null) return;
    merges.keepIn(store, reports);
    // What the other side has beside content of unknown origin, or before the first sync, nobody knows.
    if (this.#isBrought || (resume === null && pending.length === 0)) return;
    const shared = [...(base === null ? [] : [base]), ...received, ...delivered.map(({ update }) => update)];
    const edits = pending.map(({ update }) => update);
    merges.watch.loaded(shared, edits);
  }
}

const noMerges: readonly DocumentMerge[] = [];

/** Yjs's state vector of an empty document. */
const emptyStateVector = Uint8Array.of(0);

/** Nothing is known of a document while the device is being read. */
function statusWhileLoading(early: readonly Uint8Array[]): DocumentStatus {
  const bytes = early.reduce((sum, update) => sum + update.length, 0);
  return {
    phase: 'loading',
    synced: false,
    verified: false,
    pending: { updates: early.length, bytes, since: null },
    safe: early.length === 0 ? 'device' : 'memory',
    progress: null,
    access: null,
    user: null,
    error: null,
  };
}
