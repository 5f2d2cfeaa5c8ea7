/** What whoever looks after a relay is told of a document: as JSON, without its content. */
import { UpdateScan, scanUpdate } from '@tideweave/shared';

import type { DocumentLog, Entry, QuarantinedEntry } from '../log/document-log.ts';
import type { RoomRegistry } from '../room/room-registry.ts';

/** Clocks of one client that an update inserts or deletes. */
export interface Range {
  readonly client: number;
  readonly clock: number;
  readonly length: number;
}

/** A log entry without its update. */
export interface EntryInfo {
  readonly seq: number;
  /** ISO 8601. */
  readonly time: string;
  readonly user: string;
  readonly device: string;
  readonly bytes: number;
  readonly inserts: readonly Range[];
  readonly deletes: readonly Range[];
}

export function entryInfo({ seq, time, user, device, update }: Entry): EntryInfo {
  const scan = new UpdateScan();
  const inserts: Range[] = [];
  const deletes: Range[] = [];
  if (scanUpdate(update, scan)) {
    for (let at = 0; at < scan.runCount; at += 1) {
      const clock = scan.runClock[at] ?? 0;
      inserts.push({ client: scan.runClient[at] ?? 0, clock, length: (scan.runEnd[at] ?? 0) - clock });
    }
    for (let at = 0; at < scan.deleteCount; at += 1) {
      const [client = 0, clock = 0, length = 0] = [scan.deleteClient[at], scan.deleteClock[at], scan.deleteLength[at]];
      deletes.push({ client, clock, length });
    }
  }
  return { seq, time: new Date(time).toISOString(), user, device, bytes: update.byteLength, inserts, deletes };
}

/** Everything about a document but its content; null when the name was never used. */
export async function inspectDocument(log: DocumentLog, rooms: RoomRegistry, name: string): Promise<object | null> {
  const head = await log.head(name);
  if (head === null) return null;
  const room = rooms.peek(name);
  const setAside = (await log.quarantined(name)).map((entry: QuarantinedEntry) => ({
    ...entryInfo(entry),
    reason: entry.reason,
  }));
  return { head, isLoaded: room !== undefined, sessions: room?.audience.sessions ?? [], setAside };
}
