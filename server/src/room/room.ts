import {
  type Admission,
  type Clock,
  type ComparisonResult,
  type Cursor,
  type DocumentState,
  type Limits,
  type StateVector,
  RefusedError,
  encodeCursor,
} from '@tideweave/shared';
import type { AppendResult, Entry, Head, NewEntry } from '../log/document-log.ts';
import type { OnSettled, WriteBatcher } from '../log/write-batcher.ts';
import { Activity } from './activity.ts';
import { Audience } from './audience.ts';
import { FanOut, FanOutWindow, segmentsOf } from './fan-out.ts';
import type { CursorPlace, History, Known } from './history.ts';
import { KnownState } from './known-state.ts';
import { asError } from '../observability/log.ts';
import type { Meter } from '../observability/meter.ts';
import type { Contributor, Member } from './member.ts';
import { RoomPresence } from './room-presence.ts';
import { TicketLedger } from './ticket-ledger.ts';
import type { SetAside } from './set-aside.ts';
import type { RoomTurn, Turn } from './turn.ts';

/** What became of an update. */
export type Verdict =
  /** Durable once `ticket` is committed, which it may be already. */
  | { readonly kind: 'stored'; readonly ticket: number }
  /** It builds on something the document does not have (C5). */
  | { readonly kind: 'missing' };

/** What a room needs of the relay around it. */
export interface RoomHost {
  readonly clock: Clock;
  readonly turn: Turn;
  readonly batcher: WriteBatcher;
  readonly limits: Limits;
  readonly meter: Meter;
  /** Something was committed: the document may want compaction. */
  committed(room: Room): void;
  /** The room has ended and must not be joined again. */
  ended(room: Room): void;
}

/** What a room starts from. */
export interface RoomStart {
  readonly number: number;
  readonly name: string;
  readonly state: DocumentState;
  readonly history: History;
  readonly setAside: SetAside;
}

/**
 * One live document of a relay (DESIGN section 4): accepts updates, sends them on at the end of the turn, hands them to
 * the group commit, and says durable only after it.
 */
export class Room implements RoomTurn {
  readonly number: number;
  readonly name: string;
  readonly #host: RoomHost;
  /** Null until somebody announces themselves: most documents of a relay are open and quiet. */
  #presence: RoomPresence | null = null;
  readonly #window: FanOutWindow;
  readonly #state: KnownState;
  readonly #history: History;
  readonly #setAside: SetAside;
  readonly #tickets = new TicketLedger();
  readonly #audience = new Audience(this.#tickets);
  /** Accepted and not yet sent. */
  #batch: { readonly contributor: Contributor; readonly update: Uint8Array }[] = [];
  /** When the first of them was accepted (monotonic ms). */
  #batchSinceMs = 0;
  /** Sessions that are being brought up to date. */
  #joining = 0;
  readonly #activity: Activity;
  #ended: Error | null = null;

  constructor(host: RoomHost, start: RoomStart) {
    this.#host = host;
    this.number = start.number;
    this.name = start.name;
    this.#state = new KnownState(start.state, host.limits);
    this.#history = start.history;
    this.#setAside = start.setAside;
    this.#window = new FanOutWindow(host.clock, () => host.turn.roomHasWork(this));
    this.#activity = new Activity(host.clock.now());
  }

  get head(): Head | null {
    return this.#history.head;
  }

  /** C6: whether a copy of the history `epoch` belongs here; '' is a copy that belongs to none yet. */
  continues(epoch: string): boolean {
    return epoch === '' || epoch === (this.head?.epoch ?? '');
  }

  get audience(): Pick<Audience, 'size' | 'users' | 'sessions'> {
    return this.#audience;
  }

  /** What the document has: to be told, and to be compared with. */
  get state(): Pick<KnownState, 'stateVectorBytes' | 'deletesBytes' | 'covers'> {
    return this.#state;
  }

  get committedTicket(): number {
    return this.#tickets.committed;
  }

  get isEnded(): boolean {
    return this.#ended !== null;
  }

  /** What was accepted, who joined and left. */
  get activity(): Pick<Activity, 'quietMs' | 'busyMs'> {
    return this.#activity;
  }

  /** Nothing is lost when this room is dropped: nobody is in it and everything accepted is durable. */
  get isIdle(): boolean {
    return this.#audience.size + this.#joining === 0 && this.#tickets.isSettled && this.#batch.length === 0;
  }

