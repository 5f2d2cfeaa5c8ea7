import { useCallback, useSyncExternalStore } from 'react';
import type { DocumentHandle } from '../document-handle.ts';
import { leasesOf } from './leases.ts';
import { useSyncClient } from './sync-provider.ts';

/**
 * A document that stays open while any component uses it, the same handle for all of them. It is closed a second after
 * the last one is gone, later while edits are nowhere but in memory. One that the application opened is used as it is.
 */
export function useDoc(name: string): DocumentHandle {
  const leases = leasesOf(useSyncClient());
  const retain = useCallback(() => leases.retain(name), [leases, name]);
  const peek = useCallback(() => leases.peek(name), [leases, name]);
  return useSyncExternalStore(retain, peek);
}
