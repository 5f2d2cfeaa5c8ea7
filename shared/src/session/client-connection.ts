import type { Random } from '../base/random.ts';
import { Backoff } from './backoff.ts';
import type { RefusalStatus } from './client-document.ts';

/** `stopped`: not wanted. `waiting`: until the next attempt. */
export type ConnectionState = 'stopped' | 'connecting' | 'connected' | 'waiting';

/** What the clock asks for. */
export type ConnectionDuty = 'connect' | 'ping' | 'drop' | 'nothing';

/** When a client connects, gives up and tries again: the transport's life without the transport. */
export class ClientConnection {
  readonly #backoff: Backoff;
  #state: ConnectionState = 'stopped';
  #lastHeardMs = 0;
  /** When a sign of life was asked for, or null while none is due. */
  #pingedAtMs: number | null = null;
  /** Wait that the relay's last refusal asked for; counts once. */
  #retryAfterMs = 0;
  /** When to give up connecting, or to try again (monotonic ms). */
  #deadlineMs = Infinity;
  #error: RefusalStatus | null = null;

  constructor(random: Random) {
    this.#backoff = new Backoff(random);
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Why the relay ended the connection last; null after the next success. */
  get error(): RefusalStatus | null {
    return this.#error;
  }

  get deadline(): number {
    if (this.#state !== 'connected') return this.#deadlineMs;
    return this.#pingedAtMs === null ? this.#lastHeardMs + pingAfterMs : this.#pingedAtMs + pongWithinMs;
  }

  connecting(now: number): void {
    this.#state = 'connecting';
    this.#deadlineMs = now + connectWithinMs;
  }

  connected(now: number): void {
    this.#state = 'connected';
    this.heard(now);
  }

  heard(now: number): void {
    this.#lastHeardMs = now;
    this.#pingedAtMs = null;
  }

  /** The relay ended the connection, or will be left, because of `error`. */
  refused(error: RefusalStatus): void {
    this.#error = error;
    this.#retryAfterMs = error.retryAfterMs;
  }

  lost(now: number): void {
    this.#state = 'waiting';
    this.#deadlineMs = now + this.#backoff.next(this.#retryAfterMs);
    this.#retryAfterMs = 0;
  }

  stopped(): void {
    this.#state = 'stopped';
    this.#deadlineMs = Infinity;
  }

  /** An open socket proves nothing; a document opened or an edit acknowledged does. */
  succeeded(): void {
    this.#backoff.reset();
    this.#error = null;
  }

  /** Asks for a sign of life now rather than later; false when that is under way, or there is no connection. */
  probe(now: number): boolean {
    if (this.#state !== 'connected' || this.#pingedAtMs !== null) return false;
    this.#pingedAtMs = now;
    return true;
  }

  /** What is due at `now`. */
  tick(now: number): ConnectionDuty {
    if (now < this.deadline) return 'nothing';
    switch (this.#state) {
      case 'stopped':
        return 'nothing';
      case 'waiting':
        return 'connect';
      case 'connecting':
        return 'drop';
      case 'connected':
        // From now on, not from when it was due: after a sleep, or in a page whose timers are slowed, it was due long ago.
        return this.probe(now) ? 'ping' : 'drop';
    }
  }
}

/** How long a transport may take to open. */
const connectWithinMs = 10_000;
/** How long the relay may be silent before it is asked for a sign of life, and how long it then has to give one. */
const pingAfterMs = 15_000;
const pongWithinMs = 10_000;
