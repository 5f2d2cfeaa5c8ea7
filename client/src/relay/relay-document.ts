import type { DocumentStatus, ResumedDocument } from '@tideweave/shared';
import type { DocumentLink, LinkedDocument } from '../document-client.ts';
import type { ClientEnvironment } from '../environment.ts';
import type { DocumentMerges } from '../merge/document-merges.ts';
import type { OfflineStore } from '../store/offline-store.ts';
import type { DeviceCopy } from './device-copy.ts';
import type { DocumentOutput, SessionDriver } from './session-driver.ts';

/**
 * One document between its three homes: the copy that the application edits, the session with the relay, and the device.
 * While the device is being read, edits wait here; the session hears of the document afterwards.
 */
export class RelayDocument implements DocumentLink {
  readonly document: LinkedDocument;
  readonly merges: DocumentMerges | null;
  readonly #driver: SessionDriver;
  readonly #deviceCopies: ClientEnvironment['deviceCopies'];
  readonly #closed: () => void;
  /** Edits made while the device is being read; null when it has been. */
  #early: Uint8Array[] | null = null;
  #copy: DeviceCopy | null = null;
  #isClosed = false;

  /** `deviceCopies` is asked when there is a store. `merges`: null for no merge reports. `closed` is called once. */
  constructor(
    driver: SessionDriver,
    deviceCopies: ClientEnvironment['deviceCopies'],
    document: LinkedDocument,
    merges: DocumentMerges | null,
    closed: () => void,
  ) {
    this.#driver = driver;
    this.#deviceCopies = deviceCopies;
    this.document = document;
    this.merges = merges;
    this.#closed = closed;
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

  /** `isNew`: it brings something that was not in the document. */
  edit(update: Uint8Array, isNew = true): void {
    if (this.#early !== null) {
      this.#early.push(update);
      return;
    }
    const n = this.#session.edit(this.#name, update, this.#driver.clock.now());
    this.#copy?.edited(n, update);
    if (isNew) this.merges?.edited(n, update);
    this.#driver.schedule();
  }

  announce(awarenessUpdate: Uint8Array): void {
    if (this.#early !== null) return;
    this.#session.announce(this.#name, awarenessUpdate);
    this.#driver.schedule();
  }

  compareSoon(): void {
    if (this.#early !== null) return;
    this.#session.compareSoon(this.#name, this.#driver.clock.now());
    this.#driver.schedule();
  }

  flush(): void {
    this.#driver.drain();
  }

  close(): void {
    this.#isClosed = true;
    this.merges?.close();
    this.#copy?.close();
    this.#closed();
    if (this.#early !== null) return;
    this.#session.close(this.#name);
    this.#driver.schedule();
  }

  /** What the session tells of the document. */
  perform(output: DocumentOutput): void {
    const { document } = this;
    this.merges?.heard(output);
    switch (output.kind) {
      case 'apply':
        this.#apply(output.update);
        return;
      case 'awareness':
        document.applyAwareness(output.update);
        return;
      case 'authors':
        return;
      case 'opened':
        document.opened();
        return;
      case 'synced':
        document.synced();
        return;
      case 'saved':
        this.#copy?.saved(output.n);
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
      this.merges?.delivered(update, changed);
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
    let kept: ResumedDocument | undefined;
    try {
      const [{ DeviceCopy, resumed }, store] = await Promise.all([this.#deviceCopies(), opening]);
      const copy = new DeviceCopy(store, this.#name, clock, () => this.#driver.statusChanged(this.#name));
      const found = await copy.load();
      if (this.#isClosed) return;
      document.restore(found);
      kept = resumed(found, clock.now());
      this.#copy = copy;
      this.merges?.loaded(store, found);
    } catch (error) {
      document.storeFailed(error);
    }
    if (this.#isClosed) return;
    this.#early = null;
    this.#session.open(this.#name, kept);
    for (const update of early) this.edit(update);
    document.loaded();
    this.#driver.drain();
    this.#driver.statusChanged(this.#name);
  }
}

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
    upload: null,
    access: null,
    user: null,
    error: null,
  };
}
