import type { EntryAuthor } from '@tideweave/shared';
import type * as Y from 'yjs';
import type { LinkedDocument } from '../document-client.ts';
import type { DocumentOutput } from '../relay/session-driver.ts';
import { type EntryKey, type OfflineStore, StoreError, type StoredDocument } from '../store/offline-store.ts';
import { type AuthorsDriver, AuthorsQuestion } from './authors-question.ts';
import type { MergeDesk } from './merge-desk.ts';
import type { MergeList } from './merge-list.ts';
import { type MergeWork, MergeWatch, presentIn } from './merge-watch.ts';
import type { MergeEntry, MergeReport } from './report-types.ts';
import type { RestoreOptions, RestoreResult } from './restore.ts';
import { restoreLater } from './restore-later.ts';

/** A merge of what was made here while away with what others made meanwhile. */
export interface DocumentMerge {
  /** Identity; it stays when the report grows because somebody else comes back, and after a reload. */
  readonly id: string;
  /** When this side was back, milliseconds since 1970. */
  readonly time: number;
  readonly report: MergeReport;
}

/** The merge reports of one document: made when both sides changed, kept until they are dismissed. */
export class DocumentMerges implements MergeList {
  readonly #desk: MergeDesk;
  readonly #document: LinkedDocument;
  readonly #watch: MergeWatch;
  readonly #question: AuthorsQuestion;
  /** Where the session resumes from. */
  #cursor: Uint8Array = new Uint8Array(0);
  /** The application brought content along when it opened the document. */
  readonly #isBrought: boolean;
  #list: readonly DocumentMerge[] = [];
  #store: OfflineStore | null = null;
  /** Where the store keeps them. */
  readonly #keys = new Map<string, EntryKey>();
  /** How clients call themselves in presence, those heard of last at the end; they may have left since. */
  readonly #names = new Map<number, string>();
  /** Identities of those that were dismissed in this session, the last ones. */
  #dismissed: readonly string[] = [];
  #latest: { readonly away: number; readonly merge: DocumentMerge } | null = null;
  #computing: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(desk: MergeDesk, document: LinkedDocument, driver: AuthorsDriver) {
    this.#desk = desk;
    this.#document = document;
    this.#question = new AuthorsQuestion(driver, document.name, desk.clock);
    this.#isBrought = document.stateVector().length > emptyStateVector.length;
    this.#watch = new MergeWatch({
      clock: desk.clock,
      historyBytesMax: desk.historyBytesMax,
      encode: () => document.difference(emptyStateVector),
      merged: (away, work) => {
        this.#computing = this.#computing.then(() => this.#compute(away, work));
      },
    });
  }

  get merges(): readonly DocumentMerge[] {
    return this.#list;
  }

  /** The document was opened from the device: takes up the reports that are there, and keeps new ones there. */
  loaded(store: OfflineStore, { base, received, delivered, pending, resume, reports }: StoredDocument): void {
    this.#store = store;
    if (resume !== null) this.#cursor = resume.cursor;
    for (const { key, report } of reports) {
      if (!isMerge(report)) continue;
      this.#keys.set(report.id, key);
      this.#put(report);
    }
    if (this.#list.length > 0) this.#document.mergesChanged(null);
    // What the other side has beside content of unknown origin, or before the first sync, nobody knows.
    if (this.#isBrought || (resume === null && pending.length === 0)) return;
    const shared = [...(base === null ? [] : [base]), ...received, ...delivered.map(({ update }) => update)];
    const edits = pending.map(({ update }) => update);
    this.#watch.loaded(shared, edits);
  }

  /** An edit made here. */
  edited(n: number, update: Uint8Array): void {
    this.#watch.edited(n, update);
  }

  /** An update of others was applied; `changed`: it brought something that was not here. */
  delivered(update: Uint8Array, changed: boolean): void {
    this.#watch.delivered(update, changed);
  }

  /** What the session tells of the document. */
  heard(output: DocumentOutput): void {
    if (output.kind === 'watermark') this.#cursor = output.cursor;
    else if (output.kind === 'authors') this.#question.answered(output.entries);
    else if (output.kind === 'opened') this.#watch.opened(this.#cursor);
    else if (output.kind === 'synced') this.#watch.synced();
    else if (output.kind === 'saved') this.#watch.saved(output.n);
    else if (output.kind === 'awareness') {
      const present = presentIn(output.update);
      this.#watch.present(present.keys());
      for (const [client, name] of present) if (name !== '') this.#remember(client, name);
    }
  }

  async settled(): Promise<DocumentMerge | null> {
    await this.#computing;
    return this.#latest?.merge ?? null;
  }

  async restoreMine(doc: Y.Doc, entry: MergeEntry, options?: RestoreOptions): Promise<RestoreResult> {
    return restoreLater(this.#document.name, () => this.#closed, doc, entry, options);
  }

  /** Takes up reports of an earlier session that is over. A store has had those that nobody dismissed, and no others. */
  adopt(merges: readonly DocumentMerge[]): void {
    if (this.#store !== null) return;
    const known = new Set([...this.#list.map(({ id }) => id), ...this.#dismissed]);
    const news = merges.filter(({ id }) => !known.has(id));
    if (news.length === 0) return;
    this.#list = [...this.#list, ...news].sort((one, other) => one.time - other.time).slice(-mergesMax);
    this.#document.mergesChanged(null);
  }

  dismiss(merge?: DocumentMerge): void {
    this.forget(merge === undefined ? this.#list.map(({ id }) => id) : [merge.id]);
  }

  /** Dismisses what has these identities, now or when it comes to be adopted. */
  forget(ids: readonly string[]): void {
    this.#dismissed = [...this.#dismissed, ...ids].slice(-dismissedMax);
    const left = this.#list.filter(({ id }) => !ids.includes(id));
    if (left.length === this.#list.length) return;
    this.#list = left;
    for (const id of ids) this.#unkeep(id);
    this.#document.mergesChanged(null);
  }

  /** What is being computed is still kept on the device; nobody is told any more. */
  close(): void {
    this.#closed = true;
    this.#watch.close();
    this.#question.close();
  }

  #remember(client: number, name: string): void {
    this.#names.delete(client);
    this.#names.set(client, name);
    const [oldest] = this.#names.keys();
    if (this.#names.size > namesMax && oldest !== undefined) this.#names.delete(oldest);
  }

  async #compute(away: number, work: MergeWork): Promise<void> {
    const report = work === null ? unknownReport : await this.#report(work);
    if (report === null) return;
    const earlier = this.#latest?.away === away ? this.#latest.merge : null;
    // Of somebody who comes back later only what can be told adds anything.
    if (earlier !== null && (!report.complete || isSame(earlier.report, report))) return;
    const time = earlier?.time ?? Math.floor(this.#desk.clock.wallTime());
    const merge: DocumentMerge = { id: earlier?.id ?? `${time}.${away}`, time, report };
    this.#latest = { away, merge };
    // One that has nothing to show is told, not kept.
    if (report.entries.length > 0 || !report.complete) {
      this.#put(merge);
      this.#keep(merge);
    }
    if (!this.#closed) this.#document.mergesChanged(merge);
  }

  async #report({ cursor, ...sides }: Exclude<MergeWork, null>): Promise<MergeReport | null> {
    try {
      // Who is there is told after what they did.
      await new Promise<void>((resolve) => this.#desk.clock.after(presenceMs, resolve));
      const entries = async (): Promise<readonly EntryAuthor[]> => (this.#closed ? [] : this.#question.ask(cursor));
      return await this.#desk.compute({ ...sides, names: this.#names, limits: reportLimits }, entries);
    } catch {
      // It took too long, or the worker could not be loaded: that both sides changed is still true.
      return this.#desk.isClosed ? null : unknownReport;
    }
  }

  #put(merge: DocumentMerge): void {
    const others = this.#list.filter(({ id }) => id !== merge.id);
    this.#list = [...others, merge].slice(-mergesMax);
  }

  #keep(merge: DocumentMerge): void {
    if (this.#store === null) return;
    const before = this.#keys.get(merge.id);
    this.#keys.set(merge.id, putReport(this.#store, this.#document.name, merge));
    if (before !== undefined) this.#remove(before);
  }

  #unkeep(id: string): void {
    const key = this.#keys.get(id);
    this.#keys.delete(id);
    if (key !== undefined) this.#remove(key);
  }

  #remove(key: EntryKey): void {
    this.#store?.removeReport(this.#document.name, key).catch(() => undefined); // The store tells its `onError`.
  }
}

/** Yjs's state vector of an empty document. */
const emptyStateVector = Uint8Array.of(0);

/** Reports of one document that are kept; the oldest go first. As many as a store keeps. */
const mergesMax = 32;

/** Identities of dismissed reports that are remembered. */
const dismissedMax = 1000;

/** Names that are remembered; those of whom nothing was heard for longest go first. */
const namesMax = 1000;

/** How long presence is waited for. */
const presenceMs = 100;

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
