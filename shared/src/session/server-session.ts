import { assert } from '../base/assert.ts';
import { RefusedError } from '../base/errors.ts';
import { refusalRules } from '../protocol/close.ts';
import { decodeClientMessages, splitUpdate } from '../protocol/codec.ts';
import { type Limits, partBytes } from '../protocol/limits.ts';
import type {
  ClientMessage,
  ComparisonResult,
  OpenMessage,
  OpenedMessage,
  PartMessage,
  PushMessage,
  RefuseMessage,
  ResyncMessage,
  ServerMessage,
} from '../protocol/message.ts';
import { PartsBuffer } from './parts-buffer.ts';
import {
  type ServerDocumentEvent,
  type ServerDocumentState,
  type Transition,
  serverDocumentTransitions,
} from './transitions.ts';

/**
 * The relay's half of one native connection, as a value that is fed and drained: frames and the time go in, outputs come
 * out of `drain`. It does no I/O, and an acknowledgement is only ever an output of `committed`, so that no driver can
 * send one early.
 */
export class ServerSession {
  readonly #limits: ServerSessionLimits;
  readonly #documents = new Map<number, ServerDocument>();
  /** Opens under way; null while there are none, which is nearly always. */
  #requests: Set<number> | null = null;
  #outputs: ServerOutput[] = [];
  #lastHeardMs: number;
  /** When a sign of life was asked for, or null while none is due. */
  #pingedAtMs: number | null = null;
  /** Bytes that wait in parts for the end of their update, over all documents. */
  #partsBytes = 0;
  #closed = false;

  constructor(limits: ServerSessionLimits, now: number) {
    this.#limits = limits;
    this.#lastHeardMs = now;
  }

  /** What the driver has to do, in order; emptied by the call. */
  drain(): readonly ServerOutput[] {
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }

