/**
 * Which documents of an embedded log are known to be damaged. What LevelDB dropped from its own log is seen only once,
 * when it is opened next; so those documents are marked in the database itself, until they are deleted.
 */
import { RefusedError } from '@tideweave/shared';
import { LRUCache } from 'lru-cache';

import { damageKey, damageRange, headRange, headKey, nameOfHeadKey, nameToBytes } from './keys.ts';
import type { StoragePort, WriteOperation } from './level-storage.ts';
import { decodeHead, headBytes } from './record.ts';

/** Documents found damaged by reading, remembered until the process ends. */
const foundMax = 10_000;
const logIdBytes = 8;
/** Lengths of the keys of records and of parts of snapshots. */
const keyLengths = new Map([
  ['r'.charCodeAt(0), 17],
  ['s'.charCodeAt(0), 25],
]);

export class DamageRegister {
  readonly #marked = new Map<string, string>();
  readonly #found = new LRUCache<string, string>({ max: foundMax });

  /** Takes over the marks, and marks the documents of which the store lost something when it was opened. */
  async load(storage: StoragePort): Promise<void> {
    const lost = await storage.lost();
    if (lost.length > 0) {
      const batch: WriteOperation[] = [];
      for (const name of await documentsIn(lost, storage)) {
        batch.push({ key: damageKey(name), value: Buffer.from('entries were lost from the write-ahead log') });
      }
      await storage.write(batch, true);
      await storage.forgetLost();
    }
    for (const { key, value } of await storage.pairs(damageRange)) {
      const name = nameOfHeadKey(key);
      if (name !== null) this.#marked.set(name, Buffer.from(value).toString());
    }
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

/** The documents whose heads, records or snapshots are in these bytes of LevelDB's log, as far as they can be told. */
async function documentsIn(regions: readonly Uint8Array[], storage: StoragePort): Promise<Set<string>> {
  const names = new Set<string>();
  const logIds = new Set<string>();
  for (const region of regions) {
    const bytes = Buffer.from(region.buffer, region.byteOffset, region.byteLength);
    for (let at = 1; at < bytes.byteLength; at += 1) {
      const name = headNameAt(bytes, at);
      if (name !== null) names.add(name);
      const length = keyLengths.get(bytes[at] ?? 0);
      if (length !== undefined && bytes[at - 1] === length)
        logIds.add(bytes.toString('hex', at + 1, at + 1 + logIdBytes));
    }
  }
  // A head in which the very bit was flipped is not recognised, but its records are: whose are they?
  for (const { key, value } of await storage.pairs(headRange(null))) {
    const name = nameOfHeadKey(key);
    const logId = name === null ? undefined : decodeHead(key, name, value)?.head.logId;
    if (name !== null && logId !== undefined && logIds.has(logId)) names.add(name);
  }
  return names;
}

/** The name in a head's key at this place of a batch: its length is in front of it, that of a head's value behind. */
function headNameAt(bytes: Buffer, at: number): string | null {
  if (bytes[at] !== headKey('x')[0]) return null;
  const one = bytes[at - 1] ?? 0;
  const lengths = [one, ((bytes[at - 2] ?? 0) & 0x7f) | (one << 7)];
  for (const length of lengths) {
    if (length < 2 || bytes[at + length] !== headBytes) continue;
    const name = nameOfHeadKey(bytes.subarray(at, at + length));
    if (name === null) continue;
    try {
      nameToBytes(name);
      return name;
    } catch {
      continue;
    }
  }
  return null;
}
