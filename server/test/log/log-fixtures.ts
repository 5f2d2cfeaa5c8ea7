/** What the tests of document logs write and expect. */
import { RefusedError, type RefusalCode } from '@tideweave/shared';

import type { AppendResult, DocumentLog, Head, NewEntry, Snapshot } from '../../src/log/document-log.ts';

/** An entry that can be told from all others; `bytes` is the length of its update. */
export function entry(mark: number, bytes = 8): NewEntry {
  const update = new Uint8Array(bytes).fill(mark & 0xff);
  new DataView(update.buffer).setUint32(0, mark);
  return { time: 1_700_000_000_000 + mark, user: `user ${mark % 3}`, device: `device ${mark % 5}`, update };
}

export function entries(from: number, count: number, bytes = 8): NewEntry[] {
  return Array.from({ length: count }, (_, index) => entry(from + index, bytes));
}

/** A snapshot whose bytes depend on `seq` alone. */
export function snapshotAt(seq: number, bytes = 100, indexBytes = 7): Snapshot {
  const update = Uint8Array.from({ length: bytes }, (_, index) => (index * 31 + seq) & 0xff);
  return { seq, update, index: new Uint8Array(indexBytes).fill(seq & 0xff) };
}

/** The head of an append that must have been accepted. */
export function accepted(result: AppendResult | undefined): Head {
  if (result === undefined || !('head' in result)) throw result?.refused ?? new Error('no result');
  return result.head;
}

/** Appends to one document and gives the new head. */
export async function append(log: DocumentLog, name: string, added: readonly NewEntry[]): Promise<Head> {
  return accepted((await log.append([{ name, epoch: null, entries: added }]))[0]);
}

/** Compacts everything up to `seq` and drops the raw entries before `keepFrom`. */
export async function compact(log: DocumentLog, name: string, seq: number, keepFrom = seq + 1): Promise<Head> {
  const { epoch, snapshotSeq } = await headOf(log, name);
  return log.compact(name, { snapshot: snapshotAt(seq), from: { epoch, snapshotSeq }, keepFrom, quarantined: [] });
}

/** What `run` must reject with. */
export async function rejection(run: () => Promise<unknown>): Promise<Error> {
  const reason = await run().then(
    () => null,
    (error: unknown) => error,
  );
  if (reason instanceof Error) return reason;
  throw new Error('it was not refused');
}

/** The code of the refusal that `run` must reject with. */
export async function refusalOf(run: () => Promise<unknown>): Promise<RefusalCode> {
  const error = await rejection(run);
  if (error instanceof RefusedError) return error.code;
  throw error;
}

/** A document's head, which must be there. */
export async function headOf(log: DocumentLog, name: string): Promise<Head> {
  const head = await log.head(name);
  if (head === null) throw new Error(`no document ${name}`);
  return head;
}

/** The code with which an append was refused. */
export function refusedWith(result: AppendResult | undefined): RefusalCode | null {
  return result !== undefined && 'refused' in result && result.refused instanceof RefusedError
    ? result.refused.code
    : null;
}

/** A source of ids that are 1, 2, 3 … as 16 hex digits. */
export function countingIds(): () => string {
  let last = 0;
  return () => (last += 1).toString(16).padStart(16, '0');
}
