/** One connection for all tabs of a browser: see docs/tabs.md. Who does not import it does not load it. */
import type { TabSharing } from '../sync-client.ts';
import { canShareTabs } from '../transport/tabs-support.ts';
import { TabsClient } from './tabs-client.ts';

/** Whose tabs share a connection. */
export interface ShareTabsOptions {
  /** What changes with the user, such as the user's id. Needed beside a token that is a function; default the token. */
  readonly identity?: string;
}

/**
 * For the option `tabs` of a client: shares its connection and its store with the other tabs that have the same `url` and the
 * same identity. The client throws `TypeError` when the identity cannot be known: tabs of two users on one connection
 * would show each what is the other's (A1). Without Web Locks and BroadcastChannel each tab has its own connection.
 */
export function shareTabs({ identity }: ShareTabsOptions = {}): TabSharing {
  return (options) => {
    const { token = '', environment } = options;
    if (identity === undefined && typeof token !== 'string')
      throw new TypeError(
        'shareTabs needs an identity beside a token that is a function: it says whose tabs these are',
      );
    if (environment.tabs === undefined && !canShareTabs()) return null;
    const who = identity === undefined ? `token ${String(token)}` : `identity ${identity}`;
    return new TabsClient({ ...options, identity: who });
  };
}

export type { TabSharing };
