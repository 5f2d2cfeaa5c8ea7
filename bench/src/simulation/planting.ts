/**
 * Where a known bug can be planted, to see whether the oracle finds it: around the log, the batcher, the rooms and the
 * client's transport, from outside. Without one everything is passed through as it is.
 */
import type { SyncClient, Transport, TransportEvents } from '@tideweave/client/testing';
import type { DocumentLog, RoomRegistry, WriteBatcher } from '@tideweave/server/testing';

type Handle = ReturnType<SyncClient['open']>;

export class Planting {
  /** Changes what classes do, until the returned function is called. */
  install(): () => void {
    return () => undefined;
  }

  log(log: DocumentLog): DocumentLog {
    return log;
  }

  batcher(batcher: WriteBatcher): WriteBatcher {
    return batcher;
  }

  rooms(_rooms: RoomRegistry): void {}

  transport(events: TransportEvents, dial: (events: TransportEvents) => Transport): Transport {
    return dial(events);
  }

  /** An update from the relay was applied. */
  applied(_client: SyncClient, _handle: Handle, _update: Uint8Array): void {}
}
