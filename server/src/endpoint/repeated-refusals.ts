import type { Clock } from '@tideweave/shared';

/**
 * Remembers who was refused for good a moment ago. A client that comes back regardless (y-websocket 2 does so ten times a
 * second, whatever the close code) has its connection held open without a document, which is the only thing that slows
 * it down.
 */
export class RepeatedRefusals {
  readonly #clock: Clock;
  /** When each was refused last (monotonic ms), the oldest first. */
  readonly #refusedAtMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Somebody is refused: how long to wait before the connection is closed (ms). */
  holdMs(who: string): number {
    const now = this.#clock.now();
    const before = this.#refusedAtMs.get(who) ?? -Infinity;
    this.#refusedAtMs.delete(who);
    this.#refusedAtMs.set(who, now);
    for (const [oldest, atMs] of this.#refusedAtMs) {
      if (now - atMs < rememberMs && this.#refusedAtMs.size <= rememberedMax) break;
      this.#refusedAtMs.delete(oldest);
    }
    return now - before < rememberMs ? repeatHoldMs : 0;
  }
}

/** Within the 30 s after which a stock client takes a silent relay for lost. */
const repeatHoldMs = 20_000;
/** Longer than a hold, so that whoever comes back after one is held again. */
const rememberMs = 30_000;
const rememberedMax = 10_000;
