/** Where things are: identities for machines, paths for people. */
import type * as Y from 'yjs';
import type { Path, TypeIdentity } from './report-types.ts';
import { type SharedType, type View, holderOf, listItems, parentOf, presentView } from './views.ts';

export class Places {
  readonly #rootNames = new Map<SharedType, string>();
  readonly #base: View;
  readonly #indexes = new Map<SharedType, Map<Y.Item, { merged: number; base: number }>>();
  readonly #paths = new Map<SharedType, Path>();

  constructor(doc: Y.Doc, base: View) {
    this.#base = base;
    for (const [name, type] of doc.share) this.#rootNames.set(type, name);
  }

  identityOf(type: SharedType): TypeIdentity {
    const holder = holderOf(type);
    if (holder === null) return { root: this.#rootNames.get(type) ?? '' };
    return { client: holder.id.client, clock: holder.id.clock };
  }

  pathOf(type: SharedType): Path {
    let path = this.#paths.get(type);
    if (path === undefined) {
      const holder = holderOf(type);
      path = holder === null ? [this.#rootNames.get(type) ?? ''] : this.pathOfItem(holder);
      this.#paths.set(type, path);
    }
    return path;
  }

  /** Index after the merge; for what is gone by then, where it was in the base. */
  pathOfItem(item: Y.Item): Path {
    return [...this.pathOf(parentOf(item)), item.parentSub ?? this.indexOf(item)];
  }

  indexOf(item: Y.Item): number {
    const list = parentOf(item);
    let indexes = this.#indexes.get(list);
    if (indexes === undefined) {
      indexes = new Map();
      let merged = 0;
      let base = 0;
      for (const other of listItems(list)) {
        indexes.set(other, { merged, base });
        if (!other.countable) continue;
        if (presentView.shows(other)) merged += other.length;
        if (this.#base.shows(other)) base += other.length;
      }
      this.#indexes.set(list, indexes);
    }
    const found = indexes.get(item);
    return (presentView.shows(item) ? found?.merged : found?.base) ?? 0;
  }
}

/** A text for an identity, which tells any two types apart. */
export function identityText(identity: TypeIdentity): string {
  return 'root' in identity ? JSON.stringify(identity.root) : `${identity.client}:${identity.clock}`;
}

/** Paths in the order of the document's outline: names by code unit, indexes by number. */
export function comparePaths(a: Path, b: Path): number {
  for (let at = 0; at < Math.min(a.length, b.length); at++) {
    const stepA = a[at] ?? '';
    const stepB = b[at] ?? '';
    if (stepA === stepB) continue;
    if (typeof stepA === 'number' && typeof stepB === 'number') return stepA - stepB;
    return String(stepA) < String(stepB) ? -1 : 1;
  }
  return a.length - b.length;
}
