import { utf8ByteLength } from 'lib0/string';
import { RefusedError } from '../base/errors.ts';
import { isRetryable } from '../protocol/close.ts';
import { decodeServerMessages } from '../protocol/codec.ts';
import { authorBytesMax, nameBytesMax, tokenBytesMax } from '../protocol/limits.ts';
import type { RefuseMessage, ServerMessage } from '../protocol/message.ts';
import { ClientConnection, type ConnectionState } from './client-connection.ts';
import {
  ClientDocument,
  type DocumentStatus,
  type RefusalStatus,
  type ResumedDocument,
  refusalOf,
  refusalStatus,
} from './client-document.ts';
import { ClientExchange, type ClientExchangeOptions } from './client-exchange.ts';
import { type ClientOutput, ClientOutputs } from './client-outputs.ts';

export type { ClientOutput } from './client-outputs.ts';

/**
 * The client's half of a native connection, as a value that is fed and drained: what the user does, what arrives and the
 * time go in; outputs come out of `drain`, the next moment that matters out of `deadline`. It outlives connections: when
 * one is lost it says when to make the next and opens every document again, by cursor.
 */
export class ClientSession {
  readonly #options: ClientSessionOptions;
  readonly #connection: ClientConnection;
  readonly #outputs: ClientOutputs = new ClientOutputs();
  readonly #exchange: ClientExchange;
  readonly #documents = new Map<string, ClientDocument>();
  readonly #byNumber = new Map<number, ClientDocument>();
  readonly #byRequest = new Map<number, ClientDocument>();
  /** Requests whose answer nobody wants any more, with their document: it is not asked for again before they are answered. */
  readonly #abandoned = new Map<number, string>();
  /** Documents refused for now. */
  readonly #waiting = new Set<ClientDocument>();
  #token = '';
  #lastRequest = 0;

