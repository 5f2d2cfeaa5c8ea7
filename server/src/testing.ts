/**
 * The relay's parts, for the simulator and for tests of other packages: what `createRelay` puts together with sockets and
 * threads can be put together without. Not covered by semantic versioning.
 */
export type { Authorizer, Grant } from './auth/authorizer.ts';
export { Compactor } from './compaction/compactor.ts';
export type { MergeResult, MergeTask, Merger } from './compaction/merge-task.ts';
export { unpackUpdates } from './compaction/merge-task.ts';
export { decideCompaction } from './compaction/policy.ts';
export { type Driver, type DriverContext, asRefused } from './endpoint/driver.ts';
export type { FrameWriter } from './endpoint/frame-writer.ts';
export { RepeatedRefusals } from './endpoint/repeated-refusals.ts';
export { TideweaveDriver } from './endpoint/tideweave-driver.ts';
export { YWebsocketDriver } from './endpoint/y-websocket-driver.ts';
export type {
  Append,
  AppendResult,
  Compaction,
  DocumentLog,
  Entry,
  Head,
  NewEntry,
  Snapshot,
} from './log/document-log.ts';
export { openLevelLog } from './log/level-log.ts';
export type { Pair, RangeOptions, StoragePort, WriteOperation } from './log/level-storage.ts';
export type { KeyRange } from './log/keys.ts';
export { MemoryLog } from './log/memory-log.ts';
export { type OnSettled, WriteBatcher } from './log/write-batcher.ts';
export { Meter } from './observability/meter.ts';
export type { Logger, LogFields } from './observability/log.ts';
export type { Contributor } from './room/member.ts';
export type { Room, Verdict } from './room/room.ts';
export { RoomRegistry, type RoomRegistryOptions } from './room/room-registry.ts';
export { type EndOfTurn, Turn } from './room/turn.ts';
