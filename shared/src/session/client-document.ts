import type { RefusedError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import { type RefusalAction, refusalRules } from '../protocol/close.ts';
import type { OpenedMessage, RefuseMessage } from '../protocol/message.ts';
import { mergeUpdates } from '../update/merge.ts';
import { Backoff } from './backoff.ts';
import { Outbox } from './outbox.ts';
import { PartsBuffer } from './parts-buffer.ts';
import { type ClientDocumentEvent, type ClientDocumentState, clientDocumentTransitions } from './transitions.ts';

/**
 * Where what is here is safe: lost with this process, with this device, or not at all. Until the relay has what it was
 * found to lack, that is not the server, whoever wrote it.
 */
export type SafeTier = 'memory' | 'device' | 'server';

/** A refusal as the application sees it (U3). */
export interface RefusalStatus {
  /** A `RefusalCode`, or one of a later version of the relay. */
  readonly code: string;
  readonly reason: string;
  readonly action: RefusalAction;
  readonly retryAfterMs: number;
}

/** What there is to know about one document of a client. */
export interface DocumentStatus {
  /** `loading` until everything the relay had has arrived once; `refused` when only a person can go on. */
  readonly phase: 'loading' | 'ready' | 'refused' | 'closed';
  /** Whether everything that the relay had at the last reconnect is here and edits flow. */
  readonly synced: boolean;
  /** Edits that the relay has not acknowledged as durable. `since`: monotonic ms of the oldest. */
  readonly pending: { readonly updates: number; readonly bytes: number; readonly since: number | null };
  readonly safe: SafeTier;
  /** While a transfer to this device is under way. */
  readonly progress: { readonly receivedBytes: number; readonly totalBytes: number } | null;
  readonly access: 'read' | 'write' | null;
  /** Identity that the relay's grant gave this session; null until it is open, empty for anonymous. */
  readonly user: string | null;
  readonly error: RefusalStatus | null;
}

/** The client's half of one document: its place in the transition table, its outbox and where it has got to. */
export class ClientDocument {
  readonly name: string;
  readonly outbox: Outbox = new Outbox();
  readonly parts: PartsBuffer = new PartsBuffer();
  state: ClientDocumentState = 'idle';
  /** Number of the `open` under way; 0 when there is none. */
  request = 0;
  /** Number of the document on the present connection; 0 when it is not open. */
  number = 0;
  epoch = '';
  cursor: Uint8Array = new Uint8Array(0);
  /** What is being handed back on this connection, in one update, until the relay acknowledges it. */
  returning: Uint8Array | null = null;
  /** Number of the resync that the relay has not acknowledged on this connection; 0 when there is none. */
  resyncN = 0;
  /** The backlog is on its way and `caught-up` is still to be said. */
  caughtUpDue = false;
  /** When to ask again while `waiting` (monotonic ms). */
  retryAtMs = 0;
  readonly #backoff: Backoff;
  /** Updates from others that a relay that crashed may have lost: those before the last watermark, and those since. */
  #unconfirmed: Uint8Array[] = [];
  #sinceWatermark: Uint8Array[] = [];
  #everSynced = false;
  #receivedBytes = 0;
  #totalBytes = 0;
  #access: 'read' | 'write' | null = null;
  #user: string | null = null;
  #error: RefusalStatus | null = null;

  constructor(name: string, random: Random) {
    this.name = name;
    this.#backoff = new Backoff(random);
  }

  /** Moves along the table; false when the peer broke the protocol. */
  move(event: ClientDocumentEvent): boolean {
    const next = clientDocumentTransitions[this.state][event];
    if (next === '!') return false;
    if (next !== '-') this.state = next;
    return true;
  }

  get writable(): boolean {
    return (this.state === 'catching-up' || this.state === 'live') && this.#access === 'write';
  }

  opened(message: OpenedMessage): void {
    this.request = 0;
    this.number = message.doc;
    this.#access = message.access;
    this.#user = message.user;
    this.#error = null;
    this.parts.clear();
    this.#receivedBytes = 0;
    this.#totalBytes = message.totalBytes;
    this.caughtUpDue = true;
    this.outbox.rewind();
    this.resyncN = 0;
    const returning = [
      ...(this.returning === null ? [] : [this.returning]),
      ...this.#unconfirmed,
      ...this.#sinceWatermark,
    ];
    this.returning = message.access === 'write' && returning.length > 0 ? mergeUpdates(returning) : null;
    this.#unconfirmed = [];
    this.#sinceWatermark = [];
  }

  received(bytes: number): void {
    if (this.state === 'catching-up') this.#receivedBytes += bytes;
  }

  /** Keeps an update from others until watermarks confirm it. */
  delivered(update: Uint8Array): void {
    // A copy: it may be a view into its frame, which is reused or much larger.
    this.#sinceWatermark.push(update.slice());
  }

  caughtUp(): void {
    this.#everSynced = true;
    if (this.outbox.size === 0) this.#backoff.reset();
  }

  /** What came before the previous watermark is durable, and all that came so far when this one says so. */
  watermark(cursor: Uint8Array, settled: boolean): void {
    this.cursor = cursor.slice();
    this.#unconfirmed = settled ? [] : this.#sinceWatermark;
    this.#sinceWatermark = [];
  }

  /** Everything pushed up to `n` is durable; true when that was any edit. What is handed back travels before the edits. */
  acknowledged(n: number): boolean {
    this.returning = null;
    if (n >= this.resyncN) this.resyncN = 0;
    this.#backoff.reset();
    return this.outbox.acknowledge(n);
  }

  /** The relay, or this side, ends the document; retryable ones try again from `retryAtMs` on. */
  refused(error: RefusalStatus, now: number): void {
    this.#error = error;
    this.#closed();
    if (this.state === 'waiting') this.retryAtMs = now + this.#backoff.next(error.retryAfterMs);
  }

  disconnected(): void {
    this.move('disconnected');
    this.#closed();
  }

  get error(): RefusalStatus | null {
    return this.#error;
  }

  #closed(): void {
    this.parts.clear();
    this.request = 0;
    this.number = 0;
  }

  get status(): DocumentStatus {
    const { outbox } = this;
    return {
      phase: this.#phase,
      synced: this.state === 'live',
      pending: { updates: outbox.size, bytes: outbox.bytes, since: outbox.since },
      safe: outbox.size === 0 && this.returning === null && this.resyncN === 0 ? 'server' : 'memory',
      progress:
        this.state === 'catching-up' ? { receivedBytes: this.#receivedBytes, totalBytes: this.#totalBytes } : null,
      access: this.#access,
      user: this.#user,
      error: this.#error ?? this.#readOnlyError,
    };
  }

  get #phase(): DocumentStatus['phase'] {
    if (this.state === 'closed' || this.state === 'refused') return this.state;
    return this.#everSynced ? 'ready' : 'loading';
  }

  /** Edits under a read-only grant are never sent: that they stay here must be said. */
  get #readOnlyError(): RefusalStatus | null {
    if (this.#access !== 'read' || this.outbox.size === 0) return null;
    return {
      code: 'TW_READ_ONLY',
      reason: 'The grant allows reading only; edits made here are not sent.',
      action: 'contact',
      retryAfterMs: 0,
    };
  }
}

/** The part of a refusal that an application can act upon. */
export function refusalStatus(message: Omit<RefuseMessage, 'type' | 'scope' | 'id'>): RefusalStatus {
  return { code: message.code, reason: message.reason, action: message.action, retryAfterMs: message.retryAfterMs };
}

/** A refusal of this side's own making. */
export function refusalOf(error: RefusedError): RefusalStatus {
  const { action } = refusalRules[error.code];
  return { code: error.code, reason: error.message, action, retryAfterMs: error.retryAfterMs };
}
