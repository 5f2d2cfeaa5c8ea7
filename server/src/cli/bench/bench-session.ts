import { once } from 'node:events';
import { type ServerMessage, decodeServerMessages, encodeMessages, subprotocol } from '@tideweave/shared';
import { WebSocket } from 'ws';

/** What a session tells whoever runs it. */
export interface BenchSessionEvents {
  /** Everything pushed up to `n` is durable. */
  readonly acknowledged: (n: number) => void;
  readonly updated: (update: Uint8Array) => void;
  /** The connection is gone, or the document was refused. */
  readonly failed: (error: Error) => void;
}

const updateBytesMax = 64 * 1024 * 1024;

/** One document over one socket, without a document: updates are bytes. */
export class BenchSession {
  readonly #socket: WebSocket;
  readonly #events: BenchSessionEvents;
  #doc = 0;
  #n = 0;
  #isClosed = false;

  private constructor(socket: WebSocket, events: BenchSessionEvents) {
    this.#socket = socket;
    this.#events = events;
  }

  /** Resolves when it has all that the relay has. Rejects when it cannot connect, or is refused. */
  static async open(url: string, token: string, name: string, events: BenchSessionEvents): Promise<BenchSession> {
    const socket = new WebSocket(url, subprotocol, { perMessageDeflate: false });
    socket.binaryType = 'nodebuffer';
    await once(socket, 'open');
    const session = new BenchSession(socket, events);
    const caughtUp = new Promise<void>((resolve, reject) => {
      const fail = (error: Error): void => {
        reject(error);
        if (!session.#isClosed) events.failed(error);
      };
      socket.on('message', (frame: Buffer) => {
        for (const message of decodeServerMessages(new Uint8Array(frame), updateBytesMax)) {
          if (message.type === 'caught-up') resolve();
          if (message.type === 'refuse') fail(new Error(`${message.code}: ${message.reason}`));
          session.#take(message);
        }
      });
      socket.on('close', (code, reason) => fail(new Error(`the relay closed with ${code} ${String(reason)}`)));
    });
    const nothing = new Uint8Array(0);
    const from = { epoch: '', cursor: nothing, stateVector: Uint8Array.of(0) };
    session.#send({ type: 'open', request: 1, name, token, device: 'tideweave bench', ...from });
    await caughtUp;
    session.#send({ type: 'caught-up', doc: session.#doc });
    return session;
  }

  /** Returns the number under which it is acknowledged. */
  push(update: Uint8Array): number {
    this.#n += 1;
    this.#send({ type: 'push', doc: this.#doc, n: this.#n, update });
    return this.#n;
  }

  close(): void {
    this.#isClosed = true;
    this.#socket.close();
  }

  #send(message: Parameters<typeof encodeMessages>[0][number]): void {
    this.#socket.send(encodeMessages([message]));
  }

  #take(message: ServerMessage): void {
    if (message.type === 'opened') this.#doc = message.doc;
    else if (message.type === 'ack') this.#events.acknowledged(message.n);
    else if (message.type === 'update') this.#events.updated(message.update);
    else if (message.type === 'ping') this.#send({ type: 'pong' });
  }
}
