import { type Limits, Presence } from '@tideweave/shared';
import type { Audience } from './audience.ts';
import type { Member } from './member.ts';

/** Who is in a room: what members announce is gathered, and told to all of them when the room sends. */
export class RoomPresence {
  readonly #number: number;
  readonly #presence: Presence;
  /** Clients of whom there is news. */
  readonly #changed = new Set<number>();

  /** `number` is the room's. */
  constructor(number: number, limits: Limits) {
    this.#number = number;
    this.#presence = new Presence(limits);
  }

  /** People of whom there is news to be told. */
  get newsCount(): number {
    return this.#changed.size;
  }

  /** Takes an awareness update of a member. Throws `RefusedError` when it is malformed or over a limit. */
  take(update: Uint8Array, member: Member, now: number): void {
    const { changed, corrections } = this.#presence.apply(update, member, now);
    for (const client of changed) this.#changed.add(client);
    if (corrections.length > 0) this.#write(member, this.#presence.encode(corrections));
  }

  /** What a member announced ends with it. */
  leave(member: Member, now: number): void {
    for (const client of this.#presence.leave(member, now)) this.#changed.add(client);
  }

  /** Tells a member of everybody. */
  tellAll(member: Member): void {
    const present = this.#presence.encodePresent();
    if (present !== null) this.#write(member, present);
  }

  /** Tells all members what is new. One who is behind is told of everybody when it is back. */
  tellNews(audience: Audience): void {
    const update = this.#presence.encode(this.#changed);
    this.#changed.clear();
    audience.tell((frames) => frames.awareness(this.#number, update));
  }

  /** Forgets the clocks of those who left long ago. */
  expire(now: number): void {
    this.#presence.expire(now);
  }

  #write(member: Member, update: Uint8Array): void {
    member.write(member.frames.awareness(this.#number, update));
  }
}
