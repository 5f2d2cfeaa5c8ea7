import { checkBytes } from '../base/check-bytes.ts';
import { RefusedError } from '../base/errors.ts';
import { decodeServerMessages } from '../protocol/codec.ts';
import { authorBytesMax, nameBytesMax, tokenBytesMax } from '../protocol/limits.ts';
import type { RefuseMessage, ServerMessage } from '../protocol/message.ts';
import { ClientConnection, type ConnectionState } from './client-connection.ts';
import {
  ClientDocument,
  type DocumentStatus,
  type RefusalStatus,
  type ResumedDocument,
  refusalStatus,
} from './client-document.ts';
import { ClientExchange } from './client-exchange.ts';
import type { ClientSessionOptions } from './client-options.ts';
import { type ClientOutput, ClientOutputs } from './client-outputs.ts';
import { ConnectionDocuments } from './connection-documents.ts';
import { TokenRenewal } from './token-renewal.ts';

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
  readonly #onConnection = new ConnectionDocuments();
  /** Documents refused for now. */
  readonly #waiting = new Set<ClientDocument>();
  readonly #renewal: TokenRenewal;
  #token = '';

  /** Throws `RefusedError` TW_TOO_LARGE when `options.device` is too long. */
  constructor(options: ClientSessionOptions) {
    checkBytes('TW_TOO_LARGE', 'the device', options.device, authorBytesMax);
    this.#options = options;
    this.#connection = new ClientConnection(options.random);
    this.#renewal = new TokenRenewal(options.random);
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
    deadline = Math.min(deadline, this.#exchange.deadline, this.#renewal.deadline);
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
    this.#onConnection.remove(document);
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

  /** Asks the relay who wrote what came after a cursor: the output `authors`, or nothing where it cannot be asked now. */
  who(name: string, cursor: Uint8Array): void {
    const { state, number: doc } = this.#document(name);
    if (state === 'live') this.#outputs.send({ type: 'who', doc, cursor });
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
    this.#authorize(token, now);
  }

  /** The answer to the output `token`. */
  renewed(token: string, now: number): void {
    if (this.connection !== 'connected') return;
    this.#renewal.answered();
    this.#authorize(token, now);
  }

  /** The application could not give a token, to connect with or as an answer: it is asked again after a while. */
  tokenless(reason: string, now: number): void {
    if (this.connection === 'connected') return this.#renewal.failed(now);
    this.#connection.refused(refusalStatus(new RefusedError('TW_UNAUTHORIZED', reason)));
    this.disconnected(now);
  }

  #authorize(token: string, now: number): void {
    try {
      checkBytes('TW_TOO_LARGE', 'the token', token, tokenBytesMax);
    } catch (error) {
      return this.#failed(error, now);
    }
    this.#token = token;
    if (this.#onConnection.byNumber.size > 0) this.#outputs.send({ type: 'token', token });
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
    if (this.connection !== 'connected') return;
    this.#exchange.tick(now);
    for (const document of this.#waiting) if (now >= document.retryAtMs) this.#ask(document);
    if (this.#renewal.tick(now)) this.#outputs.tell({ kind: 'token' });
  }

  #handle(message: ServerMessage, now: number): void {
    switch (message.type) {
      case 'ping':
        this.#outputs.send({ type: 'pong' });
        return;
      case 'pong':
        return;
      case 'opened': {
        const document = this.#onConnection.opened(message);
        if (document === undefined) {
          this.#outputs.send({ type: 'leave', doc: message.doc });
          this.#answered(message.request);
          return;
        }
        this.#connection.succeeded();
        this.#renewal.succeeded();
        if (!this.#guard(document, () => this.#exchange.opened(document, message))) return;
        this.#outputs.tell({ kind: 'opened', name: document.name }, { kind: 'status', name: document.name });
        return;
      }
      case 'grant':
        this.#renewal.granted(message.endsInMs, now);
        return;
      case 'refuse':
        this.#refused(message, now);
        return;
      default: {
        const document = this.#onConnection.byNumber.get(message.doc);
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
    this.#onConnection.remove(document);
    document.astray();
    this.#ask(document);
  }

  #ask(document: ClientDocument): void {
    if (this.connection !== 'connected' || (document.state !== 'idle' && document.state !== 'waiting')) return;
    if (!this.#onConnection.request(document)) return;
    document.move('ask');
    this.#waiting.delete(document);
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
    const document = this.#documents.get(this.#onConnection.answered(request) ?? '');
    if (document !== undefined) this.#ask(document);
  }

  #refused(message: RefuseMessage, now: number): void {
    const status = refusalStatus(message);
    if (message.scope === 'connection') {
      this.#giveUp(status, now);
      return;
    }
    const document = this.#onConnection.refused(message);
    if (document !== undefined) this.#refuse(document, status, now);
    else if (message.scope === 'request') this.#answered(message.id);
  }

  /** Leaves a document for good. */
  #abandon(document: ClientDocument, error: RefusedError): void {
    if (document.number !== 0) this.#outputs.send({ type: 'leave', doc: document.number });
    this.#refuse(document, refusalStatus(error), Infinity);
  }

  #refuse(document: ClientDocument, status: RefusalStatus, now: number): void {
    this.#onConnection.remove(document);
    document.move(status.retryable ? 'refused-for-now' : 'refused-for-good');
    document.refused(status, now);
    if (document.state === 'waiting') this.#waiting.add(document);
    else this.#waiting.delete(document);
    if (status.action === 'reauth') this.#renewal.refused(status.retryAfterMs, now);
    this.#outputs.tell(
      { kind: 'refused', name: document.name, error: status },
      { kind: 'status', name: document.name },
    );
  }

  #failed(error: unknown, now: number): void {
    if (!(error instanceof RefusedError)) throw error;
    this.#giveUp(refusalStatus(error), now);
  }

  /** The relay and this client do not go on together on this connection. */
  #giveUp(status: RefusalStatus, now: number): void {
    this.#connection.refused(status);
    if (status.retryable) {
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
    this.#renewal.answered();
    this.#onConnection.clear();
    for (const document of this.#documents.values()) {
      document.disconnected();
      this.#outputs.tell({ kind: 'status', name: document.name });
    }
  }

  #document(name: string): ClientDocument {
    const document = this.#documents.get(name);
    if (document === undefined) throw new Error(`document ${JSON.stringify(name)} is not open`);
    return document;
  }
}
