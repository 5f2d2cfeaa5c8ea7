import type { Clock, Divergence, DocumentStatus, RefusalStatus } from '@tideweave/shared';
import type * as Y from 'yjs';
import type { DocumentLink, LinkedDocument } from '../document-client.ts';
import type { StoredDocument } from '../store/offline-store.ts';
import type { DocumentFacts, LinkMessage } from './messages.ts';
import { type KnownFacts, sharedStatus } from './shared-truth.ts';
import { TabMerges } from './tab-merges.ts';

export interface TabDocumentOwner {
  /** Links the document to the tab's session. */
  link(document: LinkedDocument): DocumentLink;
  /** For the leader; lost where there is none. */
  post(message: LinkMessage): void;
  /** The leader makes merge reports. */
  readonly hasMerges: boolean;
  closed(): void;
}

/** One document of a tab: between the application's copy and the tab's session, and with what the leader says of it. */
export class TabDocument implements DocumentLink, LinkedDocument {
  readonly name: string;
  readonly merges: TabMerges | null;
  readonly #document: LinkedDocument;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #owner: TabDocumentOwner;
  readonly #link: DocumentLink;
  #facts: KnownFacts | null = null;
  #wasSynced = false;

  constructor(document: LinkedDocument, clock: Pick<Clock, 'now'>, owner: TabDocumentOwner) {
    this.name = document.name;
    this.#document = document;
    this.#clock = clock;
    this.#owner = owner;
    this.merges = owner.hasMerges ? new TabMerges(document, (message) => owner.post(message)) : null;
    this.#link = owner.link(this);
  }

  get status(): DocumentStatus {
    return sharedStatus(this.#link.status, this.#facts, this.lastEdit);
  }

  /** Of that the leader tells: a tab has nothing to wait for before it takes edits. */
  get isLoading(): boolean {
    return false;
  }

  get lastEdit(): number {
    return this.#link.lastEdit;
  }

  get durableEdit(): number {
    return Math.max(this.#link.durableEdit, this.#facts?.durableN ?? 0);
  }

  /** The tab's session makes no reports: those that there are come from the leader. */
  mergesChanged(): void {}

  edit(update: Uint8Array): void {
    this.#link.edit(update);
  }

  announce(awarenessUpdate: Uint8Array): void {
    this.#link.announce(awarenessUpdate);
  }

  /** The leader compares, when the document is quiet. */
  compareSoon(): void {}

  flush(): void {
    this.#link.flush();
  }

  close(): void {
    this.merges?.close();
    this.#link.close();
    this.#owner.closed();
  }

  /** What the leader says, with all that it sent before taken into account. */
  told(facts: DocumentFacts): void {
    const { since } = facts.status.pending;
    const pending = { ...facts.status.pending, since: since === null ? null : this.#clock.now() - since };
    const durableN = Math.max(facts.durableN, this.#facts?.durableN ?? 0);
    this.#facts = { ...facts, status: { ...facts.status, pending }, durableN, fresh: true };
    this.statusChanged();
  }

  /** There is no leader at the moment. */
  lost(): void {
    this.merges?.lost();
    if (this.#facts?.fresh !== true) return;
    this.#facts = { ...this.#facts, fresh: false };
    this.statusChanged();
  }

  stateVector(): Uint8Array {
    return this.#document.stateVector();
  }

  difference(stateVector: Uint8Array): Uint8Array {
    return this.#document.difference(stateVector);
  }

  read<Result>(reader: (doc: Y.Doc) => Result): Result {
    return this.#document.read(reader);
  }

  diverged(divergence: Divergence): void {
    this.#document.diverged(divergence);
  }

  restore(stored: StoredDocument): void {
    this.#document.restore(stored);
  }

  loaded(): void {
    this.#document.loaded();
  }

  storeFailed(error: unknown): void {
    this.#document.storeFailed(error);
  }

  apply(update: Uint8Array): boolean {
    return this.#document.apply(update);
  }

  applyAwareness(update: Uint8Array): void {
    this.#document.applyAwareness(update);
  }

  opened(): void {
    this.#document.opened();
  }

  /** In sync with the leader is not in sync with the relay: `statusChanged` finds out. */
  synced(): void {}

  saved(n: number): void {
    this.#document.saved(n);
  }

  refused(error: RefusalStatus): void {
    this.#document.refused(error);
  }

  statusChanged(): void {
    const { synced } = this.status;
    if (synced && !this.#wasSynced) this.#document.synced();
    this.#wasSynced = synced;
    this.#document.statusChanged();
  }
}
