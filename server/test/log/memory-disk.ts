/**
 * A disk for the embedded log that can fail or lose power at any write. It remembers each batch, so that a test can ask
 * what would be found after a crash, with or without what had not been synced.
 */
import type { KeyRange } from '../../src/log/keys.ts';
import type { Lost, Pair, RangeOptions, StoragePort, WriteOperation } from '../../src/log/level-storage.ts';

interface WrittenBatch {
  readonly operations: readonly WriteOperation[];
  readonly sync: boolean;
}

export class MemoryDisk implements StoragePort {
  readonly #written: WrittenBatch[] = [];
  readonly #pairs = new Map<string, Pair>();
  #dead = false;
  /** How many batches were written or tried. */
  writes = 0;
  /** How often it was reopened. */
  reopens = 0;
  /** Called with the number of each write (from 0): what is to happen to it. */
  onWrite: (number: number) => 'ok' | 'fail' | 'fail but keep' | 'lose power' | 'keep and lose power' = () => 'ok';
  /** Whether reopening works. */
  reopenable = true;

  constructor(batches: readonly WrittenBatch[] = []) {
    for (const batch of batches) this.#apply(batch);
  }

  /** What is found when the power comes back: all up to the last synced batch, and `unsynced` what came after. */
  afterCrash({ unsynced }: { readonly unsynced: boolean }): MemoryDisk {
    const synced = this.#written.findLastIndex(({ sync }) => sync) + 1;
    return new MemoryDisk(unsynced ? this.#written : this.#written.slice(0, synced));
  }

  /** All keys, in order. */
  allKeys(): Uint8Array[] {
    return this.#sorted().map(({ key }) => key);
  }

  /** Changes a stored value behind the log's back; null removes it. */
  tamper(key: Uint8Array, value: Uint8Array | null): void {
    this.#apply({ operations: [{ key, value }], sync: true });
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    await this.#turn();
    return this.#pairs.get(Buffer.from(key).toString('hex'))?.value;
  }

  async pairs({ from, to }: KeyRange, { limit, reverse = false }: RangeOptions = {}): Promise<Pair[]> {
    const found = this.#sorted().filter(({ key }) => Buffer.compare(key, from) >= 0 && Buffer.compare(key, to) < 0);
    await this.#turn();
    return (reverse ? found.reverse() : found).slice(0, limit);
  }

  async keys(range: KeyRange, options: RangeOptions = {}): Promise<Uint8Array[]> {
    return (await this.pairs(range, options)).map(({ key }) => key);
  }

  async write(operations: readonly WriteOperation[], sync: boolean): Promise<void> {
    await this.#turn();
    const fate = this.onWrite(this.writes);
    this.writes += 1;
    if (fate === 'ok' || fate === 'fail but keep' || fate === 'keep and lose power') this.#apply({ operations, sync });
    if (fate === 'lose power' || fate === 'keep and lose power') this.#dead = true;
    if (fate !== 'ok') throw new Error('the disk failed');
    await this.#turn();
  }

  async reopen(): Promise<void> {
    await this.#turn();
    this.reopens += 1;
    if (!this.reopenable) throw new Error('no room');
  }

  async lost(): Promise<Lost> {
    return { batches: [], ranges: [], behind: [] };
  }

  async forgetLost(): Promise<void> {}

  async close(): Promise<void> {}

  #apply(batch: WrittenBatch): void {
    // Values are copied, as a real store does.
    const operations = batch.operations.map(({ key, value }) => ({
      key: key.slice(),
      value: value === null ? null : new Uint8Array(value),
    }));
    this.#written.push({ operations, sync: batch.sync });
    for (const { key, value } of operations) {
      const hex = Buffer.from(key).toString('hex');
      if (value === null) this.#pairs.delete(hex);
      else this.#pairs.set(hex, { key, value });
    }
  }

  #sorted(): Pair[] {
    return [...this.#pairs.values()].sort((a, b) => Buffer.compare(a.key, b.key));
  }

  async #turn(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#dead) throw new Error('the power is off');
  }
}
