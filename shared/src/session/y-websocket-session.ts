import { RefusedError } from '../base/errors.ts';
import { refusalRules } from '../protocol/close.ts';
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
  #early: YWebsocketMessage[] = [];
  #earlyBytes = 0;
  #state: 'loading' | 'open' | 'closed' = 'loading';
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
    return this.#state === 'open' ? this.#lastSentMs + keepAliveMs : Infinity;
  }

  /** Something was sent to the client; stock clients reconnect when they hear nothing for 30 s. */
  sent(now: number): void {
    this.#lastSentMs = now;
  }

  tick(now: number): void {
    if (now < this.deadline) return;
    this.#lastSentMs = now;
    this.#outputs.push({ kind: 'send', message: { type: 'awareness', update: emptyAwareness } });
  }

  /** The document is loaded and granted: says what the relay has, and takes up what came before. */
  opened(stateVector: Uint8Array): void {
    if (this.#state !== 'loading') return;
    this.#state = 'open';
    this.#outputs.push({ kind: 'send', message: { type: 'step-1', stateVector } });
    for (const message of this.#early) this.#handle(message);
    this.#early = [];
  }

  receive(frame: Uint8Array): void {
    if (this.#state === 'closed') return;
    try {
      for (const message of decodeYWebsocket(frame, this.#limits.updateBytesMax)) {
        if (this.#state === 'open') this.#handle(message);
        else this.#keep(message, frame.length);
      }
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      this.close(error);
    }
  }

  /** Refuses the connection: `permission-denied` is all that the dialect has to say it with, beside the close code. */
  close(error: RefusedError): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#outputs.push({ kind: 'close', closeCode: refusalRules[error.code].closeCode, error });
  }

  /** The client may read but not write: it is told, and what it sent is not stored. */
  denyWrite(reason: string): void {
    this.#outputs.push({ kind: 'send', message: { type: 'permission-denied', reason } });
  }

  #keep(message: YWebsocketMessage, bytes: number): void {
    this.#earlyBytes += bytes;
    if (this.#earlyBytes > this.#limits.messageBytesMax) {
      throw new RefusedError(
        'TW_TOO_LARGE',
        `more than ${this.#limits.messageBytesMax} bytes before the document was open`,
      );
    }
    this.#early.push(message);
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
  | { readonly kind: 'close'; readonly closeCode: number; readonly error: RefusedError };

/** Well within the 30 s after which a stock client gives up on a silent server. */
const keepAliveMs = 20_000;
