import type { Socket } from 'node:net';
import type { Cancel, Clock } from '@tideweave/shared';
import type { WebSocket } from 'ws';
import type { EndOfTurn, Turn } from '../room/turn.ts';
import type { FrameWriter } from './frame-writer.ts';

/** What a connection works with. */
export interface ConnectionOptions {
  readonly socket: Socket;
  readonly webSocket: WebSocket;
  readonly turn: Turn;
  readonly clock: Clock;
  /** Bytes waiting in the socket from which on the reader counts as slow. */
  readonly bufferBytesMax: number;
}

/**
 * One socket's way out. The package ws does the handshake and reads; what is sent are frames that were encoded once for
 * many sockets, so they go to the socket directly: gathered over a turn, in one write.
 */
export class Connection implements EndOfTurn, FrameWriter {
  readonly #socket: Socket;
  readonly #webSocket: WebSocket;
  readonly #turn: Turn;
  readonly #clock: Clock;
  readonly #bufferBytesMax: number;
  #frames: Uint8Array[] = [];
  #frameBytes = 0;
  #closing: Cancel | null = null;
  #drained: () => void = () => undefined;

  constructor(options: ConnectionOptions) {
    this.#socket = options.socket;
    this.#webSocket = options.webSocket;
    this.#turn = options.turn;
    this.#clock = options.clock;
    this.#bufferBytesMax = options.bufferBytesMax;
  }

  get isOpen(): boolean {
    return this.#closing === null && this.#webSocket.readyState === this.#webSocket.OPEN;
  }

  /** More waits than a live reader should have: it is to be brought up to date after `drain` instead. */
  get congested(): boolean {
    return this.bufferedBytes > this.#bufferBytesMax;
  }

  /** Bytes that wait to be sent. */
  get bufferedBytes(): number {
    return this.#socket.writableLength + this.#frameBytes;
  }

  /** Queues bytes that are whole WebSocket frames. They are not copied and must not change. */
  write(frames: Uint8Array): void {
    if (!this.isOpen) return;
    if (this.#frames.length === 0) this.#turn.connectionHasWork(this);
    this.#frames.push(frames);
    this.#frameBytes += frames.length;
  }

  endTurn(): void {
    const frames = this.#frames;
    if (frames.length === 0) return;
    const wasCongested = this.congested;
    this.#frames = [];
    this.#frameBytes = 0;
    if (!this.isOpen) return;
    if (frames.length === 1) {
      this.#socket.write(frames[0] ?? '');
    } else {
      this.#socket.cork();
      for (const frame of frames) this.#socket.write(frame);
      this.#socket.uncork();
    }
    // What the system takes at once drains without an event, and whoever was held back meanwhile would wait for ever.
    if (wasCongested && !this.#socket.writableNeedDrain) this.#clock.soon(() => this.#drained());
  }

  /** Calls `drained` whenever there was too much and all that was waiting has gone to the system. */
  onDrain(drained: () => void): void {
    this.#drained = drained;
    this.#socket.on('drain', drained);
  }

  /** A WebSocket ping: browsers and every client library answer it by themselves. */
  ping(): void {
    if (this.isOpen) this.#webSocket.ping();
  }

  /** Sends what waits, then the close frame; a peer that does not answer it is cut off. */
  close(code: number, reason: string): void {
    if (this.#closing !== null) return;
    this.endTurn();
    this.#closing = this.#clock.after(closeWithinMs, () => this.#webSocket.terminate());
    this.#webSocket.once('close', this.#closing);
    this.#webSocket.close(code, cutToBytes(reason, closeReasonBytesMax));
  }
}

const closeWithinMs = 2000;
/** A close frame's payload is at most 125 bytes, two of which are the code (RFC 6455, section 5.5). */
const closeReasonBytesMax = 123;

function cutToBytes(text: string, bytesMax: number): string {
  let cut = text;
  while (Buffer.byteLength(cut) > bytesMax) cut = cut.slice(0, -1);
  return cut;
}
