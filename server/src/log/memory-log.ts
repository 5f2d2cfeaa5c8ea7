/**
 * A document log in memory, for tests and the simulator: the semantics of the embedded one, with faults that can be
 * injected. What it holds survives everything but the process.
 */
import { RefusedError } from '@tideweave/shared';

import type {
  Append,
  AppendResult,
  Compaction,
  DocumentImage,
  DocumentLog,
  Entry,
  Head,
  QuarantinedEntry,
  Snapshot,
} from './document-log.ts';
import {
  assertCreatable,
  assertReadable,
  assertUnused,
  compactable,
  compacted,
  emptyHead,
  extended,
  refusalToAppend,
  tombstone,
} from './head-rules.ts';
import { nameToBytes } from './keys.ts';

/** What may go wrong, or take its time, around an operation; a hook that rejects makes it reject. */
export interface MemoryLogFaults {
  /** Before an append takes effect: rejecting fails it with nothing stored. */
  beforeAppend?: () => Promise<void>;
  /** After an append took effect: rejecting is the failed commit that survived all the same. */
  afterAppend?: () => Promise<void>;
  /** Before a compaction takes effect. */
  beforeCompact?: () => Promise<void>;
}

interface MemoryDocument {
  head: Head;
  entries: Entry[];
  snapshot: Snapshot | null;
  quarantined: QuarantinedEntry[];
}

export class MemoryLog implements DocumentLog {
  /** Set and clear these at any time. */
  readonly faults: MemoryLogFaults = {};
  readonly #wallTime: () => number;
  readonly #randomId: () => string;
  readonly #documents = new Map<string, MemoryDocument>();

  constructor(options: { readonly wallTime: () => number; readonly randomId: () => string }) {
    this.#wallTime = options.wallTime;
    this.#randomId = options.randomId;
  }

  async append(appends: readonly Append[]): Promise<readonly AppendResult[]> {
    await this.faults.beforeAppend?.();
    const results = appends.map((append) => this.#append(append));
    await this.faults.afterAppend?.();
    return results;
  }

  async head(name: string): Promise<Head | null> {
    nameToBytes(name);
    return this.#documents.get(name)?.head ?? null;
  }

  async read(name: string, after: number): Promise<readonly Entry[]> {
    nameToBytes(name);
    const document = this.#documents.get(name);
    if (document === undefined) return [];
    assertReadable(document.head, after);
    return document.entries.filter(({ seq }) => seq > after);
  }

  async snapshot(name: string): Promise<Snapshot | null> {
    nameToBytes(name);
    return this.#documents.get(name)?.snapshot ?? null;
  }

  async compact(name: string, compaction: Compaction): Promise<Head> {
    nameToBytes(name);
    await this.faults.beforeCompact?.();
    const document = this.#documents.get(name);
    const head = compactable(name, document?.head ?? null, compaction);
    if (document === undefined) return head;
    const { snapshot, keepFrom, quarantined } = compaction;
    let mergedBytes = 0;
    for (const { seq, update } of document.entries) {
      if (seq > head.snapshotSeq && seq <= snapshot.seq) mergedBytes += update.byteLength;
    }
    document.head = compacted(head, compaction, mergedBytes);
    document.entries = document.entries.filter(({ seq }) => seq >= keepFrom);
    document.snapshot = { seq: snapshot.seq, update: snapshot.update.slice(), index: snapshot.index.slice() };
    document.quarantined.push(...quarantined);
    return document.head;
  }

  async quarantined(name: string): Promise<readonly QuarantinedEntry[]> {
    nameToBytes(name);
    return [...(this.#documents.get(name)?.quarantined ?? [])];
  }

  async create(name: string): Promise<Head> {
    nameToBytes(name);
    assertCreatable(this.#documents.get(name)?.head ?? null);
    return this.#insert(name).head;
  }

  async delete(name: string): Promise<boolean> {
    nameToBytes(name);
    const head = this.#documents.get(name)?.head;
    if (head === undefined || head.deletedAt !== null) return false;
    this.#insert(name).head = tombstone(head, this.#wallTime());
    return true;
  }

  async list({ after, limit }: { readonly after: string | null; readonly limit: number }): Promise<readonly Head[]> {
    const from = after === null ? new Uint8Array(0) : nameToBytes(after);
    return [...this.#documents.values()]
      .filter(({ head }) => head.deletedAt === null)
      .map(({ head }) => ({ head, bytes: nameToBytes(head.name) }))
      .filter(({ bytes }) => Buffer.compare(bytes, from) > 0)
      .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
      .slice(0, limit)
      .map(({ head }) => head);
  }

  async names({ after, limit }: { readonly after: string | null; readonly limit: number }): Promise<readonly string[]> {
    const from = after === null ? new Uint8Array(0) : nameToBytes(after);
    return [...this.#documents.keys()]
      .map((name) => ({ name, bytes: nameToBytes(name) }))
      .filter(({ bytes }) => Buffer.compare(bytes, from) > 0)
      .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
      .slice(0, limit)
      .map(({ name }) => name);
  }

  async restore({ head, snapshot, entries, quarantined }: DocumentImage): Promise<Head> {
    nameToBytes(head.name);
    assertUnused(head.name, this.#documents.get(head.name)?.head ?? null);
    const document = this.#insert(head.name);
    document.head = { ...head, logId: document.head.logId };
    document.snapshot = snapshot;
    document.entries = [...entries];
    document.quarantined = [...quarantined];
    return document.head;
  }

  async probe(): Promise<void> {
    await this.faults.beforeAppend?.();
  }

  async close(): Promise<void> {}

  #insert(name: string): MemoryDocument {
    const head = emptyHead(name, this.#randomId(), this.#randomId(), this.#wallTime());
    const document = { head, entries: [], snapshot: null, quarantined: [] };
    this.#documents.set(name, document);
    return document;
  }

  #append(append: Append): AppendResult {
    try {
      nameToBytes(append.name);
    } catch (error) {
      if (error instanceof RefusedError) return { refused: error };
      throw error;
    }
    const found = this.#documents.get(append.name);
    const refused = refusalToAppend(found?.head ?? null, append);
    if (refused !== null) return { refused };
    const document = found ?? this.#insert(append.name);
    let seq = document.head.lastSeq;
    for (const { time, user, device, update } of append.entries) {
      seq += 1;
      document.entries.push({ seq, time, user, device, update: update.slice() });
    }
    document.head = extended(document.head, append.entries);
    return { head: document.head };
  }
}
