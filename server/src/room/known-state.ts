import {
  type Admission,
  type DocumentState,
  type Limits,
  RefusedError,
  type StateVector,
  UpdateScan,
  covers,
  encodeStateVector,
  scanUpdate,
  stateDigest,
} from '@tideweave/shared';

/** What a room knows of its document without holding it: judges updates by it, and tells and compares what it has. */
export class KnownState {
  readonly #state: DocumentState;
  readonly #limits: Pick<Limits, 'updateBytesMax'>;
  /** Of the state as it is; null when it has changed since. */
  #digest: Uint8Array | null = null;

  constructor(state: DocumentState, limits: Pick<Limits, 'updateBytesMax'>) {
    this.#state = state;
    this.#limits = limits;
  }

  get stateVectorBytes(): Uint8Array {
    return encodeStateVector(this.#state.stateVector);
  }

  /** The deletions in the document, as a V1 delete set. */
  get deletesBytes(): Uint8Array {
    return this.#state.deletes.encode();
  }

  /** Whether the document has everything that `stateVector` names. */
  covers(stateVector: StateVector): boolean {
    return covers(this.#state.stateVector, stateVector);
  }

  hasDigest(digest: Uint8Array): boolean {
    const own = (this.#digest ??= stateDigest(this.#state));
    return own.length === digest.length && own.every((byte, at) => byte === digest[at]);
  }

  /**
   * Validates an update completely and says what it is to this document. Throws `RefusedError` TW_TOO_LARGE or
   * TW_MALFORMED_UPDATE.
   */
  judge(update: Uint8Array): Admission {
    const { updateBytesMax } = this.#limits;
    if (update.length > updateBytesMax) {
      const reason = `an update of ${update.length} bytes; at most ${updateBytesMax} are allowed`;
      throw new RefusedError('TW_TOO_LARGE', reason);
    }
    if (!scanUpdate(update, scan)) {
      throw new RefusedError('TW_MALFORMED_UPDATE', `${scan.error} at byte ${scan.errorOffset}`);
    }
    return this.#state.admit(scan);
  }

  /** What the update that was judged last brings: itself, or less where it says again what is deleted. */
  newsOf(update: Uint8Array): Uint8Array {
    return this.#state.withoutKnownDeletes(update, scan);
  }

  /** Takes over the update that was judged last, before anything else is. */
  take(): void {
    this.#state.apply(scan);
    this.#digest = null;
  }
}

/** One scan at a time: everything between judging and taking is synchronous. */
const scan = new UpdateScan();
