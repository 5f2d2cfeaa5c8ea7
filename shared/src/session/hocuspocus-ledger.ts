import { scanUpdate } from '../update/scanner.ts';
import { type StateVector } from '../update/state-vector.ts';
import { UpdateScan } from '../update/update-scan.ts';

/**
 * What a stock provider counts as unsynced, kept in step with it, so that `hasUnsyncedChanges` tells the truth (U1). It
 * sets its count to 1 when it sends a step 1, adds 1 for each edit made from then on, and takes 1 off per SyncStatus; but
 * edits that were made before (offline, waiting in its queue) are sent when it hears from us first, and not counted any
 * more. Answering those too would take the count to 0 while later edits are still on their way, and in major 2 below 0
 * for good. Which they are shows in the clocks of what they insert. Deletions alone have none: those that come behind
 * something queued were queued too, and others of that time are taken for it until the provider counts anew.
 */
export class HocuspocusLedger {
  /** What the provider had when it last began to count. */
  #countedFrom: StateVector | null = null;
  /** Its first step 1 is answered: its queue is empty from here on. */
  #settledIn = false;
  /** Something from its queue has come. */
  #flushing = false;
  /** Deletions of which nothing tells whether they are counted. Taken as not: that never says too early that all is saved. */
  #unsure = 0;
  /** Step 1s of ours whose answers count for nothing any more, before those that do. */
  #voidAsks = 0;
  #handshakeAsked = false;
  #resyncAsked = false;
  /** SyncStatus to be sent when what we asked for again is durable. */
  #deferred = 0;
  /** SyncStatus to be sent when a ticket is committed, in order of tickets. */
  #owed: { readonly ticket: number; acks: number }[] = [];

  /** Whether we wait for what we asked for again. */
  get isAsking(): boolean {
    return this.#resyncAsked;
  }

  /** Whether the provider may still be sending what waited in its queue. */
  get mayFlush(): boolean {
    return !this.#settledIn;
  }

  /** Nothing is due, and yet the provider's count may not be at 0: only a new step 1 tells. */
  get isUnsure(): boolean {
    return this.#settledIn && this.#unsure > 0 && this.#owed.length === 0 && this.#deferred === 0;
  }

  /** A step 1 came: the provider counts anew. */
  begin(stateVector: StateVector): void {
    this.#countedFrom = stateVector;
    this.#voidAsks += (this.#handshakeAsked ? 1 : 0) + (this.#resyncAsked ? 1 : 0);
    this.#handshakeAsked = false;
    this.#resyncAsked = false;
    this.#deferred = 0;
    this.#unsure = 0;
    this.#owed = [];
  }

  /** We answer its step 1 with ours. */
  handshakeAsked(): void {
    if (this.#handshakeAsked) this.#voidAsks++;
    this.#handshakeAsked = true;
  }

  /** We ask for what we could not take. */
  resyncAsked(): void {
    this.#resyncAsked = true;
  }

  /** An update came. Returns how many SyncStatus it is worth. `place`: what is known of it from when it came. */
  update(update: Uint8Array, place: HocuspocusPlace): number {
    if (place === 'before' || this.#countedFrom === null) return 0;
    // What is malformed is refused by the room, which says why.
    if (!scanUpdate(update, scan)) return 1;
    if (scan.sectionCount === 0) {
      if (place === 'after') return 1;
      if (!this.#flushing) this.#unsure++;
      return 0;
    }
    for (let row = 0; row < scan.sectionCount; row++) {
      if ((scan.sectionClock[row] ?? 0) >= (this.#countedFrom.get(scan.sectionClient[row] ?? 0) ?? 0)) continue;
      this.#flushing = true;
      return 0;
    }
    return 1;
  }

  /** A step 2 came. Returns how many SyncStatus it is worth, and whether it has all that the provider has. */
  answer(): { readonly acks: number; readonly everything: boolean } {
    this.#settledIn = true;
    if (this.#voidAsks > 0) {
      this.#voidAsks--;
      return { acks: 0, everything: true };
    }
    if (this.#handshakeAsked) {
      this.#handshakeAsked = false;
      return { acks: 1, everything: true };
    }
    if (!this.#resyncAsked) return { acks: 1, everything: false };
    this.#resyncAsked = false;
    const acks = this.#deferred;
    this.#deferred = 0;
    return { acks, everything: true };
  }

  /** What is worth `acks` was not taken: they are due with what we ask for again. */
  defer(acks: number): void {
    this.#deferred += acks;
  }

  /** What is worth `acks` is durable once `ticket` is committed. */
  owe(acks: number, ticket: number): void {
    if (acks === 0) return;
    const last = this.#owed.at(-1);
    if (last?.ticket === ticket) last.acks += acks;
    else this.#owed.push({ ticket, acks });
  }

  /** Everything up to `ticket` is durable. Returns how many SyncStatus are due now. */
  committed(ticket: number): number {
    let acks = 0;
    let done = 0;
    for (const owed of this.#owed) {
      if (owed.ticket > ticket) break;
      acks += owed.acks;
      done++;
    }
    this.#owed.splice(0, done);
    return acks;
  }
}

/**
 * When an update came: before the provider's step 1, so that it is not counted; while it may be sending what it had
 * queued; or after that.
 */
export type HocuspocusPlace = 'before' | 'among-queued' | 'after';

/** One scan at a time: nothing is awaited while it is read. */
const scan = new UpdateScan();
