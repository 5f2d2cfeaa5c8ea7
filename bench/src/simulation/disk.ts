/** The disk under the embedded log: it takes time, runs full, fails, and forgets at a crash what was not synced. */
import type { KeyRange, Pair, RangeOptions, StoragePort, WriteOperation } from '@tideweave/server/testing';
import type { Dice } from './dice.ts';
import type { ProcessClock } from './timeline.ts';

/** What a write comes to when the disk is told to fail it. */
export type WriteFate = 'fail' | 'fail-but-keep' | 'die-before' | 'die-in-sync' | 'die-after';

/** What was there before a write, to take it back when it was not synced. */
type Undo = readonly (readonly [string, Pair | undefined])[];

/** A copy of all that is stored. */
export type DiskImage = ReadonlyMap<string, Pair>;

/** Outlives the processes that use it; `SimulatedStorage` is one process's view. */
export class SimulatedDisk {
  readonly dice: Dice;
  #pairs = new Map<string, Pair>();
  #sorted: string[] | null = null;
  /** How to take back the batches that were not synced, the oldest first. */
  #unsynced: Undo[] = [];
  /** Batches that are being written and synced: visible to nobody yet, and perhaps on the disk all the same. */
  readonly underWay: Set<readonly WriteOperation[]> = new Set<readonly WriteOperation[]>();
  /** Fates of the next writes, by how many writes are still to go well before. */
  readonly fates: { afterWrites: number; fate: WriteFate }[] = [];
  /** Called when a write takes the power with it. */
  onDeath: () => void = () => undefined;
  /** What a fault really did, for the count of faults. */
  onFault: (kind: 'disk-full' | 'disk-error' | 'disk-error-kept' | 'read-error' | 'slow-fsync' | 'torn') => void = () =>
    undefined;
  full = false;
  readErrors = 0;
  /** A bit that is wrong: the value as it was, and as it is. */
  #damage: { readonly key: string; readonly whole: Pair; readonly damaged: Pair } | null = null;
  /** Milliseconds that a sync takes on top. */
  slowMs = 0;

  constructor(dice: Dice) {
    this.dice = dice;
  }

