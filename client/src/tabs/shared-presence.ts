import { defaultLimits, Presence, type PresenceSession } from '@tideweave/shared';

/** What came of a tab's awareness update, as awareness updates. */
export interface PresenceNews {
  /** For the other tabs, and for the relay; null when it is nothing new, or the relay holds as many as it takes. */
  readonly forTabs: Uint8Array | null;
  readonly forRelay: Uint8Array | null;
  /** For the sender, which has to announce itself anew; null mostly. */
  readonly forSender: Uint8Array | null;
}

/**
 * Who is in a document, as the leader keeps it for all tabs: theirs, each with its own caret, and the others that the
 * relay told of. A relay takes only so many from one connection; tabs beyond that see each other only.
 */
export class SharedPresence {
  readonly #presence = new Presence({
    ...defaultLimits,
    awarenessClientsPerSessionMax: defaultLimits.awarenessClientsPerDocumentMax,
  });
  readonly #relay: PresenceSession = { user: '' };
  /** Clients of tabs, and who of them the relay knows. */
  readonly #clients = new Map<number, PresenceSession>();
  readonly #announced = new Set<number>();

  /** Takes what a tab announces. Throws `RefusedError` as `Presence.apply` does. */
  fromTab(update: Uint8Array, tab: PresenceSession, now: number): PresenceNews {
    const { changed, corrections } = this.#presence.apply(update, tab, now);
    for (const client of changed) this.#clients.set(client, tab);
    return {
      forTabs: this.#encode(changed),
      forRelay: this.#encode(changed.filter((client) => this.#admit(client))),
      forSender: this.#encode(corrections),
    };
  }

  /** Takes what the relay tells, for those who come later. */
  fromRelay(update: Uint8Array, now: number): void {
    this.#presence.apply(update, this.#relay, now);
    this.#presence.expire(now);
  }

  /** A tab is gone: its caret goes at once, and may make room for another's. */
  leave(tab: PresenceSession, now: number): PresenceNews {
    const gone = this.#presence.leave(tab, now);
    const known = gone.filter((client) => this.#announced.delete(client));
    for (const [client, owner] of this.#clients) if (owner === tab) this.#clients.delete(client);
    const next = [...this.#clients.keys()].filter((client) => !this.#announced.has(client) && this.#admit(client));
    return { forTabs: this.#encode(gone), forRelay: this.#encode([...known, ...next]), forSender: null };
  }

  /** What the relay is to know on a new connection, or null. */
  forRelay(): Uint8Array | null {
    return this.#encode([...this.#announced]);
  }

  /** What a tab is to know when it opens the document, or null. */
  forTab(): Uint8Array | null {
    return this.#presence.encodePresent();
  }

  #admit(client: number): boolean {
    if (this.#announced.has(client)) return true;
    if (this.#announced.size >= defaultLimits.awarenessClientsPerSessionMax) return false;
    this.#announced.add(client);
    return true;
  }

  #encode(clients: readonly number[]): Uint8Array | null {
    return clients.length === 0 ? null : this.#presence.encode(clients);
  }
}
