import { RefusedError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import { type RefusalAction, isRetryable } from '../protocol/close.ts';
import { partBytes } from '../protocol/limits.ts';
import type { OpenedMessage } from '../protocol/message.ts';
import { Backoff } from './backoff.ts';
import { DocumentComparison } from './document-comparison.ts';
import { Deliveries, type Merge } from './deliveries.ts';
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
  /** Whether the client tries again by itself: it does so with `retry` and `reauth`. */
  readonly retryable: boolean;
  readonly action: RefusalAction;
  readonly retryAfterMs: number;
}

/** What there is to know about one document of a client. */
export interface DocumentStatus {
  /** `loading` until the device or the relay has given what there is; `refused` when only a person can go on. */
  readonly phase: 'loading' | 'ready' | 'refused' | 'closed';
  /** Whether everything that the relay had at the last reconnect is here and edits flow. */
  readonly synced: boolean;
  /** Whether the copy here was found to be the relay's document, and nothing has changed since (C1). */
  readonly verified: boolean;
  /** Edits that the relay has not acknowledged as durable. `since`: monotonic ms of the oldest. */
  readonly pending: { readonly updates: number; readonly bytes: number; readonly since: number | null };
  readonly safe: SafeTier;
  /** What the relay sends of the document when it is opened: bytes of updates that have arrived. Null otherwise. */
  readonly progress: { readonly receivedBytes: number; readonly totalBytes: number } | null;
  /**
   * What was made here and is more than passes in a moment (64 KiB): bytes of it that the relay has made durable since
   * there was anything to send, not those that left. Edits made meanwhile are added to the total. Null otherwise.
   */
  readonly upload: { readonly savedBytes: number; readonly totalBytes: number } | null;
  readonly access: 'read' | 'write' | null;
  /** Identity that the relay's grant gave this session; null until it is open, empty for anonymous. */
  readonly user: string | null;
  readonly error: RefusalStatus | null;
}

/** What a device kept of a document from an earlier session. */
export interface ResumedDocument {
  /** Monotonic ms: from when on its edits count as waiting. */
  readonly now: number;
  /** Empty when it was never synced. */
  readonly epoch: string;
  readonly cursor: Uint8Array;
  /** Edits that were not acknowledged, in order; they get the numbers from 1 on. */
  readonly pending: readonly Uint8Array[];
  /** Updates from others that no watermark confirmed, in order. */
  readonly delivered: readonly Uint8Array[];
}

/** The client's half of one document: its place in the transition table, its outbox and where it has got to. */
export class ClientDocument {
  readonly name: string;
  readonly outbox: Outbox = new Outbox();
  readonly parts: PartsBuffer = new PartsBuffer();
  /** Updates from others that no watermark has confirmed. */
  readonly deliveries: Deliveries;
  readonly comparison: DocumentComparison = new DocumentComparison();
  state: ClientDocumentState = 'idle';
  /** Number of the `open` under way; 0 when there is none. */
  request = 0;
  /** Number of the document on the present connection; 0 when it is not open. */
  number = 0;
  epoch = '';
  cursor: Uint8Array = new Uint8Array(0);
  /** What the last watermark of this connection said, as a text; empty when there was none. */
  #watermark = '';
  /** Number of the resync that the relay has not acknowledged on this connection; 0 when there is none. */
  resyncN = 0;
  /** The backlog is on its way and `caught-up` is still to be said. */
  caughtUpDue = false;
  /** When to ask again while `waiting` (monotonic ms). */
  retryAtMs = 0;
  readonly #backoff: Backoff;
  /** There is something to show. */
  #isLoaded = false;
  #receivedBytes = 0;
  #totalBytes = 0;
  /** Bytes of edits that became durable since the outbox was empty. */
  #savedBytes = 0;
  #access: 'read' | 'write' | null = null;
  #user: string | null = null;
  #error: RefusalStatus | null = null;

  constructor(name: string, random: Random, merge: Merge) {
    this.name = name;
    this.deliveries = new Deliveries(merge);
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
    this.#watermark = '';
    this.comparison.begin();
  }

