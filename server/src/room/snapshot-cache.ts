import { LRUCache } from 'lru-cache';
import type { DocumentLog, Snapshot } from '../log/document-log.ts';

/**
 * Snapshots of documents that were joined lately, shared by all joiners: a hundred at once read the log once. Bounded in
 * bytes over all documents.
 */
export class SnapshotCache {
  readonly #log: DocumentLog;
  readonly #cache: LRUCache<string, Snapshot>;
  readonly #loading = new Map<string, Promise<Snapshot | null>>();

  constructor(log: DocumentLog, bytesMax: number) {
    this.#log = log;
    this.#cache = new LRUCache({
      maxSize: bytesMax,
      sizeCalculation: ({ update, index }) => Math.max(1, update.length + index.length),
    });
  }

  /** The snapshot, when it is in memory and contains exactly the entries up to `seq`. */
  peek(name: string, seq: number): Snapshot | null {
    const snapshot = this.#cache.get(name);
    return snapshot?.seq === seq ? snapshot : null;
  }

  /** The current snapshot of a document, from memory or the log. One too large for the cache is read each time. */
  async load(name: string, seq: number): Promise<Snapshot | null> {
    const cached = this.peek(name, seq);
    if (cached !== null) return cached;
    const underWay = this.#loading.get(name);
    if (underWay !== undefined) return underWay;
    const loading = this.#log.snapshot(name).finally(() => this.#loading.delete(name));
    this.#loading.set(name, loading);
    const snapshot = await loading;
    if (snapshot !== null) this.#cache.set(name, snapshot);
    return snapshot;
  }

  forget(name: string): void {
    this.#cache.delete(name);
  }
}
