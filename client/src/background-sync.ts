/**
 * Documents in sync without being opened. Loaded when it is first asked for; what it shares with what a page has loaded
 * already is handed over, as a bundler would otherwise cut that in pieces.
 */
import type { Clock } from '@tideweave/shared';
import type { DocumentClient } from './document-client.ts';
import type { DocumentHandle } from './document-handle.ts';
import { KeptDocument, type KeptDocumentTools } from './kept-document.ts';
import { type SyncNowOptions, type SyncResult, syncNow } from './sync-now.ts';

export interface BackgroundSyncOptions extends KeptDocumentTools {
  readonly client: DocumentClient;
  readonly clock: Pick<Clock, 'after'>;
  /** What the application has open. */
  readonly handles: ReadonlyMap<string, DocumentHandle>;
}

/** Which documents are kept, and until when: one that the application opens is its own until it is closed. */
export class BackgroundSync {
  readonly #options: BackgroundSyncOptions;
  readonly #kept = new Map<string, KeptDocument>();
  /** Documents that the application wants kept, open or not. */
  #wanted: ReadonlySet<string> = new Set();
  /** Documents of a `sync` under way, with the number of those that wait for them. */
  readonly #syncing = new Map<string, number>();
  #isEnded = false;

  constructor(options: BackgroundSyncOptions) {
    this.#options = options;
  }

  /** Keeps these, and no others. */
  keep(names: Iterable<string>): void {
    this.#wanted = new Set(names);
    for (const name of this.#kept.keys()) this.#dropUnwanted(name);
    for (const name of this.#wanted) if (!this.#options.handles.has(name)) this.#keep(name);
  }

  /** The application is about to open a document. */
  opening(name: string): void {
    const kept = this.#kept.get(name);
    this.#kept.delete(name);
    kept?.close();
  }

  /** The application has closed one. */
  closed(name: string): void {
    if (this.#wanted.has(name) && !this.#isEnded) this.#keep(name);
  }

  /** Brings documents in sync; the connection is its caller's. */
  async sync(names: readonly string[], options: SyncNowOptions): Promise<SyncResult[]> {
    const { clock, handles, refusedError } = this.#options;
    for (const name of names) this.#syncing.set(name, (this.#syncing.get(name) ?? 0) + 1);
    try {
      const document = (name: string): DocumentHandle | KeptDocument => handles.get(name) ?? this.#keep(name);
      return await syncNow({ clock, refusedError, document }, names, options);
    } finally {
      for (const name of names) this.#release(name);
    }
  }

  /** Whether any `sync` is under way. */
  get isSyncing(): boolean {
    return this.#syncing.size > 0;
  }

  end(): void {
    this.#isEnded = true;
    for (const name of this.#kept.keys()) this.opening(name);
  }

  #keep(name: string): KeptDocument {
    if (this.#isEnded) throw new Error('the client was destroyed');
    const kept = this.#kept.get(name) ?? new KeptDocument(this.#options.client, name, this.#options);
    this.#kept.set(name, kept);
    return kept;
  }

  #release(name: string): void {
    const others = (this.#syncing.get(name) ?? 1) - 1;
    if (others > 0) this.#syncing.set(name, others);
    else this.#syncing.delete(name);
    this.#dropUnwanted(name);
  }

  #dropUnwanted(name: string): void {
    if (!this.#wanted.has(name) && !this.#syncing.has(name)) this.opening(name);
  }
}
