/** What a device keeps on its own disk, and what of it the person at it was promised. */
import { type DocumentStore, MemoryDevice, type OfflineStore, openMemoryStore } from '@tideweave/client/store';
import { Coverage } from './coverage.ts';
import type { DeviceWorld } from './device.ts';
import { Dice } from './dice.ts';
import type { Edit } from './replica.ts';
import type { DeviceSettings } from './settings.ts';
import type { ProcessClock } from './timeline.ts';

/** Outlives the device's processes, where the device has a store at all. */
export class DeviceMemory {
  readonly keeps: boolean;
  readonly #world: DeviceWorld;
  readonly #name: string;
  readonly #disk = new MemoryDevice();
  readonly #dice: Dice;
  /** What was shown as safe on the device, by document. */
  readonly #promised = new Map<string, Coverage>();
  /** Ids under which this device has edited, by document. */
  readonly #authors = new Map<string, Set<number>>();
  #store: Promise<DocumentStore> | null = null;
  /** Told what is pending in a document that was read, and which history it belongs to. */
  onLoaded: (document: string, pending: Edit[], epoch: string) => void = () => undefined;

  constructor(world: DeviceWorld, { name, store }: DeviceSettings) {
    this.keeps = store;
    this.#world = world;
    this.#name = name;
    this.#dice = Dice.for(world.settings.seed, `memory of ${name}`);
  }

  /** A process begins: the store for its client, if there is one. Writes under way die with the process. */
  begin(clock: ProcessClock): { readonly store?: Promise<OfflineStore> } {
    if (!this.keeps) return {};
    this.#disk.onWrite = async () => {
      await clock.sleep(1 + this.#dice.random() * 20);
      if (!this.#dice.chance(failureChance)) return;
      this.#world.fault('device-disk-error');
      throw new Error('QuotaExceededError');
    };
    this.#store = openMemoryStore({
      clock,
      random: this.#dice.random,
      onError: () => undefined,
      device: this.#disk,
      limits: { compactEntries: 8 },
    });
    return { store: this.#store.then((store) => this.#watched(store)) };
  }

  /** The screen says that these are safe. */
  promised(document: string, edits: readonly Edit[]): void {
    if (!this.keeps) return;
    const promised = this.#promised.get(document) ?? new Coverage();
    for (const { coverage } of edits) promised.add(coverage);
    this.#promised.set(document, promised);
  }

  /** Everybody whose edits this device may push, with the newest id. */
  authors(document: string, clientId: number): ReadonlySet<number> {
    const authors = this.keeps ? (this.#authors.get(document) ?? new Set<number>()) : new Set<number>();
    authors.add(clientId);
    this.#authors.set(document, authors);
    return authors;
  }

  /** The same store; C4: whenever a document is loaded, all that was called safe on the device is there. */
  #watched(store: DocumentStore): OfflineStore {
    const load = store.load.bind(store);
    store.load = async (document) => {
      const stored = await load(document);
      const { base, received, delivered, pending } = stored;
      const kept = new Coverage();
      for (const update of [...(base === null ? [] : [base]), ...received]) kept.add(Coverage.ofUpdate(update));
      for (const { update } of [...delivered, ...pending]) kept.add(Coverage.ofUpdate(update));
      const lacks = kept.lacks(this.#promised.get(document) ?? new Coverage());
      if (lacks !== null) this.#world.report('C4', `${this.#name} lost ${lacks} of ${document}, which it called safe`);
      const edits = pending.map(({ update }, at) => ({ n: at + 1, update, coverage: Coverage.ofUpdate(update) }));
      this.onLoaded(document, edits, stored.resume?.epoch ?? '');
      return stored;
    };
    return store;
  }

  /** A person throws away what is here of a document; false when the disk does not let it happen. */
  async forget(document: string): Promise<boolean> {
    this.#promised.delete(document);
    // One that could not be opened has nothing to give up.
    const store = await this.#store?.catch(() => null);
    try {
      await store?.delete(document);
      return true;
    } catch {
      return false;
    }
  }
}

const failureChance = 0.01;
