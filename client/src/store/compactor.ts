/**
 * Merges what was received of a document into its base, in one atomic batch that removes exactly what it merged (D3).
 * The lock only spares two tabs the same work: the new base has a key of its own, so that even two at once lose nothing.
 */
import type { KeyRange } from './backend.ts';
import { Kind, documentLock, documentPrefix, kindRange, storageKey } from './keys.ts';
import { type EntryKey, type Lock, StoreError, type StoreLimits } from './offline-store.ts';
import type { WriteQueue } from './write-queue.ts';

export interface CompactorOptions {
  readonly queue: WriteQueue;
  readonly limits: StoreLimits;
  readonly lock: Lock;
  readonly merge: (updates: readonly Uint8Array[]) => Uint8Array | Promise<Uint8Array>;
  readonly read: (range: KeyRange) => Promise<[string, Uint8Array][]>;
  readonly nextKey: (size: number) => EntryKey;
  readonly onError: (error: StoreError) => void;
}

/** What this store has added to a document since it last compacted it. */
interface Growth {
  entries: number;
  bytes: number;
  /** Of the base, as far as it is known. */
  baseBytes: number;
}

export class Compactor {
  readonly #options: CompactorOptions;
  readonly #growth = new Map<string, Growth>();
  /** Documents that wait for the compaction that starts by itself; one is under way at a time. */
  readonly #due = new Set<string>();
  #tail: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: CompactorOptions) {
    this.#options = options;
  }

  /** Updates of these many bytes are received once `durable` resolves; starts a compaction when it is time for one. */
  grew(name: string, durable: Promise<void>, entries: number, bytes: number): void {
    void durable.then(
      () => this.#count(name, entries, bytes),
      // Reported by the queue; the next attempt is not counted, and the next load starts from what is there.
      () => undefined,
    );
  }

  /** What is stored of a document was read: counting goes on from there. */
  loaded(name: string, received: readonly Uint8Array[], baseBytes: number): void {
    this.#growth.set(name, { entries: 0, bytes: 0, baseBytes });
    this.#count(
      name,
      received.length,
      received.reduce((sum, { length }) => sum + length, 0),
    );
  }

  forget(name: string): void {
    this.#growth.delete(name);
  }

  /** Lets the compactions that have begun end, and begins no more by itself. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#tail;
  }

  /** False when there was nothing to merge, or another tab was faster. */
  async compact(name: string): Promise<boolean> {
    let done = false;
    await this.#options.lock(documentLock(name), async () => {
      done = await this.#compact(name);
    });
    return done;
  }

  #count(name: string, entries: number, bytes: number): void {
    let growth = this.#growth.get(name);
    if (growth === undefined) {
      growth = { entries: 0, bytes: 0, baseBytes: 0 };
      this.#growth.set(name, growth);
    }
    growth.entries += entries;
    growth.bytes += bytes;
    const { compactEntries, compactBytes } = this.#options.limits;
    const isDue = growth.entries >= compactEntries || growth.bytes >= Math.max(compactBytes, growth.baseBytes);
    if (!isDue || this.#stopped || this.#due.has(name)) return;
    this.#due.add(name);
    this.#tail = this.#tail.then(() => this.#compactReported(name));
  }

  async #compactReported(name: string): Promise<void> {
    this.#due.delete(name);
    const growth = this.#growth.get(name);
    if (growth !== undefined) {
      growth.entries = 0;
      growth.bytes = 0;
    }
    try {
      await this.compact(name);
    } catch (cause) {
      // Failed writes were reported by the queue.
      if (cause instanceof StoreError) return;
      this.#options.onError(new StoreError('failed', `a document could not be compacted: ${String(cause)}`, { cause }));
    }
  }

  async #compact(name: string): Promise<boolean> {
    const { read, merge, nextKey, queue } = this.#options;
    const prefix = documentPrefix(name);
    const range = kindRange(prefix, Kind.received, Kind.base);
    const found = await read(range);
    const baseStart = kindRange(prefix, Kind.base).gte;
    // The bases first: they are what the rest builds on.
    const inputs = [...found.filter(([key]) => key >= baseStart), ...found.filter(([key]) => key < baseStart)];
    if (found.length === 0 || (found.length === 1 && found.every(([key]) => key >= baseStart))) return false;
    const base = await merge(inputs.map(([, update]) => update));
    const baseKey = storageKey(prefix, Kind.base, nextKey(base.length));
    let done = false;
    await queue.write(async (view) => {
      const present = new Set(await view.keys(range));
      // What was merged has been deleted, or compacted by another: to write it again would bring it back.
      done = inputs.every(([key]) => present.has(key));
      return done ? [...inputs.map(([key]) => [key, null] as const), [baseKey, new Uint8Array(base)] as const] : [];
    });
    const growth = this.#growth.get(name);
    if (growth !== undefined) growth.baseBytes = base.length;
    return done;
  }
}
