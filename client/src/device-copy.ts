import type { ResumedDocument } from '@tideweave/shared';
import type { EntryKey, OfflineStore, StoredDocument } from './store/offline-store.ts';

/**
 * What the device keeps of one open document: follows the session's numbers and confirmations with the store's keys. A
 * write that fails is the store's to retry and to report; until it is through, the edit counts as being in memory only.
 */
export class DeviceCopy {
  readonly #store: OfflineStore;
  readonly #name: string;
  readonly #changed: () => void;
  /** Keys of edits without an acknowledgement, in order, with their numbers. */
  #pending: { readonly n: number; readonly key: EntryKey }[] = [];
  /** Keys of updates from others that nobody confirmed, in order; then those that wait for the next watermark. */
  #delivered: EntryKey[] = [];
  #confirmed: EntryKey[] = [];
  #durableN = 0;

  /** `changed` is called when more edits are durable on the device. */
  constructor(store: OfflineStore, name: string, changed: () => void) {
    this.#store = store;
    this.#name = name;
    this.#changed = changed;
  }

  /** Every edit up to this number survives a crash of this device. */
  get durableN(): number {
    return this.#durableN;
  }

  /** Reads what is kept; called once, before anything is added. */
  async load(): Promise<StoredDocument> {
    const stored = await this.#store.load(this.#name);
    this.#pending = stored.pending.map(({ key }, at) => ({ n: at + 1, key }));
    this.#delivered = stored.delivered.map(({ key }) => key);
    this.#durableN = stored.pending.length;
    return stored;
  }

  /** Keeps an edit. */
  edited(n: number, update: Uint8Array): void {
    const { key, durable } = this.#store.append(this.#name, 'pending', update);
    this.#pending.push({ n, key });
    durable.then(
      () => this.#reached(n),
      () => this.#afterFailure(n),
    );
  }

  /** Keeps an update from others. */
  delivered(update: Uint8Array): void {
    const { key, durable } = this.#store.append(this.#name, 'delivered', update);
    this.#delivered.push(key);
    durable.catch(reportedByStore);
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

  /** Writes are retried in order, so that when all got there, this one did. */
  #afterFailure(n: number): void {
    this.#store.flush().then(() => this.#reached(n), reportedByStore);
  }

  #reached(n: number): void {
    if (n <= this.#durableN) return;
    this.#durableN = n;
    this.#changed();
  }
}

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
