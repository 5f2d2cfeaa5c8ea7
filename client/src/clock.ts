import type { Clock, Random } from '@tideweave/shared';

/** Real time, in browsers and in Node: the only place in the client that reads a clock or sets a timer. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, Math.min(delayMs, timerMsMax));
    return () => clearTimeout(timer);
  },
  soon(run) {
    queueMicrotask(run);
  },
};

/** Timers take 31 bits; one that fires early finds that nothing is due and is set again. */
const timerMsMax = 2 ** 31 - 1;

/** Chance for the jitter of reconnects. */
export const systemRandom: Random = Math.random;
