/** What whoever looks after a relay is told of a document: as JSON, without its content. */
import {
  type ClockRange,
  type DocumentInfo,
  type EntryInfo,
  RefusedError,
  UpdateScan,
  decodeStateVector,
  scanUpdate,
} from '@tideweave/shared';

import type { DocumentLog, Entry, QuarantinedEntry } from '../log/document-log.ts';
import type { RoomRegistry } from '../room/room-registry.ts';

export function entryInfo({ seq, time, user, device, update }: Entry): EntryInfo {
  const scan = new UpdateScan();
  const inserts: ClockRange[] = [];
  const deletes: ClockRange[] = [];
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

/** Opens the document where it is not, for its state vector. Null when the name was never used. */
export async function inspectDocument(
  log: DocumentLog,
  rooms: RoomRegistry,
  name: string,
): Promise<DocumentInfo | null> {
  const head = await log.head(name);
  if (head === null) return null;
  const isLoaded = rooms.peek(name) !== undefined;
  const setAside = (await log.quarantined(name)).map((entry: QuarantinedEntry) => ({
    ...entryInfo(entry),
    reason: entry.reason,
  }));
  const about = { head, isLoaded, setAside };
  try {
    const room = await rooms.get(name);
    const clocks = [...decodeStateVector(room.state.stateVectorBytes)].sort(([, a], [, b]) => b - a);
    return {
      ...about,
      refused: null,
      sessions: room.audience.sessions(room.head?.lastSeq ?? 0),
      clients: clocks.length,
      stateVector: clocks.slice(0, clientsMax).map(([client, clock]) => ({ client, clock })),
    };
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    return { ...about, refused: error.code, sessions: [], clients: null, stateVector: null };
  }
}

/** Clients that a state vector is shown of. */
const clientsMax = 1000;
