import {
  type EntryAuthor,
  type IdRange,
  UpdateScan,
  encodeEntryAuthors,
  entryAuthorsBytesMax,
  entryAuthorsScannedBytesMax,
  scanUpdate,
} from '@tideweave/shared';
import type { Entry } from '../log/document-log.ts';

/** One scan at a time. */
const scan = new UpdateScan();

/** Who wrote these entries of a log, which are in its order: the newest of them, as far as the bounds allow. */
export function authorsOf(entries: readonly Entry[]): Uint8Array {
  return encodeEntryAuthors(newestFirst(entries), entryAuthorsBytesMax);
}

function* newestFirst(entries: readonly Entry[]): Generator<EntryAuthor> {
  let bytes = 0;
  for (const { user, device, time, update } of entries.toReversed()) {
    bytes += update.length;
    if (bytes > entryAuthorsScannedBytesMax) return;
    if (!scanUpdate(update, scan)) continue;
    const { runCount, runClient, runClock, runEnd, deleteCount, deleteClient, deleteClock, deleteLength } = scan;
    const inserts = Array.from({ length: runCount }, (_, at): IdRange => [
      runClient[at] ?? 0,
      runClock[at] ?? 0,
      runEnd[at] ?? 0,
    ]);
    const deletes = Array.from({ length: deleteCount }, (_, at): IdRange => {
      const clock = deleteClock[at] ?? 0;
      return [deleteClient[at] ?? 0, clock, clock + (deleteLength[at] ?? 0)];
    });
    yield { user, device, time, inserts, deletes };
  }
}
