import {
  type Clock,
  DocumentState,
  type Limits,
  RefusedError,
  UpdateScan,
  nameBytesMax,
  scanUpdate,
  snapshotState,
} from '@tideweave/shared';
import type { CompactionOutcome, Compactor } from '../compaction/compactor.ts';
import { decideCompaction } from '../compaction/policy.ts';
import type { DocumentLog, Entry, Head, Snapshot } from '../log/document-log.ts';
import { documentDeleted } from '../log/head-rules.ts';
import type { WriteBatcher } from '../log/write-batcher.ts';
import { type Logger, asError } from '../observability/log.ts';
import type { Meter } from '../observability/meter.ts';
import { inSpan } from '../observability/span.ts';
import { History } from './history.ts';
import { Room, type RoomHost, type RoomStart } from './room.ts';
import { SetAside } from './set-aside.ts';
import { SnapshotCache } from './snapshot-cache.ts';
import type { Turn } from './turn.ts';

/** What a registry works with. */
export interface RoomRegistryOptions {
  readonly clock: Clock;
  readonly turn: Turn;
  readonly log: DocumentLog;
  readonly batcher: WriteBatcher;
  readonly compactor: Compactor;
  readonly limits: Limits;
  readonly logger: Logger;
  readonly meter: Meter;
  /** A document was created or deleted by its name. */
  readonly onLifecycle?: (name: string) => void;
  /** When a document is worth compacting; `decideCompaction` by default. */
  readonly decide?: typeof decideCompaction;
}

/** The live documents of a relay: loads them, compacts them in time, unloads them when they are idle. */
export class RoomRegistry implements RoomHost {
  readonly clock: Clock;
  readonly turn: Turn;
  readonly batcher: WriteBatcher;
  readonly limits: Limits;
  readonly meter: Meter;
  readonly #log: DocumentLog;
  readonly #compactor: Compactor;
  readonly #logger: Logger;
  readonly #onLifecycle: (name: string) => void;
  readonly #decide: typeof decideCompaction;
  readonly #snapshots: SnapshotCache;
  readonly #rooms = new Map<string, Room>();
  readonly #loading = new Map<string, Promise<Room>>();
  readonly #deleting = new Map<string, Promise<boolean>>();
  readonly #ending = new Map<string, Promise<void>>();
  readonly #compactedAtMs = new Map<string, number>();
  #lastNumber = 0;

  constructor(options: RoomRegistryOptions) {
    this.clock = options.clock;
    this.turn = options.turn;
    this.batcher = options.batcher;
    this.limits = options.limits;
    this.meter = options.meter;
    this.#log = options.log;
    this.#compactor = options.compactor;
    this.#logger = options.logger;
    this.#onLifecycle = options.onLifecycle ?? ((): void => undefined);
    this.#decide = options.decide ?? decideCompaction;
    this.#snapshots = new SnapshotCache(options.log, options.limits.snapshotCacheBytesMax);
  }

  /** Number of loaded documents. */
  get size(): number {
    return this.#rooms.size;
  }

  /** The loaded documents. */
  get loaded(): Iterable<Room> {
    return this.#rooms.values();
  }

