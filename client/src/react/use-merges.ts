import { useCallback, useMemo, useSyncExternalStore } from 'react';
import type { DocumentHandle } from '../document-handle.ts';
import type { DocumentMerge } from '../merge/document-merges.ts';
import type { MergeEntry } from '../merge/report-types.ts';
import type { RestoreOptions, RestoreResult } from '../merge/restore.ts';

export interface UseMerges {
  /** Oldest first, until they are dismissed. */
  readonly merges: readonly DocumentMerge[];
  /** As `DocumentHandle.restoreMine`. */
  readonly restoreMine: (entry: MergeEntry, options?: RestoreOptions) => Promise<RestoreResult>;
  /** One report, or all of them. */
  readonly dismiss: (merge?: DocumentMerge) => void;
}

/** What merges did while this device was away, rendered again when there is a new report or one is dismissed. */
export function useMerges(document: DocumentHandle): UseMerges {
  const subscribe = useCallback((changed: () => void) => document.on('merges', changed), [document]);
  const read = (): readonly DocumentMerge[] => document.merges;
  const merges = useSyncExternalStore(subscribe, read, read);
  const actions = useMemo(
    () => ({
      restoreMine: (entry: MergeEntry, options?: RestoreOptions) => document.restoreMine(entry, options),
      dismiss: (merge?: DocumentMerge) => document.dismiss(merge),
    }),
    [document],
  );
  return { merges, ...actions };
}