  /** When `tick` is due next (monotonic ms). */
  get deadline(): number {
    if (this.#closed) return Infinity;
    return (this.#pingedAtMs ?? this.#lastHeardMs) + this.#limits.connectionTimeoutMs / 2;
  }

  /** Asks a silent client for a sign of life, and gives up on one that does not answer. */
  tick(now: number): void {
    if (now < this.deadline) return;
    if (this.#pingedAtMs === null) {
      this.#pingedAtMs = now;
      this.#send({ type: 'ping' });
      return;
    }
    this.close(new RefusedError('TW_TIMEOUT', 'nothing was heard from you'));
  }

  /** The client is alive. */
  heard(now: number): void {
    this.#lastHeardMs = now;
    this.#pingedAtMs = null;
  }

  /** Takes one frame. Whatever is wrong with it ends this connection with a reason, and nothing else. */
  receive(frame: Uint8Array, now: number): void {
    if (this.#closed) return;
    this.heard(now);
    try {
      for (const message of decodeClientMessages(frame, this.#limits.updateBytesMax)) this.#handle(message);
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      this.close(error);
    }
  }

  /** The open `request` was granted: from here on the document goes by its number. False when the session moved on. */
  granted(opened: Omit<OpenedMessage, 'type'>): boolean {
    if (!this.#endRequest(opened.request) || this.#closed) return false;
    if (this.#next(opened.doc, 'granted') === '!') {
      const reason = 'the document is open on this connection already';
      this.#refuse('request', opened.request, new RefusedError('TW_UNEXPECTED_MESSAGE', reason));
      return false;
    }
    assert(opened.doc > 0, 'documents are numbered from 1');
    this.#documents.set(opened.doc, { state: 'open', parts: new PartsBuffer(), pushes: [] });
    this.#send({ type: 'opened', ...opened });
    return true;
  }

  /** The open `request` was refused. */
  refusedOpen(request: number, error: RefusedError): void {
    if (!this.#endRequest(request) || this.#closed) return;
    this.#refuse('request', request, error);
  }

  /** The grant of `doc` ends in `endsInMs`, or never (0). */
  grant(doc: number, endsInMs: number): void {
    if (this.#documents.has(doc)) this.#send({ type: 'grant', doc, endsInMs });
  }

  /** Push `n` was accepted; it is durable once `ticket` is committed. */
  stored(doc: number, n: number, ticket: number): void {
    const document = this.#documents.get(doc);
    if (document !== undefined) awaitTicket(document, n, ticket);
  }

  /**
   * Push `n` builds on something the relay lacks (`n` null: the client's state vector is ahead of the relay's). Nothing
   * from `n` on is acknowledged until the client's resync has been stored.
   */
  missing(doc: number, n: number | null, stateVector: Uint8Array): void {
    const document = this.#documents.get(doc);
    if (document === undefined) return;
    if (n !== null) awaitTicket(document, n, Infinity);
    const wanted = document.state === 'wanting';
    this.#event(doc, 'behind-client');
    if (!wanted) this.#send({ type: 'want', doc, stateVector });
  }

  /** The answer to a `compare`; with what the relay has where that differs. A client that may write is to send a resync. */
  compared(doc: number, result: ComparisonResult, { stateVector, deletes }: ComparedState, writable: boolean): void {
    const document = this.#documents.get(doc);
    if (document === undefined) return;
    if (result === 'differs' && writable) {
      // One is under way already: the client will be the wiser after it.
      if (document.state === 'wanting') return this.compared(doc, 'elsewhere', nothingCompared, writable);
      this.#event(doc, 'behind-client');
    }
    const conclude = (rest: Uint8Array): ServerMessage => ({
      type: 'compared',
      doc,
      result,
      stateVector,
      deletes: rest,
    });
    for (const message of splitUpdate(doc, deletes, partBytes, conclude)) this.#send(message);
  }

  /** The answer to a `who`. */
  authors(doc: number, entries: Uint8Array): void {
    if (this.#documents.has(doc)) this.#send({ type: 'authors', doc, entries });
  }

  /** Everything up to `ticket` is durable: acknowledges what that completes (D2). */
  committed(doc: number, ticket: number): void {
    const document = this.#documents.get(doc);
    if (document === undefined) return;
    let done = 0;
    while (done < document.pushes.length) {
      const push = document.pushes[done];
      if (push === undefined || push.ticket > ticket) break;
      done++;
    }
    const last = document.pushes[done - 1];
    if (last === undefined) return;
    document.pushes.splice(0, done);
    this.#send({ type: 'ack', doc, n: last.n });
  }

  /** Ends one document of the connection; the others go on. */
  refuseDocument(doc: number, error: RefusedError): void {
    if (this.#event(doc, 'refused') === undefined) return;
    this.#refuse('document', doc, error);
  }

  /** Refuses the whole connection. */
  close(error: RefusedError): void {
    if (this.#closed) return;
    this.#refuse('connection', 0, error);
    this.#closed = true;
    this.#outputs.push({ kind: 'close', closeCode: refusalRules[error.code].closeCode, error });
  }

  #handle(message: ClientMessage): void {
    switch (message.type) {
      case 'ping':
        this.#send({ type: 'pong' });
        return;
      case 'pong':
        return;
      case 'open':
        this.#open(message);
        return;
      case 'token':
        this.#outputs.push({ kind: 'token', token: message.token });
        return;
      case 'leave':
        if (this.#event(message.doc, 'leave') === undefined) return;
        this.#outputs.push({ kind: 'leave', doc: message.doc });
        return;
      case 'part':
        this.#part(message);
        return;
      case 'push':
      case 'resync':
        this.#store(message);
        return;
      case 'caught-up':
        if (this.#event(message.doc, 'caught-up') === undefined) return;
        this.#outputs.push({ kind: 'caught-up', doc: message.doc });
        return;
      case 'compare':
        if (this.#event(message.doc, 'compare') === undefined) return;
        this.#outputs.push({ kind: 'compare', doc: message.doc, cursor: message.cursor, digest: message.digest });
        return;
      case 'who':
        if (this.#event(message.doc, 'who') === undefined) return;
        this.#outputs.push({ kind: 'who', doc: message.doc, cursor: message.cursor });
        return;
      case 'awareness':
        if (this.#event(message.doc, 'awareness') === undefined) return;
        this.#outputs.push({ kind: 'awareness', doc: message.doc, update: message.update });
    }
  }

  #part({ doc, bytes }: PartMessage): void {
    const document = this.#event(doc, 'part');
    if (document === undefined) return;
    // One update travels at a time, so that the bound on one holds for all that a connection makes the relay keep.
    if (this.#partsBytes + bytes.length > this.#limits.updateBytesMax) {
      this.#tooLarge(doc);
      return;
    }
    document.parts.add(bytes, this.#limits.updateBytesMax);
    this.#partsBytes += bytes.length;
  }

  #store({ type, doc, n, update: rest }: PushMessage | ResyncMessage): void {
    const document = this.#event(doc, type);
    if (document === undefined) return;
    const { parts } = document;
    if (parts.bytes + rest.length > this.#limits.updateBytesMax) {
      this.#tooLarge(doc);
      return;
    }
    this.#partsBytes -= parts.bytes;
    const update = parts.conclude(rest, this.#limits.updateBytesMax);
    const resync = type === 'resync';
    if (resync) document.pushes = document.pushes.filter((push) => push.n > n);
    this.#outputs.push({ kind: 'store', doc, n, update, resync });
  }

  /** One document's update outgrows the limit: that document ends, and the others go on. */
  #tooLarge(doc: number): void {
    const reason = `an update of more than ${this.#limits.updateBytesMax} bytes`;
    this.refuseDocument(doc, new RefusedError('TW_TOO_LARGE', reason));
    this.#outputs.push({ kind: 'leave', doc });
  }

  #open(message: OpenMessage): void {
    if (this.#requests?.has(message.request) === true) {
      throw new RefusedError('TW_UNEXPECTED_MESSAGE', `request ${message.request} is under way already`);
    }
    if (this.#documents.size + (this.#requests?.size ?? 0) >= this.#limits.documentsPerConnectionMax) {
      const reason = `more than ${this.#limits.documentsPerConnectionMax} documents on one connection`;
      this.#refuse('request', message.request, new RefusedError('TW_TOO_MANY_DOCUMENTS', reason));
      return;
    }
    this.#requests ??= new Set();
    this.#requests.add(message.request);
    this.#outputs.push({ kind: 'open', message });
  }

  /** False when there is no such open under way. */
  #endRequest(request: number): boolean {
    const requests = this.#requests;
    if (requests?.delete(request) !== true) return false;
    if (requests.size === 0) this.#requests = null;
    return true;
  }

  #next(doc: number, event: ServerDocumentEvent): Transition<ServerDocumentState> {
    return serverDocumentTransitions[this.#documents.get(doc)?.state ?? 'absent'][event];
  }

  /** The document that `event` is about, moved to its next state; undefined when it is not open. */
  #event(doc: number, event: ServerDocumentEvent): ServerDocument | undefined {
    const document = this.#documents.get(doc);
    const next = this.#next(doc, event);
    if (next === '!')
      throw new RefusedError('TW_UNEXPECTED_MESSAGE', `${event} in state ${document?.state ?? 'absent'}`);
    if (document === undefined || next === '-') return document;
    if (next === 'absent') {
      this.#documents.delete(doc);
      this.#partsBytes -= document.parts.bytes;
    } else {
      document.state = next;
    }
    return document;
  }

  #send(message: ServerMessage): void {
    if (this.#closed) return;
    this.#outputs.push({ kind: 'send', message });
  }

  #refuse(scope: RefuseMessage['scope'], id: number, error: RefusedError): void {
    this.#send(refusal(scope, id, error));
  }
}

/** A refusal as it travels. */
export function refusal(scope: RefuseMessage['scope'], id: number, error: RefusedError): RefuseMessage {
  return {
    type: 'refuse',
    scope,
    id,
    code: error.code,
    reason: error.message,
    action: error.action,
    retryAfterMs: error.retryAfterMs,
  };
}

export type ServerSessionLimits = Pick<Limits, 'updateBytesMax' | 'documentsPerConnectionMax' | 'connectionTimeoutMs'>;

/** What a session asks of its driver. */
export type ServerOutput =
  | { readonly kind: 'send'; readonly message: ServerMessage }
  /** Authorize and load; answer with `granted` or `refusedOpen`. */
  | { readonly kind: 'open'; readonly message: OpenMessage }
  /** Authorize every open document anew; say `grant` or `refuseDocument`. */
  | { readonly kind: 'token'; readonly token: string }
  /** Scan and store; answer with `stored` or `missing`. */
  | {
      readonly kind: 'store';
      readonly doc: number;
      readonly n: number;
      readonly update: Uint8Array;
      readonly resync: boolean;
    }
  | { readonly kind: 'awareness'; readonly doc: number; readonly update: Uint8Array }
  /** The client has pushed its backlog: compare its state vector now, and say `missing` if it is still ahead. */
  | { readonly kind: 'caught-up'; readonly doc: number }
  /** Compare the document with the client's copy: say `compared`. */
  | { readonly kind: 'compare'; readonly doc: number; readonly cursor: Uint8Array; readonly digest: Uint8Array }
  /** Say `authors` of the entries after the cursor. */
  | { readonly kind: 'who'; readonly doc: number; readonly cursor: Uint8Array }
  | { readonly kind: 'leave'; readonly doc: number }
  | { readonly kind: 'close'; readonly closeCode: number; readonly error: RefusedError };

/** A document as a comparison tells of it; empty where nothing is told. */
export interface ComparedState {
  readonly stateVector: Uint8Array;
  readonly deletes: Uint8Array;
}

const empty = new Uint8Array(0);
/** Nothing is told. */
export const nothingCompared: ComparedState = { stateVector: empty, deletes: empty };

interface ServerDocument {
  state: Exclude<ServerDocumentState, 'absent'>;
  readonly parts: PartsBuffer;
  /** Pushes without an acknowledgement, in the order they came. */
  pushes: { readonly n: number; readonly ticket: number }[];
}

/** Notes that push `n` is durable with `ticket`. Tickets only grow, so pushes that wait for the same one need one note. */
function awaitTicket(document: ServerDocument, n: number, ticket: number): void {
  const last = document.pushes.at(-1);
  if (last === undefined || last.ticket < ticket) document.pushes.push({ n, ticket });
  else document.pushes[document.pushes.length - 1] = { n: Math.max(n, last.n), ticket: last.ticket };
}
