import type { FrameWriter } from './frame-writer.ts';

/** Bytes that are whole WebSocket frames together. */
export type Frames = readonly Uint8Array[];

/**
 * A connection's way out for more than its socket should hold (R2): what brings a reader up to date is made piece by piece
 * as the socket drains, and whatever is written meanwhile waits its turn, so that the order holds.
 */
export class PacedWriter implements FrameWriter {
  readonly #connection: FrameWriter;
  /** Oldest first: what was written, and what is still being made. */
  #waiting: (Uint8Array | Iterator<Frames>)[] = [];

  constructor(connection: FrameWriter) {
    this.#connection = connection;
  }

  get congested(): boolean {
    return this.#waiting.length > 0 || this.#connection.congested;
  }

  /** Without what is still to be made. */
  get bufferedBytes(): number {
    let bytes = this.#connection.bufferedBytes;
    for (const one of this.#waiting) if (one instanceof Uint8Array) bytes += one.length;
    return bytes;
  }

  write(frames: Uint8Array): void {
    if (this.#waiting.length === 0) this.#connection.write(frames);
    else this.#waiting.push(frames);
  }

  /** Writes what `source` makes, which is asked for the next only when there is room for it. */
  feed(source: Iterable<Frames>): void {
    this.#waiting.push(source[Symbol.iterator]());
    this.drained();
  }

  /** The socket has room again. */
  drained(): void {
    for (let first = this.#waiting[0]; first !== undefined && !this.#connection.congested; first = this.#waiting[0]) {
      if (first instanceof Uint8Array) {
        this.#connection.write(first);
      } else {
        const next = first.next();
        if (next.done !== true) {
          for (const bytes of next.value) this.#connection.write(bytes);
          continue;
        }
      }
      this.#waiting.shift();
    }
  }

  ping(): void {
    this.#connection.ping();
  }

  /**
   * What is still being made is given up, and with it what was written behind it: "caught up" and a cursor would be lies
   * without it. Only what was written last still goes out: why the connection ends.
   */
  close(code: number, reason: string): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    const last = waiting.at(-1);
    for (const frames of waiting) {
      if (!(frames instanceof Uint8Array)) break;
      if (frames !== last) this.#connection.write(frames);
    }
    if (last instanceof Uint8Array) this.#connection.write(last);
    this.#connection.close(code, reason);
  }
}
