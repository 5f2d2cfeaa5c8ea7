import type { Cancel, Clock, ResumedDocument } from '@tideweave/shared';
import { type EntryKey, type OfflineStore, StoreError, type StoredDocument } from '../store/offline-store.ts';

/** What is here, for whoever has it handed over. */
export interface DeviceCopies {
  readonly DeviceCopy: typeof DeviceCopy;
  readonly resumed: typeof resumed;
}

/**
 * What the device keeps of one open document: follows the session's numbers and confirmations with the store's keys. A
 * write that fails is the store's to retry and to report; until it is through, the edit counts as being in memory only.
 */
export class DeviceCopy {
  readonly #store: OfflineStore;
  readonly #name: string;
  readonly #clock: Pick<Clock, 'after'>;
  readonly #changed: () => void;
  /** Keys of edits without an acknowledgement, in order, with their numbers. */
  #pending: { readonly n: number; readonly key: EntryKey }[] = [];
  /** Keys of updates from others that nobody confirmed, in order; then those that wait for the next watermark. */
  #delivered: EntryKey[] = [];
  #confirmed: EntryKey[] = [];
  #lastN = 0;
  #durableN = 0;
  #failing = false;
  /** When the store is asked next whether what failed got there. */
  #recheck: Cancel | null = null;
  #recheckDelayMs = 0;
  #closed = false;

  /** `changed` is called when more is durable on the device, or something could not be written. */
  constructor(store: OfflineStore, name: string, clock: Pick<Clock, 'after'>, changed: () => void) {
    this.#store = store;
    this.#name = name;
    this.#clock = clock;
    this.#changed = changed;
  }

  /** Every edit up to this number survives a crash of this device. */
  get durableN(): number {
    return this.#durableN;
  }

  /** Something that was written here has not got to the device, and was refused by it at least once. */
  get isFailing(): boolean {
    return this.#failing;
  }

  /** Reads what is kept; called once, before anything is added. */
  async load(): Promise<StoredDocument> {
    const stored = await this.#store.load(this.#name);
    this.#pending = stored.pending.map(({ key }, at) => ({ n: at + 1, key }));
    this.#delivered = stored.delivered.map(({ key }) => key);
    this.#lastN = stored.pending.length;
    this.#durableN = stored.pending.length;
    return stored;
  }

  /** Keeps an edit. */
  edited(n: number, update: Uint8Array): void {
    const { key, durable } = this.#store.append(this.#name, 'pending', update);
    this.#pending.push({ n, key });
    this.#lastN = n;
    this.#follow(durable, n);
  }

  /** Keeps an update from others. */
  delivered(update: Uint8Array): void {
    const { key, durable } = this.#store.append(this.#name, 'delivered', update);
    this.#delivered.push(key);
    this.#follow(durable, this.#lastN);
  }

  /** Edits up to `n` are durable on the relay. */
  saved(n: number): void {
    const keys = this.#pending.filter((entry) => entry.n <= n).map(({ key }) => key);
    this.#pending = this.#pending.filter((entry) => entry.n > n);
    if (keys.length > 0) this.#store.acknowledge(this.#name, keys).catch(reportedByStore);
  }

  /** The oldest `count` updates from others are durable on the relay. */
  confirmed(count: number): void {
    this.#confirmed.push(...this.#delivered.splice(0, count));
  }

  /** The next session resumes here. */
  watermark(epoch: string, cursor: Uint8Array): void {
    const confirmed = this.#confirmed;
    this.#confirmed = [];
    this.#store.setResume(this.#name, { epoch, cursor }, confirmed).catch(reportedByStore);
  }

  /** The document is closed: nobody asks any more. What was written stays the store's to bring to the device. */
  close(): void {
    this.#closed = true;
    this.#recheck?.();
  }

  /** `n` is the newest edit at the time of the write: writes get to the device in order, so that all up to it came along. */
  #follow(written: Promise<void>, n: number): void {
    written.then(
      () => this.#reached(n),
      (error: unknown) => this.#failed(error),
    );
  }

  #reached(n: number): void {
    this.#recheckDelayMs = 0;
    if (n <= this.#durableN && !this.#failing) return;
    this.#failing = false;
    this.#durableN = Math.max(n, this.#durableN);
    if (!this.#closed) this.#changed();
  }

  /** The store says once that a write failed, and tries again by itself: it has to be asked when that worked. */
  #failed(error: unknown): void {
    if (this.#closed) return;
    if (!this.#failing) {
      this.#failing = true;
      this.#changed();
    }
    // Any other failure is for good.
    if (this.#recheck !== null || (error instanceof StoreError && error.code !== 'failed')) return;
    this.#recheckDelayMs = Math.min(
      recheckMs.max,
      this.#recheckDelayMs === 0 ? recheckMs.first : 2 * this.#recheckDelayMs,
    );
    this.#recheck = this.#clock.after(this.#recheckDelayMs, () => {
      this.#recheck = null;
      this.#follow(this.#store.flush(), this.#lastN);
    });
  }
}

/** Asking makes the store try: about as often as it does by itself. */
const recheckMs = { first: 1000, max: 30_000 } as const;

/** A document as the session takes it up again. */
export function resumed(stored: StoredDocument, now: number): ResumedDocument {
  return {
    now,
    epoch: stored.resume?.epoch ?? '',
    cursor: stored.resume?.cursor ?? new Uint8Array(0),
    pending: stored.pending.map(({ update }) => update),
    delivered: stored.delivered.map(({ update }) => update),
  };
}

/** The store tells its `onError`; what could not be written stays in front of what comes later, and is tried again. */
function reportedByStore(): void {}