  get image(): DiskImage {
    return new Map(this.#pairs);
  }

  /** Puts a copy back, as somebody restores a backup by hand. */
  restore(image: DiskImage): void {
    this.#pairs = new Map(image);
    this.#sorted = null;
    this.#unsynced = [];
    this.#damage = null;
  }

  get isDamaged(): boolean {
    return this.#damage !== null;
  }

  /** Turns a bit of something that is stored over (D4); false when there is nothing, or something is damaged already. */
  flip(dice: Dice): boolean {
    const [key, whole] = [...this.#pairs][dice.below(this.#pairs.size)] ?? [];
    if (key === undefined || whole === undefined || whole.value.length === 0 || this.isDamaged) return false;
    const value = whole.value.slice();
    const at = dice.below(value.length);
    value[at] = (value[at] ?? 0) ^ (1 << dice.below(8));
    const damaged = { key: whole.key, value };
    this.#pairs.set(key, damaged);
    this.#damage = { key, whole, damaged };
    return true;
  }

  /** Puts the bit right, unless something else was written there; false when nothing was damaged. */
  mend(): boolean {
    if (this.#damage === null) return false;
    const { key, whole, damaged } = this.#damage;
    if (this.#pairs.get(key) === damaged) this.#pairs.set(key, whole);
    this.#damage = null;
    return true;
  }

  /**
   * The process dies in the middle of everything. When the power goes too, only a beginning of what was not synced has
   * made it; a write under way may have made it when everything before it has.
   */
  crash({ power }: { readonly power: boolean }): void {
    const survive = power ? this.dice.below(this.#unsynced.length + 1) : this.#unsynced.length;
    const whole = survive === this.#unsynced.length;
    if (!whole) this.onFault('torn');
    for (const undo of this.#unsynced.slice(survive).reverse()) {
      for (const [key, before] of undo.toReversed()) {
        if (before === undefined) this.#pairs.delete(key);
        else this.#pairs.set(key, before);
      }
    }
    this.#unsynced = [];
    this.#sorted = null;
    for (const batch of this.underWay) {
      if (whole && this.dice.chance(0.5)) this.apply(batch, true);
      else this.onFault('torn');
    }
    this.underWay.clear();
    this.fates.length = 0;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#pairs.get(textOf(key))?.value;
  }

  range({ from, to }: KeyRange, { limit = Infinity, reverse = false }: RangeOptions): Pair[] {
    this.#sorted ??= [...this.#pairs.keys()].sort();
    const first = lowerBound(this.#sorted, textOf(from));
    const end = lowerBound(this.#sorted, textOf(to));
    const count = Math.min(limit, end - first);
    const keys = reverse ? this.#sorted.slice(end - count, end).reverse() : this.#sorted.slice(first, first + count);
    return keys.flatMap((key) => this.#pairs.get(key) ?? []);
  }

  apply(batch: readonly WriteOperation[], sync: boolean): void {
    const undo: (readonly [string, Pair | undefined])[] = [];
    for (const { key, value } of batch) {
      const text = textOf(key);
      const before = this.#pairs.get(text);
      undo.push([text, before]);
      if ((before === undefined) === (value !== null)) this.#sorted = null;
      // Copied, as a real store does.
      if (value === null) this.#pairs.delete(text);
      else this.#pairs.set(text, { key: key.slice(), value: new Uint8Array(value) });
    }
    if (sync) this.#unsynced = [];
    else this.#unsynced.push(undo);
  }

  /** What becomes of the write that begins now. */
  nextFate(): WriteFate | 'ok' {
    let fate: WriteFate | 'ok' = 'ok';
    for (const planned of this.fates.slice()) {
      planned.afterWrites--;
      if (planned.afterWrites >= 0) continue;
      this.fates.splice(this.fates.indexOf(planned), 1);
      if (fate === 'ok') ({ fate } = planned);
    }
    return fate;
  }
}

/** The disk as one process sees it; with the process its operations under way end without an answer. */
export class SimulatedStorage implements StoragePort {
  readonly #disk: SimulatedDisk;
  readonly #clock: ProcessClock;

  constructor(disk: SimulatedDisk, clock: ProcessClock) {
    this.#disk = disk;
    this.#clock = clock;
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    await this.#read();
    return this.#disk.get(key);
  }

  async pairs(range: KeyRange, options: RangeOptions = {}): Promise<Pair[]> {
    const found = this.#disk.range(range, options);
    await this.#read();
    return found;
  }

  async keys(range: KeyRange, options: RangeOptions = {}): Promise<Uint8Array[]> {
    return (await this.pairs(range, options)).map(({ key }) => key);
  }

  async write(batch: readonly WriteOperation[], sync: boolean): Promise<void> {
    const disk = this.#disk;
    await this.#clock.sleep(disk.dice.random() * 2);
    if (disk.full) {
      disk.onFault('disk-full');
      throw new Error('ENOSPC: no space left on device');
    }
    const fate = disk.nextFate();
    if (fate === 'die-after' || fate === 'die-before' || (fate === 'die-in-sync' && !sync)) {
      if (fate === 'die-after') disk.apply(batch, sync);
      disk.onDeath();
      await new Promise(() => undefined);
    }
    if (sync) {
      disk.underWay.add(batch);
      if (disk.slowMs > 0) disk.onFault('slow-fsync');
      await this.#clock.sleep(disk.slowMs + disk.dice.random() * 4);
      if (fate === 'die-in-sync') {
        disk.onDeath();
        await new Promise(() => undefined);
      }
      disk.underWay.delete(batch);
    }
    if (fate !== 'fail') disk.apply(batch, sync);
    if (fate === 'ok') return;
    disk.onFault(fate === 'fail' ? 'disk-error' : 'disk-error-kept');
    throw new Error('EIO: i/o error');
  }

  async reopen(): Promise<void> {
    await this.#clock.sleep(1);
    if (this.#disk.full) throw new Error('ENOSPC: no space left on device');
  }

  /** What a crash takes here never counted as written. */
  async lost(): ReturnType<StoragePort['lost']> {
    return { batches: [], ranges: [], behind: [] };
  }

  async forgetLost(): Promise<void> {}

  async close(): Promise<void> {}

  async #read(): Promise<void> {
    const disk = this.#disk;
    // Most reads are answered from memory.
    if (disk.dice.chance(0.3)) await this.#clock.sleep(disk.dice.random() * 3);
    if (disk.readErrors === 0) return;
    disk.readErrors--;
    disk.onFault('read-error');
    throw new Error('EIO: i/o error');
  }
}

function textOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1');
}

/** Index of the first key that is not before `key`. */
function lowerBound(sorted: readonly string[], key: string): number {
  let from = 0;
  let to = sorted.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if ((sorted[middle] ?? '') < key) from = middle + 1;
    else to = middle;
  }
  return from;
}
