/**
 * Which documents of an embedded log are known to be damaged. What LevelDB dropped from its own log is seen only once,
 * when it is opened next; so those documents are marked in the database itself, until they are deleted.
 */
import { RefusedError } from '@tideweave/shared';
import { LRUCache } from 'lru-cache';

import { damagedMax } from './bounds.ts';
import { damageKey, damageRange, nameOfHeadKey } from './keys.ts';
import { documentsThatLost, losses, missingTraces } from './level-lost.ts';
import type { StoragePort, WriteOperation } from './level-storage.ts';

export class DamageRegister {
  readonly #marked = new Map<string, string>();
  // Counted as sizes: told a `max`, the cache would allocate room for all of it at once.
  readonly #found = new LRUCache<string, string>({ maxSize: damagedMax, sizeCalculation: () => 1 });

  /** Takes over the marks, and marks the documents of which the store lost something when it was opened. */
  async load(storage: StoragePort): Promise<void> {
    for (const { key, value } of await storage.pairs(damageRange)) {
      const name = nameOfHeadKey(key);
      if (name !== null) this.#marked.set(name, Buffer.from(value).toString());
    }
    const lost = await storage.lost();
    if (lost.batches.length + lost.ranges.length + lost.behind.length === 0) return;
    const batch: WriteOperation[] = await missingTraces(lost.ranges, storage);
    for (const [name, what] of await documentsThatLost(lost, storage)) {
      // What is known of it already says as much, unless its head was not in doubt until now.
      const before = this.#marked.get(name);
      if (before !== undefined && !before.startsWith(losses.entries)) continue;
      this.#marked.set(name, what);
      batch.push({ key: damageKey(name), value: Buffer.from(what) });
    }
    if (batch.length > 0) await storage.write(batch, true);
    await storage.forgetLost();
  }

  /** Documents with a mark, and what it says. */
  get marked(): ReadonlyMap<string, string> {
    return this.#marked;
  }

  /** Remembers a document as damaged. */
  add(name: string, what: string): RefusedError {
    this.#found.set(name, what);
    return refusal(name, what);
  }

  /** Why nothing is read of or written to this document, or null when it is not known to be damaged. */
  refusalOf(name: string): RefusedError | null {
    const what = this.#marked.get(name) ?? this.#found.get(name);
    return what === undefined ? null : refusal(name, what);
  }

  /** After the document was deleted, and its mark with it. */
  forget(name: string): void {
    this.#marked.delete(name);
    this.#found.delete(name);
  }
}

function refusal(name: string, what: string): RefusedError {
  return new RefusedError('TW_DOCUMENT_CORRUPT', `document ${JSON.stringify(name)} is damaged: ${what}`);
}
