import * as encoding from 'lib0/encoding';
import { RefusedError } from '../base/errors.ts';
import { Reader } from '../base/reader.ts';
import type { Limits } from '../protocol/limits.ts';

/**
 * Who is in a document: the relay's side of y-protocols' awareness, without a document and without timers. An entry
 * belongs to the session that announced it and ends with that session. What is removed leaves its clock behind for a
 * while, so that a late echo (stock y-websocket clients send everybody's state back) does not bring a ghost.
 */
export class Presence {
  readonly #entries = new Map<number, PresenceEntry>();
  /** Clients that are present, by the session that announced them: 500 cursors move 5,000 times a second. */
  readonly #presentOf = new Map<PresenceSession, Set<number>>();
  #present = 0;
  readonly #limits: PresenceLimits;

  constructor(limits: PresenceLimits) {
    this.#limits = limits;
  }

  /** Number of clients that are present. */
  get size(): number {
    return this.#present;
  }

  /**
   * Takes an awareness update (y-protocols encoding) from a session. Entries that belong to another user's session, and
   * those that are not newer, are left out. Throws `RefusedError` when the bytes are malformed or over a limit; nothing
   * of the update has been taken then.
   */
  apply(update: Uint8Array, session: PresenceSession, now: number): PresenceChange {
    const changes = new Map<number, PresenceEntry>();
    const corrections: number[] = [];
    for (const { client, clock, state } of decodeAwareness(update, this.#limits)) {
      const known = changes.get(client) ?? this.#entries.get(client);
      if (known === undefined) {
        if (state === null) continue;
      } else if (known.session !== session) {
        if (clock <= known.clock) {
          // Either an echo, or the owner coming back with the clock it left with: shown the removal, the owner raises
          // its clock and announces itself again (y-protocols never lets a remote peer remove the local state).
          if (known.state === null && state !== null) corrections.push(client);
          continue;
        }
        if (known.state !== null && known.session.user !== session.user) continue;
      } else if (clock < known.clock || (clock === known.clock && (state !== null || known.state === null))) {
        // Of one clock only the removal may still come: y-protocols ends a state without raising its clock.
        continue;
      }
      changes.set(client, { clock, state, session, changedAtMs: now });
    }
    this.#checkRoom(changes, session);
    for (const [client, entry] of changes) this.#put(client, entry);
    return { changed: [...changes.keys()], corrections };
  }

  /** Removes what a session announced; returns the clients to tell the others about. */
  leave(session: PresenceSession, now: number): number[] {
    const gone = [...(this.#presentOf.get(session) ?? [])];
    for (const client of gone) {
      const clock = (this.#entries.get(client)?.clock ?? 0) + 1;
      this.#put(client, { clock, state: null, session, changedAtMs: now });
    }
    return gone;
  }

  /** Forgets the clocks of those who left long ago. */
  expire(now: number): void {
    for (const [client, entry] of this.#entries) {
      if (entry.state === null && now - entry.changedAtMs > forgetAfterMs) this.#entries.delete(client);
    }
  }

  /** An awareness update with the entries of `clients`, removals included. */
  encode(clients: Iterable<number>): Uint8Array {
    const entries: [number, PresenceEntry][] = [];
    for (const client of clients) {
      const entry = this.#entries.get(client);
      if (entry !== undefined) entries.push([client, entry]);
    }
    return encodeEntries(entries);
  }

  /** An awareness update with everybody who is present, or null when nobody is. */
  encodePresent(): Uint8Array | null {
    const present = [...this.#entries].filter(([, entry]) => entry.state !== null);
    return present.length === 0 ? null : encodeEntries(present);
  }

  /** Throws when `changes` would leave more present than the limits allow; what they replace does not count. */
  #checkRoom(changes: ReadonlyMap<number, PresenceEntry>, session: PresenceSession): void {
    const { awarenessClientsPerSessionMax, awarenessClientsPerDocumentMax } = this.#limits;
    let owned = this.#presentOf.get(session)?.size ?? 0;
    let present = this.#present;
    const count = (entry: PresenceEntry | undefined, by: 1 | -1): void => {
      if (entry === undefined || entry.state === null) return;
      present += by;
      if (entry.session === session) owned += by;
    };
    for (const [client, entry] of changes) {
      count(this.#entries.get(client), -1);
      count(entry, 1);
    }
    if (owned > awarenessClientsPerSessionMax) {
      throw new RefusedError(
        'TW_TOO_LARGE',
        `more than ${awarenessClientsPerSessionMax} awareness entries in one session`,
      );
    }
    if (present > awarenessClientsPerDocumentMax) {
      throw new RefusedError(
        'TW_OVERLOADED',
        `more than ${awarenessClientsPerDocumentMax} awareness entries in one document`,
      );
    }
  }

  #count(client: number, before: PresenceEntry | undefined, after: PresenceEntry): void {
    if (before !== undefined && before.state !== null) {
      this.#present--;
      const others = this.#presentOf.get(before.session);
      others?.delete(client);
      if (others?.size === 0) this.#presentOf.delete(before.session);
    }
    if (after.state === null) return;
    this.#present++;
    const own = this.#presentOf.get(after.session);
    if (own === undefined) this.#presentOf.set(after.session, new Set([client]));
    else own.add(client);
  }

  /** Keeps an entry, behind the older ones; clocks of those who left make room first. */
  #put(client: number, entry: PresenceEntry): void {
    this.#count(client, this.#entries.get(client), entry);
    this.#entries.delete(client);
    this.#entries.set(client, entry);
    if (this.#entries.size <= this.#limits.awarenessClientsPerDocumentMax) return;
    for (const [oldest, { state }] of this.#entries) {
      if (state !== null) continue;
      this.#entries.delete(oldest);
      return;
    }
  }
}

/** Whose entries these are; compared by identity, so hand in the same object for a session's whole life. */
export interface PresenceSession {
  /** From the grant; sessions of the same user may take over each other's entries, as after a reconnect. */
  readonly user: string;
}

/** What came of an awareness update. */
export interface PresenceChange {
  /** Clients whose entries changed: to be sent to everybody else. */
  readonly changed: readonly number[];
  /** Clients whose removal the sender has to be shown, for it to announce them anew. */
  readonly corrections: readonly number[];
}

type PresenceLimits = Pick<
  Limits,
  'awarenessStateBytesMax' | 'awarenessClientsPerSessionMax' | 'awarenessClientsPerDocumentMax'
>;

interface AwarenessEntry {
  readonly client: number;
  readonly clock: number;
  /** JSON text, or null for one who left. */
  readonly state: string | null;
}

interface PresenceEntry {
  readonly clock: number;
  readonly state: string | null;
  readonly session: PresenceSession;
  readonly changedAtMs: number;
}

/** An awareness update of nobody: keeps stock clients from giving up on a quiet connection. */
export const emptyAwareness: Uint8Array = Uint8Array.of(0);

/** y-protocols drops a state 30 s after its last renewal; echoes of one older than twice that do not come. */
const forgetAfterMs = 60_000;
/** Far above what renewing every 15 s can reach, far below where adding one stops counting. */
const clockMax = 2 ** 40;

function decodeAwareness(update: Uint8Array, limits: PresenceLimits): AwarenessEntry[] {
  const reader = new Reader(update);
  const count = reader.varUint(limits.awarenessClientsPerDocumentMax);
  const entries: AwarenessEntry[] = [];
  for (let index = 0; index < count; index++) {
    const client = reader.varUint();
    const clock = reader.varUint(clockMax);
    const text = reader.varString(limits.awarenessStateBytesMax);
    entries.push({ client, clock, state: parsesAsNull(text) ? null : text });
  }
  if (!reader.done) throw new RefusedError('TW_MALFORMED_MESSAGE', 'bytes follow the awareness entries');
  return entries;
}

/** Other clients parse the text without a guard, so what is not JSON must not reach them. */
function parsesAsNull(text: string): boolean {
  try {
    return JSON.parse(text) === null;
  } catch {
    throw new RefusedError('TW_MALFORMED_MESSAGE', 'an awareness state is not JSON');
  }
}

function encodeEntries(entries: readonly (readonly [number, PresenceEntry])[]): Uint8Array {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, entries.length);
  for (const [client, entry] of entries) {
    encoding.writeVarUint(encoder, client);
    encoding.writeVarUint(encoder, entry.clock);
    encoding.writeVarString(encoder, entry.state ?? 'null');
  }
  return encoding.toUint8Array(encoder);
}
