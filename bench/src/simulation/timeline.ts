/** Virtual time: what is to happen, in order, and clocks for simulated processes that can be killed at any step. */
import type { Cancel, Clock } from '@tideweave/shared';

interface Event {
  readonly atMs: number;
  readonly order: number;
  run: (() => void) | null;
}

/** A queue of events in virtual time; between two events everything that waits for promises only runs to its end. */
export class Timeline {
  #nowMs = 0;
  #order = 0;
  #stopped = false;
  /** A binary heap, the next event first. */
  readonly #heap: Event[] = [];
  /** Events that have happened. */
  steps = 0;

  get now(): number {
    return this.#nowMs;
  }

  /** Nothing happens any more. */
  stop(): void {
    this.#stopped = true;
  }

  after(delayMs: number, run: () => void): Cancel {
    const event: Event = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, run };
    this.#push(event);
    return () => {
      event.run = null;
    };
  }

  /** Lets time pass until `endMs`, or until `stop`. Rejects with what an event throws. */
  runUntil(endMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const turn = (): void => {
        try {
          const event = this.#stopped ? undefined : this.#take(endMs);
          if (event === undefined) {
            if (!this.#stopped) this.#nowMs = Math.max(this.#nowMs, endMs);
            resolve();
            return;
          }
          this.#nowMs = event.atMs;
          this.steps++;
          event.run?.();
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
          return;
        }
        setImmediate(turn);
      };
      setImmediate(turn);
    });
  }

  /** The next event that was not cancelled and is due by `endMs`. */
  #take(endMs: number): Event | undefined {
    for (let first = this.#heap[0]; first !== undefined && first.atMs <= endMs; first = this.#heap[0]) {
      this.#pop();
      if (first.run !== null) return first;
    }
    return undefined;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(event, above)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = heap[2 * at + 1];
      if (left === undefined) break;
      const right = heap[2 * at + 2];
      const [child, next] = right !== undefined && isBefore(right, left) ? [right, 2 * at + 2] : [left, 2 * at + 1];
      if (!isBefore(child, last)) break;
      heap[at] = child;
      at = next;
    }
    heap[at] = last;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/** The clock of one simulated process: its timers die with it. */
export class ProcessClock implements Clock {
  readonly #timeline: Timeline;
  #wallOffsetMs: number;
  #alive = true;

  constructor(timeline: Timeline, wallOffsetMs: number) {
    this.#timeline = timeline;
    this.#wallOffsetMs = wallOffsetMs;
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** Nothing that this process has planned happens any more. */
  kill(): void {
    this.#alive = false;
  }

  /** The wall clock jumps; `now` does not (R4). */
  jump(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }

  now(): number {
    return this.#timeline.now;
  }

  wallTime(): number {
    return this.#wallOffsetMs + this.#timeline.now;
  }

  after(delayMs: number, run: () => void): Cancel {
    return this.#timeline.after(delayMs, () => {
      if (this.#alive) run();
    });
  }

  soon(run: () => void): void {
    this.after(0, run);
  }

  /** Resolves after a while; never, when the process has died meanwhile. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(ms, resolve);
    });
  }
}
