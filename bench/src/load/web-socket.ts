/**
 * A WebSocket client made for load: frames are masked once, before the clock runs, and written as they are; what arrives
 * is cut into messages, or only counted and searched for a mark, which costs next to nothing per frame.
 */
import { randomBytes } from 'node:crypto';
import { type Socket, connect } from 'node:net';
import { BenchError } from '../errors.ts';

/** All sockets read into one buffer: what a callback wants to keep, it copies. */
const readBuffer = new Uint8Array(256 * 1024);
/** Any key does: servers take it off byte by byte as they take off a random one. */
const maskKey = [0x37, 0xfa, 0x21, 0x3d] as const;
const handshakeBytesMax = 16 * 1024;

/** One whole client frame. `opcode`: 2 binary, 9 ping, 10 pong. */
export function clientFrame(payload: Uint8Array, opcode = 2): Uint8Array {
  const { length } = payload;
  const head = length < 126 ? 6 : length < 65_536 ? 8 : 14;
  const frame = Buffer.allocUnsafeSlow(head + length);
  frame[0] = 0x80 | opcode;
  if (length < 126) frame[1] = 0x80 | length;
  else if (length < 65_536) {
    frame[1] = 0x80 | 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 0x80 | 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  frame.set(maskKey, head - 4);
  for (let at = 0; at < length; at++) frame[head + at] = (payload[at] ?? 0) ^ (maskKey[at & 3] ?? 0);
  return frame;
}

/** Looks for a mark in what streams by. */
class MarkCounter {
  readonly #mark: Buffer;
  readonly #enough: number;
  readonly #found: () => void;
  #count = 0;
  /** The last bytes of the chunk before, as a mark may lie across two. */
  #tail: Buffer = Buffer.alloc(0);

  constructor(mark: Buffer, enough: number, found: () => void) {
    this.#mark = mark;
    this.#enough = enough;
    this.#found = found;
  }

  feed(chunk: Buffer): void {
    const overlap = this.#mark.length - 1;
    const seam = Buffer.concat([this.#tail, chunk.subarray(0, overlap)]);
    this.#search(seam);
    this.#search(chunk);
    this.#tail =
      chunk.length >= overlap
        ? Buffer.from(chunk.subarray(chunk.length - overlap))
        : Buffer.from(seam.subarray(Math.max(0, seam.length - overlap)));
  }

  #search(bytes: Buffer): void {
    for (let at = bytes.indexOf(this.#mark); at >= 0; at = bytes.indexOf(this.#mark, at + this.#mark.length)) {
      this.#count++;
      if (this.#count === this.#enough) this.#found();
    }
  }
}

export class LoadSocket {
  readonly #socket: Socket;
  /** Gets each message's payload, a view that is overwritten after the call. */
  onMessage: (payload: Uint8Array) => void = () => undefined;
  /** The server closed the connection, or it broke. */
  onClose: (why: string) => void = () => undefined;
  /** Payload bytes and frame heads, without the handshake. */
  receivedBytes = 0;
  sentBytes = 0;
  #rest: Buffer = Buffer.alloc(0);
  #counter: MarkCounter | null = null;
  #upgraded = false;
  #closed = false;
  #onPong: () => void = () => undefined;
  #onUpgrade: (error: Error | null) => void = () => undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Resolves when the server has taken the upgrade. Rejects with `BenchError`. */
  static connect(url: string, protocol: string | null): Promise<LoadSocket> {
    const { hostname, port, pathname, search, host } = new URL(url);
    return new Promise((resolve, reject) => {
      const socket = connect({
        host: hostname,
        port: Number(port),
        noDelay: true,
        onread: {
          buffer: readBuffer,
          callback: (count, buffer) => {
            const view = Buffer.from(buffer.buffer, buffer.byteOffset, count);
            webSocket.#receive(view);
            return true;
          },
        },
      });
      const webSocket = new LoadSocket(socket);
      webSocket.#onUpgrade = (error) => {
        if (error === null) resolve(webSocket);
        else reject(error);
      };
      socket.once('connect', () => {
        const lines = [
          `GET ${pathname}${search} HTTP/1.1`,
          `Host: ${host}`,
          'Upgrade: websocket',
          'Connection: Upgrade',
          `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
          'Sec-WebSocket-Version: 13',
          ...(protocol === null ? [] : [`Sec-WebSocket-Protocol: ${protocol}`]),
        ];
        socket.write(`${lines.join('\r\n')}\r\n\r\n`);
      });
      socket.on('error', (error) => webSocket.#end(error.message));
      socket.on('close', () => webSocket.#end('the server closed the connection'));
    });
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Writes whole client frames. False when the socket holds back for now. */
  write(frames: Uint8Array): boolean {
    this.sentBytes += frames.length;
    return this.#closed || this.#socket.write(frames);
  }

  /** Writes whole client frames. Resolves when there is room for more. */
  async writePaced(frames: Uint8Array): Promise<void> {
    if (this.write(frames)) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#socket.off('drain', done);
        this.#socket.off('close', done);
        resolve();
      };
      this.#socket.once('drain', done);
      this.#socket.once('close', done);
    });
  }

  /** Resolves when the server has answered a ping, for which it first had to read what was sent before. */
  answered(): Promise<void> {
    return new Promise((resolve) => {
      this.#onPong = resolve;
      this.write(clientFrame(new Uint8Array(), 9));
    });
  }

  /** From now on only counts what arrives, and calls `found` when the mark has been there `enough` times. */
  countOnly(mark: Buffer, enough: number, found: () => void): void {
    this.#counter = new MarkCounter(mark, enough, found);
    if (this.#rest.length > 0) this.#counter.feed(this.#rest);
  }

  close(): void {
    this.#closed = true;
    this.#socket.destroy();
  }

  #end(why: string): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#upgraded) this.onClose(why);
    else this.#onUpgrade(new BenchError(`no WebSocket: ${why}`));
  }

  #receive(chunk: Buffer): void {
    this.receivedBytes += chunk.length;
    if (this.#counter !== null) {
      this.#counter.feed(chunk);
      return;
    }
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    if (!this.#upgraded) {
      const end = bytes.indexOf('\r\n\r\n');
      if (end < 0) {
        if (bytes.length > handshakeBytesMax) this.#end('an endless handshake');
        this.#rest = Buffer.from(bytes);
        return;
      }
      const head = bytes.subarray(0, end).toString('latin1');
      if (!head.startsWith('HTTP/1.1 101')) {
        this.#end(head.split('\r\n', 1)[0] ?? '');
        this.#socket.destroy();
        return;
      }
      this.#upgraded = true;
      bytes = Buffer.from(bytes.subarray(end + 4));
      this.receivedBytes = bytes.length;
      this.#onUpgrade(null);
      // Whoever waits for the upgrade sets its handlers first.
      this.#rest = bytes;
      if (bytes.length > 0) setImmediate(() => this.#receive(Buffer.alloc(0)));
      return;
    }
    const used = this.#cut(bytes);
    this.#rest = used === bytes.length ? Buffer.alloc(0) : Buffer.from(bytes.subarray(used));
  }

  /** Delivers whole frames; returns how many bytes they were. */
  #cut(bytes: Buffer): number {
    let at = 0;
    while (bytes.length - at >= 2) {
      const opcode = (bytes[at] ?? 0) & 0x0f;
      let length = (bytes[at + 1] ?? 0) & 0x7f;
      let head = 2;
      if (length === 126) {
        if (bytes.length - at < 4) break;
        length = bytes.readUInt16BE(at + 2);
        head = 4;
      } else if (length === 127) {
        if (bytes.length - at < 10) break;
        length = Number(bytes.readBigUInt64BE(at + 2));
        head = 10;
      }
      if (bytes.length - at < head + length) break;
      const payload = bytes.subarray(at + head, at + head + length);
      at += head + length;
      if (opcode === 2) this.onMessage(payload);
      else if (opcode === 9) this.write(clientFrame(Buffer.from(payload), 10));
      else if (opcode === 8) {
        const why = payload.length >= 2 ? `${payload.readUInt16BE(0)} ${payload.subarray(2).toString()}` : 'no code';
        this.#end(`closed by the server: ${why}`);
        this.#socket.destroy();
        break;
      } else if (opcode === 10) this.#onPong();
      else this.#end(`a frame with opcode ${opcode}, which no server here sends`);
    }
    return at;
  }
}
