import type { DocumentStatus } from '@tideweave/shared';
import { useCallback, useMemo, useSyncExternalStore } from 'react';
import type { DocumentHandle } from '../document-handle.ts';
import type { ClientStatus, SyncClient } from '../sync-client.ts';
import { SmoothStatus } from './smooth-status.ts';
import { useSyncClient } from './sync-provider.ts';

export interface SyncStatusOptions {
  /**
   * Shows *saved* only when it has lasted, so that the screen does not flicker while somebody types; `true` is 600 ms.
   * An unsaved edit shows at once all the same. Default false.
   */
  readonly smooth?: boolean | number;
}

/** The status of a document, rendered again when it changes; without one, that of the client. */
export function useSyncStatus(document: DocumentHandle, options?: SyncStatusOptions): DocumentStatus;
export function useSyncStatus(document?: undefined, options?: SyncStatusOptions): ClientStatus;
export function useSyncStatus(
  document?: DocumentHandle,
  { smooth = false }: SyncStatusOptions = {},
): DocumentStatus | ClientStatus {
  const client = useSyncClient();
  const settleMs = smooth === true ? defaultSettleMs : Number(smooth);
  const source: DocumentHandle | SyncClient = document ?? client;
  const status = useMemo(
    () => new SmoothStatus<DocumentStatus | ClientStatus>(() => source.status, settleMs),
    [source, settleMs],
  );
  const subscribe = useCallback(
    (changed: () => void) => status.follow((listener) => onStatus(source, listener), changed),
    [source, status],
  );
  return useSyncExternalStore(subscribe, status.read, status.read);
}

function onStatus(source: DocumentHandle | SyncClient, listener: () => void): () => void {
  return 'doc' in source ? source.on('status', listener) : source.on('status', listener);
}

const defaultSettleMs = 600;
