/**
 * Writes to the device in coalesced batches: one is in flight, what is written meanwhile gathers for the next, because a
 * batch costs about as much as a single write. What fails is reported and rejected, and stays in front: a later write
 * never gets to the device without the earlier ones, so that what is there is always a beginning of what was written.
 */
import type { Cancel, Clock } from '@tideweave/shared';

import type { Batch, KeyRange } from './backend.ts';
import type { Connection } from './connection.ts';
import { StoreError } from './offline-store.ts';

/** What a write that depends on stored data sees: the device, under the writes that go before it in its batch. */
export interface BatchView {
  getMany(keys: readonly string[]): Promise<(Uint8Array | undefined)[]>;
  keys(range: KeyRange): Promise<string[]>;
}

/** Keys with their new values; null deletes. */
export type Writes = readonly (readonly [string, Uint8Array | null])[];
/** Called anew for each attempt. */
export type Prepare = (view: BatchView) => Promise<Writes>;

export interface WriteQueueOptions {
  readonly connection: Connection;
  readonly clock: Pick<Clock, 'after' | 'soon'>;
  /** Bytes that may wait; beyond them the queue gives up for good. */
  readonly waitingBytesMax: number;
  readonly onError: (error: StoreError) => void;
}

interface Item {
  readonly work: Writes | Prepare;
  readonly bytes: number;
  /** Null when the caller has been told already that it failed. */
  settle: { readonly resolve: () => void; readonly reject: (error: StoreError) => void } | null;
}

const batchItemsMax = 8192;
const batchBytesMax = 8 * 1024 * 1024;
/** What a write costs beside its value. */
const itemOverheadBytes = 128;
const retryMs = { first: 1000, max: 60_000 } as const;

export class WriteQueue {
  readonly #options: WriteQueueOptions;
  #waiting: Item[] = [];
  #inFlight: Item[] = [];
  /** What the batch in flight writes, once that is known. */
  #batch: Batch | null = null;
  #waitingBytes = 0;
  #running = false;
  #planned = false;
  #retry: Cancel | null = null;
  #retryDelayMs = 0;
  /** Why nothing is written any more, or null. */
  #ended: StoreError | null = null;

  constructor(options: WriteQueueOptions) {
    this.#options = options;
  }

