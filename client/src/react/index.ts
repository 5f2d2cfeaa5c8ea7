/** React hooks. An entry of its own: who does not use React does not need it. */
export { SyncProvider, type SyncProviderProps, useSyncClient } from './sync-provider.ts';
export { useDoc } from './use-doc.ts';
export { type UseMerges, useMerges } from './use-merges.ts';
export { type Peer, type UsePresence, usePresence } from './use-presence.ts';
export { type JsonOf, useShared } from './use-shared.ts';
export { type SyncStatusOptions, useSyncStatus } from './use-sync-status.ts';
export { type UndoOptions, type UseUndo, useUndo } from './use-undo.ts';
