/** WebSocket classes for clients under test: they count bytes and can be cut off as a network does it. */
import { WebSocket } from 'ws';

/** What a class of `countedSockets` has seen. */
export interface SocketCounts {
  readonly sockets: WebSocket[];
  receivedBytes: number;
  sentBytes: number;
  /** Destroys every open connection without a word. */
  cut(): void;
}

/** A class of its own, so that what it counts is one client's. Bytes are those of messages, without frame headers. */
export function countedSockets(): { WebSocket: typeof WebSocket; counts: SocketCounts } {
  const counts: SocketCounts = {
    sockets: [],
    receivedBytes: 0,
    sentBytes: 0,
    cut() {
      for (const socket of counts.sockets.splice(0)) socket.terminate();
    },
  };
  class CountedWebSocket extends WebSocket {
    constructor(url: string | URL, protocols?: string | string[]) {
      super(url, protocols);
      counts.sockets.push(this);
      this.on('message', (data: Buffer | ArrayBuffer) => void (counts.receivedBytes += data.byteLength));
    }

    override send(data: Uint8Array, ...rest: unknown[]): void {
      counts.sentBytes += data.byteLength;
      (super.send as (...args: unknown[]) => void)(data, ...rest);
    }
  }
  return { WebSocket: CountedWebSocket as unknown as typeof WebSocket, counts };
}
