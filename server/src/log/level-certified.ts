/** Finds values of ours in raw bytes of a damaged batch: each ends in a checksum over its key and itself. */
import { isHeadKey, nameOfHeadKey, seqOfRecordKey } from './keys.ts';
import type { Pair } from './level-storage.ts';
import { ByteReader, MalformedError } from './leveldb/coding.ts';
import { decodeChunk, decodeHead, decodeQuarantined, decodeRecord } from './record.ts';

const put = 1;
/** Kinds of keys whose values have checksums, with their lengths; names make those of heads vary. */
const keyBytes = new Map<number | undefined, number | null>([
  ['h'.charCodeAt(0), null],
  ['r'.charCodeAt(0), 17],
  ['s'.charCodeAt(0), 25],
  ['q'.charCodeAt(0), 17],
]);

/** Every put of a value that is as it was written. */
export function certifiedPairs(bytes: Uint8Array): Pair[] {
  const found: Pair[] = [];
  for (let at = 0; at < bytes.byteLength; at += 1) {
    const pair = bytes[at] === put ? pairAt(bytes, at + 1) : null;
    if (pair === null || !isCertified(pair)) continue;
    found.push(pair);
    at = pair.value.byteOffset - bytes.byteOffset + pair.value.byteLength - 1;
  }
  return found;
}

function pairAt(bytes: Uint8Array, at: number): Pair | null {
  const reader = new ByteReader(bytes, at);
  try {
    const key = reader.slice();
    const length = keyBytes.get(key[0]);
    if (length === undefined || (length !== null && length !== key.byteLength)) return null;
    return { key, value: reader.slice() };
  } catch (error) {
    if (error instanceof MalformedError) return null;
    throw error;
  }
}

function isCertified({ key, value }: Pair): boolean {
  if (isHeadKey(key)) {
    const name = nameOfHeadKey(key);
    return name !== null && decodeHead(key, name, value) !== null;
  }
  if (key[0] === 'r'.charCodeAt(0)) return decodeRecord(key, seqOfRecordKey(key), value) !== null;
  if (key[0] === 's'.charCodeAt(0)) return decodeChunk(key, value) !== null;
  return decodeQuarantined(key, seqOfRecordKey(key), value) !== null;
}
