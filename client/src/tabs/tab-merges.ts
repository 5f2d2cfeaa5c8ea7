import type * as Y from 'yjs';
import type { LinkedDocument } from '../document-client.ts';
import type { DocumentMerge } from '../merge/document-merges.ts';
import type { MergeList } from '../merge/merge-list.ts';
import type { MergeEntry } from '../merge/report-types.ts';
import type { RestoreOptions, RestoreResult } from '../merge/restore.ts';
import { restoreLater } from '../merge/restore-later.ts';
import type { LinkMessage, MergesMessage } from './messages.ts';

/**
 * The merge reports of one document as a tab shows them: made and kept by whoever leads, put back by ordinary edits of
 * this tab's copy. Between two leaders they stay, and what is dismissed meanwhile the next leader hears.
 */
export class TabMerges implements MergeList {
  readonly #document: LinkedDocument;
  readonly #post: (message: LinkMessage) => void;
  #list: readonly DocumentMerge[] = [];
  /** Whether a leader has said what there is; from then on, what it says anew is news. */
  #isTold = false;
  #latest: DocumentMerge | null = null;
  /** Dismissed here, and as far as is known in the leader's list. */
  readonly #dismissed = new Set<string>();
  /** Who waits for what is under way; null where no leader can be asked. */
  #waiting: (() => void)[] | null = null;
  #isClosed = false;

  /** `post` tells the leader, if there is one. */
  constructor(document: LinkedDocument, post: (message: LinkMessage) => void) {
    this.#document = document;
    this.#post = post;
  }

  get merges(): readonly DocumentMerge[] {
    return this.#list;
  }

  /** What the leader says: once when the document was opened there, then whenever there is something new. */
  told({ ids, merges }: Pick<MergesMessage, 'ids' | 'merges'>): void {
    const before = this.#list;
    // This leader's first word. It may have no store to read reports from: those of the last one stay until it answers.
    const isNew = this.#waiting === null;
    const missing = isNew ? before.filter(({ id }) => !ids.includes(id)) : [];
    if (missing.length > 0) this.#post({ type: 'adopt', name: this.#document.name, merges: missing });
    this.#waiting ??= [];
    const known = new Map(before.map((merge) => [merge.id, merge]));
    const news: DocumentMerge[] = [];
    for (const merge of merges) {
      // The next leader tells of all of them again.
      if (this.#dismissed.has(merge.id) || isSame(known.get(merge.id), merge)) continue;
      known.set(merge.id, merge);
      news.push(merge);
    }
    // To a new leader another tab may still bring what was dismissed here.
    const unheard = [...this.#dismissed].filter((id) => isNew || ids.includes(id));
    for (const id of this.#dismissed) if (!unheard.includes(id)) this.#dismissed.delete(id);
    if (unheard.length > 0) this.#post({ type: 'dismiss', name: this.#document.name, ids: unheard });
    const named = ids.filter((id) => !this.#dismissed.has(id)).flatMap((id) => known.get(id) ?? []);
    const list = [...missing, ...named];
    const isChanged = list.length !== before.length || list.some((merge, at) => merge !== before[at]);
    if (isChanged) this.#list = list;
    const isFirst = !this.#isTold;
    this.#isTold = true;
    if (isFirst || news.length === 0) {
      if (isChanged) this.#document.mergesChanged(null);
      return;
    }
    for (const merge of news) {
      this.#latest = merge;
      this.#document.mergesChanged(merge);
    }
  }

  async settled(): Promise<DocumentMerge | null> {
    const waiting = this.#waiting;
    if (waiting !== null) {
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
        this.#post({ type: 'settle', name: this.#document.name });
      });
    }
    return this.#latest;
  }

  /** The leader's answer to the oldest `settle`. */
  settledThere(): void {
    this.#waiting?.shift()?.();
  }

  async restoreMine(doc: Y.Doc, entry: MergeEntry, options?: RestoreOptions): Promise<RestoreResult> {
    return restoreLater(this.#document.name, () => this.#isClosed, doc, entry, options);
  }

  dismiss(merge?: DocumentMerge): void {
    const gone = this.#list.filter(({ id }) => merge === undefined || id === merge.id);
    if (gone.length === 0) return;
    const ids = gone.map(({ id }) => id);
    for (const id of ids) this.#dismissed.add(id);
    this.#list = this.#list.filter((one) => !gone.includes(one));
    this.#post({ type: 'dismiss', name: this.#document.name, ids });
    this.#document.mergesChanged(null);
  }

  /** Nobody leads: what was under way there is lost. */
  lost(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    for (const resolve of waiting) resolve();
  }

  close(): void {
    this.#isClosed = true;
    this.lost();
  }
}

function isSame(one: DocumentMerge | undefined, other: DocumentMerge): boolean {
  return one !== undefined && JSON.stringify(one) === JSON.stringify(other);
}
