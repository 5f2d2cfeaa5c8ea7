/** A TCP socket on which a test writes what no WebSocket library would. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type Socket, connect } from 'node:net';
import type { Closed } from './peer.ts';
import { until, within } from './wait.ts';

export class RawSocket {
  readonly socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #ended = false;

  private constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('data', (bytes) => void (this.#received = Buffer.concat([this.#received, bytes])));
    this.socket.on('error', () => void (this.#ended = true));
    this.socket.on('close', () => void (this.#ended = true));
  }

  static async connect(port: number): Promise<RawSocket> {
    const raw = new RawSocket(port);
    await once(raw.socket, 'connect');
    return raw;
  }

  /** Connects and becomes a WebSocket; `protocol` empty for none. */
  static async upgrade(port: number, path: string, protocol: string): Promise<RawSocket> {
    const raw = await RawSocket.connect(port);
    raw.write(handshake(path, protocol));
    await until('the answer to the handshake', () => raw.#received.includes('\r\n\r\n'));
    const head = raw.#received.subarray(0, raw.#received.indexOf('\r\n\r\n'));
    if (!head.toString().startsWith('HTTP/1.1 101')) throw new Error(head.toString());
    raw.#received = raw.#received.subarray(head.length + 4);
    return raw;
  }

  get received(): Buffer {
    return this.#received;
  }

  get ended(): boolean {
    return this.#ended;
  }

  write(bytes: string | Uint8Array): void {
    this.socket.write(bytes);
  }

  /** Resolves with what the close frame says; rejects when the connection ends without one. */
  async closed(): Promise<Closed> {
    return until('a close frame', () => {
      const closed = findClose(this.#received);
      if (closed === null && this.#ended) throw new Error('the connection ended without a close frame');
      return closed;
    });
  }

  async end(): Promise<void> {
    this.socket.destroy();
    if (!this.#ended) await within('the socket to close', once(this.socket, 'close'));
  }
}

/** An HTTP request that asks for a WebSocket. */
export function handshake(path: string, protocol: string): string {
  return [
    `GET ${path} HTTP/1.1`,
    'Host: localhost',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    ...(protocol === '' ? [] : [`Sec-WebSocket-Protocol: ${protocol}`]),
    '\r\n',
  ].join('\r\n');
}

/** A frame as a client sends it, masked with zeros; `first` is its first byte. */
export function clientFrame(first: number, payload: Uint8Array): Buffer {
  const { length } = payload;
  let header: number[];
  if (length < 126) header = [first, 0x80 | length];
  else if (length < 65_536) header = [first, 0x80 | 126, length >> 8, length & 255];
  else header = [first, 0x80 | 127, ...lengthBytes(BigInt(length))];
  return Buffer.concat([Buffer.from([...header, 0, 0, 0, 0]), payload]);
}

/** The header of a frame that claims a length, without the bytes. */
export function claim(first: number, length: bigint): Buffer {
  return Buffer.from([first, 0x80 | 127, ...lengthBytes(length), 0, 0, 0, 0]);
}

function lengthBytes(length: bigint): number[] {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(length);
  return [...bytes];
}

/** The close frame among whole server frames, or null while there is none. */
function findClose(bytes: Buffer): Closed | null {
  for (let at = 0; at + 2 <= bytes.length;) {
    const opcode = (bytes[at] ?? 0) & 15;
    let length = (bytes[at + 1] ?? 0) & 127;
    let from = at + 2;
    if (length === 126) {
      if (from + 2 > bytes.length) return null;
      length = bytes.readUInt16BE(from);
      from += 2;
    } else if (length === 127) {
      if (from + 8 > bytes.length) return null;
      length = Number(bytes.readBigUInt64BE(from));
      from += 8;
    }
    if (from + length > bytes.length) return null;
    if (opcode === 8) {
      return {
        code: length >= 2 ? bytes.readUInt16BE(from) : 1005,
        reason: bytes.subarray(from + 2, from + length).toString(),
      };
    }
    at = from + length;
  }
  return null;
}
