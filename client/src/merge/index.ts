/** Merge reports: see docs/merge-report.md. Who does not import it does not load it. */
import { MergeDesk, type MergeReporting } from './merge-desk.ts';
import type { MergeOptions } from './merge-options.ts';

/**
 * For the option `merges` of a client: reports of what a merge did after both sides had changed a document apart, in
 * `DocumentHandle.merges`. They take about the encoded size of each open document in memory, and a worker while one is
 * computed.
 */
export function mergeReports(options: MergeOptions = {}): MergeReporting {
  return (clock) => new MergeDesk(clock, options);
}

export type { DocumentMerge } from './document-merges.ts';
export type { MergeReporting } from './merge-desk.ts';
export type { MergeOptions } from './merge-options.ts';
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
} from './report-types.ts';
export { type RestoreOptions, type RestoreResult, canRestore } from './restore.ts';
