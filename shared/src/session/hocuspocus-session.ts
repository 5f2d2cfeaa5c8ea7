import { RefusedError } from '../base/errors.ts';
import { emptyAwareness } from '../presence/presence.ts';
import { isRetryable, refusalRules } from '../protocol/close.ts';
import {
  type HocuspocusClientBody,
  type HocuspocusServerMessage,
  decodeHocuspocus,
  hocuspocusCloseCode,
  hocuspocusDocument,
} from '../protocol/dialects/hocuspocus.ts';
import { decodeStateVector } from '../update/state-vector.ts';
import { type Channel, type EarlyMessage, EarlyMessages, newChannel } from './hocuspocus-channel.ts';
import type { HocuspocusPlace } from './hocuspocus-ledger.ts';
import type {
  HocuspocusChannel,
  HocuspocusOutput,
  HocuspocusReceipt,
  HocuspocusSessionLimits,
} from './hocuspocus-outputs.ts';

/**
 * The relay's half of one connection of stock Hocuspocus providers: many documents, each under its address. A channel is
 * one of them from its authorization to its end. Messages that come before the document is authorized and loaded wait.
 */
export class HocuspocusSession {
  readonly #limits: HocuspocusSessionLimits;
  /** Token of the connection's address, for providers that send none. */
  readonly #urlToken: string;
  readonly #channels = new Map<string, Channel>();
  #outputs: HocuspocusOutput[] = [];
  readonly #early: EarlyMessages;
  #closed = false;
  #hasSent = false;
  #lastSentMs: number;
  #lastHeardMs: number;
  #lastUpdateMs: number;
  #pinged = false;

  constructor(limits: HocuspocusSessionLimits, urlToken: string, now: number) {
    this.#limits = limits;
    this.#early = new EarlyMessages(limits.messageBytesMax);
    this.#urlToken = urlToken;
    this.#lastSentMs = now;
    this.#lastHeardMs = now;
    this.#lastUpdateMs = now;
  }

  drain(): readonly HocuspocusOutput[] {
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }

  /** Something was sent to the client; a stock provider reconnects when it hears nothing for 30 s. */
  sent(now: number): void {
    this.#hasSent = true;
    this.#lastSentMs = now;
  }

  /** A sign of life that carries no message. */
  heard(now: number): void {
    this.#lastHeardMs = now;
    this.#pinged = false;
  }

