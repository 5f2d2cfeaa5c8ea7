import type { SessionInfo, StateVector } from '@tideweave/shared';
import type { DialectFrames } from './dialect-frames.ts';
import type { FanOut } from './fan-out.ts';
import type { Member, Standing } from './member.ts';
import type { TicketLedger } from './ticket-ledger.ts';

/** The members of a room and where each of them stands: who gets what is sent, who is behind, who knows how far it is. */
export class Audience {
  readonly #tickets: TicketLedger;
  readonly #members = new Map<Member, Standing>();
  /** The newest ticket when they were told last: the next watermark says that all up to it is durable. */
  #watermarkTicket = 0;

  constructor(tickets: TicketLedger) {
    this.#tickets = tickets;
  }

  get size(): number {
    return this.#members.size;
  }

  get members(): IterableIterator<Member> {
    return this.#members.keys();
  }

  /** Who is here. */
  get users(): Set<string> {
    const users = new Set<string>();
    for (const { user } of this.#members.keys()) users.add(user);
    return users;
  }

  /** The sessions that are here, and whether they keep up with a log that ends at `lastSeq`. */
  sessions(lastSeq: number): readonly SessionInfo[] {
    return [...this.#members].map(([{ user, device, frames, bufferedBytes }, { flow, sentSeq }]) => {
      const behind = flow === 'live' ? 0 : lastSeq - sentSeq;
      return { user, device, dialect: frames.dialect, flow, behind, bufferedBytes };
    });
  }

  standing(member: Member): Standing | undefined {
    return this.#members.get(member);
  }

  /** Adds one who was just brought up to date. `lastSeq`: where the log ends; null when there is none to resume in. */
  join(member: Member, stateVector: StateVector, lastSeq: number | null): void {
    // In a quiet room all that a new member got is durable, and it can be told at once.
    const isQuiet = lastSeq !== null && this.#tickets.isSettled;
    this.#members.set(member, { flow: 'live', sentSeq: 0, toldSeq: isQuiet ? lastSeq : null, stateVector });
    if (isQuiet) member.watermark(true);
  }

  /** False when it was not a member. */
  leave(member: Member): boolean {
    return this.#members.delete(member);
  }

  clear(): void {
    this.#members.clear();
  }

  /** Sends a batch, and returns to how many. Entries up to `lastSeq` have been sent to everybody who is live. */
  deliver(fanOut: FanOut, lastSeq: number): number {
    let deliveries = 0;
    for (const [member, standing] of this.#members) {
      if (standing.flow !== 'live') continue;
      if (member.congested) {
        standing.flow = 'behind';
        standing.sentSeq = lastSeq;
        continue;
      }
      const frames = fanOut.framesFor(member);
      if (frames === null) continue;
      member.write(frames);
      deliveries += 1;
    }
    return deliveries;
  }

  /** Writes what only those need who are live, encoded once for all who share their frames. */
  tell(encode: (frames: DialectFrames) => Uint8Array | null): void {
    const encoded = new Map<DialectFrames, Uint8Array | null>();
    for (const [member, standing] of this.#members) {
      if (standing.flow !== 'live' || member.congested) continue;
      let frame = encoded.get(member.frames);
      if (frame === undefined) {
        frame = encode(member.frames);
        encoded.set(member.frames, frame);
      }
      if (frame !== null) member.write(frame);
    }
  }

  /**
   * Tells the members where to resume from, which is the log's end at `lastSeq` (P107: each once); called now and then, as doing it with each commit would cost a busy room as
   * much again as its updates. While commits are under way a watermark vouches for what was sent before the previous one
   * only, so another follows until one vouches for all.
   */
  tellWatermarks(lastSeq: number): void {
    if (this.#tickets.committed < this.#watermarkTicket) return;
    const settled = this.#tickets.isSettled;
    for (const [member, standing] of this.#members) {
      if (standing.flow !== 'live' || standing.toldSeq === lastSeq) continue;
      standing.toldSeq = lastSeq;
      member.watermark(settled);
    }
    this.#watermarkTicket = this.#tickets.last;
  }
}
