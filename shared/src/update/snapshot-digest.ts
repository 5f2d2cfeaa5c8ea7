import { digest as sha256 } from 'lib0/hash/sha256';
import { digestBytes } from '../protocol/limits.ts';

/** Digest of a copy, of the bytes that Yjs gives its snapshot (V1: delete set and state vector); `digestBytes` long. */
export function snapshotDigest(snapshot: Uint8Array): Uint8Array {
  return sha256(snapshot).slice(0, digestBytes);
}
