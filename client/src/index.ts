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
export { type ProviderAwareness, TideweaveProvider, type TideweaveProviderOptions } from './provider.ts';
export { type ClientEvents, type ClientStatus, SyncClient, type SyncClientOptions } from './sync-client.ts';
export type { SyncNowOptions, SyncResult } from './sync-now.ts';
export type { WebSocketClass } from './transport/websocket-transport.ts';