  /** Throws `RefusedError` TW_TOO_LARGE when `options.device` is too long. */
  constructor(options: ClientSessionOptions) {
    checkBytes('TW_TOO_LARGE', 'the device', options.device, authorBytesMax);
    this.#options = options;
    this.#connection = new ClientConnection(options.random);
    this.#exchange = new ClientExchange(options, this.#outputs);
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

  /** The epoch that is known, and how many updates from others no watermark has confirmed. */
  history(name: string): { readonly epoch: string; readonly unconfirmed: number } {
    const { epoch, deliveries } = this.#document(name);
    return { epoch, unconfirmed: deliveries.size };
  }

  /** What is here is of this history, unless another one is known already (C6). */
  adopt(name: string, epoch: string): void {
    this.#document(name).epoch ||= epoch;
  }

  /** When `tick` is due next (monotonic ms). */
  get deadline(): number {
    let { deadline } = this.#connection;
    // Without a connection nobody can be asked, however long ago it was due.
    if (this.connection !== 'connected') return deadline;
    deadline = Math.min(deadline, this.#exchange.deadline);
    for (const document of this.#waiting) deadline = Math.min(deadline, document.retryAtMs);
    return deadline;
  }

  /** What the driver has to do, in order; emptied by the call. Edits made since the last call leave together. */
  drain(): readonly ClientOutput[] {
    this.#exchange.push();
    return this.#outputs.drain();
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
    if (had) this.#outputs.tell({ kind: 'disconnect' });
    this.#outputs.tell({ kind: 'connection' });
  }

  /** Something suggests that a connection may work now (network back, page visible): tries it, or tries it out, at once. */
  wake(now: number): void {
    if (this.connection === 'waiting') this.#connect(now);
    else if (this.#connection.probe(now)) this.#outputs.send({ type: 'ping' });
  }

  /**
   * Keeps a document in sync from here on, where an earlier session left off if the device kept that. Throws
   * `RefusedError` TW_INVALID_NAME.
   */
  open(name: string, resumed?: ResumedDocument): void {
    if (this.#documents.has(name)) throw new Error(`document ${JSON.stringify(name)} is open already`);
    if (name === '') throw new RefusedError('TW_INVALID_NAME', 'a document needs a name');
    checkBytes('TW_INVALID_NAME', 'the name', name, nameBytesMax);
    const document = new ClientDocument(name, this.#options.random, this.#options.merge);
    this.#documents.set(name, document);
    if (resumed !== undefined) {
      document.resume(resumed);
      this.#exchange.edited(document);
    }
    this.#ask(document);
  }

  /** Lets go of a document; edits are sent, but nobody waits for their acknowledgement any more. */
  close(name: string): void {
    const document = this.#document(name);
    this.#exchange.leave(document);
    this.#unlink(document);
    document.move('close');
    this.#documents.delete(name);
    this.#waiting.delete(document);
  }

  /** Takes an edit made here; returns its number. */
  edit(name: string, update: Uint8Array, now: number): number {
    const document = this.#document(name);
    const n = document.outbox.add(update, now);
    this.#exchange.edited(document);
    this.#outputs.tell({ kind: 'status', name });
    return n;
  }

  /** Somebody waits for the document to be compared with the relay's (C1): it is not left alone for long before. */
  compareSoon(name: string, now: number): void {
    this.#exchange.compareSoon(this.#document(name), now);
  }

  /** Sends an awareness update; one made without a connection is dropped, as presence is told anew on opening. */
  announce(name: string, update: Uint8Array): void {
    const { number } = this.#document(name);
    if (number !== 0) this.#outputs.send({ type: 'awareness', doc: number, update });
  }

  /** The transport is open. `token` goes to the relay with every document. */
  connected(now: number, token: string): void {
    if (this.connection !== 'connecting') return;
    this.#connection.connected(now);
    this.#outputs.tell({ kind: 'connection' });
    try {
      checkBytes('TW_TOO_LARGE', 'the token', token, tokenBytesMax);
    } catch (error) {
      this.#failed(error, now);
      return;
    }
    this.#token = token;
    for (const document of this.#documents.values()) {
      // Refused a moment ago: it keeps its time, unless what it was refused for is the token, which is a new one now.
      const early = document.state === 'waiting' && now < document.retryAtMs && document.error?.action !== 'reauth';
      if (!early) this.#ask(document);
    }
  }

  /** The transport is gone, or could not be opened. */
  disconnected(now: number): void {
    if (this.connection !== 'connecting' && this.connection !== 'connected') return;
    this.#connection.lost(now);
    this.#forgetConnection();
    this.#outputs.tell({ kind: 'connection' });
  }

  /** Takes one frame from the relay. */
  receive(frame: Uint8Array, now: number): void {
    if (this.connection !== 'connected') return;
    this.#connection.heard(now);
    try {
      for (const message of decodeServerMessages(frame, this.#options.updateBytesMax)) {
        this.#handle(message, now);
        // What follows a refusal of the connection is not for anybody.
        if (this.#connection.state !== 'connected') return;
      }
    } catch (error) {
      this.#failed(error, now);
    }
  }

  /** An update that arrived could not be applied: the copy here is not to be trusted any more. */
  applyFailed(name: string, reason: string): void {
    const document = this.#documents.get(name);
    if (document !== undefined) this.#abandon(document, new RefusedError('TW_QUARANTINED', reason));
  }

  /** The time has come that `deadline` named. */
  tick(now: number): void {
    const duty = this.#connection.tick(now);
    if (duty === 'connect') this.#connect(now);
    else if (duty === 'drop') this.#drop(now);
    else if (duty === 'ping') this.#outputs.send({ type: 'ping' });
    if (this.connection === 'connected') this.#exchange.tick(now);
    for (const document of this.#waiting) if (now >= document.retryAtMs) this.#ask(document);
  }

  #handle(message: ServerMessage, now: number): void {
    switch (message.type) {
      case 'ping':
        this.#outputs.send({ type: 'pong' });
        return;
      case 'pong':
        return;
      case 'opened': {
        const document = this.#byRequest.get(message.request);
        if (document === undefined) {
          this.#outputs.send({ type: 'leave', doc: message.doc });
          this.#answered(message.request);
          return;
        }
        if (message.doc === 0 || this.#byNumber.has(message.doc))
          throw new RefusedError('TW_UNEXPECTED_MESSAGE', `the relay gave number ${message.doc} to a document`);
        this.#byRequest.delete(message.request);
        this.#byNumber.set(message.doc, document);
        this.#connection.succeeded();
        if (!this.#guard(document, () => this.#exchange.opened(document, message))) return;
        this.#outputs.tell({ kind: 'opened', name: document.name }, { kind: 'status', name: document.name });
        return;
      }
      case 'refuse':
        this.#refused(message, now);
        return;
      default: {
        const document = this.#byNumber.get(message.doc);
        if (document === undefined) return;
        this.#guard(document, () => this.#exchange.receive(document, message, now));
        if (document.state === 'idle') this.#reopen(document);
        if (message.type === 'ack') this.#connection.succeeded();
      }
    }
  }

  /** What is wrong with one document ends that document; a relay that breaks the protocol, the connection. */
  #guard(document: ClientDocument, run: () => void): boolean {
    try {
      run();
      return true;
    } catch (error) {
      if (!(error instanceof RefusedError) || error.code === 'TW_UNEXPECTED_MESSAGE') throw error;
      this.#abandon(document, error);
      return false;
    }
  }

  /** The copy here lacks what an open document cannot bring any more. */
  #reopen(document: ClientDocument): void {
    this.#outputs.send({ type: 'leave', doc: document.number });
    this.#unlink(document);
    document.astray();
    this.#ask(document);
  }

  #ask(document: ClientDocument): void {
    if (this.connection !== 'connected' || (document.state !== 'idle' && document.state !== 'waiting')) return;
    for (const name of this.#abandoned.values()) if (name === document.name) return;
    document.move('ask');
    this.#waiting.delete(document);
    document.request = ++this.#lastRequest;
    this.#byRequest.set(document.request, document);
    this.#outputs.send({
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

  /** The relay is done with an abandoned request: its document may be asked for again. */
  #answered(request: number): void {
    const name = this.#abandoned.get(request);
    if (name === undefined) return;
    this.#abandoned.delete(request);
    const document = this.#documents.get(name);
    if (document !== undefined) this.#ask(document);
  }

  #refused(message: RefuseMessage, now: number): void {
    const status = refusalStatus(message);
    if (message.scope === 'connection') {
      this.#giveUp(status, now);
      return;
    }
    const asked = message.scope === 'request';
    const document = (asked ? this.#byRequest : this.#byNumber).get(message.id);
    if (document === undefined) {
      if (asked) this.#answered(message.id);
      return;
    }
    this.#byRequest.delete(document.request);
    document.request = 0;
    this.#refuse(document, status, now);
  }

  /** Leaves a document for good. */
  #abandon(document: ClientDocument, error: RefusedError): void {
    if (document.number !== 0) this.#outputs.send({ type: 'leave', doc: document.number });
    this.#refuse(document, refusalOf(error), Infinity);
  }

  #refuse(document: ClientDocument, status: RefusalStatus, now: number): void {
    const again = isRetryable(status.action);
    this.#unlink(document);
    document.move(again ? 'refused-for-now' : 'refused-for-good');
    document.refused(status, now);
    if (document.state === 'waiting') this.#waiting.add(document);
    else this.#waiting.delete(document);
    this.#outputs.tell(
      { kind: 'refused', name: document.name, error: status },
      { kind: 'status', name: document.name },
    );
  }

  #failed(error: unknown, now: number): void {
    if (!(error instanceof RefusedError)) throw error;
    this.#giveUp(refusalOf(error), now);
  }

  /** The relay and this client do not go on together on this connection. */
  #giveUp(status: RefusalStatus, now: number): void {
    this.#connection.refused(status);
    if (isRetryable(status.action)) {
      this.#drop(now);
      return;
    }
    for (const document of this.#documents.values()) this.#refuse(document, status, now);
    this.stop();
  }

  #connect(now: number): void {
    this.#connection.connecting(now);
    this.#outputs.tell({ kind: 'connect' }, { kind: 'connection' });
  }

  #drop(now: number): void {
    this.#outputs.tell({ kind: 'disconnect' });
    this.disconnected(now);
  }

  #forgetConnection(): void {
    this.#outputs.discardMessages();
    this.#exchange.forget();
    this.#byNumber.clear();
    this.#byRequest.clear();
    this.#abandoned.clear();
    for (const document of this.#documents.values()) {
      document.disconnected();
      this.#outputs.tell({ kind: 'status', name: document.name });
    }
  }

  #unlink(document: ClientDocument): void {
    this.#byNumber.delete(document.number);
    if (this.#byRequest.delete(document.request)) this.#abandoned.set(document.request, document.name);
  }

  #document(name: string): ClientDocument {
    const document = this.#documents.get(name);
    if (document === undefined) throw new Error(`document ${JSON.stringify(name)} is not open`);
    return document;
  }
}

export interface ClientSessionOptions extends ClientExchangeOptions {
  /** How this device calls itself, at most 128 bytes; may be empty. */
  readonly device: string;
  /** Yjs V1 state vector of the copy here. */
  readonly readStateVector: (name: string) => Uint8Array;
}

function checkBytes(code: 'TW_TOO_LARGE' | 'TW_INVALID_NAME', what: string, text: string, bytesMax: number): void {
  const bytes = utf8ByteLength(text);
  if (bytes > bytesMax)
    throw new RefusedError(code, `${what} has ${bytes} bytes where at most ${bytesMax} are allowed`);
}
