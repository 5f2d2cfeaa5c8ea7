/** Updates of a document that were set aside, by their bytes: who sends one again is refused, not stored again (L1). */
import { createHash } from 'node:crypto';
import type { QuarantinedEntry } from '../log/document-log.ts';

export class SetAside {
  readonly #digests: ReadonlySet<string>;

  /** Of many, the newest count. */
  constructor(entries: readonly Pick<QuarantinedEntry, 'update'>[]) {
    this.#digests =
      entries.length === 0 ? none : new Set(entries.slice(-rememberedMax).map(({ update }) => digestOf(update)));
  }

  has(update: Uint8Array): boolean {
    return this.#digests.size > 0 && this.#digests.has(digestOf(update));
  }
}

const rememberedMax = 10_000;

/** Almost every document has none, and shares this. */
const none: ReadonlySet<string> = new Set();

function digestOf(update: Uint8Array): string {
  return createHash('sha256').update(update).digest('base64');
}
