/**
 * What an append, a compaction and a deletion make of a document's head, and when they are refused: the rules that all
 * implementations of `DocumentLog` share. Pure.
 */
import { assert, RefusedError } from '@tideweave/shared';

import type { Append, Compaction, Head, NewEntry } from './document-log.ts';

/** The head of a document without entries. */
export function emptyHead(name: string, epoch: string, logId: string, now: number): Head {
  return {
    name,
    epoch,
    logId,
    lastSeq: 0,
    snapshotSeq: 0,
    firstSeq: 1,
    snapshotBytes: 0,
    tailBytes: 0,
    createdAt: now,
    updatedAt: now,
    deletedAt: null,
  };
}

/** Why this append is refused, or null when it may go on. */
export function refusalToAppend(head: Head | null, append: Append): RefusedError | null {
  if (head !== null && head.deletedAt !== null) return documentDeleted(head.name);
  if (append.epoch !== null && append.epoch !== head?.epoch) return otherEpoch(append.name);
  return null;
}

/** The head after these entries have been appended. */
export function extended(head: Head, entries: readonly NewEntry[]): Head {
  let bytes = 0;
  for (const entry of entries) bytes += entry.update.byteLength;
  return {
    ...head,
    lastSeq: head.lastSeq + entries.length,
    tailBytes: head.tailBytes + bytes,
    updatedAt: entries.at(-1)?.time ?? head.updatedAt,
  };
}

/**
 * The head that a compaction starts from or switches, checked. Throws RefusedError TW_NOT_FOUND, TW_DOCUMENT_DELETED,
 * TW_EPOCH_MISMATCH or, when another compaction came first, TW_INTERNAL.
 */
export function compactable(name: string, head: Head | null, { from, snapshot, ...rest }: Compaction): Head {
  if (head === null) throw new RefusedError('TW_NOT_FOUND', `document ${JSON.stringify(name)} does not exist`);
  if (head.deletedAt !== null) throw documentDeleted(name);
  if (head.epoch !== from.epoch) throw otherEpoch(name);
  if (head.snapshotSeq !== from.snapshotSeq) {
    throw new RefusedError('TW_INTERNAL', `another compaction of document ${JSON.stringify(name)} came first`);
  }
  assert(snapshot.seq >= 1 && snapshot.seq >= head.snapshotSeq, 'a snapshot never goes backwards');
  assert(snapshot.seq <= head.lastSeq, 'a snapshot holds stored entries only');
  assert(rest.keepFrom >= 1 && rest.keepFrom <= snapshot.seq + 1, 'only what the snapshot contains is dropped');
  assert(
    rest.quarantined.length === 0 || rest.keepFrom === snapshot.seq + 1,
    'what was set aside does not stay among the raw entries',
  );
  return head;
}

/** The head after a compaction; `mergedBytes` counts the updates that went from the tail into the snapshot. */
export function compacted(head: Head, { snapshot, keepFrom }: Compaction, mergedBytes: number): Head {
  return {
    ...head,
    snapshotSeq: snapshot.seq,
    firstSeq: Math.max(head.firstSeq, keepFrom),
    snapshotBytes: snapshot.update.byteLength,
    tailBytes: head.tailBytes - mergedBytes,
  };
}

/** What stays of a deleted document: its identity, so that nobody brings it back unawares. */
export function tombstone(head: Head, now: number): Head {
  const { name, epoch, logId, createdAt, updatedAt } = head;
  return { ...emptyHead(name, epoch, logId, createdAt), updatedAt, deletedAt: now };
}

/** Refuses a name that a living document has. */
export function assertCreatable(head: Head | null): void {
  if (head !== null && head.deletedAt === null) {
    throw new RefusedError('TW_DOCUMENT_EXISTS', `document ${JSON.stringify(head.name)} exists already`);
  }
}

/** Refuses a name that was ever used: what is restored must not cover anything. */
export function assertUnused(name: string, head: Head | null): void {
  if (head !== null) {
    throw new RefusedError('TW_DOCUMENT_EXISTS', `there is something under the name ${JSON.stringify(name)} already`);
  }
}

/** Refuses to read raw entries that are no longer kept. */
export function assertReadable(head: Head, after: number): void {
  if (after < head.firstSeq - 1) {
    throw new RangeError(`entries after ${after} are not kept any more; the first is ${head.firstSeq}`);
  }
}

/** Why nothing is read from or written to a document that was deleted. */
export function documentDeleted(name: string): RefusedError {
  return new RefusedError('TW_DOCUMENT_DELETED', `${JSON.stringify(name)} was deleted`);
}

function otherEpoch(name: string): RefusedError {
  return new RefusedError('TW_EPOCH_MISMATCH', `document ${JSON.stringify(name)} has another history here`);
}
