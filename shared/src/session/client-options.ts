/** What a client's session is given by whoever drives it. */
import type { Random } from '../base/random.ts';
import type { Limits } from '../protocol/limits.ts';
import type { ComparisonHost, Comparisons } from './comparisons.ts';
import type { Merge } from './deliveries.ts';

export interface ClientExchangeOptions {
  readonly random: Random;
  readonly updateBytesMax: Limits['updateBytesMax'];
  /** Everything here beyond `stateVector`, as one Yjs V1 update. */
  readonly readDifference: (name: string, stateVector: Uint8Array) => Uint8Array;
  /** Makes what compares copies with the relay's documents, when the first is open. */
  readonly comparisons: (host: ComparisonHost) => Comparisons;
  /** Bytes that may be on their way without an acknowledgement; default 4 MiB, which suits a network. */
  readonly inFlightBytesMax?: number | undefined;
  /** A client has Yjs for it, and need not load a second one. */
  readonly merge: Merge;
}

export interface ClientSessionOptions extends ClientExchangeOptions {
  /** How this device calls itself, at most 128 bytes; may be empty. */
  readonly device: string;
  /** Yjs V1 state vector of the copy here. */
  readonly readStateVector: (name: string) => Uint8Array;
}
