/**
 * The part of the oracle that stands at the log: what each document holds durably, from what the log itself said and
 * from reading it after every restart, never from what the relay believes.
 */
import type { Append, AppendResult, Compaction, DocumentLog, Entry, Head, NewEntry } from '@tideweave/server/testing';
import { type EntryAuthor, RefusedError } from '@tideweave/shared';
import * as Y from 'yjs';
import { Coverage, documentOf, isIncomplete } from './coverage.ts';
import type { Report } from './violation.ts';

/** One history of one document. */
export interface History {
  readonly name: string;
  readonly epoch: string;
  readonly logId: string;
  lastSeq: number;
  /** Durable by the log's own word, or read back after a restart. */
  readonly durable: Coverage;
  /** What stored updates say themselves; Yjs deletes more when it integrates them. */
  readonly declared: Coverage;
  /** Acknowledged or read once: it must be in every later full read (D1). */
  readonly promised: Coverage;
  /** Every accepted entry, applied as it was committed (C2). */
  readonly reference: Y.Doc;
  deleted: boolean;
}

/** What of `coverage` is not durable, in words; null when all of it is. */
export function notDurable({ durable, reference }: History, coverage: Coverage): string | null {
  const lacks = durable.lacks(coverage);
  // What Yjs deletes by itself when it integrates entries, none of them says; whoever reads the log finds it deleted.
  return lacks === null ? null : Coverage.ofDocument(reference).lacks(coverage);
}

/** A full read of a document. */
export interface Reading {
  readonly head: Head;
  readonly doc: Y.Doc;
  readonly updates: readonly Uint8Array[];
}

export class Witness {
  readonly #report: Report;
  readonly #histories = new Map<string, History>();
  /** Documents that an older copy of the disk has set back, and that nobody could read since (C7). */
  readonly #setBack = new Set<string>();
  /** What was handed to the log of each document: who, when and what, whatever became of it. */
  readonly #handed = new Map<string, Set<string>>();
  /** An append failed: the next may store again what survived all the same. */
  #uncertain = false;
  /** Told of each entry when it is durable. */
  onEntry: (history: History, entry: NewEntry, coverage: Coverage) => void = () => undefined;
  /** Told of each compaction. */
  onCompacted: () => void = () => undefined;
  onDeleted: (name: string) => void = () => undefined;
  /** Whether the world itself has damaged what is stored. */
  isDamaged: () => boolean = () => false;

  constructor(report: Report) {
    this.#report = report;
  }

  history(name: string): History | undefined {
    return this.#histories.get(name);
  }

  /** Whether somebody's entry with just this was handed to the log of a document. */
  wasHanded(document: string, entry: EntryAuthor): boolean {
    const coverage = new Coverage();
    for (const [client, , end] of entry.inserts) coverage.insert(client, end);
    for (const [client, start, end] of entry.deletes) coverage.remove(client, start, end);
    return this.#handed.get(document)?.has(writtenBy(entry, coverage)) === true;
  }

  /** The same log, watched. */
  watch(log: DocumentLog): DocumentLog {
    return {
      append: async (appends) => {
        for (const append of appends) this.#handOver(append);
        try {
          const results = await log.append(appends);
          for (const [at, append] of appends.entries()) this.#appended(append, results[at]);
          this.#uncertain = false;
          return results;
        } catch (error) {
          this.#uncertain = true;
          throw error;
        }
      },
      head: (name) => log.head(name),
      read: (name, after) => log.read(name, after),
      snapshot: (name) => log.snapshot(name),
      compact: async (name, compaction) => {
        const head = await log.compact(name, compaction);
        await this.#compacted(log, name, compaction, head);
        return head;
      },
      quarantined: (name) => log.quarantined(name),
      create: async (name) => {
        const head = await log.create(name);
        this.#begin(head);
        return head;
      },
      delete: async (name) => {
        const deleted = await log.delete(name);
        const history = this.#histories.get(name);
        if (history !== undefined) history.deleted = true;
        this.onDeleted(name);
        return deleted;
      },
      list: (options) => log.list(options),
      names: (options) => log.names(options),
      restore: (image) => log.restore(image),
      probe: () => log.probe(),
      close: () => log.close(),
    };
  }

  /** The relay has restarted: reads everything back. `restored`: an older copy of the disk was put in place (C7). */
  async restarted(log: DocumentLog, names: readonly string[], { restored }: { restored: boolean }): Promise<void> {
    if (restored) for (const name of names) this.#setBack.add(name);
    for (const name of names) {
      const before = this.#histories.get(name);
      const reading = await this.#tryRead(log, name);
      if (reading === 'later') continue;
      if (this.#setBack.delete(name)) this.#histories.delete(name);
      else if (before !== undefined) this.#checkAgainst(before, reading);
      if (reading === null || reading.head.deletedAt !== null) {
        const history = this.#histories.get(name);
        if (history !== undefined) history.deleted = true;
        continue;
      }
      // An entry that was under way may have made it without the log's word.
      const history = this.#begin(reading.head);
      const coverage = Coverage.ofDocument(reading.doc);
      history.lastSeq = reading.head.lastSeq;
      history.durable.add(coverage);
      history.promised.add(coverage);
      for (const update of reading.updates) history.declared.add(Coverage.ofUpdate(update));
      Y.applyUpdate(history.reference, Y.encodeStateAsUpdate(reading.doc));
    }
  }

  /** A full read, checked: it has everything that was promised, is complete (C5), loads and encodes again (L1). */
  async check(log: DocumentLog, name: string): Promise<Reading | null> {
    const history = this.#histories.get(name);
    const reading = await this.#tryRead(log, name);
    if (reading === 'later') return null;
    if (history !== undefined && !history.deleted) this.#checkAgainst(history, reading);
    // A creation that was reported as failed may have made it all the same.
    if (reading !== null && reading.head.deletedAt === null) this.#begin(reading.head);
    return reading;
  }

  #checkAgainst(history: History, reading: Reading | null): void {
    const { name } = history;
    if (history.deleted) return;
    if (reading === null) {
      this.#report('D1', `${name} is gone`);
      return;
    }
    // A deletion that was under way may have made it without the log's word.
    if (reading.head.deletedAt !== null || reading.head.epoch !== history.epoch) return;
    const lacks = Coverage.ofDocument(reading.doc).lacks(history.promised);
    if (lacks !== null) this.#report('D1', `${name} was read back without ${lacks}`);
    if (reading.head.lastSeq < history.lastSeq) {
      this.#report('D1', `the log of ${name} ends at ${reading.head.lastSeq} and was at ${history.lastSeq}`);
    }
  }

