import type { Cancel, DocumentStatus } from '@tideweave/shared';
import { systemClock } from '../clock.ts';
import type { ClientStatus } from '../sync-client.ts';
import { isEqual } from './equality.ts';

/**
 * The status as it is shown: *saved* only after it has lasted for `settleMs`, everything else at once. The other way
 * round, hiding an edit that is not saved yet, would be a lie (U1).
 */
export class SmoothStatus<Status extends DocumentStatus | ClientStatus> {
  readonly #status: () => Status;
  readonly #settleMs: number;
  #shown: Status | null = null;
  #settling: Cancel | null = null;
  #isFollowed = false;

  constructor(status: () => Status, settleMs: number) {
    this.#status = status;
    this.#settleMs = settleMs;
  }

  /** What to show; the same object as long as nothing is different. */
  readonly read = (): Status => {
    const now = this.#status();
    const shown = this.#shown;
    if (shown !== null && (isEqual(now, shown) || this.#mustLast(shown, now))) return shown;
    this.#shown = now;
    return now;
  };

  /** `changed` is called when there may be something else to show. */
  follow(on: (listener: () => void) => () => void, changed: () => void): () => void {
    this.#isFollowed = true;
    const off = on(() => {
      this.#settling?.();
      this.#settling = null;
      if (this.#shown !== null && this.#mustLast(this.#shown, this.#status())) {
        this.#settling = systemClock.after(this.#settleMs, () => {
          this.#settling = null;
          this.#shown = this.#status();
          changed();
        });
      }
      changed();
    });
    return () => {
      this.#isFollowed = false;
      this.#settling?.();
      this.#settling = null;
      off();
    };
  }

  #mustLast(shown: Status, now: Status): boolean {
    return this.#isFollowed && this.#settleMs > 0 && isSaved(now) && !isSaved(shown);
  }
}

function isSaved(status: DocumentStatus | ClientStatus): boolean {
  if (status.error !== null) return false;
  return 'pending' in status ? status.phase === 'ready' && status.safe === 'server' : status.pendingUpdates === 0;
}