  /** When `tick` is due next (monotonic ms). */
  get deadline(): number {
    if (this.#closed) return Infinity;
    const { connectionTimeoutMs } = this.#limits;
    let due = this.#lastHeardMs + (this.#pinged ? connectionTimeoutMs : connectionTimeoutMs / 2);
    if (this.#hasSent) due = Math.min(due, this.#lastSentMs + keepAliveMs);
    for (const channel of this.#channels.values()) due = Math.min(due, channel.askAtMs, channel.authorizeAtMs);
    return due;
  }

  tick(now: number): void {
    if (this.#closed) return;
    const silentMs = now - this.#lastHeardMs;
    if (silentMs >= this.#limits.connectionTimeoutMs) {
      this.close(new RefusedError('TW_TIMEOUT', 'nothing was heard from you'));
      return;
    }
    if (silentMs >= this.#limits.connectionTimeoutMs / 2 && !this.#pinged) {
      this.#pinged = true;
      this.#outputs.push({ kind: 'ping' });
    }
    if (this.#hasSent && now - this.#lastSentMs >= keepAliveMs) {
      this.#lastSentMs = now;
      // Any frame counts as heard, whatever it is about. Ping (9) would do for major 4, and throws in the others.
      this.#send({ type: 'awareness', address: '', update: emptyAwareness });
    }
    const isQuiet = now - this.#lastUpdateMs >= unsureMs;
    for (const channel of this.#channels.values()) {
      if (isQuiet && channel.ledger.isUnsure) {
        this.close(new RefusedError('TW_TIMEOUT', 'connect again, to count anew what is unsaved'));
        return;
      }
      if (now >= channel.authorizeAtMs) this.#authorize(channel);
      if (now < channel.askAtMs) continue;
      channel.askAtMs = Infinity;
      this.#outputs.push({ kind: 'ask', channel });
    }
  }

  receive(frame: Uint8Array, now: number): void {
    if (this.#closed) return;
    this.heard(now);
    try {
      const message = decodeHocuspocus(frame, this.#limits.updateBytesMax);
      if (message.type === 'ping') this.#send({ type: 'pong' });
      else if (message.type !== 'pong') this.#route(message.address, message, frame.length);
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      this.close(error);
    }
  }

  /** The authorizer granted `channel`: what it has sent is taken up; its client is told when the document is loaded. */
  granted(channel: HocuspocusChannel, access: 'read' | 'write'): void {
    const answered = this.#answered(channel);
    if (answered === null) return;
    answered.scope = access === 'write' ? 'read-write' : 'readonly';
    if (answered.state === 'joined') this.#tellScope(answered);
    if (answered.state !== 'authorizing') return;
    answered.state = 'granted';
    this.#takeUp(answered);
  }

  /** The authorizer refused `channel`, or could not be asked. */
  refused(channel: HocuspocusChannel, error: RefusedError, now: number): void {
    const answered = this.#answered(channel);
    if (answered === null) return;
    if (refusalRules[error.code].action === 'retry') answered.authorizeAtMs = now + retryMs;
    else this.#refuse(answered, error);
  }

  /** The channel's document ended, or could not be read. */
  ended(channel: HocuspocusChannel, error: RefusedError): void {
    const live = this.#live(channel);
    if (live === null || live.state === 'refused') return;
    // A provider reconnects a lost socket by itself; a single document it leaves for dead.
    if (isRetryable(refusalRules[error.code].action)) this.close(error);
    else this.#refuse(live, error);
  }

  /** Answers a step 1: what the relay has, and what the client lacks. False when the channel is no more. */
  serve(channel: HocuspocusChannel, stateVector: Uint8Array, updates: readonly Uint8Array[]): boolean {
    const live = this.#live(channel);
    if (live === null || (live.state !== 'granted' && live.state !== 'joined')) return false;
    const { address } = live;
    if (live.state === 'granted') this.#tellScope(live);
    live.ledger.handshakeAsked();
    this.#send({ type: 'step-1', address, stateVector });
    for (const update of updates.slice(0, -1)) this.#send({ type: 'update', address, update });
    // A stock provider is synced when its step 2 comes: the last.
    this.#send({ type: 'step-2', address, update: updates.at(-1) ?? emptyUpdate });
    return true;
  }

  /** The channel is a member of its room from here on. */
  joined(channel: HocuspocusChannel): void {
    const live = this.#live(channel);
    if (live?.state !== 'granted') return;
    live.state = 'joined';
    this.#takeUp(live);
  }

  /** What `receipt` is about is durable once `ticket` is committed. */
  stored({ channel, acks }: HocuspocusReceipt, ticket: number): void {
    this.#live(channel)?.ledger.owe(acks, ticket);
  }

  /** Everything up to `ticket` is durable: tells the client what that completes (D2, U1). */
  committed(channel: HocuspocusChannel, ticket: number): void {
    const live = this.#live(channel);
    if (live === null) return;
    for (let acks = live.ledger.committed(ticket); acks > 0; acks--) {
      this.#send({ type: 'sync-status', address: live.address, applied: true });
    }
  }

  /** What was sent builds on something the relay lacks: asks for all of it, once (C5). */
  missing(receipt: HocuspocusReceipt, stateVector: Uint8Array): void {
    if (receipt.everything) {
      const reason = 'the update builds on content that neither the relay nor you have';
      this.close(new RefusedError('TW_MISSING_DEPENDENCIES', reason));
      return;
    }
    this.#live(receipt.channel)?.ledger.defer(receipt.acks);
    this.ask(receipt.channel, stateVector);
  }

  /** What was sent cannot be taken at the moment: it is asked for again later (D5). */
  putOff(receipt: HocuspocusReceipt, now: number): void {
    const live = this.#live(receipt.channel);
    if (live === null) return;
    live.ledger.defer(receipt.acks);
    live.askAtMs = Math.min(live.askAtMs, now + retryMs);
  }

  /** Asks for everything that the relay lacks. */
  ask(channel: HocuspocusChannel, stateVector: Uint8Array): void {
    const live = this.#live(channel);
    if (live?.state !== 'joined' || live.ledger.isAsking) return;
    live.ledger.resyncAsked();
    this.#send({ type: 'step-1', address: live.address, stateVector });
  }

  /**
   * A reader's update brings something new. An edit made now is refused where its user hears of it: at the socket, as
   * providers ignore a SyncStatus of 0. What a provider sends by itself (its answer to our step 1, and what it queued
   * while offline) is not, or it would be refused anew after each reconnect.
   */
  readOnly({ channel, acks, everything }: HocuspocusReceipt): void {
    if (acks > 0 && !everything) {
      this.close(new RefusedError('TW_READ_ONLY', 'the grant allows reading only; the edit was not stored'));
    } else {
      this.#send({ type: 'sync-status', address: channel.address, applied: false });
    }
  }

  /** Ends the connection: the reason is all that a provider shows. */
  close(error: RefusedError, closeCode: number = hocuspocusCloseCode(error.code)): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#channels.clear();
    this.#outputs.push({ kind: 'close', closeCode, error });
  }

  #route(address: string, body: HocuspocusClientBody, bytes: number): void {
    if (hocuspocusDocument(address) === '')
      throw new RefusedError('TW_INVALID_NAME', 'a y-websocket client connects to /NAME');
    const known = this.#channels.get(address);
    if (body.type === 'close') {
      if (known !== undefined) this.#end(known);
      return;
    }
    const channel =
      known === undefined || (known.state === 'refused' && body.type === 'token') ? this.#open(address) : known;
    if (channel.state === 'refused') this.#hearRefused(channel, { body, bytes, place: 'after' });
    else if (body.type === 'token') this.#token(channel, body.token, body.version);
    else this.#handle(channel, { body, bytes, place: this.#placeNow(channel, body.type) });
  }

  /** What it sends is of no use, but for a step 1 and what follows: a provider sends it before a token that it has to fetch. */
  #hearRefused(channel: Channel, message: EarlyMessage): void {
    if (message.body.type === 'step-1') this.#early.take(channel);
    else if (channel.early.length === 0) return;
    this.#keep(channel, message);
  }

  /** What is known of an update that comes now. */
  #placeNow(channel: Channel, type: HocuspocusClientBody['type']): HocuspocusPlace {
    if (type === 'step-1') channel.mayHaveQueue ??= !this.#hasSent;
    if (channel.mayHaveQueue === null) return 'before';
    return channel.mayHaveQueue && this.#hasSent && channel.ledger.mayFlush ? 'among-queued' : 'after';
  }

  #tellScope({ address, scope }: Channel): void {
    this.#send({ type: 'granted', address, scope });
  }

  #open(address: string): Channel {
    if (!this.#channels.has(address) && this.#channels.size >= this.#limits.documentsPerConnectionMax) {
      const reason = `more than ${this.#limits.documentsPerConnectionMax} documents on one connection`;
      throw new RefusedError('TW_TOO_MANY_DOCUMENTS', reason);
    }
    const channel = newChannel(address, this.#urlToken);
    // What a refused one has sent since its step 1 counts as sent with the new token.
    const early = this.#channels.get(address)?.early ?? [];
    if (early.length > 0) Object.assign(channel, { early, mayHaveQueue: false });
    this.#channels.set(address, channel);
    return channel;
  }

  /** A token, the first or a new one. */
  #token(channel: Channel, token: string, version: string): void {
    channel.token = token === '' ? this.#urlToken : token;
    channel.version = version;
    this.#authorize(channel);
  }

