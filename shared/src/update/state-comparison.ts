/**
 * Whether two copies of a document are the same, without their content (C1): the same insertions and the same deletions
 * are the same document in Yjs.
 */
import { digestBytes } from '../protocol/limits.ts';
import type { DocumentState } from './document-state.ts';
import { snapshotDigest } from './snapshot-digest.ts';
import { encodeStateVector } from './state-vector.ts';

/**
 * Equal for equal states; `digestBytes` long: of the bytes that Yjs gives a snapshot, its delete set and its state vector.
 * The work is proportional to the number of clients and deleted ranges.
 */
export function stateDigest({ stateVector, deletes }: DocumentState): Uint8Array {
  const ranges = deletes.encode();
  const vector = encodeStateVector(stateVector);
  const bytes = new Uint8Array(ranges.length + vector.length);
  bytes.set(ranges);
  bytes.set(vector, ranges.length);
  return snapshotDigest(bytes).slice(0, digestBytes);
}
