import { RefusedError } from '../base/errors.ts';
import type { Random } from '../base/random.ts';
import { isRetryable, refusalRules } from '../protocol/close.ts';
import { decodeServerMessages, encodeMessages, splitUpdate } from '../protocol/codec.ts';
import { type Limits, partBytes } from '../protocol/limits.ts';
import type { ClientMessage, RefuseMessage, ServerMessage } from '../protocol/message.ts';
import { mergeUpdates } from '../update/merge.ts';
import { ClientConnection, type ConnectionState } from './client-connection.ts';
import { ClientDocument, type DocumentStatus, type RefusalStatus, refusalStatus } from './client-document.ts';

/**
 * The client's half of a native connection, as a value that is fed and drained: what the user does, what arrives and the
 * time go in; outputs come out of `drain`, the next moment that matters out of `deadline`. It outlives connections: when
 * one is lost it says when to make the next and opens every document again, by cursor.
 */
export class ClientSession {
  readonly #options: ClientSessionOptions;
  readonly #connection: ClientConnection;
  readonly #documents = new Map<string, ClientDocument>();
  readonly #byNumber = new Map<number, ClientDocument>();
  readonly #byRequest = new Map<number, ClientDocument>();
  /** Documents that may have something to push. */
  readonly #unpushed = new Set<ClientDocument>();
  /** Documents refused for now. */
  readonly #waiting = new Set<ClientDocument>();
  #token = '';
  #messages: ClientMessage[] = [];
  #outputs: ClientOutput[] = [];
  #lastRequest = 0;

  constructor(options: ClientSessionOptions) {
    this.#options = options;
    this.#connection = new ClientConnection(options.random);
  }

  get connection(): ConnectionState {
    return this.#connection.state;
  }

  /** Why the relay ended the connection last; null after the next success. */
  get error(): RefusalStatus | null {
    return this.#connection.error;
  }

  status(name: string): DocumentStatus {
    return this.#document(name).status;
  }

  /** Number of the newest edit made here. */
  lastEdit(name: string): number {
    return this.#document(name).outbox.lastN;
  }

