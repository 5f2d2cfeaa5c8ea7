import { type Cursor, type StateVector, assert, sliceBytesEstimate, sliceSnapshot } from '@tideweave/shared';
import type { DocumentLog, Entry, Head, Snapshot } from '../log/document-log.ts';
import { Composed } from './composed.ts';
import { entryCheck } from './entry-check.ts';
import { MergedTail, blockBytes, filled, merged } from './merged-tail.ts';
import type { SnapshotCache } from './snapshot-cache.ts';

/**
 * Where a cursor points: at an entry of this log, at one that it does not have (it went back in time, C7), or at one that
 * was compacted away, so that only the state vector can tell what is missing.
 */
export type CursorPlace = 'here' | 'elsewhere' | 'unknown';

/** What a session has already. */
export interface Known {
  /** Every entry up to here, or null when the log cannot tell. */
  readonly seq: number | null;
  /** State vector; everything below it may be left out. */
  readonly stateVector: StateVector;
}

/**
 * A document's recent past as a room keeps it: updates that wait for their commit, committed entries since the snapshot
 * as far as they fit, and the snapshot through the cache. From these it composes what a session lacks, in the moment it
 * is asked, so that nothing falls between what is composed and what is sent live afterwards.
 */
export class History {
  readonly #name: string;
  readonly #log: DocumentLog;
  readonly #snapshots: SnapshotCache;
  #head: Head | null;
  /** Entries after `#tailFrom`, up to the head. */
  #tail: Entry[];
  #tailFrom: number;
  #tailBytes = 0;
  /** The newest entry; null while it is not known which that is. */
  #newest: { readonly seq: number; readonly check: number } | null = null;
  /** Null until somebody has been behind. */
  #loadingTail: Map<number, Promise<void>> | null = null;
  #uncommitted: Uint8Array[] = [];
  #uncommittedBytes = 0;
  /** A snapshot too large for the cache stays here between `load` and `compose`. */
  #snapshot: Snapshot | null = null;
  /** Everything after the snapshot, merged: what every joiner needs, made once. */
  #mergedTail: MergedTail | null = null;
  readonly #composed = new Composed();