  /** Writes after everything before; settles when durable, or at the first failure. */
  write(work: Writes | Prepare): Promise<void> {
    let bytes = itemOverheadBytes;
    if (typeof work !== 'function') for (const [, value] of work) bytes += value?.length ?? 0;
    if (this.#ended === null && this.#waitingBytes + bytes > this.#options.waitingBytesMax && this.#waitingBytes > 0) {
      this.#giveUp(new StoreError('behind', 'the device takes no writes, and more than may wait is waiting'));
    }
    if (this.#ended !== null) return Promise.reject(this.#ended);
    this.#waitingBytes += bytes;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ work, bytes, settle: { resolve, reject } });
      this.#plan();
    });
  }

  /** Resolves when everything before is durable; makes the next attempt now when the last one failed. */
  flush(): Promise<void> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    if (!this.#running && this.#waiting.length === 0) return Promise.resolve();
    return this.write([]);
  }

  /** Refuses everything from here on, with this reason; what waits is rejected with it too. */
  end(reason: StoreError): void {
    this.#ended = reason;
    this.#retry?.();
    this.#retry = null;
    for (const { settle } of this.#waiting) settle?.reject(reason);
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  /** Applies what is not durable yet to what was read from the device before or meanwhile. */
  overlay(values: Map<string, Uint8Array>, range: KeyRange): void {
    if (this.#batch === null) applyItems(values, range, this.#inFlight);
    else apply(values, range, this.#batch);
    applyItems(values, range, this.#waiting);
  }

  #plan(): void {
    if (this.#planned || this.#running) return;
    this.#planned = true;
    // Whatever else is written in this turn comes along.
    this.#options.clock.soon(() => {
      this.#planned = false;
      if (!this.#running && this.#waiting.length > 0) void this.#run();
    });
  }

  /** Writes batches until nothing waits, or one fails. Never rejects. */
  async #run(): Promise<void> {
    this.#running = true;
    this.#retry?.();
    this.#retry = null;
    while (this.#waiting.length > 0) {
      const taken = this.#take();
      try {
        this.#batch = await this.#prepare(taken);
        await this.#options.connection.write(this.#batch);
      } catch (error) {
        this.#failed(taken, error);
        break;
      }
      this.#batch = null;
      this.#inFlight = [];
      this.#retryDelayMs = 0;
      for (const { bytes, settle } of taken) {
        this.#waitingBytes -= bytes;
        settle?.resolve();
      }
    }
    this.#running = false;
    if (this.#waiting.length > 0 && this.#retry === null) this.#plan();
  }

  #take(): Item[] {
    let count = 0;
    let bytes = 0;
    for (const item of this.#waiting) {
      if (count > 0 && (count === batchItemsMax || bytes + item.bytes > batchBytesMax)) break;
      bytes += item.bytes;
      count++;
    }
    this.#inFlight = this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.slice(count);
    return this.#inFlight;
  }

  async #prepare(items: readonly Item[]): Promise<Batch> {
    const batch = new Map<string, Uint8Array | null>();
    const view = new View(this.#options.connection, batch);
    for (const { work } of items) {
      const writes = typeof work === 'function' ? await work(view) : work;
      for (const [key, value] of writes) {
        batch.set(key, value);
      }
    }
    return batch;
  }

  #failed(items: readonly Item[], cause: unknown): void {
    const error =
      cause instanceof StoreError
        ? cause
        : new StoreError('failed', `the device refused a write: ${String(cause)}`, { cause });
    this.#batch = null;
    this.#inFlight = [];
    if (this.#ended !== null) {
      // Given up meanwhile: only those of this batch do not know yet.
      for (const { settle } of items) settle?.reject(this.#ended);
      return;
    }
    this.#waiting = [...items, ...this.#waiting];
    if (error.code !== 'failed') {
      this.#giveUp(error);
      return;
    }
    for (const item of this.#waiting) {
      item.settle?.reject(error);
      item.settle = null;
    }
    this.#retryDelayMs = Math.min(retryMs.max, this.#retryDelayMs === 0 ? retryMs.first : 2 * this.#retryDelayMs);
    this.#retry = this.#options.clock.after(this.#retryDelayMs, () => {
      this.#retry = null;
      if (!this.#running) void this.#run();
    });
    this.#options.onError(error);
  }

  #giveUp(error: StoreError): void {
    this.end(error);
    this.#options.onError(error);
  }
}

/** The device under the writes of a batch being put together. */
class View implements BatchView {
  readonly #connection: Connection;
  readonly #batch: Batch;

  constructor(connection: Connection, batch: Batch) {
    this.#connection = connection;
    this.#batch = batch;
  }

  async getMany(keys: readonly string[]): Promise<(Uint8Array | undefined)[]> {
    const missing = keys.filter((key) => !this.#batch.has(key));
    const found = await this.#connection.getMany(missing);
    const stored = new Map(missing.map((key, index) => [key, found[index]]));
    return keys.map((key) => (this.#batch.has(key) ? (this.#batch.get(key) ?? undefined) : stored.get(key)));
  }

  async keys(range: KeyRange): Promise<string[]> {
    const keys = new Set(await this.#connection.keys(range));
    for (const [key, value] of this.#batch) {
      if (key < range.gte || key >= range.lt) continue;
      if (value === null) keys.delete(key);
      else keys.add(key);
    }
    return [...keys].sort();
  }
}

function apply(
  values: Map<string, Uint8Array>,
  { gte, lt }: KeyRange,
  writes: Iterable<readonly [string, Uint8Array | null]>,
): void {
  for (const [key, value] of writes) {
    if (key < gte || key >= lt) continue;
    if (value === null) values.delete(key);
    else values.set(key, value);
  }
}

function applyItems(values: Map<string, Uint8Array>, range: KeyRange, items: readonly Item[]): void {
  for (const { work } of items) if (typeof work !== 'function') apply(values, range, work);
}