  /** `later`: the storage does not answer, or the document changed under the read. */
  async #tryRead(log: DocumentLog, name: string): Promise<Reading | null | 'later'> {
    try {
      const head = await log.head(name);
      if (head === null) return null;
      const snapshot = await log.snapshot(name);
      const tail: readonly Entry[] = head.deletedAt === null ? await log.read(name, head.snapshotSeq) : [];
      if ((snapshot?.seq ?? 0) !== head.snapshotSeq) return 'later';
      const after = await log.head(name);
      if (after?.epoch !== head.epoch || after.snapshotSeq !== head.snapshotSeq) return 'later';
      const updates = [...(snapshot === null ? [] : [snapshot.update]), ...tail.map(({ update }) => update)];
      const doc = documentOf(updates);
      this.#checkLoads(name, doc);
      return { head: { ...head, lastSeq: tail.at(-1)?.seq ?? head.lastSeq }, doc, updates };
    } catch (error) {
      if (error instanceof RangeError) return 'later';
      const isTrouble =
        error instanceof RefusedError &&
        (error.code === 'TW_STORAGE_FAILED' || (error.code === 'TW_DOCUMENT_CORRUPT' && this.isDamaged()));
      if (!isTrouble) this.#report('D4', `${name} cannot be read: ${String(error)}`);
      return 'later';
    }
  }

  #checkLoads(name: string, doc: Y.Doc): void {
    if (isIncomplete(doc)) this.#report('C5', `${name} holds what cannot be integrated`);
    const again = documentOf([Y.encodeStateAsUpdate(doc)]);
    const difference = Coverage.ofDocument(again).difference(Coverage.ofDocument(doc));
    if (difference !== null) this.#report('L1', `${name}, encoded and loaded again, ${difference}`);
  }

  #begin(head: Head): History {
    const { name, epoch, logId, lastSeq } = head;
    const known = this.#histories.get(name);
    if (known?.epoch === epoch) return known;
    const reference = documentOf([]);
    const coverages = { durable: new Coverage(), declared: new Coverage(), promised: new Coverage() };
    const history: History = { name, epoch, logId, lastSeq, ...coverages, reference, deleted: false };
    this.#histories.set(name, history);
    return history;
  }

  #handOver({ name, entries }: Append): void {
    const handed = this.#handed.get(name) ?? new Set();
    this.#handed.set(name, handed);
    for (const entry of entries) handed.add(writtenBy(entry, Coverage.ofUpdate(entry.update)));
  }

  #appended({ entries }: Append, result: AppendResult | undefined): void {
    if (result === undefined || !('head' in result)) return;
    const history = this.#begin(result.head);
    history.lastSeq = Math.max(history.lastSeq, result.head.lastSeq);
    for (const entry of entries) {
      const coverage = Coverage.ofUpdate(entry.update);
      if (!this.#uncertain && history.declared.lacks(coverage) === null) {
        this.#report('C3', `an entry of ${history.name} by ${entry.user} brings nothing new and was stored again`);
      }
      history.durable.add(coverage);
      history.declared.add(coverage);
      Y.applyUpdate(history.reference, entry.update);
      if (isIncomplete(history.reference))
        this.#report('C5', `an entry of ${history.name} builds on what is not there`);
      this.onEntry(history, entry, coverage);
    }
  }

  /** D3: what was there before a compaction is there after it. */
  async #compacted(log: DocumentLog, name: string, { quarantined }: Compaction, head: Head): Promise<void> {
    this.onCompacted();
    for (const { reason } of quarantined) this.#report('L1', `an entry of ${name} was set aside: ${reason}`);
    const history = this.#histories.get(name);
    if (history === undefined || history.epoch !== head.epoch) return;
    const durable = new Coverage();
    durable.add(history.durable);
    const reading = await this.#tryRead(log, name);
    if (reading === null || reading === 'later' || history.deleted) return;
    if (reading.head.deletedAt !== null || reading.head.epoch !== history.epoch) return;
    const lacks = Coverage.ofDocument(reading.doc).lacks(durable);
    if (lacks !== null) this.#report('D3', `after its compaction ${name} lacks ${lacks}`);
  }
}

function writtenBy({ user, device, time }: Pick<EntryAuthor, 'user' | 'device' | 'time'>, coverage: Coverage): string {
  // Virtual time has fractions; on the wire there are whole milliseconds.
  return JSON.stringify([user, device, Math.floor(time), coverage.toString()]);
}
