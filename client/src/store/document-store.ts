/** The offline store over any ordered database with atomic batches. */
import type { Clock, Random } from '@tideweave/shared';

import { mergeUpdates } from '../merge-updates.ts';
import type { StoreBackend } from './backend.ts';
import { Compactor } from './compactor.ts';
import { Connection } from './connection.ts';
import {
  Kind,
  KeyMaker,
  documentLock,
  documentAndAsides,
  documentPrefix,
  everyDocument,
  isEntryKey,
  kindRange,
  parseStorageKey,
  sizeOf,
  storageKey,
  timeOf,
  wholeDocument,
} from './keys.ts';
import { localLock } from './local-lock.ts';
import {
  type EntryKey,
  type EntryKind,
  type Lock,
  type OfflineStore,
  type ResumePoint,
  StoreError,
  type StoreEstimate,
  type StoredAside,
  type StoreLimits,
  type StoreWrite,
  type StoredDocument,
  type StoredDocumentInfo,
  type StoredEntry,
  type StoredReport,
  defaultStoreLimits,
} from './offline-store.ts';
import { type BatchView, WriteQueue, type Writes } from './write-queue.ts';

/** What a store works with. */
export interface StoreOptions {
  readonly clock: Pick<Clock, 'wallTime' | 'after' | 'soon'>;
  /** For the id of this store and of the database; not a seeded one outside tests, or two tabs would make the same keys. */
  readonly random: Random;
  /** Hears of every failure, those that a caller was told of too. */
  readonly onError: (error: StoreError) => void;
  /** Held while a document is compacted or deleted; default: among the users of this store only. */
  readonly lock?: Lock;
  /** One update that brings what all of `updates` bring; default: as Yjs does it. */
  readonly merge?: (updates: readonly Uint8Array[]) => Uint8Array | Promise<Uint8Array>;
  /** What the device has room for; default: what is stored, without a quota. */
  readonly estimate?: () => Promise<StoreEstimate>;
  readonly limits?: Partial<StoreLimits>;
}

const kindOf = { pending: Kind.pending, delivered: Kind.delivered, received: Kind.received } as const;

const noBytes = new Uint8Array(0);
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Made by `openLevelStore`, `openBrowserStore` and `openMemoryStore`; `open` is for a database of one's own. */
export class DocumentStore implements OfflineStore {
  readonly #connection: Connection;
  readonly #options: StoreOptions;
  readonly #limits: StoreLimits;
  readonly #keys: KeyMaker;
  readonly #queue: WriteQueue;
  readonly #compactor: Compactor;
  readonly #lock: Lock;
  #closing: Promise<void> | null = null;

