/**
 * Group commit over any `DocumentLog`. One append is in flight; what arrives meanwhile gathers, all of one document's in
 * order. An idle relay commits at once; a busy one starts commits `gatherMs` apart, because what a commit costs is its
 * fsync and its round trip, not its entries. When the storage fails, nothing is lost and nothing is acknowledged: the
 * same batch is tried again until it succeeds (D5).
 */
import { type Cancel, type Clock, RefusedError, assert } from '@tideweave/shared';

import { commitBytesMax, commitRetryMs, entryOverheadBytes } from './bounds.ts';
import type { Meter } from '../observability/meter.ts';
import { inSpan } from '../observability/span.ts';
import type { Append, AppendResult, DocumentLog, NewEntry } from './document-log.ts';

/** Whether the newest append went through. */
export type StorageHealth = 'ok' | 'failing';

/** What a write batcher works with. */
export interface WriteBatcherOptions {
  readonly log: DocumentLog;
  readonly clock: Clock;
  /** Time between the starts of two commits under load. */
  readonly gatherMs: number;
  /** Bytes of updates that may wait for their commit, over all documents; further ones are not taken. */
  readonly uncommittedBytesMax: number;
  /** Counts commits. */
  readonly meter?: Meter;
  /** Called when the health changes, and again with each further failure: the error says why it fails. */
  readonly onHealth?: (health: StorageHealth, error: unknown) => void;
  /** Called when an `onSettled` throws; the others are called all the same. */
  readonly onError?: (error: unknown) => void;
}

/** Entries within `gatherMs` from which on the relay counts as busy. */
const busyEntries = 8;

/** Entries of one document and history that gather for one append. */
interface Gathered {
  readonly name: string;
  readonly epoch: string | null;
  readonly entries: NewEntry[];
  /** When the first of the entries was accepted (monotonic ms). */
  readonly sinceMs: number;
  readonly settle: { readonly at: number; readonly onSettled: OnSettled }[];
  bytes: number;
}

/** `firstSeq`: sequence number that the first of the enqueued entries got; 0 when they were refused. */
export type OnSettled = (result: AppendResult, firstSeq: number) => void;

export class WriteBatcher {
  readonly #options: WriteBatcherOptions;
  /** What waits, by document in order of arrival; a document has several only when its callers disagree on the epoch. */
  #waiting = new Map<string, Gathered[]>();
  #uncommittedBytes = 0;
  #inFlight = false;
  /** Cancels the start that is planned, or null when none is. */
  #planned: Cancel | null = null;
  #lastStart = Number.NEGATIVE_INFINITY;
  #bucketStart = Number.NEGATIVE_INFINITY;
  #bucketEntries = 0;
  #previousEntries = 0;
  #retryDelayMs = 0;
  #health: StorageHealth = 'ok';
  #stopped = false;
  #drained: (() => void)[] = [];

  constructor(options: WriteBatcherOptions) {
    this.#options = options;
  }

  get health(): StorageHealth {
    return this.#health;
  }

  /** Bytes of updates that were taken and not yet settled, their overhead included. */
  get uncommittedBytes(): number {
    return this.#uncommittedBytes;
  }

