/**
 * Runs compactions: reads a document from the log, has a worker thread merge it, and switches the log to the result.
 * The event loop only moves bytes.
 */
import { type Clock, RefusedError } from '@tideweave/shared';
import { LRUCache } from 'lru-cache';

import type { DocumentLog, Entry, Head, QuarantinedEntry } from '../log/document-log.ts';
import { MergePool } from './merge-pool.ts';
import { type MergeResult, type MergeTask, type Merger, packTask } from './merge-task.ts';

/** What a compactor works with. */
export interface CompactorOptions {
  readonly log: DocumentLog;
  readonly clock: Clock;
  /** Bytes of raw entries kept behind the snapshot, so that devices can resume by cursor. */
  readonly rawWindowBytes: number;
  /** Who merges; a pool of one worker thread by default. Ended with the compactor. */
  readonly merger?: Merger;
}

/** What a compaction did. */
export interface CompactionOutcome {
  readonly head: Head;
  /** Entries that could not be applied and were set aside. */
  readonly quarantined: readonly QuarantinedEntry[];
}

/** So many documents are read, merged and written at a time; each is in memory meanwhile, and merges are one at a time. */
const atOnceMax = 4;
/** A merge that takes longer is given up, and its thread with it. */
const mergeMsMax = 120_000;
/** A document whose compaction fails so often in a row is left alone until somebody asks for it or the process ends. */
const failuresMax = 3;
const failedDocumentsMax = 10_000;

export class Compactor {
  readonly #options: CompactorOptions;
  readonly #merger: Merger;
  readonly #running = new Map<string, Promise<CompactionOutcome | null>>();
  /** Those of `#running` that have not begun, the oldest first: at most one per document, and nothing of it is read yet. */
  readonly #waiting: (() => void)[] = [];
  #atWork = 0;
  #closed = false;
  /** How often in a row the compaction of a document failed, by name and epoch. */
  // Counted as sizes: told a `max`, the cache would allocate room for all of it at once.
  readonly #failures = new LRUCache<string, number>({ maxSize: failedDocumentsMax, sizeCalculation: () => 1 });

  constructor(options: CompactorOptions) {
    this.#options = options;
    this.#merger = options.merger ?? new MergePool();
  }

  /**
   * Compacts a document; calls for one that is being compacted get the same result. Null when there is nothing to do:
   * no tail, deleted, compacted by somebody else meanwhile, or given up after failing several times, unless a person asks
   * for it (`isAsked`); and when the compactor was closed before its turn came. Rejects when the worker or the storage
   * fails, and with RefusedError TW_DOCUMENT_CORRUPT when the log is damaged.
   */
  compact(name: string, isAsked: boolean = false): Promise<CompactionOutcome | null> {
    const running = this.#running.get(name);
    if (running !== undefined) return running;
    const started = this.#inTurn(name, isAsked).finally(() => this.#running.delete(name));
    this.#running.set(name, started);
    return started;
  }

  /** Ends the worker threads; compactions under way reject. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#merger.close();
  }

  /** When a crowd leaves, thousands of documents are to be compacted at once. */
  async #inTurn(name: string, isAsked: boolean): Promise<CompactionOutcome | null> {
    if (this.#atWork < atOnceMax) this.#atWork++;
    else await new Promise<void>((begin) => this.#waiting.push(begin));
    try {
      return this.#closed ? null : await this.#compact(name, isAsked);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#atWork--;
      else next();
    }
  }

  async #compact(name: string, isAsked: boolean): Promise<CompactionOutcome | null> {
    const { log, rawWindowBytes } = this.#options;
    const head = await log.head(name);
    if (head === null || head.deletedAt !== null || head.lastSeq === head.snapshotSeq) return null;
    const failureKey = `${head.epoch} ${name}`;
    const failures = this.#failures.get(failureKey) ?? 0;
    if (failures >= failuresMax && !isAsked) return null;
    try {
      const outcome = await this.#mergeAndSwitch(name, head, log, rawWindowBytes);
      this.#failures.delete(failureKey);
      return outcome;
    } catch (error) {
      // The storage's failures are not the document's, and end by themselves.
      if (!(error instanceof RefusedError && error.code === 'TW_STORAGE_FAILED')) {
        this.#failures.set(failureKey, failures + 1);
      }
      throw error;
    }
  }

  async #mergeAndSwitch(
    name: string,
    head: Head,
    log: DocumentLog,
    rawWindowBytes: number,
  ): Promise<CompactionOutcome | null> {
    const snapshot = await log.snapshot(name);
    const entries = await log.read(name, head.firstSeq - 1).catch((error: unknown) => {
      if (error instanceof RangeError) return [];
      throw error;
    });
    const tail = entries.filter(({ seq }) => seq > head.snapshotSeq);
    if ((snapshot?.seq ?? 0) !== head.snapshotSeq || tail.length === 0) return null;

    const merged = await this.#merge(
      packTask(
        snapshot?.update ?? null,
        tail.map(({ update }) => update),
      ),
    );
    const last = tail[merged.count - 1];
    if (last === undefined) throw new Error('the search for entries that cannot be applied took too long');
    const quarantined = merged.leftOut.flatMap(({ at, reason }) => {
      const entry = tail[at];
      return entry === undefined ? [] : [{ ...entry, reason }];
    });
    const { update, index } = merged;
    try {
      const newHead = await log.compact(name, {
        snapshot: { seq: last.seq, update, index },
        from: { epoch: head.epoch, snapshotSeq: head.snapshotSeq },
        keepFrom: quarantined.length > 0 ? last.seq + 1 : keepFrom(entries, last.seq, rawWindowBytes),
        quarantined,
      });
      return { head: newHead, quarantined };
    } catch (error) {
      if (await this.#changedMeanwhile(name, head)) return null;
      throw error;
    }
  }

  async #merge(task: MergeTask): Promise<MergeResult> {
    const controller = new AbortController();
    const cancel = this.#options.clock.after(mergeMsMax, () => controller.abort());
    try {
      return await this.#merger.merge(task, controller.signal);
    } finally {
      cancel();
    }
  }

  /** Whether the document was deleted, created again or compacted since `head` was read. */
  async #changedMeanwhile(name: string, head: Head): Promise<boolean> {
    const now = await this.#options.log.head(name);
    return now === null || now.deletedAt !== null || now.epoch !== head.epoch || now.snapshotSeq !== head.snapshotSeq;
  }
}

/** The oldest of the newest entries up to `lastSeq` that have room in the window. */
function keepFrom(entries: readonly Entry[], lastSeq: number, windowBytes: number): number {
  let from = lastSeq + 1;
  let bytes = 0;
  for (const { seq, update } of entries.toReversed()) {
    if (seq > lastSeq) continue;
    bytes += update.byteLength;
    if (bytes > windowBytes) break;
    from = seq;
  }
  return from;
}