  /**
   * Takes an update: validates it completely, decides from ranges alone whether it is new, known or premature, and
   * gathers it for the end of the turn. Throws `RefusedError` when it is malformed or cannot be taken now.
   */
  accept(update: Uint8Array, contributor: Contributor): Verdict {
    const { batcher, clock, meter, turn } = this.#host;
    switch (this.#judge(update)) {
      case 'missing':
        meter.prematureUpdates += 1;
        return { kind: 'missing' };
      case 'known':
        meter.knownUpdates += 1;
        return { kind: 'stored', ticket: this.#tickets.await(contributor, this.#batch.length > 0) };
      case 'new':
        break;
    }
    const news = this.#state.newsOf(update);
    if (this.#setAside.has(update) || this.#setAside.has(news)) {
      throw new RefusedError('TW_QUARANTINED', 'this update cannot be applied and was set aside before');
    }
    batcher.checkRoomFor(news.length);
    this.#state.take();
    if (this.#batch.length === 0) this.#batchSinceMs = clock.now();
    this.#batch.push({ contributor, update: news });
    meter.accepted(update.length);
    turn.roomHasWork(this);
    return { kind: 'stored', ticket: this.#tickets.await(contributor, this.#batch.length > 0) };
  }

  /**
   * The ticket under which all of an update is durable, for one who may only read; null when it has something new.
   * Throws `RefusedError` when it is malformed.
   */
  ticketOfKnown(update: Uint8Array, contributor: Contributor): number | null {
    if (this.#judge(update) !== 'known') return null;
    return this.#tickets.await(contributor, this.#batch.length > 0);
  }

  /**
   * Calls `use` with what someone who has `known` lacks, in the very moment it is composed: a `join` in there misses
   * nothing and gets nothing twice. Throws `RefusedError` when the document cannot be read.
   */
  async bringUpToDate(known: Known, use: (updates: readonly Uint8Array[]) => void): Promise<void> {
    await this.#whileLoaded(() => this.#bringUpToDate(known, use));
  }

  /** Whoever reads the log for somebody keeps the room loaded meanwhile. */
  async #whileLoaded<Result>(read: () => Promise<Result>): Promise<Result> {
    this.#joining++;
    try {
      return await read();
    } finally {
      this.#joining--;
    }
  }

  async #bringUpToDate(known: Known, use: (updates: readonly Uint8Array[]) => void): Promise<void> {
    for (let attempt = 0; attempt < composeAttemptsMax; attempt++) {
      this.#check();
      // What waits for its window goes out first, or whoever joins now would not get it.
      this.#flush(this.#host.clock.now());
      const updates = this.#history.compose(known);
      if (updates !== null) {
        use(updates);
        return;
      }
      await this.#history.load(known);
    }
    throw new RefusedError('TW_OVERLOADED', 'the document changes faster than it can be read');
  }

  /** Adds a session, from within `bringUpToDate`. */
  join(member: Member, stateVector: StateVector): void {
    this.#check();
    this.#activity.note(this.#host.clock.now());
    this.#audience.join(member, stateVector, this.head?.lastSeq ?? null);
    this.#presence?.tellAll(member);
  }

  leave(member: Member): void {
    if (!this.#audience.leave(member)) return;
    const now = this.#host.clock.now();
    this.#activity.note(now);
    this.#presence?.leave(member, now);
    if (this.#presenceNews > 0) this.#host.turn.roomHasWork(this);
  }

  /** Takes an awareness update of a member. Throws `RefusedError` when it is malformed or over a limit. */
  awareness(update: Uint8Array, member: Member): void {
    this.#check();
    this.#presence ??= new RoomPresence(this.number, this.#host.limits);
    this.#presence.take(update, member, this.#host.clock.now());
    if (this.#presence.newsCount > 0) this.#host.turn.roomHasWork(this);
  }

  /** Passes a message on to everybody whose dialect has such; it is kept for nobody. */
  stateless(payload: string): void {
    this.#check();
    this.#audience.tell((frames) => frames.stateless(payload));
  }

  /** Everybody's presence, for a client that asks. */
  tellAwareness(member: Member): void {
    this.#presence?.tellAll(member);
  }

  /** The member's socket has drained: brings it up to date from the log, in place (R2). */
  async resume(member: Member): Promise<void> {
    const standing = this.#audience.standing(member);
    if (standing?.flow !== 'behind') return;
    standing.flow = 'resuming';
    this.#host.meter.catchUps += 1;
    try {
      await this.bringUpToDate({ seq: standing.sentSeq, stateVector: standing.stateVector }, (updates) => {
        if (this.#audience.standing(member) !== standing) return;
        standing.flow = 'live';
        member.catchUp(updates);
        this.tellAwareness(member);
      });
    } catch (error) {
      if (this.#audience.standing(member) === standing) member.ended(asError(error));
    }
  }

  /** Cursor bytes for everything committed, or null while nothing is. */
  get cursor(): { readonly epoch: string; readonly bytes: Uint8Array } | null {
    const { end, head } = this.#history;
    return end === null || head === null ? null : { epoch: head.epoch, bytes: encodeCursor(end) };
  }

  /** Where a cursor points (C7). Throws `RefusedError` when the log cannot be read. */
  async locate(cursor: Cursor): Promise<CursorPlace> {
    this.#check();
    try {
      return await this.#whileLoaded(() => this.#history.locate(cursor));
    } catch (error) {
      // Compacted away while it was looked for.
      if (error instanceof RangeError) return 'unknown';
      throw error;
    }
  }

  /** Committed entries after a cursor: see `History.entriesAfter`. Throws `RefusedError` when the log cannot be read. */
  async entriesAfter(cursor: Cursor | null): Promise<readonly Entry[]> {
    this.#check();
    return this.#whileLoaded(() => this.#history.entriesAfter(cursor));
  }

  /**
   * Whether the copy of a member that is at `cursor` and has this digest is the document (C1). Nothing can be said while
   * something is on its way in either direction.
   */
  compare(member: Member, cursor: Cursor, digest: Uint8Array): ComparisonResult {
    this.#check();
    const quiet = this.#tickets.isSettled && this.#batch.length === 0 && this.#history.isEnd(cursor);
    if (!quiet || this.#audience.standing(member)?.flow !== 'live') return 'elsewhere';
    return this.#state.hasDigest(digest) ? 'same' : 'differs';
  }

  endTurn(): void {
    if (this.#ended !== null) return;
    if (this.#window.isOpen(this.#batch.length > 0 ? 'update' : 'presence')) this.#flush(this.#host.clock.now());
  }

  turnTook(startedAtMs: number, endedAtMs: number): void {
    this.#window.turnTook(startedAtMs, endedAtMs);
  }

  /** Housekeeping, about once a second. */
  sweep(now: number): void {
    this.#presence?.expire(now);
    if (this.head !== null) this.#audience.tellWatermarks(this.head.lastSeq);
    if (this.#activity.quietMs(now) > releaseAfterMs && this.#history.uncommittedCount === 0) this.#history.release();
  }

  /** The log switched to a new snapshot. */
  compacted(head: Head): void {
    this.#history.compacted(head);
  }

  /** Resolves when everything that was handed to the commit is durable or refused. */
  settled(): Promise<void> {
    return this.#tickets.whenSettled();
  }

  /** Does not wait for the window. */
  flushNow(): void {
    this.#flush(this.#host.clock.now());
  }

  /** Ends the room: everybody in it is told why. */
  end(error: Error): void {
    if (this.#ended !== null) return;
    this.#ended = error;
    this.#window.cancel();
    this.#host.ended(this);
    const concerned = this.#tickets.abandon();
    for (const member of this.#audience.members) concerned.add(member);
    this.#audience.clear();
    for (const contributor of concerned) contributor.ended(error);
  }

  /** Sends the batch to the members and hands it to the group commit. */
  #flush(now: number): void {
    this.#window.cancel();
    if (this.#batch.length > 0) this.#sendBatch(now);
    if (this.#presenceNews > 0) this.#sendPresence();
  }

  /** People of whom there is news to be told. */
  get #presenceNews(): number {
    return this.#presence?.newsCount ?? 0;
  }

  #sendBatch(now: number): void {
    const batch = this.#batch;
    this.#batch = [];
    this.#activity.note(now);
    const segments = segmentsOf(batch);
    const { clock, meter, batcher } = this.#host;
    const deliveries = this.#audience.deliver(new FanOut(this.number, segments), this.head?.lastSeq ?? 0);
    this.#window.sends(batch.length);
    meter.delivered(deliveries, clock.now() - this.#batchSinceMs);
    const time = clock.wallTime();
    const entries = segments.map(({ contributor: { user, device }, update }) => ({ time, user, device, update }));
    const ticket = this.#tickets.issue();
    this.#history.add(segments.map((segment) => segment.update));
    const onSettled: OnSettled = (result, firstSeq) => this.#settle(ticket, entries, result, firstSeq);
    batcher.enqueue(this.name, this.head?.epoch ?? null, entries, onSettled, this.#batchSinceMs);
  }

  #sendPresence(): void {
    this.#window.sends(this.#presenceNews);
    this.#presence?.tellNews(this.#audience);
  }

  #judge(update: Uint8Array): Admission {
    this.#check();
    return this.#state.judge(update);
  }

  #settle(ticket: number, entries: readonly NewEntry[], result: AppendResult, firstSeq: number): void {
    // Before anybody is told: a watermark says whether more is under way.
    this.#tickets.settle(ticket);
    if (this.#ended !== null) return;
    if ('refused' in result) this.end(result.refused);
    else this.#committed(ticket, entries, result.head, firstSeq);
  }

  #committed(ticket: number, entries: readonly NewEntry[], head: Head, firstSeq: number): void {
    const committed: Entry[] = entries.map((entry, at) => ({ ...entry, seq: firstSeq + at }));
    const isFirst = this.head === null;
    this.#history.commit({ ...head, lastSeq: firstSeq + entries.length - 1 }, committed);
    // Whoever hears that an edit is saved has to know which history it was saved in (C6).
    if (isFirst) this.#audience.tellWatermarks(firstSeq + entries.length - 1);
    this.#tickets.commit(ticket);
    this.#host.committed(this);
  }

  #check(): void {
    if (this.#ended !== null) throw this.#ended;
  }
}

const composeAttemptsMax = 8;
/** After this much quiet the log has to do for a reader who comes. */
const releaseAfterMs = 5000;
