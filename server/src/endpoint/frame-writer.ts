/** A connection's way out, as drivers see it. `Connection` is the real one; the simulator has its own. */
export interface FrameWriter {
  /** More waits than a live reader should have: it is to be brought up to date after it has drained instead. */
  readonly congested: boolean;
  /** Bytes that wait to be sent. */
  readonly bufferedBytes: number;
  /** Queues bytes that are whole WebSocket frames. They are not copied and must not change. */
  write(frames: Uint8Array): void;
  /** Asks for a sign of life. */
  ping(): void;
  /** Sends what waits, then the close frame. */
  close(code: number, reason: string): void;
}
