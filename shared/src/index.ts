export { assert, unreachable } from './base/assert.ts';
export type { Cancel, Clock } from './base/clock.ts';
export { RefusedError } from './base/errors.ts';
export { type Random, seededRandom } from './base/random.ts';
export { Reader } from './base/reader.ts';
export {
  type RefusalAction,
  type RefusalCode,
  comeBackCode,
  isRefusalCode,
  isRetryable,
  refusalRules,
} from './protocol/close.ts';
export {
  decodeClientMessages,
  decodeServerMessages,
  encodeFrames,
  encodeMessage,
  encodeMessages,
  splitUpdate,
} from './protocol/codec.ts';
export type {
  ClockRange,
  Dialect,
  DocumentInfo,
  DocumentsPage,
  EntryInfo,
  FiguresPage,
  FiguresSample,
  HeadInfo,
  ListedDocument,
  LogPage,
  Quantiles,
  RefusalInfo,
  SessionInfo,
  WebhookTrouble,
  WebhooksInfo,
} from './protocol/admin.ts';
export { type EntryAuthor, type IdRange, decodeEntryAuthors, encodeEntryAuthors } from './protocol/entry-authors.ts';
export { refusalTexts } from './protocol/refusal-texts.ts';
export { type Cursor, decodeCursor, encodeCursor } from './protocol/cursor.ts';
export {
  type HocuspocusClientBody,
  type HocuspocusClientMessage,
  type HocuspocusScope,
  type HocuspocusServerMessage,
  decodeHocuspocus,
  encodeHocuspocus,
  hocuspocusCloseCode,
  hocuspocusDocument,
} from './protocol/dialects/hocuspocus.ts';
export { type YWebsocketMessage, decodeYWebsocket, encodeYWebsocket } from './protocol/dialects/y-websocket.ts';
export {
  type Limits,
  authorBytesMax,
  authorizedAtOnceMax,
  comparisonMsMin,
  cursorBytesMax,
  defaultLimits,
  entryAuthorsBytesMax,
  entryAuthorsMsMin,
  entryAuthorsScannedBytesMax,
  nameBytesMax,
  partBytes,
  reasonBytesMax,
  stateVectorBytesMax,
  tokenBytesMax,
  updateLimits,
  wholeDocumentCounts,
  tokensMsMin,
} from './protocol/limits.ts';
export type {
  ClientMessage,
  ComparisonResult,
  OpenMessage,
  OpenedMessage,
  RefusalScope,
  RefuseMessage,
  ServerMessage,
} from './protocol/message.ts';
export { protocolVersion, subprotocol } from './protocol/version.ts';
export { Presence, type PresenceChange, type PresenceSession, emptyAwareness } from './presence/presence.ts';
export { Backoff } from './session/backoff.ts';
export type { ConnectionState } from './session/client-connection.ts';
export type { CopyDifference, Divergence } from './session/comparisons.ts';
export type { DocumentStatus, RefusalStatus, ResumedDocument, SafeTier } from './session/client-document.ts';
export type { ClientSessionOptions } from './session/client-options.ts';
export { type ClientOutput, ClientSession } from './session/client-session.ts';
export type {
  HocuspocusChannel,
  HocuspocusOutput,
  HocuspocusReceipt,
  HocuspocusSessionLimits,
} from './session/hocuspocus-outputs.ts';
export { HocuspocusSession } from './session/hocuspocus-session.ts';
export { Outbox } from './session/outbox.ts';
export {
  type ServerOutput,
  ServerSession,
  type ServerSessionLimits,
  nothingCompared,
  refusal,
} from './session/server-session.ts';
export { type TransitionTable, clientDocumentTransitions, serverDocumentTransitions } from './session/transitions.ts';
export { type YWebsocketOutput, YWebsocketSession } from './session/y-websocket-session.ts';
export { type Admission, DocumentState } from './update/document-state.ts';
export { IdRanges } from './update/id-ranges.ts';
export { mergeUpdates } from './update/merge.ts';
export { scanUpdate } from './update/scanner.ts';
export { type ClientSpan, spansOf } from './update/spans.ts';
export { sliceBytesEstimate, sliceSnapshot, snapshotState } from './update/slice.ts';
export { indexSnapshot } from './update/snapshot-index.ts';
export { stateDigest } from './update/state-comparison.ts';
export { type StateVector, covers, decodeStateVector, encodeStateVector } from './update/state-vector.ts';
export { UpdateScan } from './update/update-scan.ts';
