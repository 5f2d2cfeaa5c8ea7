import type { Cancel } from '@tideweave/shared';
import { systemClock } from '../clock.ts';
import type { DocumentHandle } from '../document-handle.ts';
import type { SyncClient } from '../sync-client.ts';

interface Lease {
  readonly handle: DocumentHandle;
  /** False for a document that the application has opened itself: it stays the application's to close. */
  readonly isOurs: boolean;
  users: number;
  /** Until it is closed, while nobody uses it. */
  closing: Cancel | null;
}

/**
 * Documents that components have open, counted: the first opens one, and a while after the last it is closed. A component
 * that renders and is never mounted, or is mounted twice (StrictMode), neither leaks a document nor closes it.
 */
export class Leases {
  readonly #client: SyncClient;
  readonly #leases = new Map<string, Lease>();

  constructor(client: SyncClient) {
    this.#client = client;
  }

  /** The open document; opened if need be, and closed again when nobody retains it. */
  peek(name: string): DocumentHandle {
    return this.#lease(name).handle;
  }

  /** Keeps the document open until the returned function is called. */
  retain(name: string): () => void {
    const lease = this.#lease(name);
    lease.users++;
    lease.closing?.();
    lease.closing = null;
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      lease.users--;
      if (lease.users === 0) this.#closeLater(lease);
    };
  }

  #lease(name: string): Lease {
    const open = this.#client.documents.get(name);
    const known = this.#leases.get(name);
    if (known !== undefined && known.handle === open) return known;
    // Closed by somebody else, or not open yet.
    known?.closing?.();
    const lease: Lease = {
      handle: open ?? this.#client.open(name),
      isOurs: open === undefined,
      users: 0,
      closing: null,
    };
    this.#leases.set(name, lease);
    this.#closeLater(lease);
    return lease;
  }

  #closeLater(lease: Lease): void {
    lease.closing = systemClock.after(lingerMs, () => {
      lease.closing = null;
      this.#close(lease);
    });
  }

  #close(lease: Lease): void {
    const { handle } = lease;
    const { phase, pending, safe } = handle.status;
    if (phase !== 'closed' && lease.isOurs && pending.updates > 0 && safe === 'memory') {
      // Closing would lose what is nowhere else.
      this.#closeLater(lease);
      return;
    }
    if (this.#leases.get(handle.name) === lease) this.#leases.delete(handle.name);
    if (lease.isOurs) handle.close();
  }
}

/** A document is kept this long without a component: those that follow one another share it. */
const lingerMs = 1000;

const all = new WeakMap<SyncClient, Leases>();

/** The documents of one client. */
export function leasesOf(client: SyncClient): Leases {
  let leases = all.get(client);
  if (leases === undefined) {
    leases = new Leases(client);
    all.set(client, leases);
  }
  return leases;
}
