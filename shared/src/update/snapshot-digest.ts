import { digest } from 'lib0/hash/sha256';

/**
 * SHA-256 of a copy, of the bytes that Yjs gives its snapshot (V1: delete set and state vector); its first `digestBytes`
 * are compared (C1).
 */
export function snapshotDigest(snapshot: Uint8Array): Uint8Array {
  return digest(snapshot);
}
