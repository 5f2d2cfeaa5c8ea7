import type { DocumentMerge, DocumentMerges } from '../merge/document-merges.ts';
import type { HubLink } from './hub-link.ts';

/** The merge reports of one document, as the leader has them made and tells all tabs that have it open. */
export class HubMerges {
  readonly #name: string;
  readonly #reports: DocumentMerges;
  /** Tabs, with the reports that they have. */
  readonly #tabs = new Map<HubLink, readonly DocumentMerge[]>();

  constructor(name: string, reports: DocumentMerges) {
    this.#name = name;
    this.#reports = reports;
  }

  /** A tab has opened the document: it is told of all that there are. */
  enter(link: HubLink): void {
    this.#tabs.set(link, []);
    this.#tell(link, null);
  }

  leave(link: HubLink): void {
    this.#tabs.delete(link);
  }

  /** The list has changed; `told` is a new report, or one that has grown, and may not be in the list. */
  changed(told: DocumentMerge | null): void {
    for (const link of this.#tabs.keys()) this.#tell(link, told);
  }

  /** A tab's user has dismissed these. */
  dismiss(ids: readonly string[]): void {
    this.#reports.forget(ids);
  }

  /** A tab brings reports of the last leader. */
  adopt(link: HubLink, merges: readonly DocumentMerge[]): void {
    this.#reports.adopt(merges);
    if (this.#tabs.has(link)) this.#tell(link, null);
  }

  /** Resolves when those under way are made, and tabs were told of them. */
  async settled(): Promise<void> {
    await this.#reports.settled();
  }

  #tell(link: HubLink, told: DocumentMerge | null): void {
    const list = this.#reports.merges;
    const had = this.#tabs.get(link) ?? [];
    this.#tabs.set(link, list);
    const merges = list.filter((merge) => !had.includes(merge));
    if (told !== null && !list.includes(told)) merges.push(told);
    link.post({ type: 'merges', name: this.#name, ids: list.map(({ id }) => id), merges });
  }
}
