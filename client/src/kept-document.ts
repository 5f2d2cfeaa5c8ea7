import type { DocumentStatus } from '@tideweave/shared';
import * as Y from 'yjs';
import type { DocumentClient, DocumentLink, LinkedDocument } from './document-client.ts';
import type { mergeUpdates } from './merge-updates.ts';
import type { refusedError } from './refused-error.ts';
import type { StoredDocument } from './store/offline-store.ts';

/**
 * A document that is kept in sync on the device without being opened: its updates pass through to the store. There is no
 * `Y.Doc`; what the relay asks for is read from the bytes, which take a tenth of the memory.
 */
export class KeptDocument implements LinkedDocument {
  readonly name: string;
  readonly #tools: KeptDocumentTools;
  readonly #link: DocumentLink;
  readonly #waiters = new Set<() => void>();
  /** All that there is, in the order it came; one update after somebody asked. */
  #updates: Uint8Array[] = [];
  #isClosed = false;
  /** What was there when somebody asked what would come, and what has come since; null when nobody has. */
  #arrivals: { readonly before: Uint8Array; readonly updates: Uint8Array[] } | null = null;

  /** Throws `RefusedError` TW_INVALID_NAME. */
  constructor(client: DocumentClient, name: string, tools: KeptDocumentTools) {
    this.name = name;
    this.#tools = tools;
    this.#link = client.link(this);
  }

  get link(): DocumentLink {
    return this.#link;
  }

  /** Lets go of the document; who waits is told. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#link.close();
    this.statusChanged();
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Resolves when `done`, which is asked whenever the status changes, or the document was closed. */
  whenStatus(done: (status: DocumentStatus) => boolean, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const status = this.#isClosed ? null : this.#link.status;
        const error = status?.phase === 'refused' ? status.error : null;
        const isSettled = status === null || (error === null && done(status));
        if (error === null && !isSettled && !signal.aborted) return;
        this.#waiters.delete(look);
        signal.removeEventListener('abort', look);
        if (error !== null) reject(this.#tools.refusedError(error));
        else if (isSettled) resolve();
        else reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
      };
      this.#waiters.add(look);
      signal.addEventListener('abort', look);
      look();
    });
  }

  /** Begins to note what comes from the relay, with the state to compare it with. */
  watchArrivals(): void {
    this.#arrivals = { before: this.#merged(), updates: [] };
  }

  /** What has come since `watchArrivals`, and whether it changed anything; ends the watch. */
  takeArrivals(): Arrivals {
    const { before, updates } = this.#arrivals ?? { before: emptyUpdate, updates: [] };
    this.#arrivals = null;
    let isChanged = false;
    if (updates.length > 0) {
      const doc = new Y.Doc();
      Y.applyUpdate(doc, before);
      doc.on('update', () => (isChanged = true));
      for (const update of updates) Y.applyUpdate(doc, update);
      doc.destroy();
    }
    return { updates: updates.length, bytes: updates.reduce((sum, { length }) => sum + length, 0), isChanged };
  }

  stateVector(): Uint8Array {
    return Y.encodeStateVectorFromUpdate(this.#merged());
  }

  difference(stateVector: Uint8Array): Uint8Array {
    return Y.diffUpdate(this.#merged(), stateVector);
  }

  /** As a `Y.Doc` for a moment: what the bytes add up to, deletions that followed from others included. */
  read<Result>(reader: (doc: Y.Doc) => Result): Result {
    const doc = new Y.Doc();
    Y.applyUpdate(doc, this.#merged());
    const result = reader(doc);
    doc.destroy();
    return result;
  }

  restore({ base, received, delivered, pending }: StoredDocument): void {
    this.#updates = [...(base === null ? [] : [base]), ...received];
    for (const { update } of [...delivered, ...pending]) this.#updates.push(update);
  }

  /** Without a `Y.Doc` nobody can say at once whether it brought anything: what compares the two sides finds out. */
  apply(update: Uint8Array): boolean {
    // A copy: it may be a view into its frame.
    const copy = update.slice();
    this.#updates.push(copy);
    this.#arrivals?.updates.push(copy);
    return true;
  }

  statusChanged(): void {
    for (const look of this.#waiters) look();
  }

  // Nobody looks at the document, so that there is nobody to tell.
  loaded(): void {}
  storeFailed(): void {}
  applyAwareness(): void {}
  opened(): void {}
  synced(): void {}
  saved(): void {}
  diverged(): void {}
  refused(): void {}
  mergesChanged(): void {}

  #merged(): Uint8Array {
    const merged = this.#updates.length === 0 ? emptyUpdate : this.#tools.mergeUpdates(this.#updates);
    this.#updates = [merged];
    return merged;
  }
}

/** What has come from the relay. */
export interface Arrivals {
  readonly updates: number;
  readonly bytes: number;
  readonly isChanged: boolean;
}

/** What it uses of what is loaded already. */
export interface KeptDocumentTools {
  readonly mergeUpdates: typeof mergeUpdates;
  readonly refusedError: typeof refusedError;
}

/** No structs, no deletions. */
const emptyUpdate = new Uint8Array([0, 0]);
