/**
 * Where a known bug can be planted, to see whether the oracle finds it: around the disk, the log, the batcher, the rooms
 * and the client's transport, from outside. Without one everything is passed through as it is.
 */
import type { MergeReport, SyncClient, Transport, TransportEvents } from '@tideweave/client/testing';
import type { DocumentLog, Grant, Room, RoomRegistry, StoragePort, WriteBatcher } from '@tideweave/server/testing';

type Handle = ReturnType<SyncClient['open']>;

export class Planting {
  /** Changes what classes do, until the returned function is called. */
  install(): () => void {
    return () => undefined;
  }

  storage(storage: StoragePort): StoragePort {
    return storage;
  }

  log(log: DocumentLog): DocumentLog {
    return log;
  }

  /** A grant that the authorizer gives, and that ends. */
  grant(grant: Grant): Grant {
    return grant;
  }

  batcher(batcher: WriteBatcher): WriteBatcher {
    return batcher;
  }

  /** A room that somebody asked for; the same one may come again. */
  room(_room: Room): void {}

  rooms(rooms: RoomRegistry): void {
    const get = rooms.get.bind(rooms);
    rooms.get = async (name) => {
      const room = await get(name);
      this.room(room);
      return room;
    };
  }

  transport(events: TransportEvents, dial: (events: TransportEvents) => Transport): Transport {
    return dial(events);
  }

  /** What a device is told of a merge. */
  merged(report: MergeReport): MergeReport {
    return report;
  }

  /** An update from the relay was applied. */
  applied(_handle: Handle, _update: Uint8Array): void {}
}
