/** The part of the oracle that stands at the relay's sockets: what is said there must be true at the moment it is said. */
import {
  type ClientMessage,
  type ServerMessage,
  decodeClientMessages,
  decodeCursor,
  decodeEntryAuthors,
  decodeServerMessages,
  decodeStateVector,
  decodeYWebsocket,
} from '@tideweave/shared';
import { Coverage } from './coverage.ts';
import { GrantWatch, type GrantWorld } from './grant-watch.ts';
import type { Replica } from './replica.ts';
import { type Witness, notDurable } from './witness.ts';

/** What the watch needs to know of the world. */
export interface WatchedWorld extends GrantWorld {
  readonly witness: Witness;
  /** The copy that a device has of a document now. */
  replica(device: string, document: string): Replica | undefined;
  note(text: () => string): void;
  /** Counts virtual events, so that what is written in one can be told from what is written later. */
  step(): number;
  /** Whether the world itself has caused a failure inside the relay. */
  isOurs(): boolean;
  /** An update was kept from a copy, and an older disk put in place: what the copy builds on may be nowhere any more. */
  mayHaveHoles(): boolean;
  /** Whether the relay has several connections of a device. */
  isDoubled(device: string): boolean;
  /** Sockets are small: whoever is brought up to date in place is sent what it wrote itself, too. */
  readonly hasSlowReaders: boolean;
  /** The relay asks a device for what it lacks. */
  wanted(device: string, document: string): void;
}

/** One document of one native connection. */
interface OpenDocument {
  readonly replica: Replica;
  readonly openedAtStep: number;
  /** The reader was slow once and has been caught up from the log, or another connection of its device was still open. */
  mayEcho: boolean;
  /** What was pushed on this connection and has reached the relay. */
  readonly pushed: Coverage;
  /** Where it was told last to resume from. */
  watermark: string;
  /** The history it was told to be in; empty before there is one. */
  epoch: string;
}

/** Refusals that nobody deserves who keeps to the protocol. */
const undeserved = new Set([
  'TW_MALFORMED_MESSAGE',
  'TW_UNEXPECTED_MESSAGE',
  'TW_MALFORMED_UPDATE',
  'TW_MISSING_DEPENDENCIES',
  'TW_INTERNAL',
  'TW_DOCUMENT_CORRUPT',
  'TW_READ_ONLY',
  'TW_TOO_LARGE',
]);

/** Messages that may come twice without a meaning. */
const repeatable: ReadonlySet<string> = new Set(['push', 'update', 'ack', 'watermark', 'awareness', 'ping', 'pong']);

export class WireWatch {
  readonly #world: WatchedWorld;
  readonly #device: string;
  readonly #dialect: 'tideweave' | 'y-websocket';
  readonly #requests = new Map<number, { readonly replica: Replica; readonly token: string }>();
  readonly #open = new Map<number, OpenDocument>();
  /** Documents that the client has left, or was put out of: what still arrives for them it does not take. */
  readonly #left = new Set<number>();
  /** Step in which content was last written while the reader kept up. */
  #burstStep = -1;
  /** An update is on its way in parts: the rest of it alone cannot be judged. */
  readonly #parts = { sent: new Set<number>(), reached: new Set<number>(), written: new Set<number>() };

  /** Frames with the rest of an update that came in parts: alone, and so a second time, it means nothing. */
  readonly #rests = new WeakSet<Uint8Array>();

  /** What the client sends is damaged: it is going to be refused, and nobody else. */
  spoiled = false;

  readonly grants: GrantWatch;
  /** The document of a stock client's connection. */
  #document = '';

  constructor(world: WatchedWorld, device: string, dialect: 'tideweave' | 'y-websocket') {
    this.#world = world;
    this.grants = new GrantWatch(world, device);
    this.#device = device;
    this.#dialect = dialect;
  }

  /** A stock client asks to be let in. */
  asked(document: string, token: string): void {
    this.#document = document;
    this.grants.opened(document, token);
  }

