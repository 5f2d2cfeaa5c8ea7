/**
 * Time as an argument. Nothing in Tideweave reads a clock or sets a timer by itself: a `Clock` is handed in, so that
 * the simulator can run hours in seconds and a clock that jumps cannot change data (promise R4).
 */
export interface Clock {
  /** Monotonic milliseconds since an arbitrary start: for deadlines, windows and durations. Never jumps. */
  now(): number;
  /** Milliseconds since 1970: only ever stored or shown, never compared with `now()`. */
  wallTime(): number;
  /** Runs `run` once, `delayMs` from now, unless cancelled first. */
  after(delayMs: number, run: () => void): Cancel;
  /** Runs `run` once when the current turn of the event loop has handled its input. */
  soon(run: () => void): void;
}

/** Cancels what a `Clock` was asked to do; calling it again, or too late, does nothing. */
export type Cancel = () => void;
