/** A bare connection: whole messages, without anything that a client would do by itself. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { type ClientOptions, WebSocket } from 'ws';
import { until, within } from './wait.ts';

/** How a connection ended. */
export interface Closed {
  readonly code: number;
  readonly reason: string;
}

export class Peer<Message extends { readonly type: string }> {
  readonly webSocket: WebSocket;
  /** Everything that was received and not taken yet. */
  readonly inbox: Message[] = [];
  readonly closed: Promise<Closed>;
  frames = 0;
  receivedBytes = 0;
  #closed: Closed | null = null;

  protected constructor(
    url: string,
    protocols: string[],
    decode: (frame: Uint8Array) => readonly Message[],
    options: ClientOptions = {},
  ) {
    this.webSocket = new WebSocket(url, protocols, options);
    this.webSocket.on('message', (data: Buffer) => {
      this.frames += 1;
      this.receivedBytes += data.byteLength;
      this.inbox.push(...decode(new Uint8Array(data)));
    });
    this.webSocket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      this.webSocket.on('close', (code, reason) => {
        this.#closed = { code, reason: reason.toString() };
        resolve(this.#closed);
      });
    });
  }

  get isOpen(): boolean {
    return this.#closed === null && this.webSocket.readyState === WebSocket.OPEN;
  }

  /** The TCP connection below. */
  get socket(): Socket {
    return (this.webSocket as unknown as { _socket: Socket })._socket;
  }

  protected async opened(): Promise<this> {
    await within('the WebSocket to open', once(this.webSocket, 'open'));
    return this;
  }

  sendBytes(bytes: Uint8Array): void {
    this.webSocket.send(bytes);
  }

  sendText(text: string): void {
    this.webSocket.send(text);
  }

  /** The next message of this type; earlier ones of other types stay in the inbox. */
  async take<Type extends Message['type']>(type: Type): Promise<Extract<Message, { type: Type }>> {
    return until(`a message ${type}`, () => {
      const at = this.inbox.findIndex((message) => message.type === type);
      if (at >= 0) return this.inbox.splice(at, 1)[0] as Extract<Message, { type: Type }>;
      if (this.#closed !== null) throw new Error(`closed with ${this.#closed.code} ${this.#closed.reason}`);
      return null;
    });
  }

  end(): void {
    this.webSocket.terminate();
  }
}