  /** Number of sessions in all of them. */
  get sessionCount(): number {
    let count = 0;
    for (const room of this.#rooms.values()) count += room.audience.size;
    return count;
  }

  /** The room of a document when it is loaded. */
  peek(name: string): Room | undefined {
    return this.#rooms.get(name);
  }

  /** The room of a document, loaded from the log. Throws `RefusedError` when it is deleted, damaged or not a name. */
  async get(name: string): Promise<Room> {
    const room = this.#rooms.get(name);
    if (room !== undefined) return room;
    checkName(name);
    await this.#ending.get(name);
    await this.#deleting.get(name);
    let loading = this.#loading.get(name);
    if (loading === undefined) {
      loading = inSpan('tideweave.load', { 'tideweave.document': name }, () => this.#load(name)).finally(() =>
        this.#loading.delete(name),
      );
      this.#loading.set(name, loading);
    }
    return loading;
  }

  /** Ends the document for everybody and leaves a tombstone; false when there was nothing. */
  delete(name: string): Promise<boolean> {
    checkName(name);
    const running = this.#deleting.get(name);
    if (running !== undefined) return running;
    const deleting = this.#delete(name).finally(() => this.#deleting.delete(name));
    this.#deleting.set(name, deleting);
    return deleting;
  }

  /** Creates an empty document with a new history, over a tombstone too. Throws `RefusedError` TW_DOCUMENT_EXISTS. */
  async create(name: string): Promise<void> {
    checkName(name);
    await this.#deleting.get(name);
    await this.#log.create(name);
    this.#onLifecycle(name);
  }

  committed(room: Room): void {
    this.#considerCompaction(room, false);
  }

  ended(room: Room): void {
    this.#rooms.delete(room.name);
    this.#compactedAtMs.delete(room.name);
    this.#snapshots.forget(room.name);
    // A new room must not start from a log that the old one's last entries are still on their way to.
    const settled = room.settled().then(() => {
      if (this.#ending.get(room.name) === settled) this.#ending.delete(room.name);
    });
    this.#ending.set(room.name, settled);
  }

  /** Housekeeping, about once a second. */
  sweep(): void {
    const now = this.clock.now();
    for (const room of this.#rooms.values()) {
      room.sweep(now);
      if (room.isIdle && room.activity.quietMs(now) >= this.limits.idleUnloadMs) this.#unload(room);
      else this.#considerCompaction(room, false);
    }
  }

  /** Ends every room; what is accepted already still gets committed and acknowledged before. */
  end(error: Error): void {
    for (const room of this.#rooms.values()) room.end(error);
  }

  /** Sends and hands over to the commit whatever waits for its window. */
  flush(): void {
    for (const room of this.#rooms.values()) room.flushNow();
  }

  async #load(name: string): Promise<Room> {
    for (let attempt = 0; attempt < loadAttemptsMax; attempt++) {
      const head = await this.#log.head(name);
      if (head !== null && head.deletedAt !== null) throw documentDeleted(name);
      const start = await this.#read(name, head);
      if (start === null) continue;
      this.#lastNumber++;
      this.meter.loads += 1;
      const room = new Room(this, { number: this.#lastNumber, name, ...start });
      this.#rooms.set(name, room);
      return room;
    }
    throw new RefusedError('TW_OVERLOADED', 'the document is compacted faster than it can be read');
  }

  /** What a room starts from; null when the document was compacted between the reads that it takes. */
  async #read(name: string, head: Head | null): Promise<Omit<RoomStart, 'number' | 'name'> | null> {
    let snapshot: Snapshot | null = null;
    let tail: readonly Entry[] = [];
    if (head !== null && head.lastSeq > 0) {
      try {
        [snapshot, tail] = await Promise.all([
          head.snapshotSeq > 0 ? this.#snapshots.load(name, head.snapshotSeq) : null,
          // At least the newest entry, where it is still there: cursors say which it is.
          this.#log.read(name, Math.max(head.firstSeq - 1, Math.min(head.snapshotSeq, head.lastSeq - 1))),
        ]);
      } catch (error) {
        if (error instanceof RangeError) return null;
        throw error;
      }
      if ((snapshot?.seq ?? 0) !== head.snapshotSeq) return null;
    }
    const state = snapshot === null ? new DocumentState() : snapshotState(snapshot.update, snapshot.index);
    const scan = new UpdateScan();
    for (const { update, seq } of tail) {
      // Was scanned before it was stored, and is in the snapshot.
      if (seq <= (head?.snapshotSeq ?? 0)) continue;
      if (!scanUpdate(update, scan))
        throw new RefusedError('TW_DOCUMENT_CORRUPT', `entry ${seq} of ${JSON.stringify(name)}: ${scan.error}`);
      state.apply(scan);
    }
    // Only a compaction sets entries aside.
    const aside = snapshot === null ? [] : await this.#log.quarantined(name);
    const history = new History(name, this.#log, this.#snapshots, head, tail);
    return { state, history, setAside: new SetAside(aside) };
  }

  async #delete(name: string): Promise<boolean> {
    await this.#loading.get(name)?.catch(() => undefined);
    this.#rooms.get(name)?.end(documentDeleted(name));
    this.#snapshots.forget(name);
    const deleted = await this.#log.delete(name);
    this.#onLifecycle(name);
    return deleted;
  }

  #unload(room: Room): void {
    this.#considerCompaction(room, true);
    // Whoever still holds it must not write beside the room that comes after it.
    room.end(new RefusedError('TW_OVERLOADED', 'the document was unloaded; open it again'));
  }

  #considerCompaction(room: Room, unloading: boolean): void {
    const { head } = room;
    if (head === null || head.lastSeq === head.snapshotSeq) return;
    const now = this.clock.now();
    const sinceLastCompactionMs = now - (this.#compactedAtMs.get(room.name) ?? -Infinity);
    const quietMs = room.activity.quietMs(now);
    const busyMs = room.activity.busyMs(now);
    const decision = this.#decide({ head, quietMs, busyMs, sinceLastCompactionMs, unloading });
    if (decision !== 'now') return;
    // Counts from its start, so that the decisions until it ends are "later".
    this.#compactedAtMs.set(room.name, now);
    void this.#tryToCompact(room.name);
  }

  /** Compacts a document now, as somebody asked for it; null when there is nothing to do. Rejects when it fails. */
  compact(name: string): Promise<CompactionOutcome | null> {
    return this.#compact(name, true);
  }

  async #compact(name: string, isAsked: boolean): Promise<CompactionOutcome | null> {
    try {
      const attributes = { 'tideweave.document': name };
      const outcome = await inSpan('tideweave.compaction', attributes, () => this.#compactor.compact(name, isAsked));
      if (outcome === null) return null;
      this.meter.compactions += 1;
      this.meter.setAside += outcome.quarantined.length;
      for (const { seq, user, device, reason } of outcome.quarantined) {
        this.#logger.error(
          { document: name, seq, user, device, reason },
          'an update that cannot be applied was set aside',
        );
      }
      // One that is being loaded may start from the state before.
      await this.#loading.get(name)?.catch(() => undefined);
      const room = this.#rooms.get(name);
      if (room === undefined) {
        // It was unloaded meanwhile, and nobody else will see to what came after this compaction began.
        if (outcome.head.lastSeq > outcome.head.snapshotSeq) void this.#tryToCompact(name);
        return outcome;
      }
      this.#compactedAtMs.set(name, this.clock.now());
      this.#adopt(room, outcome);
      return outcome;
    } catch (error) {
      this.meter.failedCompactions += 1;
      throw error;
    }
  }

  /** A failure is logged and tried again later, as nothing depends on it but speed. */
  async #tryToCompact(name: string): Promise<void> {
    await this.#compact(name, false).catch((error: unknown) =>
      this.#logger.warn({ document: name, err: asError(error) }, 'compaction failed'),
    );
  }

  #adopt(room: Room, { head, quarantined }: CompactionOutcome): void {
    if (quarantined.length === 0) {
      room.compacted(head);
      return;
    }
    // The room's idea of the document contains what was set aside, and live sessions may have failed on it: they open
    // the document again, as the log has it now.
    room.end(
      new RefusedError(
        'TW_OVERLOADED',
        'the document is being reloaded: an update that cannot be applied was set aside',
      ),
    );
  }
}

/** How often loading starts again because the document was compacted meanwhile. */
const loadAttemptsMax = 5;

/** Throws `RefusedError` TW_INVALID_NAME. Any other Unicode text names a document. */
function checkName(name: string): void {
  const bytes = Buffer.byteLength(name);
  if (bytes === 0 || bytes > nameBytesMax)
    throw new RefusedError('TW_INVALID_NAME', `a document name has 1 to ${nameBytesMax} bytes, not ${bytes}`);
}