  /**
   * Whether an update of `bytes` may be accepted now; `enqueue` itself takes what was accepted. When nothing waits there
   * is room for any: one larger than the bound would otherwise be put off for ever.
   */
  hasRoomFor(bytes: number): boolean {
    if (this.#stopped) return false;
    const waiting = this.#uncommittedBytes;
    return waiting === 0 || waiting + bytes + entryOverheadBytes <= this.#options.uncommittedBytesMax;
  }

  /** Throws `RefusedError` where `hasRoomFor` says no. */
  checkRoomFor(bytes: number): void {
    if (this.hasRoomFor(bytes)) return;
    if (this.#health === 'failing')
      throw new RefusedError('TW_STORAGE_FAILED', 'the storage does not take writes at the moment');
    throw new RefusedError('TW_OVERLOADED', 'too many updates wait for their commit');
  }

  /**
   * Takes entries of one document. `onSettled` is called once: with the head of the commit that made them durable and
   * the sequence number of the first of these entries, or with the reason why the log refuses this document. After
   * `stop` it is never called. `sinceMs`: when the first of them was accepted (monotonic ms).
   */
  enqueue(
    name: string,
    epoch: string | null,
    entries: readonly NewEntry[],
    onSettled: OnSettled,
    sinceMs: number = this.#options.clock.now(),
  ): void {
    if (this.#stopped) return;
    let bytes = 0;
    for (const { update } of entries) bytes += update.byteLength + entryOverheadBytes;
    this.#uncommittedBytes += bytes;
    this.#countArrivals(entries.length);
    const gathered = this.#gatheredFor(name, epoch, sinceMs);
    gathered.settle.push({ at: gathered.entries.length, onSettled });
    for (const entry of entries) gathered.entries.push(entry);
    gathered.bytes += bytes;
    this.#plan();
  }

  /** Resolves when nothing waits any more, or the batcher is stopped. Commits without gathering until then; stays open while the storage fails. */
  drain(): Promise<void> {
    if (this.#stopped || (!this.#inFlight && this.#waiting.size === 0)) return Promise.resolve();
    return new Promise((resolve) => {
      this.#drained.push(resolve);
      if (!this.#inFlight) this.#replan();
    });
  }

  /** Starts nothing more and takes nothing more. What has not been committed is never acknowledged. */
  stop(): void {
    this.#stopped = true;
    this.#planned?.();
    this.#planned = null;
    for (const resolve of this.#drained.splice(0)) resolve();
  }

  #gatheredFor(name: string, epoch: string | null, sinceMs: number): Gathered {
    const ofDocument = this.#waiting.get(name) ?? [];
    const last = ofDocument.at(-1);
    if (last !== undefined && last.epoch === epoch) return last;
    const fresh: Gathered = { name, epoch, entries: [], sinceMs, settle: [], bytes: 0 };
    ofDocument.push(fresh);
    this.#waiting.set(name, ofDocument);
    return fresh;
  }

  #countArrivals(entries: number): void {
    const now = this.#options.clock.now();
    const age = now - this.#bucketStart;
    if (age >= this.#options.gatherMs) {
      this.#previousEntries = age < 2 * this.#options.gatherMs ? this.#bucketEntries : 0;
      this.#bucketEntries = 0;
      this.#bucketStart = now;
    }
    this.#bucketEntries += entries;
  }

  #replan(): void {
    this.#planned?.();
    this.#planned = null;
    this.#plan();
  }

  /** Plans the next commit unless one is planned or in flight. */
  #plan(): void {
    if (this.#stopped || this.#inFlight || this.#planned !== null || this.#waiting.size === 0) return;
    const { clock, gatherMs } = this.#options;
    const busy = Math.max(this.#previousEntries, this.#bucketEntries) >= busyEntries;
    const waitMs = busy && this.#drained.length === 0 ? this.#lastStart + gatherMs - clock.now() : 0;
    if (waitMs > 0) {
      this.#planned = clock.after(waitMs, () => this.#start());
      return;
    }
    // At the end of the turn, so that all rooms' batches of this turn ride along.
    let cancelled = false;
    this.#planned = (): void => {
      cancelled = true;
    };
    clock.soon(() => {
      if (!cancelled) this.#start();
    });
  }

  #start(): void {
    this.#planned = null;
    this.#lastStart = this.#options.clock.now();
    this.#inFlight = true;
    void this.#commit(this.#take());
  }

  /** What goes into the next commit: whole documents, oldest first. */
  #take(): Gathered[] {
    const taken: Gathered[] = [];
    let bytes = 0;
    for (const [name, ofDocument] of this.#waiting) {
      const more = ofDocument.reduce((sum, each) => sum + each.bytes, 0);
      if (taken.length > 0 && bytes + more > commitBytesMax) break;
      bytes += more;
      taken.push(...ofDocument);
      this.#waiting.delete(name);
    }
    return taken;
  }

  async #commit(batch: readonly Gathered[]): Promise<void> {
    const appends: Append[] = batch.map(({ name, epoch, entries }) => ({ name, epoch, entries }));
    const { log, clock, meter } = this.#options;
    const startedMs = clock.now();
    let results: readonly AppendResult[];
    try {
      results = await inSpan('tideweave.commit', { 'tideweave.documents': batch.length }, () => log.append(appends));
      assert(results.length === batch.length, 'a log answers every append');
    } catch (error) {
      if (meter !== undefined) meter.failedCommits += 1;
      this.#retry(batch, error);
      return;
    }
    this.#retryDelayMs = 0;
    this.#inFlight = false;
    const endedMs = clock.now();
    meter?.committed(
      batch.reduce((count, { entries }) => count + entries.length, 0),
      { commitMs: endedMs - startedMs, oldestMs: endedMs - Math.min(...batch.map(({ sinceMs }) => sinceMs)) },
    );
    for (const { bytes } of batch) this.#uncommittedBytes -= bytes;
    this.#setHealth('ok', null);
    for (const [index, { settle, entries }] of batch.entries()) {
      const result = results[index];
      assert(result !== undefined, 'a log answers every append');
      for (const { at, onSettled } of settle) {
        const firstSeq = 'head' in result ? result.head.lastSeq - entries.length + 1 + at : 0;
        this.#guard(() => onSettled(result, firstSeq));
      }
    }
    this.#plan();
    if (this.#waiting.size > 0 || this.#inFlight) return;
    for (const resolve of this.#drained.splice(0)) resolve();
  }

  #retry(batch: readonly Gathered[], error: unknown): void {
    this.#setHealth('failing', error);
    if (this.#stopped) return;
    this.#retryDelayMs = Math.min(
      commitRetryMs.max,
      this.#retryDelayMs === 0 ? commitRetryMs.first : 2 * this.#retryDelayMs,
    );
    this.#planned = this.#options.clock.after(this.#retryDelayMs, () => {
      this.#planned = null;
      void this.#commit(batch);
    });
  }

  #setHealth(health: StorageHealth, error: unknown): void {
    if (health === 'ok' && this.#health === 'ok') return;
    this.#health = health;
    this.#guard(() => this.#options.onHealth?.(health, error));
  }

  #guard(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#options.onError?.(error);
    }
  }
}