  /** When `tick` is due next (monotonic ms). */
  get deadline(): number {
    let { deadline } = this.#connection;
    for (const document of this.#waiting) deadline = Math.min(deadline, document.retryAtMs);
    return deadline;
  }

  /** What the driver has to do, in order; emptied by the call. Edits made since the last call leave in one frame. */
  drain(): readonly ClientOutput[] {
    for (const document of this.#unpushed) this.#push(document);
    if (this.#messages.length > 0) {
      this.#outputs.push({ kind: 'send', frame: encodeMessages(this.#messages) });
      this.#messages = [];
    }
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }

  /** Begins to connect. */
  start(now: number): void {
    if (this.connection === 'stopped') this.#connect(now);
  }

  /** Ends the connection until `start`; documents and edits stay. */
  stop(): void {
    const had = this.connection === 'connecting' || this.connection === 'connected';
    this.#connection.stopped();
    this.#forgetConnection();
    if (had) this.#outputs.push({ kind: 'disconnect' });
    this.#outputs.push({ kind: 'connection' });
  }

  /** Something suggests that a connection may work now (network back, page visible): does not wait any longer. */
  wake(now: number): void {
    if (this.connection === 'waiting') this.#connect(now);
  }

  /** Keeps a document in sync from here on. */
  open(name: string): void {
    if (this.#documents.has(name)) throw new Error(`document ${JSON.stringify(name)} is open already`);
    const document = new ClientDocument(name);
    this.#documents.set(name, document);
    this.#ask(document);
  }

  /** Lets go of a document; edits are sent, but nobody waits for their acknowledgement any more. */
  close(name: string): void {
    const document = this.#document(name);
    this.#push(document);
    if (document.number !== 0) this.#messages.push({ type: 'leave', doc: document.number });
    this.#unlink(document);
    document.move('close');
    this.#documents.delete(name);
    this.#unpushed.delete(document);
    this.#waiting.delete(document);
  }

  /** Takes an edit made here; returns its number. */
  edit(name: string, update: Uint8Array, now: number): number {
    const document = this.#document(name);
    const n = document.outbox.add(update, now);
    this.#unpushed.add(document);
    this.#outputs.push({ kind: 'status', name });
    return n;
  }

  /** Sends an awareness update; one made without a connection is dropped, as presence is told anew on opening. */
  announce(name: string, update: Uint8Array): void {
    const { number } = this.#document(name);
    if (number !== 0) this.#messages.push({ type: 'awareness', doc: number, update });
  }

  /** The transport is open. `token` goes to the relay with every document. */
  connected(now: number, token: string): void {
    if (this.connection !== 'connecting') return;
    this.#connection.connected(now);
    this.#token = token;
    for (const document of this.#documents.values()) this.#ask(document);
    this.#outputs.push({ kind: 'connection' });
  }

  /** The transport is gone, or could not be opened. */
  disconnected(now: number): void {
    if (this.connection !== 'connecting' && this.connection !== 'connected') return;
    this.#connection.lost(now);
    this.#forgetConnection();
    this.#outputs.push({ kind: 'connection' });
  }

  /** Takes one frame from the relay. */
  receive(frame: Uint8Array, now: number): void {
    if (this.connection !== 'connected') return;
    this.#connection.heard(now);
    try {
      for (const message of decodeServerMessages(frame, this.#options.updateBytesMax)) this.#handle(message, now);
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      this.#giveUp(refusalOf(error), now);
    }
  }

  /** An update that arrived could not be applied: the copy here is not to be trusted any more. */
  applyFailed(name: string, reason: string): void {
    const document = this.#documents.get(name);
    if (document === undefined) return;
    if (document.number !== 0) this.#messages.push({ type: 'leave', doc: document.number });
    this.#refuse(document, refusalOf(new RefusedError('TW_QUARANTINED', reason)), Infinity);
  }

  /** The time has come that `deadline` named. */
  tick(now: number): void {
    const duty = this.#connection.tick(now);
    if (duty === 'connect') this.#connect(now);
    else if (duty === 'drop') this.#drop(now);
    else if (duty === 'ping') this.#messages.push({ type: 'ping' });
    for (const document of this.#waiting) if (now >= document.retryAtMs) this.#ask(document);
  }

  #handle(message: ServerMessage, now: number): void {
    switch (message.type) {
      case 'ping':
        this.#messages.push({ type: 'pong' });
        return;
      case 'pong':
        return;
      case 'opened': {
        const document = this.#byRequest.get(message.request);
        this.#byRequest.delete(message.request);
        if (document === undefined) {
          this.#messages.push({ type: 'leave', doc: message.doc });
          return;
        }
        this.#expect(document.move('opened'), message);
        document.opened(message);
        this.#byNumber.set(message.doc, document);
        this.#unpushed.add(document);
        this.#connection.succeeded();
        // Handed back first: edits made here may build on them.
        if (document.writable && document.unconfirmed.length > 0)
          this.#send(document, 'push', 0, mergeUpdates(document.unconfirmed));
        this.#outputs.push({ kind: 'opened', name: document.name }, { kind: 'status', name: document.name });
        return;
      }
      case 'refuse':
        this.#refused(message, now);
        return;
    }
    const document = this.#byNumber.get(message.doc);
    if (document !== undefined) this.#handleOpen(document, message);
  }

  #handleOpen(
    document: ClientDocument,
    message: Exclude<ServerMessage, { type: 'ping' | 'pong' | 'opened' | 'refuse' }>,
  ): void {
    const { name } = document;
    switch (message.type) {
      case 'part':
        document.parts.add(message.bytes, this.#options.updateBytesMax);
        document.received(message.bytes.length);
        this.#outputs.push({ kind: 'status', name });
        return;
      case 'update': {
        this.#expect(document.move('update'), message);
        document.received(message.update.length);
        const update = document.parts.conclude(message.update);
        document.unconfirmed.push(update);
        this.#outputs.push({ kind: 'apply', name, update });
        return;
      }
      case 'caught-up':
        this.#expect(document.move('caught-up'), message);
        document.caughtUp();
        this.#outputs.push({ kind: 'synced', name }, { kind: 'status', name });
        return;
      case 'want':
        this.#resync(document, message.stateVector);
        return;
      case 'ack':
        this.#connection.succeeded();
        if (!document.outbox.acknowledge(message.n)) return;
        this.#outputs.push({ kind: 'saved', name, n: message.n }, { kind: 'status', name });
        return;
      case 'watermark':
        document.watermark(message.epoch, message.cursor);
        this.#outputs.push({ kind: 'watermark', name, epoch: document.epoch, cursor: document.cursor });
        return;
      case 'awareness':
        this.#outputs.push({ kind: 'awareness', name, update: message.update });
    }
  }

  /** Sends unsent edits, as far as they fit what may be under way; then says once that the backlog is through. */
  #push(document: ClientDocument): void {
    const { outbox } = document;
    while (document.writable && outbox.hasUnsent && outbox.bytesInFlight < inFlightBytesMax) {
      const taken = outbox.take(pushBytesMax);
      if (taken === null) break;
      this.#send(document, 'push', taken.n, merged(taken.updates));
    }
    if (document.writable && outbox.hasUnsent) return;
    this.#unpushed.delete(document);
    if (!document.caughtUpDue || document.number === 0) return;
    document.caughtUpDue = false;
    this.#messages.push({ type: 'caught-up', doc: document.number });
  }

  #resync(document: ClientDocument, stateVector: Uint8Array): void {
    const { outbox } = document;
    outbox.takeAll();
    this.#send(document, 'resync', outbox.lastN, this.#options.readDifference(document.name, stateVector));
  }

  #send(document: ClientDocument, type: 'push' | 'resync', n: number, update: Uint8Array): void {
    const doc = document.number;
    this.#messages.push(...splitUpdate(doc, update, partBytes, (rest) => ({ type, doc, n, update: rest })));
  }

  #ask(document: ClientDocument): void {
    if (this.connection !== 'connected' || (document.state !== 'idle' && document.state !== 'waiting')) return;
    document.move('ask');
    this.#waiting.delete(document);
    this.#lastRequest++;
    document.request = this.#lastRequest;
    this.#byRequest.set(document.request, document);
    this.#messages.push({
      type: 'open',
      request: document.request,
      name: document.name,
      token: this.#token,
      device: this.#options.device,
      epoch: document.epoch,
      cursor: document.cursor,
      stateVector: this.#options.readStateVector(document.name),
    });
  }

