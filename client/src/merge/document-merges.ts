import { type EntryKey, type OfflineStore, StoreError, type StoredReport } from '../store/offline-store.ts';
import type { MergeDesk } from './merge-desk.ts';
import { type MergeWork, MergeWatch } from './merge-watch.ts';
import type { MergeReport } from './report-types.ts';

/** A merge of what was made here while away with what others made meanwhile. */
export interface DocumentMerge {
  /** Identity; it stays when the report grows because somebody else comes back, and after a reload. */
  readonly id: string;
  /** When this side was back, milliseconds since 1970. */
  readonly time: number;
  readonly report: MergeReport;
}

export interface DocumentMergesOptions {
  readonly name: string;
  readonly desk: MergeDesk;
  /** The whole document as it is now, as one Yjs V1 update. */
  readonly encode: () => Uint8Array;
  /** The list changed; `merge` is a new report, or one that has grown. */
  readonly changed: (merge: DocumentMerge | null) => void;
}

/** The merge reports of one document: made when both sides changed, kept until they are dismissed. */
export class DocumentMerges {
  /** Told what happens to the document. */
  readonly watch: MergeWatch;
  readonly #options: DocumentMergesOptions;
  #list: readonly DocumentMerge[] = [];
  #store: OfflineStore | null = null;
  /** Where the store keeps them. */
  readonly #keys = new Map<string, EntryKey>();
  #latest: { readonly away: number; readonly merge: DocumentMerge } | null = null;
  #computing: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: DocumentMergesOptions) {
    this.#options = options;
    const { desk, encode } = options;
    this.watch = new MergeWatch({
      clock: desk.clock,
      historyBytesMax: desk.historyBytesMax,
      encode,
      merged: (away, work) => {
        this.#computing = this.#computing.then(() => this.#compute(away, work));
      },
    });
  }

  /** Oldest first; another array whenever it changes. */
  get list(): readonly DocumentMerge[] {
    return this.#list;
  }

  /** Keeps reports on the device from here on, and takes up those that are there. */
  keepIn(store: OfflineStore, stored: readonly StoredReport[]): void {
    this.#store = store;
    for (const { key, report } of stored) {
      if (!isMerge(report)) continue;
      this.#keys.set(report.id, key);
      this.#put(report);
    }
    if (this.#list.length > 0) this.#options.changed(null);
  }

  /** The newest report of this session, when all that is under way is computed; null when there was none. */
  async settled(): Promise<DocumentMerge | null> {
    await this.#computing;
    return this.#latest?.merge ?? null;
  }

  /** Forgets one report, or all of them. */
  dismiss(merge?: DocumentMerge): void {
    const gone = this.#list.filter(({ id }) => merge === undefined || id === merge.id);
    if (gone.length === 0) return;
    this.#list = this.#list.filter((one) => !gone.includes(one));
    for (const { id } of gone) this.#unkeep(id);
    this.#options.changed(null);
  }

  /** What is being computed is still kept on the device; nobody is told any more. */
  close(): void {
    this.#closed = true;
    this.watch.close();
  }

  async #compute(away: number, work: MergeWork): Promise<void> {
    const report = work === null ? unknownReport : await this.#report(work);
    if (report === null) return;
    const earlier = this.#latest?.away === away ? this.#latest.merge : null;
    // Of somebody who comes back later only what can be told adds anything.
    if (earlier !== null && (!report.complete || isSame(earlier.report, report))) return;
    const time = earlier?.time ?? Math.floor(this.#options.desk.clock.wallTime());
    const merge: DocumentMerge = { id: earlier?.id ?? `${time}.${away}`, time, report };
    this.#latest = { away, merge };
    // One that has nothing to show is told, not kept.
    if (report.entries.length > 0 || !report.complete) {
      this.#put(merge);
      this.#keep(merge);
    }
    if (!this.#closed) this.#options.changed(merge);
  }

  async #report(work: Exclude<MergeWork, null>): Promise<MergeReport | null> {
    const { desk } = this.#options;
    try {
      return await desk.compute({ ...work, limits: reportLimits });
    } catch {
      // It took too long, or the worker could not be loaded: that both sides changed is still true.
      return desk.isClosed ? null : unknownReport;
    }
  }

  #put(merge: DocumentMerge): void {
    const others = this.#list.filter(({ id }) => id !== merge.id);
    this.#list = [...others, merge].slice(-mergesMax);
  }

  #keep(merge: DocumentMerge): void {
    if (this.#store === null) return;
    const before = this.#keys.get(merge.id);
    this.#keys.set(merge.id, putReport(this.#store, this.#options.name, merge));
    if (before !== undefined) this.#remove(before);
  }

  #unkeep(id: string): void {
    const key = this.#keys.get(id);
    this.#keys.delete(id);
    if (key !== undefined) this.#remove(key);
  }

  #remove(key: EntryKey): void {
    this.#store?.removeReport(this.#options.name, key).catch(() => undefined); // The store tells its `onError`.
  }
}

/** Reports of one document that are kept; the oldest go first. As many as a store keeps. */
const mergesMax = 32;

/** So that a report is seldom too large for a store. */
const reportLimits = { valueCharsMax: 64 * 1024, reportCharsMax: 128 * 1024 } as const;

/** Keeps as much of a report as the store takes. */
function putReport(store: OfflineStore, name: string, merge: DocumentMerge): EntryKey {
  try {
    return store.putReport(name, merge).key;
  } catch (error) {
    const { report } = merge;
    const isTooLarge = error instanceof StoreError && error.code === 'too-large';
    if (!isTooLarge || report.entries.length === 0) throw error;
    const entries = report.entries.slice(0, Math.floor(report.entries.length / 2));
    return putReport(store, name, { ...merge, report: { ...report, entries, truncated: true } });
  }
}

/** Both sides changed, and nothing more can be said. */
const unknownReport: MergeReport = {
  version: 1,
  entries: [],
  conflicts: 0,
  agreed: 0,
  authors: [],
  truncated: false,
  complete: false,
};

function isSame(a: MergeReport, b: MergeReport): boolean {
  return JSON.stringify(a.entries) === JSON.stringify(b.entries);
}

/** A later version's report is left alone. */
function isMerge(value: unknown): value is DocumentMerge {
  const { id, time, report } = (value ?? {}) as Partial<DocumentMerge>;
  return typeof id === 'string' && typeof time === 'number' && report?.version === 1;
}