  /** `entries`: those after the head's snapshot, and before them the newest of those in it, where the log still has it. */
  constructor(name: string, log: DocumentLog, snapshots: SnapshotCache, head: Head | null, entries: readonly Entry[]) {
    this.#name = name;
    this.#log = log;
    this.#snapshots = snapshots;
    this.#head = head;
    this.#tailFrom = head?.snapshotSeq ?? 0;
    this.#tail = entries.filter(({ seq }) => seq > this.#tailFrom);
    for (const entry of this.#tail) this.#tailBytes += entry.update.length;
    this.#remember(entries.at(-1));
  }

  get head(): Head | null {
    return this.#head;
  }

  /** Where the log ends; null while there is none. */
  get end(): Cursor | null {
    const head = this.#head;
    if (head === null) return null;
    const { logId, lastSeq: seq } = head;
    return { logId, seq, check: this.#newest?.seq === seq ? this.#newest.check : 0 };
  }

  /** Whether a cursor names the end of the log. */
  isEnd({ logId, seq, check }: Cursor): boolean {
    const { end } = this;
    if (end === null || end.logId !== logId || end.seq !== seq) return false;
    return end.check === check || end.check === 0 || check === 0;
  }

  /** Whether the log has what a cursor points at. */
  async locate({ logId, seq, check }: Cursor): Promise<CursorPlace> {
    const head = this.#head;
    if (head === null || head.logId !== logId || seq > head.lastSeq) return 'elsewhere';
    if (seq < head.firstSeq - 1) return 'unknown';
    if (seq === 0) return 'here';
    // A room that had not read its newest entry cannot say which it is: believed, it would hide what a restored log lacks.
    if (check === 0) return 'unknown';
    if (seq === this.#newest?.seq) return check === this.#newest.check ? 'here' : 'elsewhere';
    let entry = this.#entry(seq);
    if (entry === undefined && seq >= head.firstSeq) {
      await this.#loadTail(seq - 1);
      entry = this.#entry(seq);
    }
    if (entry === undefined) return 'unknown';
    return entryCheck(entry) === check ? 'here' : 'elsewhere';
  }

  /** Updates that were sent out and wait for their commit. */
  get uncommittedCount(): number {
    return this.#uncommitted.length;
  }

  /** Takes updates that are about to be sent out; they get their sequence numbers when they are committed. */
  add(updates: readonly Uint8Array[]): void {
    this.#uncommitted.push(...updates);
    for (const update of updates) this.#uncommittedBytes += update.length;
    this.#composed.clear();
    if (this.#mergedTail !== null) this.#mergedTail.add(updates);
    // In a burst who joins is not to wait until all of it is merged.
    else if (this.#tailBytes + this.#uncommittedBytes > blockBytes && this.#tailIsWhole()) this.#mergeTail();
  }

  /** The oldest uncommitted updates are durable now, as these entries. */
  commit(head: Head, entries: readonly Entry[]): void {
    for (const update of this.#uncommitted.splice(0, entries.length)) this.#uncommittedBytes -= update.length;
    this.#follow(head);
    for (const entry of entries) {
      this.#tail.push(entry);
      this.#tailBytes += entry.update.length;
    }
    this.#remember(entries.at(-1));
    if (this.#tailBytes > tailBytesMax) this.#dropTail(head.lastSeq);
  }

  /** The log switched to a new snapshot. */
  compacted(head: Head): void {
    // Entries that the log appended meanwhile reach this room through `commit`.
    this.#follow({
      ...head,
      lastSeq: this.#head?.lastSeq ?? head.lastSeq,
      updatedAt: this.#head?.updatedAt ?? head.updatedAt,
    });
  }

  /**
   * A commit may be the first to tell of a new snapshot: before the compaction's own word arrives, or instead of it, when
   * the switch was written and reported as failed.
   */
  #follow(head: Head): void {
    const isSwitched = head.snapshotSeq !== (this.#head?.snapshotSeq ?? 0);
    this.#head = head;
    if (!isSwitched) return;
    this.#snapshots.forget(this.#name);
    this.#snapshot = null;
    this.#forgetComposed();
    if (this.#tailFrom < head.snapshotSeq) this.#dropTail(head.snapshotSeq);
  }

  /** Committed entries after a cursor, as far back as the log has them; all of those where it points nowhere. */
  async entriesAfter(cursor: Cursor | null): Promise<readonly Entry[]> {
    const head = this.#head;
    if (head === null) return [];
    const after = Math.max(cursor?.logId === head.logId ? cursor.seq : 0, head.firstSeq - 1);
    if (after < this.#tailFrom) {
      try {
        return await this.#log.read(this.#name, after);
      } catch (error) {
        // Compacted away while it was looked for.
        if (!(error instanceof RangeError)) throw error;
      }
    }
    return this.#tail.filter(({ seq }) => seq > after);
  }

  /** Gives memory back while nobody needs it; the log has it all. */
  release(): void {
    this.#forgetComposed();
    this.#snapshot = null;
    if (this.#head !== null) this.#dropTail(this.#head.lastSeq);
  }

  /**
   * The updates that bring someone who has `known` up to date, the uncommitted ones included; or null when something has
   * to be loaded first.
   */
  compose(known: Known): readonly Uint8Array[] | null {
    const before = this.#composed.get(known);
    if (before !== null) return before;
    const updates = this.#compose(known);
    if (updates !== null) this.#composed.set(known, updates);
    return updates;
  }

  #forgetComposed(): void {
    this.#mergedTail = null;
    this.#composed.clear();
  }

  #compose(known: Known): readonly Uint8Array[] | null {
    const head = this.#head;
    if (head === null) return this.#tailFor(known.stateVector);
    const { seq, stateVector } = known;
    const resumable = seq !== null && seq >= head.firstSeq - 1;
    if (resumable && seq >= this.#tailFrom) {
      const missed = this.#entriesAfter(seq);
      if (seq >= head.snapshotSeq || !this.#sliceIsSmaller(missed, stateVector)) {
        return merged(missed, stateVector);
      }
    } else if (resumable && !this.#sliceIsWorthIt(head)) {
      return null;
    }
    if (!this.#tailIsWhole()) return null;
    if (head.snapshotSeq === 0) return this.#tailFor(stateVector);
    const snapshot = this.#snapshot ?? this.#snapshots.peek(this.#name, head.snapshotSeq);
    if (snapshot === null) return null;
    return [...filled([sliceSnapshot(snapshot.update, snapshot.index, stateVector)]), ...this.#tailFor(stateVector)];
  }

  /** Brings into memory what `compose` lacked. Throws `RefusedError` TW_DOCUMENT_CORRUPT. */
  async load(known: Known): Promise<void> {
    const head = this.#head;
    assert(head !== null, 'an empty document needs nothing from the log');
    const resumable = known.seq !== null && known.seq >= head.firstSeq - 1 && !this.#sliceIsWorthIt(head);
    const from = resumable ? Math.min(known.seq ?? 0, head.snapshotSeq) : head.snapshotSeq;
    if (this.#tailFrom > from) await this.#loadTail(from);
    if (!resumable && head.snapshotSeq > 0) {
      const snapshot = await this.#snapshots.load(this.#name, head.snapshotSeq);
      if (snapshot?.seq === this.#head?.snapshotSeq) this.#snapshot = snapshot;
    }
  }

  /** Reads the log once for all who wait for the same: a crowd that fell behind together comes back together. */
  #loadTail(from: number): Promise<void> {
    const loadingTail = (this.#loadingTail ??= new Map<number, Promise<void>>());
    let loading = loadingTail.get(from);
    if (loading === undefined) {
      loading = this.#log
        .read(this.#name, from)
        .then((entries) => this.#splice(from, entries))
        .catch((error: unknown) => this.#followCompaction(error))
        .finally(() => loadingTail.delete(from));
      loadingTail.set(from, loading);
    }
    return loading;
  }

  /** The log has switched to a new snapshot, and nobody has said so here yet: what was to be read is in that. */
  async #followCompaction(error: unknown): Promise<void> {
    if (!(error instanceof RangeError)) throw error;
    const head = await this.#log.head(this.#name);
    if (head === null || this.#head === null || head.logId !== this.#head.logId) return;
    if (head.snapshotSeq > this.#head.snapshotSeq) this.compacted(head);
  }

  /** Puts entries that were read from the log before those in memory. */
  #splice(from: number, entries: readonly Entry[]): void {
    // Whatever was committed while the log was read came through `commit` and is newer than what it returned.
    const known = this.#tail[0]?.seq ?? Infinity;
    const older = entries.filter((entry) => entry.seq < known);
    const last = older.at(-1)?.seq ?? from;
    if (known === Infinity ? last < (this.#head?.lastSeq ?? 0) : last !== known - 1) return;
    this.#tail = [...older, ...this.#tail];
    this.#tailFrom = from;
    this.#tailBytes = 0;
    for (const entry of this.#tail) this.#tailBytes += entry.update.length;
  }

  #remember(newest: Entry | undefined): void {
    if (newest !== undefined) this.#newest = { seq: newest.seq, check: entryCheck(newest) };
  }

  #entry(seq: number): Entry | undefined {
    return this.#tail.find((entry) => entry.seq === seq);
  }

  #dropTail(upTo: number): void {
    this.#mergedTail = null;
    this.#tail = this.#tail.filter((entry) => entry.seq > upTo);
    this.#tailFrom = Math.max(this.#tailFrom, upTo);
    this.#tailBytes = 0;
    for (const entry of this.#tail) this.#tailBytes += entry.update.length;
  }

  /** By number, not by place: an append that failed and survived all the same leaves a gap here, and the same again after it. */
  #entriesAfter(seq: number): Uint8Array[] {
    let from = this.#tail.length;
    while (from > 0 && (this.#tail[from - 1]?.seq ?? 0) > seq) from--;
    return [...this.#tail.slice(from).map(({ update }) => update), ...this.#uncommitted];
  }

  #tailFor(stateVector: StateVector): readonly Uint8Array[] {
    return this.#mergeTail().for(stateVector);
  }

  /** Whether everything after the snapshot is in memory. */
  #tailIsWhole(): boolean {
    return this.#tailFrom <= (this.#head?.snapshotSeq ?? 0);
  }

  #mergeTail(): MergedTail {
    this.#mergedTail ??= new MergedTail(this.#entriesAfter(this.#head?.snapshotSeq ?? 0));
    return this.#mergedTail;
  }

  /** Whether a slice of the snapshot weighs less than the raw entries `missed`; unknown counts as no. */
  #sliceIsSmaller(missed: readonly Uint8Array[], stateVector: StateVector): boolean {
    const snapshot = this.#snapshot ?? this.#snapshots.peek(this.#name, this.#head?.snapshotSeq ?? 0);
    if (snapshot === null) return false;
    let bytes = 0;
    for (const update of missed) bytes += update.length;
    return sliceBytesEstimate(snapshot.index, stateVector) < bytes;
  }

  /** A document this small is sent from its snapshot rather than read back from the log. */
  #sliceIsWorthIt(head: Head): boolean {
    return head.snapshotSeq > 0 && head.snapshotBytes < smallSnapshotBytes;
  }
}

/** Committed bytes since the snapshot that a room keeps in memory; beyond, joiners read the log. */
const tailBytesMax = 8 * 1024 * 1024;
const smallSnapshotBytes = 4096;
