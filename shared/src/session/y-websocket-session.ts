import { RefusedError } from '../base/errors.ts';
import { comeBackCode, refusalRules } from '../protocol/close.ts';
import { type YWebsocketMessage, decodeYWebsocket } from '../protocol/dialects/y-websocket.ts';
import type { Limits } from '../protocol/limits.ts';
import { emptyAwareness } from '../presence/presence.ts';

/**
 * The relay's half of one connection of a stock y-websocket client: one document, no acknowledgements, no numbers.
 * Messages that come before the document is loaded wait, so that the first answer is the whole truth.
 */
export class YWebsocketSession {
  readonly #limits: Pick<Limits, 'updateBytesMax' | 'connectionTimeoutMs' | 'messageBytesMax'>;
  #outputs: YWebsocketOutput[] = [];
  /** Frames that came before the document was open, undecoded. */
  #early: Uint8Array[] = [];
  #earlyBytes = 0;
  /** What came before the client was a member of the room. */
  #waiting: YWebsocketMessage[] = [];
  /** `open`: loaded, but its step 1 has not been answered. */
  #state: 'loading' | 'open' | 'joined' | 'closed' = 'loading';
  #askAtMs = Infinity;
  #lastSentMs: number;

  constructor(limits: Pick<Limits, 'updateBytesMax' | 'connectionTimeoutMs' | 'messageBytesMax'>, now: number) {
    this.#limits = limits;
    this.#lastSentMs = now;
  }

  drain(): readonly YWebsocketOutput[] {
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }

  /** When `tick` is due next (monotonic ms). */
  get deadline(): number {
    if (this.#state !== 'open' && this.#state !== 'joined') return Infinity;
    return Math.min(this.#lastSentMs + keepAliveMs, this.#askAtMs);
  }

  /** Something was sent to the client; stock clients reconnect when they hear nothing for 30 s. */
  sent(now: number): void {
    this.#lastSentMs = now;
  }

  tick(now: number): void {
    if (now < this.deadline) return;
    if (now >= this.#askAtMs) {
      this.#askAtMs = Infinity;
      this.#outputs.push({ kind: 'ask' });
    }
    if (now < this.#lastSentMs + keepAliveMs) return;
    this.#lastSentMs = now;
    this.#outputs.push({ kind: 'send', message: { type: 'awareness', update: emptyAwareness } });
  }

  /** The document is loaded and granted: says what the relay has, and takes up what came before. */
  opened(stateVector: Uint8Array): void {
    if (this.#state !== 'loading') return;
    this.#state = 'open';
    this.#outputs.push({ kind: 'send', message: { type: 'step-1', stateVector } });
    const early = this.#early;
    this.#early = [];
    this.#earlyBytes = 0;
    for (const frame of early) this.receive(frame);
  }

  /** The client has had its first step 2 and is a member of the room from here on. */
  joined(): void {
    if (this.#state !== 'open') return;
    this.#state = 'joined';
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const message of waiting) this.#handle(message);
  }

  /** What was sent cannot be taken at the moment: it is asked for again later (D5). */
  putOff(now: number): void {
    this.#askAtMs = Math.min(this.#askAtMs, now + retryMs);
  }

  receive(frame: Uint8Array): void {
    if (this.#state === 'closed') return;
    try {
      if (this.#state === 'loading') this.#keep(frame);
      else for (const message of decodeYWebsocket(frame, this.#limits.updateBytesMax)) this.#take(message);
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      this.close(error);
    }
  }

  /**
   * Refuses the connection. Major 3 of the stock client stays away after a close code of 44xx and tells its application;
   * major 2 comes back after any, and prints the denial.
   */
  close(error: RefusedError): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#early = [];
    this.#waiting = [];
    if (refusalRules[error.code].action !== 'retry') {
      const reason = `${error.code}: ${error.message}`;
      this.#outputs.push({ kind: 'send', message: { type: 'permission-denied', reason } });
    }
    this.#outputs.push({ kind: 'close', closeCode: refusalRules[error.code].closeCode, error });
  }

  /**
   * What let the client in has ended: it is to come back, with the token that it has by then. Who has no better one is
   * refused on the way in, with a code that keeps major 3 away.
   */
  lapse(error: RefusedError): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#outputs.push({ kind: 'close', closeCode: comeBackCode, error });
  }

  /** The client may read but not write: it is told, and what it sent is not stored. */
  denyWrite(reason: string): void {
    if (this.#state !== 'joined') return;
    this.#outputs.push({ kind: 'send', message: { type: 'permission-denied', reason } });
  }

  #keep(frame: Uint8Array): void {
    this.#count(frame.length);
    // A copy: the frame may be a view into a larger buffer, which would be kept alive with it.
    this.#early.push(frame.slice());
  }

  #take(message: YWebsocketMessage): void {
    if (this.#state === 'joined' || message.type === 'step-1' || message.type === 'permission-denied') {
      this.#handle(message);
      return;
    }
    if (!('update' in message)) {
      this.#count(0);
      this.#waiting.push(message);
      return;
    }
    this.#count(message.update.length);
    this.#waiting.push({ ...message, update: message.update.slice() });
  }

  #count(bytes: number): void {
    this.#earlyBytes += bytes + frameOverheadBytes;
    if (this.#earlyBytes > this.#limits.messageBytesMax) {
      throw new RefusedError(
        'TW_TOO_LARGE',
        `more than ${this.#limits.messageBytesMax} bytes before the document was open`,
      );
    }
  }

  #handle(message: YWebsocketMessage): void {
    switch (message.type) {
      case 'step-1':
        this.#outputs.push({ kind: 'catch-up', stateVector: message.stateVector });
        return;
      case 'step-2':
      case 'update':
        this.#outputs.push({ kind: 'store', update: message.update, everything: message.type === 'step-2' });
        return;
      case 'awareness':
        this.#outputs.push({ kind: 'awareness', update: message.update });
        return;
      case 'query-awareness':
        this.#outputs.push({ kind: 'tell-awareness' });
        return;
      case 'permission-denied':
        throw new RefusedError('TW_UNEXPECTED_MESSAGE', 'only a relay denies permission');
    }
  }
}

/** What the session asks of its driver. */
export type YWebsocketOutput =
  | { readonly kind: 'send'; readonly message: YWebsocketMessage }
  /** Send what the client lacks, ending with a step 2, and keep it current from here on. */
  | { readonly kind: 'catch-up'; readonly stateVector: Uint8Array }
  /** Scan and store. `everything`: it answers our step 1, so that asking again would bring nothing more. */
  | { readonly kind: 'store'; readonly update: Uint8Array; readonly everything: boolean }
  | { readonly kind: 'awareness'; readonly update: Uint8Array }
  | { readonly kind: 'tell-awareness' }
  /** Send a step 1. */
  | { readonly kind: 'ask' }
  | { readonly kind: 'close'; readonly closeCode: number; readonly error: RefusedError };

/** Well within the 30 s after which a stock client gives up on a silent server. */
const keepAliveMs = 20_000;
/** Between two attempts to store what the relay could not take. */
const retryMs = 5000;
/** What keeping a frame costs beside its bytes. */
const frameOverheadBytes = 128;