  private constructor(connection: Connection, options: StoreOptions, lock: Lock) {
    this.#connection = connection;
    this.#options = options;
    this.#lock = lock;
    this.#limits = { ...defaultStoreLimits, ...options.limits };
    this.#keys = new KeyMaker(() => options.clock.wallTime(), options.random);
    const onError = (error: StoreError): void => this.#report(error);
    const { waitingBytesMax } = this.#limits;
    this.#queue = new WriteQueue({ connection, clock: options.clock, waitingBytesMax, onError });
    this.#compactor = new Compactor({
      queue: this.#queue,
      limits: this.#limits,
      lock,
      merge: options.merge ?? mergeUpdates,
      read: (range) => this.#read(range),
      nextKey: (size) => this.#keys.next(size),
      onError,
    });
  }

  /** Throws `StoreError` `newer` or `foreign` when the data is not to be touched. */
  static async open(backend: StoreBackend, options: StoreOptions): Promise<DocumentStore> {
    const lock = options.lock ?? localLock();
    return new DocumentStore(await Connection.open(backend, lock, options.random), options, lock);
  }

  async load(name: string): Promise<StoredDocument> {
    this.#checkOpen();
    const prefix = documentPrefix(name);
    const bases: Uint8Array[] = [];
    const received: Uint8Array[] = [];
    const delivered: StoredEntry[] = [];
    const pending: StoredEntry[] = [];
    const reports: StoredReport[] = [];
    let resume: ResumePoint | null = null;
    for (const [text, value] of await this.#read(wholeDocument(prefix))) {
      const kind = text.charAt(prefix.length) as Kind;
      const key = text.slice(prefix.length + 1);
      if (key !== '') this.#keys.saw(key);
      if (kind === Kind.resume) resume = decodeResume(value);
      else if (kind === Kind.pending) pending.push({ key, update: value });
      else if (kind === Kind.delivered) delivered.push({ key, update: value });
      else if (kind === Kind.received) received.push(value);
      else if (kind === Kind.base) bases.push(value);
      else reports.push({ key, report: JSON.parse(decoder.decode(value)) as unknown });
    }
    // Two tabs without a lock may have made two; neither is without what the other removed.
    const [first = null] = bases;
    const base = bases.length > 1 ? await this.#merge(bases) : first;
    this.#compactor.loaded(name, received, base?.length ?? 0);
    return { name, base, received, delivered, pending, resume, reports };
  }

  append(name: string, kind: EntryKind, update: Uint8Array): StoreWrite {
    const prefix = documentPrefix(name);
    const key = this.#keys.next(update.length);
    // A copy: IndexedDB stores the whole buffer that a view is part of.
    const durable = this.#write([[storageKey(prefix, kindOf[kind], key), new Uint8Array(update)]]);
    if (kind === 'received') this.#compactor.grew(name, durable, 1, update.length);
    return { key, durable };
  }

  acknowledge(name: string, keys: readonly EntryKey[]): Promise<void> {
    const prefix = documentPrefix(name);
    const durable = this.#write((view) => moved(view, prefix, Kind.pending, keys));
    this.#grew(name, durable, keys);
    return durable;
  }

  setResume(name: string, { epoch, cursor }: ResumePoint, confirmed: readonly EntryKey[] = []): Promise<void> {
    const prefix = documentPrefix(name);
    const resume: Writes = [[storageKey(prefix, Kind.resume), encodeResume(epoch, cursor)]];
    if (confirmed.length === 0) return this.#write(resume);
    const durable = this.#write(async (view) => [...(await moved(view, prefix, Kind.delivered, confirmed)), ...resume]);
    this.#grew(name, durable, confirmed);
    return durable;
  }

  putReport(name: string, report: unknown): StoreWrite {
    const prefix = documentPrefix(name);
    // Of `undefined`, which is no JSON, it makes none.
    const json = JSON.stringify(report) as string | undefined;
    if (json === undefined) throw new TypeError('a merge report is a JSON value');
    const value = encoder.encode(json);
    const { reportBytesMax, reportsMax } = this.#limits;
    if (value.length > reportBytesMax) {
      throw new StoreError('too-large', `a merge report of ${value.length} bytes; at most ${reportBytesMax} are kept`);
    }
    const key = this.#keys.next(value.length);
    const durable = this.#write(async (view) => {
      const kept = await view.keys(kindRange(prefix, Kind.report));
      const old = kept.slice(0, Math.max(0, kept.length + 1 - reportsMax));
      return [...old.map((each) => [each, null] as const), [storageKey(prefix, Kind.report, key), value] as const];
    });
    return { key, durable };
  }

  removeReport(name: string, key: EntryKey): Promise<void> {
    const prefix = documentPrefix(name);
    return isEntryKey(key) ? this.#write([[storageKey(prefix, Kind.report, key), null]]) : Promise.resolve();
  }

  async setAside(name: string, update: Uint8Array): Promise<void> {
    this.#checkOpen();
    const prefix = documentPrefix(name);
    const value = new Uint8Array(update);
    const key = storageKey(prefix, Kind.aside, this.#keys.next(value.length));
    // As in `delete`.
    await this.#lock(documentLock(name), () =>
      this.#write(async (view) => {
        const kept = await view.keys(kindRange(prefix, Kind.aside));
        const old = kept.slice(0, Math.max(0, kept.length + 1 - this.#limits.asidesMax));
        const gone = [...(await view.keys(wholeDocument(prefix))), ...old];
        return [...gone.map((each) => [each, null] as const), [key, value] as const];
      }),
    );
    this.#compactor.forget(name);
  }

  async listAside(name: string): Promise<StoredAside[]> {
    this.#checkOpen();
    const prefix = documentPrefix(name);
    const found = await this.#read(kindRange(prefix, Kind.aside));
    return found.map(([text, update]) => {
      const key = text.slice(prefix.length + 1);
      return { key, setAsideAt: timeOf(key), update };
    });
  }

  removeAside(name: string, key: EntryKey): Promise<void> {
    const prefix = documentPrefix(name);
    return isEntryKey(key) ? this.#write([[storageKey(prefix, Kind.aside, key), null]]) : Promise.resolve();
  }

  async compact(name: string): Promise<boolean> {
    this.#checkOpen();
    return this.#compactor.compact(name);
  }

  async list(): Promise<StoredDocumentInfo[]> {
    this.#checkOpen();
    await this.#settled();
    const texts = new Map((await this.#connection.keys(everyDocument)).map((text) => [text, noBytes]));
    this.#queue.overlay(texts, everyDocument);
    const byName = new Map<string, { -readonly [Key in keyof StoredDocumentInfo]: StoredDocumentInfo[Key] }>();
    for (const text of texts.keys()) {
      const parsed = parseStorageKey(text);
      if (parsed === null) continue;
      const { name, kind, key } = parsed;
      let info = byName.get(name);
      if (info === undefined) {
        info = {
          name,
          baseBytes: 0,
          receivedBytes: 0,
          deliveredBytes: 0,
          pendingBytes: 0,
          pendingUpdates: 0,
          reports: 0,
          asides: 0,
          asideBytes: 0,
        };
        byName.set(name, info);
      }
      if (kind === Kind.base) info.baseBytes += sizeOf(key);
      else if (kind === Kind.received) info.receivedBytes += sizeOf(key);
      else if (kind === Kind.delivered) info.deliveredBytes += sizeOf(key);
      else if (kind === Kind.report) info.reports += 1;
      else if (kind === Kind.aside) {
        info.asides += 1;
        info.asideBytes += sizeOf(key);
      } else if (kind === Kind.pending) {
        info.pendingBytes += sizeOf(key);
        info.pendingUpdates += 1;
      }
    }
    return [...byName.values()];
  }

  async delete(name: string): Promise<void> {
    this.#checkOpen();
    const prefix = documentPrefix(name);
    // A compaction under way in another tab would put its base back.
    await this.#lock(documentLock(name), () =>
      this.#write(async (view) => (await view.keys(documentAndAsides(prefix))).map((key) => [key, null] as const)),
    );
    this.#compactor.forget(name);
  }

  async export(name: string): Promise<Uint8Array | null> {
    const { base, received, delivered, pending } = await this.load(name);
    const updates = [...received, ...delivered.map(({ update }) => update), ...pending.map(({ update }) => update)];
    if (base !== null) updates.unshift(base);
    return updates.length === 0 ? null : this.#merge(updates);
  }

  async estimate(): Promise<StoreEstimate> {
    this.#checkOpen();
    if (this.#options.estimate !== undefined) return this.#options.estimate();
    let usageBytes = 0;
    for (const { baseBytes, receivedBytes, deliveredBytes, pendingBytes, asideBytes } of await this.list()) {
      usageBytes += baseBytes + receivedBytes + deliveredBytes + pendingBytes + asideBytes;
    }
    return { usageBytes, quotaBytes: null, persisted: null };
  }

  async flush(): Promise<void> {
    this.#checkOpen();
    await this.#queue.flush();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    try {
      await this.#compactor.stop();
      await this.#queue.flush();
    } finally {
      this.#queue.end(new StoreError('closed', 'the store was closed'));
      await this.#connection.close();
    }
  }

  #write(work: Parameters<WriteQueue['write']>[0]): Promise<void> {
    const durable = this.#closing === null ? this.#queue.write(work) : Promise.reject(closed());
    // Who does not look at it has been told through onError.
    durable.catch(() => undefined);
    return durable;
  }

  #grew(name: string, durable: Promise<void>, keys: readonly EntryKey[]): void {
    let bytes = 0;
    for (const key of keys) if (isEntryKey(key)) bytes += sizeOf(key);
    this.#compactor.grew(name, durable, keys.length, bytes);
  }

  /** Entries of the device and of what is on its way there, in the order of keys. */
  async #read(range: { gte: string; lt: string }): Promise<[string, Uint8Array][]> {
    await this.#settled();
    const before = new Map<string, Uint8Array>();
    this.#queue.overlay(before, range);
    const values = new Map(await this.#connection.entries(range));
    // What became durable during the read may have been missed by it, or been moved on from there since.
    for (const [key, value] of before) if (!values.has(key)) values.set(key, value);
    this.#queue.overlay(values, range);
    return [...values].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  /** Everything written so far is on the device, or has failed to get there and is still known here. */
  async #settled(): Promise<void> {
    await this.#queue.flush().catch(() => undefined);
  }

  async #merge(updates: readonly Uint8Array[]): Promise<Uint8Array> {
    return (this.#options.merge ?? mergeUpdates)(updates);
  }

  #report(error: StoreError): void {
    try {
      this.#options.onError(error);
    } catch (thrown) {
      // The application's own mistake: for its error handling, not for the queue's.
      this.#options.clock.soon(() => {
        throw thrown;
      });
    }
  }

  #checkOpen(): void {
    if (this.#closing !== null) throw closed();
  }
}

