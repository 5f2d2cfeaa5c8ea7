/** When something last happened in a room, and since when it has not stopped to. Times are monotonic ms. */
export class Activity {
  #lastMs: number;
  #sinceMs: number;

  constructor(now: number) {
    this.#lastMs = now;
    this.#sinceMs = now;
  }

  /** Something was accepted, joined or left. */
  note(now: number): void {
    if (this.quietMs(now) >= pauseMs) this.#sinceMs = now;
    this.#lastMs = now;
  }

  /** How long nothing has happened. */
  quietMs(now: number): number {
    return now - this.#lastMs;
  }

  /** How long it has gone on until now without a pause; 0 in one. */
  busyMs(now: number): number {
    return this.quietMs(now) >= pauseMs ? 0 : now - this.#sinceMs;
  }
}

/** A crowd that returned, or what somebody pasted, is through when nothing follows for so long. */
const pauseMs = 500;
