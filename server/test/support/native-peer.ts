/** The native dialect, message by message. */
import {
  type ClientMessage,
  type OpenMessage,
  type OpenedMessage,
  type ServerMessage,
  decodeServerMessages,
  encodeMessages,
  subprotocol,
} from '@tideweave/shared';
import * as Y from 'yjs';
import { Peer } from './peer.ts';

const frameBytesMax = 1024 ** 3;

export class NativePeer extends Peer<ServerMessage> {
  #request = 0;

  static async connect(url: string, headers: Record<string, string> = {}): Promise<NativePeer> {
    const peer = new NativePeer(url, [subprotocol], (frame) => decodeServerMessages(frame, frameBytesMax), { headers });
    return peer.opened();
  }

  send(...messages: ClientMessage[]): void {
    this.sendBytes(encodeMessages(messages));
  }

  /** Asks for a document, and returns the number of the request. */
  ask(name: string, open: Partial<OpenMessage> = {}): number {
    this.#request += 1;
    this.send({
      type: 'open',
      request: this.#request,
      name,
      token: '',
      device: '',
      epoch: '',
      cursor: new Uint8Array(0),
      stateVector: Uint8Array.of(0),
      ...open,
    });
    return this.#request;
  }

  /** Opens a document; what the relay has of it follows in the inbox. */
  async open(name: string, open: Partial<OpenMessage> = {}): Promise<OpenedMessage> {
    this.ask(name, open);
    return this.take('opened');
  }

  push(doc: number, n: number, update: Uint8Array): void {
    this.send({ type: 'push', doc, n, update });
  }

  /** Pushes an update and resolves when it is durable. */
  async save(doc: number, n: number, update: Uint8Array): Promise<void> {
    this.push(doc, n, update);
    let acknowledged = await this.take('ack');
    while (acknowledged.n < n) acknowledged = await this.take('ack');
  }

  /** Applies all updates of a document that have arrived whole, parts put together, and takes them from the inbox. */
  applyTo(document: Y.Doc, doc: number): void {
    let parts: Uint8Array[] = [];
    let unfinished: ServerMessage[] = [];
    const rest: ServerMessage[] = [];
    for (const message of this.inbox.splice(0)) {
      if ((message.type !== 'part' && message.type !== 'update') || message.doc !== doc) {
        rest.push(message);
      } else if (message.type === 'part') {
        parts.push(message.bytes);
        unfinished.push(message);
      } else {
        Y.applyUpdate(document, Buffer.concat([...parts, message.update]));
        parts = [];
        unfinished = [];
      }
    }
    this.inbox.push(...rest, ...unfinished);
  }
}