  #authorize(channel: Channel): void {
    channel.authorizeAtMs = Infinity;
    // A4: one question at a time; of several tokens meanwhile, the last counts.
    channel.isOutdated = channel.isAsked;
    if (channel.isAsked) return;
    channel.isAsked = true;
    if (channel.state === 'new') channel.state = 'authorizing';
    this.#outputs.push({ kind: 'authorize', channel, token: channel.token });
  }

  /** The channel that the authorizer has answered for; null when the answer is of no use any more. */
  #answered(channel: HocuspocusChannel): Channel | null {
    const live = this.#live(channel);
    if (live === null || !live.isAsked) return null;
    live.isAsked = false;
    if (!live.isOutdated) return live;
    this.#authorize(live);
    return null;
  }

  #handle(channel: Channel, message: EarlyMessage): void {
    const { body } = message;
    if (body.type === 'step-1' && channel.state !== 'authorizing' && channel.state !== 'new') {
      const stateVector = decodeStateVector(body.stateVector);
      channel.ledger.begin(stateVector);
      this.#outputs.push({ kind: 'catch-up', channel, stateVector });
      return;
    }
    if (channel.state !== 'joined') {
      this.#keep(channel, message);
      return;
    }
    switch (body.type) {
      case 'step-2':
        this.#store({ channel, update: body.update, ...channel.ledger.answer() });
        return;
      case 'update': {
        const acks = channel.ledger.update(body.update, message.place);
        this.#store({ channel, update: body.update, acks, everything: false });
        return;
      }
      case 'awareness':
        this.#outputs.push({ kind: 'awareness', channel, update: body.update });
        return;
      case 'query-awareness':
        this.#outputs.push({ kind: 'tell-awareness', channel });
        return;
      case 'stateless':
        this.#outputs.push({ kind: 'stateless', channel, payload: body.payload });
        return;
      default:
        return;
    }
  }

  #store(receipt: HocuspocusReceipt): void {
    this.#lastUpdateMs = this.#lastHeardMs;
    this.#outputs.push({ kind: 'store', receipt });
  }

  #keep(channel: Channel, message: EarlyMessage): void {
    this.#early.keep(channel, message);
    // Majors 3 and 4 begin with a token, empty or not; major 2 begins with its step 1 when it has none.
    if (channel.state === 'new' && message.body.type === 'step-1') this.#authorize(channel);
  }

  #takeUp(channel: Channel): void {
    try {
      for (const message of this.#early.take(channel)) this.#handle(channel, message);
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      this.close(error);
    }
  }

  #refuse(channel: Channel, error: RefusedError): void {
    const { address } = channel;
    const reason = `${error.code}: ${error.message}`;
    const wasOpen = channel.state === 'joined' || channel.state === 'granted';
    this.#early.take(channel);
    channel.state = 'refused';
    channel.askAtMs = Infinity;
    channel.authorizeAtMs = Infinity;
    if (wasOpen) this.#outputs.push({ kind: 'leave', channel });
    this.#send({ type: 'denied', address, reason });
    // Major 2 throws at a Close, and cannot be told from 3; both take the denial.
    if (wasOpen && channel.version !== '') this.#send({ type: 'close', address, reason });
  }

  #end(channel: Channel): void {
    this.#early.take(channel);
    this.#channels.delete(channel.address);
    this.#outputs.push({ kind: 'leave', channel });
  }

  #live(channel: HocuspocusChannel): Channel | null {
    const live = this.#channels.get(channel.address);
    return live === channel ? live : null;
  }

  #send(message: HocuspocusServerMessage): void {
    this.#outputs.push({ kind: 'send', message });
  }
}

/** Well within the 30 s after which a stock provider gives up on a silent relay. */
const keepAliveMs = 20_000;
/** How long no update may have come before a provider is made to count anew. */
const unsureMs = 10_000;
/** Between two attempts at something that the relay itself could not do. */
const retryMs = 5000;
/** No structs, no deletions. */
const emptyUpdate = Uint8Array.of(0, 0);
