/** What a client loads when it shares its connection with the other tabs. */
import type { RelayClientOptions } from '../relay/relay-client.ts';
import { browserTabs } from '../transport/browser-tabs.ts';
import { Hub } from './hub.ts';
import { TabsNode } from './tabs-node.ts';

export interface StartOptions extends Omit<RelayClientOptions, 'changed'> {
  readonly url: string;
  /** Whose tabs share the connection. */
  readonly identity: string;
  readonly wake: () => void;
}

export async function startTabs(options: StartOptions): Promise<TabsNode> {
  const { environment, token, device, store, merges, url, identity, wake } = options;
  const platform = environment.tabs ?? browserTabs();
  return new TabsNode({
    platform,
    clock: environment.clock,
    random: environment.random,
    // One that leads without a store, or without merge reports, must not make those believe that asked for them.
    group: await platform.digest(JSON.stringify([url, identity, store !== undefined, merges !== undefined])),
    lead: () => new Hub({ environment, token, device, store, merges }),
    wake,
  });
}