  /**
   * Takes over where to resume from; false when this is the last watermark again, repeated on its way: each names another
   * cursor than the one before it, or none (of a leading tab, from which nothing is resumed).
   */
  watermark(cursor: Uint8Array): boolean {
    // Numbers: in Node these bytes are a Buffer, which would decode them.
    const text = [...cursor].join();
    if (text !== '' && text === this.#watermark) return false;
    this.#watermark = text;
    this.cursor = cursor.slice();
    return true;
  }

  received(bytes: number): void {
    if (this.state === 'catching-up') this.#receivedBytes += bytes;
  }

  caughtUp(): void {
    this.#isLoaded = true;
    if (this.outbox.size === 0) this.#backoff.reset();
  }

  /** Takes up where an earlier session left off. */
  resume({ now, epoch, cursor, pending, delivered }: ResumedDocument): void {
    this.epoch = epoch;
    this.cursor = cursor;
    // What the device has of it is what there is to show, be it synced before or made here.
    this.#isLoaded = epoch !== '' || pending.length > 0 || delivered.length > 0;
    for (const update of delivered) this.deliveries.add(update);
    for (const update of pending) this.outbox.add(update, now);
  }

  /** Everything pushed up to `n` is durable; true when that was any edit. */
  acknowledged(n: number): boolean {
    if (this.resyncN !== 0 && n >= this.resyncN) {
      this.resyncN = 0;
      this.comparison.relayLacks = false;
    }
    this.#backoff.reset();
    const { bytes } = this.outbox;
    const isAny = this.outbox.acknowledge(n);
    this.#savedBytes = this.outbox.size === 0 ? 0 : this.#savedBytes + bytes - this.outbox.bytes;
    return isAny;
  }

  /** The relay, or this side, ends the document; it is asked for again at `retryAtMs`, or with another token. */
  refused(error: RefusalStatus, now: number): void {
    this.#error = error;
    this.#closed();
    if (this.state !== 'waiting') return;
    this.retryAtMs = error.action === 'reauth' ? Infinity : now + this.#backoff.next(error.retryAfterMs);
  }

  disconnected(): void {
    this.move('disconnected');
    this.#closed();
  }

  /** The copy here turned out to be incomplete: the next opening begins from what it has, whatever it was told before. */
  astray(): void {
    this.cursor = new Uint8Array(0);
    this.#closed();
  }

  get error(): RefusalStatus | null {
    return this.#error;
  }

  #closed(): void {
    this.comparison.begin();
    this.parts.clear();
    this.request = 0;
    this.number = 0;
  }

  get status(): DocumentStatus {
    const { outbox } = this;
    return {
      phase: this.#phase,
      synced: this.state === 'live',
      verified: this.state === 'live' && !this.comparison.changed && !this.comparison.relayLacks,
      pending: { updates: outbox.size, bytes: outbox.bytes, since: outbox.since },
      safe: this.#isSafe ? 'server' : 'memory',
      progress:
        this.state === 'catching-up' ? { receivedBytes: this.#receivedBytes, totalBytes: this.#totalBytes } : null,
      upload: this.#upload,
      access: this.#access,
      user: this.#user,
      error: this.#error ?? this.#readOnlyError,
    };
  }

  get #upload(): DocumentStatus['upload'] {
    const totalBytes = this.#savedBytes + this.outbox.bytes;
    return this.writable && totalBytes > partBytes ? { savedBytes: this.#savedBytes, totalBytes } : null;
  }

  get #isSafe(): boolean {
    const { outbox, deliveries, resyncN, comparison } = this;
    return outbox.size === 0 && deliveries.returning === null && resyncN === 0 && !comparison.relayLacks;
  }

  get #phase(): DocumentStatus['phase'] {
    if (this.state === 'closed' || this.state === 'refused') return this.state;
    return this.#isLoaded ? 'ready' : 'loading';
  }

  /** Edits under a read-only grant are never sent: that they stay here must be said. */
  get #readOnlyError(): RefusalStatus | null {
    if (this.#access !== 'read' || this.outbox.size === 0) return null;
    return refusalStatus(
      new RefusedError('TW_READ_ONLY', 'The grant allows reading only; edits made here are not sent.'),
    );
  }
}

/** The part of a refusal that an application can act upon, be it the relay's or of this side's own making. */
export function refusalStatus({ code, reason, action, retryAfterMs }: Omit<RefusalStatus, 'retryable'>): RefusalStatus {
  return { code, reason, retryable: isRetryable(action), action, retryAfterMs };
}