  #refused(message: RefuseMessage, now: number): void {
    const status = refusalStatus(message);
    if (message.scope === 'connection') {
      this.#giveUp(status, now);
      return;
    }
    const document = (message.scope === 'request' ? this.#byRequest : this.#byNumber).get(message.id);
    if (document === undefined) return;
    this.#refuse(document, status, now + this.#connection.retryDelay(status.retryAfterMs));
  }

  #refuse(document: ClientDocument, status: RefusalStatus, retryAtMs: number): void {
    const again = isRetryable(status.action);
    this.#unlink(document);
    document.move(again ? 'refused-for-now' : 'refused-for-good');
    document.refused(status);
    if (again) {
      document.retryAtMs = retryAtMs;
      this.#waiting.add(document);
    }
    this.#outputs.push(
      { kind: 'refused', name: document.name, error: status },
      { kind: 'status', name: document.name },
    );
  }

  /** The relay and this client do not go on together on this connection. */
  #giveUp(status: RefusalStatus, now: number): void {
    this.#connection.refused(status);
    if (isRetryable(status.action)) {
      this.#drop(now);
      return;
    }
    for (const document of this.#documents.values()) this.#refuse(document, status, Infinity);
    this.stop();
  }

  #connect(now: number): void {
    this.#connection.connecting(now);
    this.#outputs.push({ kind: 'connect' }, { kind: 'connection' });
  }

  #drop(now: number): void {
    this.#outputs.push({ kind: 'disconnect' });
    this.disconnected(now);
  }

  #forgetConnection(): void {
    this.#messages = [];
    this.#byNumber.clear();
    this.#byRequest.clear();
    this.#waiting.clear();
    this.#unpushed.clear();
    for (const document of this.#documents.values()) {
      document.disconnected();
      this.#outputs.push({ kind: 'status', name: document.name });
    }
  }

  #unlink(document: ClientDocument): void {
    this.#byNumber.delete(document.number);
    this.#byRequest.delete(document.request);
  }

  #document(name: string): ClientDocument {
    const document = this.#documents.get(name);
    if (document === undefined) throw new Error(`document ${JSON.stringify(name)} is not open`);
    return document;
  }

  #expect(allowed: boolean, message: ServerMessage): void {
    if (!allowed) throw new RefusedError('TW_UNEXPECTED_MESSAGE', `the relay sent ${message.type} out of turn`);
  }
}

export interface ClientSessionOptions {
  readonly random: Random;
  /** How this device calls itself; may be empty. */
  readonly device: string;
  readonly updateBytesMax: Limits['updateBytesMax'];
  /** Yjs V1 state vector of the copy here. */
  readonly readStateVector: (name: string) => Uint8Array;
  /** Everything here beyond `stateVector`, as one Yjs V1 update. */
  readonly readDifference: (name: string, stateVector: Uint8Array) => Uint8Array;
}

/** What a session asks of its driver, or tells it. */
export type ClientOutput =
  | { readonly kind: 'connect' }
  | { readonly kind: 'disconnect' }
  | { readonly kind: 'send'; readonly frame: Uint8Array }
  /** Apply to the document; say `applyFailed` when that throws. */
  | { readonly kind: 'apply'; readonly name: string; readonly update: Uint8Array }
  | { readonly kind: 'awareness'; readonly name: string; readonly update: Uint8Array }
  /** Open on this connection: announce the local awareness state now. */
  | { readonly kind: 'opened'; readonly name: string }
  | { readonly kind: 'synced'; readonly name: string }
  /** Every edit up to `n` is durable. */
  | { readonly kind: 'saved'; readonly name: string; readonly n: number }
  /** Where to resume: to be kept beside the document by whoever keeps it. */
  | { readonly kind: 'watermark'; readonly name: string; readonly epoch: string; readonly cursor: Uint8Array }
  | { readonly kind: 'refused'; readonly name: string; readonly error: RefusalStatus }
  /** `status(name)` has changed. */
  | { readonly kind: 'status'; readonly name: string }
  /** `connection` or `error` has changed. */
  | { readonly kind: 'connection' };

/** Bytes that may be on their way without an acknowledgement; the rest waits, so that a slow link stays responsive. */
const inFlightBytesMax = 4 * 1024 * 1024;
/** Raw bytes that one push gathers at most. */
const pushBytesMax = 256 * 1024;

function merged(updates: readonly Uint8Array[]): Uint8Array {
  const [first] = updates;
  return updates.length === 1 && first !== undefined ? first : mergeUpdates(updates);
}

function refusalOf(error: RefusedError): RefusalStatus {
  const { action } = refusalRules[error.code];
  return { code: error.code, reason: error.message, action, retryAfterMs: error.retryAfterMs };
}
