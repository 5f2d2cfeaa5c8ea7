/** The known bugs that the oracle has to find (the mutation check of the checker). */
import { ClientEcho, EpochIgnored, NotHandedBack, OutboxDropped, WantIgnored } from './client-bugs.ts';
import { LostEditUntold } from './merge-bugs.ts';
import type { Planting } from './planting.ts';
import {
  AckBeforeCommit,
  AuthorsMixedUp,
  CommitWithoutSync,
  CompactionByRange,
  CursorFromDelivery,
  DuplicatesStored,
  EndedGrantKept,
  LostDirtyFlag,
  MissingDependenciesStored,
  RelayEcho,
  SlowReaderForgotten,
  WatermarkAheadOfCommit,
} from './relay-bugs.ts';

export const bugs: Readonly<Record<string, new () => Planting>> = {
  // Those that take the most seeds first, so that the threads end together.
  'not handed back': NotHandedBack,
  'ack before commit': AckBeforeCommit,
  'commit without fsync': CommitWithoutSync,
  'compaction by range': CompactionByRange,
  'lost dirty flag': LostDirtyFlag,
  'cursor from a delivery': CursorFromDelivery,
  'watermark ahead of commit': WatermarkAheadOfCommit,
  'duplicates stored': DuplicatesStored,
  'missing dependencies stored': MissingDependenciesStored,
  'echo by the relay': RelayEcho,
  'echo by the client': ClientEcho,
  'slow reader forgotten': SlowReaderForgotten,
  'want ignored': WantIgnored,
  'epoch ignored': EpochIgnored,
  'outbox dropped': OutboxDropped,
  'lost edit untold': LostEditUntold,
  'ended grant kept': EndedGrantKept,
  'authors mixed up': AuthorsMixedUp,
};