  /** The client sends a frame. */
  sent(frame: Uint8Array): void {
    if (this.#dialect !== 'tideweave') {
      this.#world.note(() => `${this.#device} -> ${decodeYWebsocket(frame, bytesMax).map(describe).join(', ')}`);
      return;
    }
    for (const message of decodeClientMessages(frame, bytesMax)) {
      this.#world.note(() => `${this.#device} -> ${describe(message)}`);
      if (message.type === 'open') {
        const replica = this.#world.replica(this.#device, message.name);
        if (replica === undefined) continue;
        this.#requests.set(message.request, { replica, token: message.token });
      } else if (message.type === 'part') {
        this.#parts.sent.add(message.doc);
      } else if (message.type === 'push' && !this.#parts.sent.delete(message.doc) && message.n > 0) {
        this.#checkAuthor(message.doc, message.update);
      } else if (message.type === 'resync') {
        this.#parts.sent.delete(message.doc);
      } else if (message.type === 'leave') {
        this.#left.add(message.doc);
      }
    }
  }

  /** A frame of the client's reaches the relay: from here on, nobody else may have been first to bring it what is in there. */
  reached(frame: Uint8Array): void {
    if (this.spoiled) {
      // What was sent before the damage arrives, and its tokens count.
      if (this.#dialect === 'tideweave') for (const token of tokensIn(frame)) this.grants.brought(token);
      return;
    }
    if (this.#dialect === 'y-websocket') {
      for (const message of decodeYWebsocket(frame, bytesMax))
        if (message.type === 'update' || message.type === 'step-2') this.grants.pushed(this.#document, message.update);
      return;
    }
    for (const message of decodeClientMessages(frame, bytesMax)) {
      if (message.type === 'open' || message.type === 'token') this.grants.brought(message.token);
      else if (message.type === 'part') this.#parts.reached.add(message.doc);
      else if (message.type === 'resync') this.#parts.reached.delete(message.doc);
      else if (message.type !== 'push') continue;
      else if (this.#parts.reached.delete(message.doc)) this.#rests.add(frame);
      else this.#pushed(message);
    }
  }

  #pushed({ doc, n, update }: Extract<ClientMessage, { type: 'push' }>): void {
    const open = this.#open.get(doc);
    if (open === undefined) return;
    if (n > 0) open.pushed.add(Coverage.ofUpdate(update));
    this.grants.pushed(open.replica.document, update);
  }

  /** The relay writes a payload; `congested`: more waits in the socket than a live reader should have. */
  wrote(payload: Uint8Array, congested: boolean): void {
    if (this.#dialect === 'tideweave') {
      for (const message of decodeServerMessages(payload, bytesMax)) this.#wrote(message, congested);
      return;
    }
    for (const message of decodeYWebsocket(payload, bytesMax)) {
      this.#world.note(() => `${this.#device} <- ${describe(message)}${congested ? ', congested' : ''}`);
      if (message.type === 'update' || message.type === 'step-2') {
        this.#checkBuffer(congested, false);
        this.grants.sent(this.#document);
      } else if (message.type === 'permission-denied') this.#checkRefusal(message.reason.split(':')[0] ?? '');
    }
  }

  /** Whether a frame may arrive twice: C3 speaks of updates and what goes with them, not of requests and parts. */
  mayRepeat(way: 'sent' | 'written', frame: Uint8Array): boolean {
    if (this.spoiled) return false;
    if (this.#dialect === 'y-websocket') return true;
    const messages = way === 'sent' ? decodeClientMessages(frame, bytesMax) : decodeServerMessages(frame, bytesMax);
    // A message at a time: the last piece of a large update is an update, too.
    return this.#parts[way].size === 0 && !this.#rests.has(frame) && messages.every(({ type }) => repeatable.has(type));
  }

  /** Whether a frame that arrives is nothing but what others wrote just now. */
  isLiveUpdate(frame: Uint8Array): boolean {
    if (this.#dialect !== 'tideweave' || this.#parts.written.size > 0) return false;
    return decodeServerMessages(frame, bytesMax).every(({ type }) => type === 'update');
  }

  /** A frame of the relay's has arrived. */
  arrived(frame: Uint8Array): void {
    if (this.#dialect !== 'tideweave') return;
    for (const message of decodeServerMessages(frame, bytesMax)) {
      if (message.type === 'refuse' && message.scope === 'document') this.#left.add(message.id);
      if (message.type !== 'opened' && message.type !== 'watermark') continue;
      if (message.type === 'watermark' && this.#left.has(message.doc)) continue;
      // Numbers of documents come again.
      if (message.type === 'opened') this.#left.delete(message.doc);
      const replica =
        message.type === 'opened' ? this.#requests.get(message.request)?.replica : this.#open.get(message.doc)?.replica;
      if (replica !== undefined) replica.epoch ||= message.epoch;
    }
  }

  /** Whether the client has left a document that it is told of. */
  hasLeft(doc: number): boolean {
    return this.#left.has(doc);
  }

  /** The relay closed the connection. */
  closed(reason: string): void {
    if (this.#dialect !== 'y-websocket') return;
    const code = reason.split(':')[0] ?? '';
    this.#checkRefusal(code);
    if (code === 'TW_UNAUTHORIZED') this.grants.refused(this.#document);
  }

  #wrote(message: ServerMessage, congested: boolean): void {
    this.#world.note(() => `${this.#device} <- ${describe(message)}${congested ? ', congested' : ''}`);
    switch (message.type) {
      case 'opened': {
        const request = this.#requests.get(message.request);
        if (request === undefined) return;
        const { replica, token } = request;
        const openedAtStep = this.#world.step();
        const isDoubled = this.#world.isDoubled(this.#device) || this.#world.hasSlowReaders;
        this.#open.set(message.doc, {
          replica,
          openedAtStep,
          mayEcho: congested || isDoubled,
          pushed: new Coverage(),
          watermark: '',
          epoch: message.epoch,
        });
        this.grants.opened(replica.document, token);
        return;
      }
      case 'refuse':
        if (message.scope === 'document' && message.code === 'TW_UNAUTHORIZED')
          this.grants.refused(this.#open.get(message.id)?.replica.document ?? '');
        this.#checkRefusal(message.code);
        return;
      case 'want':
        this.#world.wanted(this.#device, this.#open.get(message.doc)?.replica.document ?? '');
        return;
      case 'ping':
      case 'pong':
        return;
      default:
        break;
    }
    const open = this.#open.get(message.doc);
    if (open === undefined) return;
    if (congested) open.mayEcho = true;
    if (message.type === 'grant') this.grants.told(open.replica.document, message.endsInMs);
    this.grants.sent(open.replica.document);
    if (message.type === 'update' || message.type === 'part') {
      this.#checkBuffer(congested, open.openedAtStep === this.#world.step());
    }
    if (message.type === 'part') this.#parts.written.add(message.doc);
    if (message.type === 'update') {
      if (!this.#parts.written.delete(message.doc)) this.#checkEcho(open, message.update);
    }
    if (message.type === 'authors') this.#checkAuthors(open.replica, message.entries);
    if (message.type === 'watermark') open.epoch ||= message.epoch;
    if (message.type === 'ack') this.#checkAck(open, message.n);
    else if (message.type === 'watermark') this.#checkWatermark(open, message.cursor);
  }

  /** D2: everything that is acknowledged is durable, by the log's own word. */
  #checkAck({ replica, epoch }: OpenDocument, n: number): void {
    const history = this.#world.witness.history(replica.document);
    const covered = replica.unacknowledged.filter((edit) => edit.n <= n);
    replica.unacknowledged = replica.unacknowledged.filter((edit) => edit.n > n);
    // It was durable in a history that has ended since: deleted, and perhaps another begun under the name.
    if (history !== undefined && epoch !== '' && history.epoch !== epoch) return;
    for (const { n: number, coverage } of covered) {
      const lacks = history === undefined ? 'everything' : notDurable(history, coverage);
      if (lacks !== null) {
        const what = `edit ${number} of ${replica.device} in ${replica.document} was acknowledged`;
        this.#world.report('D2', `${what}, and the log lacks ${lacks}`);
      }
      history?.promised.add(coverage);
    }
  }

  /** U4: who is told to have written something is who the log was told to have. */
  #checkAuthors({ device, document }: Replica, entries: Uint8Array): void {
    for (const entry of decodeEntryAuthors(entries)) {
      if (this.#world.witness.wasHanded(document, entry)) continue;
      this.#world.report('U4', `${device} was told of an entry of ${document} by ${entry.user} that nobody made`);
    }
  }

  /** D2: a cursor names only what is durable. */
  #checkWatermark(open: OpenDocument, bytes: Uint8Array): void {
    const { document, device } = open.replica;
    const watermark = bytes.join();
    // P107: a client takes the same once more for a repetition on the way, and confirms nothing by it.
    if (watermark === open.watermark) this.#world.report('C4', `${device} was told twice where to resume ${document}`);
    open.watermark = watermark;
    const cursor = decodeCursor(bytes);
    const history = this.#world.witness.history(document);
    if (cursor === null || history === undefined || cursor.logId !== history.logId) return;
    if (cursor.seq <= history.lastSeq) return;
    const what = `${device} was told to resume ${document} from ${cursor.seq}`;
    this.#world.report('D2', `${what}, and only ${history.lastSeq} is durable`);
  }

  /** R2: whoever is slow to read is sent nothing more, except for one burst that brings it up to date. */
  #checkBuffer(congested: boolean, justOpened: boolean): void {
    const step = this.#world.step();
    if (!congested || justOpened) this.#burstStep = step;
    else if (this.#burstStep !== step) {
      this.#world.report('R2', `${this.#device} does not read, and the relay goes on buffering for it`);
    }
  }

  /** C3: nobody is sent back on a connection what it pushed there; that is how echoes begin. */
  #checkEcho({ replica, mayEcho, pushed }: OpenDocument, update: Uint8Array): void {
    if (mayEcho || this.#world.isDoubled(this.#device)) return;
    const coverage = Coverage.ofUpdate(update);
    if (coverage.inserted.size === 0 || pushed.lacks(coverage) !== null) return;
    this.#world.report('C3', `${replica.device} was sent back what it wrote in ${replica.document}`);
  }

  /** C3: what is pushed as an edit was made here. */
  #checkAuthor(doc: number, update: Uint8Array): void {
    const open = this.#open.get(doc);
    if (open === undefined) return;
    for (const client of Coverage.ofUpdate(update).inserted.keys()) {
      if (open.replica.authors.has(client)) continue;
      this.#world.report('C3', `${open.replica.device} pushes as its edit what client ${client} wrote`);
    }
  }

  #checkRefusal(code: string): void {
    if (!undeserved.has(code) || this.spoiled) return;
    if (code === 'TW_INTERNAL' && this.#world.isOurs()) return;
    if (code === 'TW_MISSING_DEPENDENCIES' && this.#world.mayHaveHoles()) return;
    if (code === 'TW_DOCUMENT_CORRUPT' && this.#world.witness.isDamaged()) return;
    // A stock client answers with all that it has, and a relay that was put back in time may lack some of it.
    if (code === 'TW_READ_ONLY' && this.#dialect === 'y-websocket') return;
    this.#world.report('R1', `${this.#device} keeps to the protocol and was refused with ${code}`);
  }
}

const bytesMax = 64 * 1024 * 1024;

/** A message in a line, without its content. */
function describe(message: object): string {
  const fields = Object.entries(message).map(([name, value]: [string, unknown]) => {
    if (name === 'update' || name === 'bytes') return describeBytes(value);
    if (name === 'cursor' && value instanceof Uint8Array) return `cursor ${decodeCursor(value)?.seq ?? 'none'}`;
    if (name === 'stateVector' && value instanceof Uint8Array && value.length > 0)
      return `has ${JSON.stringify([...decodeStateVector(value)])}`;
    return name === 'type' ? String(value) : `${name} ${String(value)}`;
  });
  return fields.join(' ');
}

function describeBytes(value: unknown): string {
  if (!(value instanceof Uint8Array)) return '';
  try {
    return `${value.length} bytes (${Coverage.ofUpdate(value).toString()})`;
  } catch {
    return `${value.length} bytes`;
  }
}

/** The tokens in a frame, none if it is damaged. */
function tokensIn(frame: Uint8Array): readonly string[] {
  try {
    const messages = decodeClientMessages(frame, bytesMax);
    return messages.flatMap((message) => (message.type === 'open' || message.type === 'token' ? [message.token] : []));
  } catch {
    return [];
  }
}