function closed(): StoreError {
  return new StoreError('closed', 'the store was closed');
}

/** The writes by which entries become received; those that are not there (any more) are left out. */
async function moved(view: BatchView, prefix: string, from: Kind, keys: readonly EntryKey[]): Promise<Writes> {
  const known = keys.filter(isEntryKey);
  const values = await view.getMany(known.map((key) => storageKey(prefix, from, key)));
  const writes: [string, Uint8Array | null][] = [];
  for (const [index, key] of known.entries()) {
    const value = values[index];
    if (value === undefined) continue;
    writes.push([storageKey(prefix, from, key), null], [storageKey(prefix, Kind.received, key), value]);
  }
  return writes;
}

/** The length of the epoch in one byte, the epoch, the cursor. */
function encodeResume(epoch: string, cursor: Uint8Array): Uint8Array {
  const text = encoder.encode(epoch);
  if (text.length > 255) throw new StoreError('too-large', 'an epoch of more than 255 bytes');
  const bytes = new Uint8Array(1 + text.length + cursor.length);
  bytes[0] = text.length;
  bytes.set(text, 1);
  bytes.set(cursor, 1 + text.length);
  return bytes;
}

function decodeResume(bytes: Uint8Array): ResumePoint {
  const cursorStart = 1 + (bytes[0] ?? 0);
  return { epoch: decoder.decode(bytes.subarray(1, cursorStart)), cursor: bytes.slice(cursorStart) };
}
