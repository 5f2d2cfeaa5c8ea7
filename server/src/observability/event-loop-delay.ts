import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

/** How late the event loop was. Milliseconds. */
export interface EventLoopDelays {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

const resolutionMs = 10;
const nanosecondsPerMs = 1e6;

/** Measures from the first look on, so that it costs nothing where nobody looks. One for each who looks. */
export class EventLoopDelay {
  #measured: IntervalHistogram | null = null;

  /** Since the last look; null at the first. */
  read(): EventLoopDelays | null {
    if (this.#measured === null) {
      this.#measured = monitorEventLoopDelay({ resolution: resolutionMs });
      this.#measured.enable();
    }
    const measured = this.#measured;
    if (measured.count === 0) return null;
    // Measured are the distances of a timer's calls.
    const late = (nanoseconds: number): number => Math.max(0, nanoseconds / nanosecondsPerMs - resolutionMs);
    const delays = {
      p50: late(measured.percentile(50)),
      p99: late(measured.percentile(99)),
      max: late(measured.max),
    };
    measured.reset();
    return delays;
  }

  /** Stops measuring, until the next look. */
  close(): void {
    this.#measured?.disable();
    this.#measured = null;
  }
}
