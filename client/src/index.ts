export type {
  ConnectionState,
  Divergence,
  DocumentStatus,
  RefusalAction,
  RefusalCode,
  RefusalStatus,
  SafeTier,
} from '@tideweave/shared';
export { RefusedError } from '@tideweave/shared';
export { type DocumentEvents, DocumentHandle, type WhenSavedOptions } from './document-handle.ts';
export type { DocumentMerge } from './merge/document-merges.ts';
export type { MergeOptions } from './merge/merge-options.ts';
export type {
  Attributes,
  Delta,
  DeltaOp,
  Insertion,
  ItemId,
  JsonValue,
  KeyEntry,
  KeyState,
  ListEntry,
  LostEdit,
  LostEntry,
  MergeEntry,
  MergeReport,
  Path,
  ReportAuthor,
  Side,
  StrandedEntry,
  TypeIdentity,
  TypeKind,
} from './merge/report-types.ts';
export type { RestoreOptions, RestoreResult } from './merge/restore.ts';
export { type ProviderAwareness, TideweaveProvider, type TideweaveProviderOptions } from './provider.ts';
export { type ClientEvents, type ClientStatus, SyncClient, type SyncClientOptions } from './sync-client.ts';
export type { SyncNowOptions, SyncResult } from './sync-now.ts';
export type { WebSocketClass } from './transport/websocket-transport.ts';
