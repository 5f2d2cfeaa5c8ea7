export { RefusedError } from '@tideweave/shared';
export { type AuthorizationRequest, type Authorizer, type Grant, openAuthorizer } from './auth/authorizer.ts';
export type {
  Append,
  AppendResult,
  Compaction,
  DocumentImage,
  DocumentLog,
  Entry,
  Head,
  NewEntry,
  QuarantinedEntry,
  Snapshot,
} from './log/document-log.ts';
export { openLevelLog } from './log/level-log.ts';
export type { LevelLogOptions } from './log/level-open.ts';
export { MemoryLog } from './log/memory-log.ts';
export { type LogFields, type Logger, createLogger } from './observability/log.ts';
export { type WebhookEvent, type WebhookType, signatureHeader, verifyWebhook } from './webhooks/event.ts';
export type { WebhookSettings } from './webhooks/open-webhooks.ts';
export { type Relay, type RelayOptions, createRelay } from './relay.ts';
