/** The store in memory: for tests, and for a device that allows no other. What it holds ends with the process. */
import type { Batch, KeyRange, StoreBackend } from './backend.ts';
import { DocumentStore, type StoreOptions } from './document-store.ts';

/** What stands for the device; stores that share one are like the tabs of a browser. */
export class MemoryDevice {
  readonly values: Map<string, Uint8Array> = new Map<string, Uint8Array>();
  /** Called before each batch takes effect; a test makes it wait or throw. */
  onWrite: ((batch: Batch) => Promise<void>) | null = null;
}

export class MemoryBackend implements StoreBackend {
  readonly #device: MemoryDevice;
  /** As LevelDB. */
  readonly isSuspectAfterFailure = true;
  #open = true;

  constructor(device: MemoryDevice) {
    this.#device = device;
  }

  async getMany(keys: readonly string[]): Promise<(Uint8Array | undefined)[]> {
    this.#checkOpen();
    return keys.map((key) => copy(this.#device.values.get(key)));
  }

  async entries(range: KeyRange): Promise<[string, Uint8Array][]> {
    return (await this.keys(range)).map((key) => [key, copy(this.#device.values.get(key)) ?? new Uint8Array(0)]);
  }

  async keys({ gte, lt }: KeyRange): Promise<string[]> {
    this.#checkOpen();
    return [...this.#device.values.keys()].filter((key) => key >= gte && key < lt).sort();
  }

  async write(batch: Batch): Promise<void> {
    this.#checkOpen();
    await this.#device.onWrite?.(batch);
    this.#checkOpen();
    for (const [key, value] of batch) {
      if (value === null) this.#device.values.delete(key);
      else this.#device.values.set(key, value);
    }
  }

  isClosed(error: unknown): boolean {
    return error instanceof DatabaseClosedError;
  }

  async reopen(): Promise<void> {
    this.#open = true;
  }

  async close(): Promise<void> {
    this.#open = false;
  }

  #checkOpen(): void {
    if (!this.#open) throw new DatabaseClosedError('the database is not open');
  }
}

class DatabaseClosedError extends Error {
  override readonly name = 'DatabaseClosedError';
}

function copy(bytes: Uint8Array | undefined): Uint8Array | undefined {
  return bytes === undefined ? undefined : new Uint8Array(bytes);
}

/** A store on a device in memory, a new one by default. */
export function openMemoryStore(options: StoreOptions & { readonly device?: MemoryDevice }): Promise<DocumentStore> {
  return DocumentStore.open(new MemoryBackend(options.device ?? new MemoryDevice()), options);
}
