import { type ReactElement, type ReactNode, createContext, createElement, useContext } from 'react';
import type { SyncClient } from '../sync-client.ts';

const ClientContext = createContext<SyncClient | null>(null);

export interface SyncProviderProps {
  /** Made outside of components, and destroyed by whoever made it. */
  readonly client: SyncClient;
  readonly children?: ReactNode;
}

/** Gives the components within a client to open documents with. */
export function SyncProvider({ client, children }: SyncProviderProps): ReactElement {
  return createElement(ClientContext.Provider, { value: client }, children);
}

/** The client of the nearest `SyncProvider`; throws when there is none. */
export function useSyncClient(): SyncClient {
  const client = useContext(ClientContext);
  if (client === null) throw new Error('there is no <SyncProvider> around this component');
  return client;
}
