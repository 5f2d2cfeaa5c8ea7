/**
 * Documents in sync without being opened. Loaded when it is first asked for; what it shares with what a page has loaded
 * already is handed over, as a bundler would otherwise cut that in pieces.
 */
import type { Clock } from '@tideweave/shared';
import type { DocumentClient } from './document-client.ts';
import type { DocumentHandle } from './document-handle.ts';
import { KeptDocument, type KeptDocumentTools } from './kept-document.ts';
import type { OfflineStore } from './store/offline-store.ts';
import { type SyncNowOptions, type SyncResult, syncNow } from './sync-now.ts';

export interface BackgroundSyncOptions extends KeptDocumentTools {
  readonly client: DocumentClient;
  readonly store: OfflineStore | Promise<OfflineStore>;
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
  /** Calls of `sync` that have not ended. */
  #underWay = 0;
  /** Nobody but `sync` asked for the connection. */
  #isConnectionOurs = false;
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

  /** See `SyncClient.syncNow`. The connection ends with the last that is under way, unless somebody else wants it. */
  async syncNow(names: Iterable<string> | undefined, options: SyncNowOptions): Promise<SyncResult[]> {
    const { client, clock, handles, refusedError } = this.#options;
    const store = await this.#options.store;
    const asked = [...new Set(names ?? [...handles.keys(), ...(await store.list()).map(({ name }) => name)])];
    this.#checkOpen();
    const document = (name: string): DocumentHandle | KeptDocument => handles.get(name) ?? this.#keep(name);
    this.#underWay++;
    for (const name of asked) this.#syncing.set(name, (this.#syncing.get(name) ?? 0) + 1);
    try {
      if (client.connection === 'stopped') {
        this.#isConnectionOurs = true;
        client.connect();
      }
      const results = await syncNow({ clock, refusedError, document }, asked, options);
      await store.flush();
      return results;
    } finally {
      for (const name of asked) this.#release(name);
      this.#underWay--;
      if (this.#underWay === 0 && this.#isConnectionOurs) {
        this.#isConnectionOurs = false;
        client.disconnect();
      }
    }
  }

  /** The application wants to be connected: no `sync` ends the connection. */
  connecting(): void {
    this.#isConnectionOurs = false;
  }

  end(): void {
    this.#isEnded = true;
    for (const name of this.#kept.keys()) this.opening(name);
  }

  #keep(name: string): KeptDocument {
    this.#checkOpen();
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

  #checkOpen(): void {
    if (this.#isEnded) throw new Error('the client was destroyed');
  }
}
