import { performance } from 'node:perf_hooks';
import type { Clock } from '@tideweave/shared';

/** Real time: the only place in the server that reads a clock or sets a timer. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
  soon(run) {
    setImmediate(run);
  },
};
