import { subprotocol } from '@tideweave/shared';

/** What the client needs of a WebSocket class: the browser's, or that of the package ws, whose types differ. */
export type WebSocketClass = new (url: string, protocols: string) => WebSocketLike;

/** The part of a WebSocket that is used. */
export interface WebSocketLike {
  binaryType: string;
  readonly readyState: number;
  readonly OPEN: number;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(): void;
  addEventListener(type: 'open' | 'close' | 'error', listener: () => void): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
}

/** What a transport tells its owner. Each is called at most once for `opened` and `closed`. */
export interface TransportEvents {
  readonly opened: () => void;
  readonly received: (frame: Uint8Array) => void;
  readonly closed: () => void;
}

/** One connection to a relay. */
export interface Transport {
  send(frame: Uint8Array<ArrayBuffer>): void;
  /** Closes the connection; its owner hears nothing of it any more. */
  close(): void;
}

/** The only user of WebSocket in the client. */
export class WebSocketTransport implements Transport {
  readonly #socket: WebSocketLike;
  #events: TransportEvents | null;

  constructor(WebSocketImplementation: WebSocketClass, url: string, events: TransportEvents) {
    this.#events = events;
    this.#socket = new WebSocketImplementation(url, subprotocol);
    this.#socket.binaryType = 'arraybuffer';
    this.#socket.addEventListener('open', () => this.#events?.opened());
    this.#socket.addEventListener('message', (event) => {
      if (event.data instanceof ArrayBuffer) this.#events?.received(new Uint8Array(event.data));
    });
    this.#socket.addEventListener('close', () => this.#end());
    // An error is always followed by a close, which is where it is handled.
    this.#socket.addEventListener('error', () => undefined);
  }

  send(frame: Uint8Array<ArrayBuffer>): void {
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.send(frame);
  }

  close(): void {
    this.#events = null;
    this.#socket.close();
  }

  #end(): void {
    const events = this.#events;
    this.#events = null;
    events?.closed();
  }
}

/**
 * The WebSocket class to use when none was given: the platform's, or the package ws where there is none (Node 20).
 * The package is only loaded there, so a browser's bundle leaves it out.
 */
export async function platformWebSocket(): Promise<WebSocketClass> {
  if (typeof WebSocket === 'function') return WebSocket;
  const { WebSocket: NodeWebSocket } = await import('ws');
  return NodeWebSocket;
}
