import type { RefusalAction } from '../protocol/close.ts';
import type { OpenedMessage, RefuseMessage } from '../protocol/message.ts';
import { Outbox } from './outbox.ts';
import { PartsBuffer } from './parts-buffer.ts';
import { type ClientDocumentEvent, type ClientDocumentState, clientDocumentTransitions } from './transitions.ts';

/** Where the newest edit is safe: lost with this process, with this device, or not at all. */
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
  /** Updates from others that no watermark has confirmed: a relay that crashed may have lost them. */
  unconfirmed: Uint8Array[] = [];
  /** The backlog is on its way and `caught-up` is still to be said. */
  caughtUpDue = false;
  /** When to ask again while `waiting` (monotonic ms). */
  retryAtMs = 0;
  #everSynced = false;
  #receivedBytes = 0;
  #totalBytes = 0;
  #access: 'read' | 'write' | null = null;
  #user: string | null = null;
  #error: RefusalStatus | null = null;

  constructor(name: string) {
    this.name = name;
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
    this.#receivedBytes = 0;
    this.#totalBytes = message.totalBytes;
    if (message.epoch !== '') this.epoch = message.epoch;
    this.caughtUpDue = true;
    this.outbox.rewind();
  }

  received(bytes: number): void {
    if (this.state === 'catching-up') this.#receivedBytes += bytes;
  }

  caughtUp(): void {
    this.#everSynced = true;
  }

  watermark(epoch: string, cursor: Uint8Array): void {
    this.epoch = epoch;
    this.cursor = cursor.slice();
    this.unconfirmed = [];
  }

  refused(error: RefusalStatus): void {
    this.#error = error;
    this.request = 0;
    this.number = 0;
  }

  disconnected(): void {
    this.move('disconnected');
    this.parts.conclude(new Uint8Array(0));
    this.request = 0;
    this.number = 0;
  }

  get status(): DocumentStatus {
    const { outbox } = this;
    return {
      phase: this.#phase,
      synced: this.state === 'live',
      pending: { updates: outbox.size, bytes: outbox.bytes, since: outbox.since },
      safe: outbox.size === 0 ? 'server' : 'memory',
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
