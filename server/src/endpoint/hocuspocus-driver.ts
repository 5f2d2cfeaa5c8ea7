import {
  type HocuspocusChannel,
  type HocuspocusReceipt,
  HocuspocusSession,
  type RefusalCode,
  type RefusedError,
  type StateVector,
  comeBackCode,
  encodeHocuspocus,
  refusalRules,
} from '@tideweave/shared';
import type { Grant } from '../auth/authorizer.ts';
import { type DialectFrames, hocuspocusFrame, hocuspocusFrames } from '../room/dialect-frames.ts';
import type { Member } from '../room/member.ts';
import type { Room } from '../room/room.ts';
import {
  type Driver,
  type DriverContext,
  asRefused,
  authorized,
  endOfGrant,
  grantEnded,
  noteRefusal,
} from './driver.ts';
import { type Frames, PacedWriter } from './paced-writer.ts';
import { frameEndingWith } from './websocket-frame.ts';

/** Drives the session of stock Hocuspocus providers: many documents, each at an address of its own, on one socket. */
export class HocuspocusDriver implements Driver {
  readonly #context: DriverContext;
  readonly #out: PacedWriter;
  readonly #session: HocuspocusSession;
  /** When each grant ends, and when another token is asked for (monotonic ms); a new token sets both anew. */
  readonly #terms = new Map<HocuspocusChannel, { readonly endsAtMs: number; askAtMs: number }>();
  readonly #grants = new Map<HocuspocusChannel, Grant>();
  readonly #members = new Map<HocuspocusChannel, HocuspocusMember>();
  /** Step 1s without an answer; of several for one document, the last is answered. */
  readonly #behind = new Map<HocuspocusChannel, StateVector>();
  readonly #catchingUp = new Set<HocuspocusChannel>();
  #closed = false;

  constructor(context: DriverContext, token: string) {
    this.#context = context;
    this.#out = new PacedWriter(context.connection);
    this.#session = new HocuspocusSession(context.limits, token, context.clock.now());
  }

  get congested(): boolean {
    return this.#out.congested;
  }

  get bufferedBytes(): number {
    return this.#out.bufferedBytes;
  }

  receive(frame: Uint8Array): void {
    this.#session.receive(frame, this.#context.clock.now());
    this.#drain();
  }

  heard(): void {
    this.#session.heard(this.#context.clock.now());
  }

  drained(): void {
    this.#out.drained();
    if (this.congested) return;
    for (const member of this.#members.values()) void member.room.resume(member);
    this.#catchUpAll();
  }

  tick(): void {
    const now = this.#context.clock.now();
    for (const [channel, term] of this.#terms) {
      // All come back, with the token that each has by then: refused alone, one would wait for its application to send another.
      if (now >= term.endsAtMs) this.#session.close(grantEnded(), comeBackCode);
      else if (now >= term.askAtMs) this.write(hocuspocusFrame({ type: 'ask-token', address: channel.address }));
      else continue;
      term.askAtMs = Infinity;
    }
    this.#session.tick(now);
    this.#drain();
  }

  refuse(error: RefusedError): void {
    this.#session.close(error);
    this.#drain();
  }

  closed(): void {
    this.#closed = true;
    for (const member of this.#members.values()) member.room.leave(member);
    this.#members.clear();
    this.#grants.clear();
    this.#terms.clear();
    this.#behind.clear();
  }

  /** Writes bytes that are whole WebSocket frames. */
  write(frames: Uint8Array): void {
    this.#session.sent(this.#context.clock.now());
    this.#out.write(frames);
  }

  /** Writes frames that are made as the socket takes them. */
  feed(frames: Iterable<Frames>): void {
    this.#session.sent(this.#context.clock.now());
    this.#out.feed(frames);
  }

  committed(channel: HocuspocusChannel, ticket: number): void {
    this.#session.committed(channel, ticket);
    this.#drain();
  }

  ended(channel: HocuspocusChannel, error: Error): void {
    this.#members.delete(channel);
    this.#session.ended(channel, asRefused(error, this.#context.logger, 'the document failed'));
    this.#drain();
  }

  #drain(): void {
    for (let outputs = this.#session.drain(); outputs.length > 0; outputs = this.#session.drain()) {
      for (const output of outputs) {
        switch (output.kind) {
          case 'send':
            if (output.message.type === 'denied') noteRefusal(this.#context, refusalIn(output.message.reason));
            this.write(hocuspocusFrame(output.message));
            break;
          case 'authorize':
            void this.#authorize(output.channel, output.token);
            break;
          case 'catch-up':
            this.#behind.set(output.channel, output.stateVector);
            this.#catchUpAll();
            break;
          case 'ask':
            this.#guard(output.channel, ({ room }) => this.#session.ask(output.channel, room.state.stateVectorBytes));
            break;
          case 'store':
            this.#store(output.receipt);
            break;
          case 'awareness':
            this.#guard(output.channel, (member) => member.room.awareness(output.update, member));
            break;
          case 'tell-awareness':
            // Whoever asks faster than it reads is told later, by the room.
            if (!this.congested) this.#guard(output.channel, (member) => member.room.tellAwareness(member));
            break;
          case 'stateless':
            this.#guard(output.channel, ({ room }) => room.stateless(output.payload));
            break;
          case 'leave':
            this.#leave(output.channel);
            break;
          case 'ping':
            this.#out.ping();
            break;
          case 'close':
            noteRefusal(this.#context, output.error);
            this.#out.close(output.closeCode, `${output.error.code}: ${output.error.message}`);
            break;
        }
      }
    }
  }

  async #authorize(channel: HocuspocusChannel, token: string): Promise<void> {
    const { peer, clock, logger } = this.#context;
    try {
      const request = { document: channel.document, via: 'hocuspocus', access: 'write', token, ...peer } as const;
      const grant = await authorized(this.#context, request);
      if (this.#closed) return;
      const endsAtMs = endOfGrant(grant, clock);
      const leftMs = endsAtMs - clock.now();
      this.#terms.set(channel, { endsAtMs, askAtMs: endsAtMs - Math.min(askAheadMs, leftMs / 2) });
      this.#grants.set(channel, grant);
      const member = this.#members.get(channel);
      if (member !== undefined) member.grant = grant;
      this.#session.granted(channel, grant.access);
    } catch (error) {
      this.#session.refused(channel, asRefused(error, logger, 'opening a document failed'), clock.now());
    }
    this.#drain();
  }

  /** Answers every step 1 that waits, unless the client is slow to read: then when it has read. */
  #catchUpAll(): void {
    for (const [channel, stateVector] of this.#behind) {
      if (this.#catchingUp.has(channel)) continue;
      if (this.congested || this.#catchingUp.size >= catchUpsAtOnceMax) return;
      this.#behind.delete(channel);
      this.#catchingUp.add(channel);
      void this.#catchUp(channel, stateVector);
    }
  }

  async #catchUp(channel: HocuspocusChannel, stateVector: StateVector): Promise<void> {
    try {
      // The room is asked for now and not with the grant: until somebody joins it, an idle one may be unloaded.
      const room = await this.#context.rooms.get(channel.document);
      await room.bringUpToDate({ seq: null, stateVector }, (updates) => {
        if (this.#closed || !this.#session.serve(channel, room.state.stateVectorBytes, updates)) return;
        this.#drain();
        this.#join(channel, room, stateVector);
      });
    } catch (error) {
      this.#session.ended(channel, asRefused(error, this.#context.logger, 'reading a document failed'));
    }
    this.#catchingUp.delete(channel);
    this.#drain();
    this.#catchUpAll();
  }

  #join(channel: HocuspocusChannel, room: Room, stateVector: StateVector): void {
    const grant = this.#grants.get(channel);
    if (grant === undefined || this.#members.has(channel)) return;
    const member = new HocuspocusMember(this, channel, room, grant);
    this.#members.set(channel, member);
    room.join(member, stateVector);
    this.#session.joined(channel);
    this.#drain();
  }

  #store(receipt: HocuspocusReceipt): void {
    this.#guard(receipt.channel, (member) => {
      const ticket = this.#take(member, receipt);
      if (ticket === null) return;
      this.#session.stored(receipt, ticket);
      this.#session.committed(receipt.channel, member.room.committedTicket);
    });
  }

  /** The ticket of what was sent, or null when it was not taken, which the session knows then. */
  #take(member: HocuspocusMember, receipt: HocuspocusReceipt): number | null {
    const { room } = member;
    if (member.grant.access !== 'write') {
      const ticket = room.ticketOfKnown(receipt.update, member);
      if (ticket === null) this.#session.readOnly(receipt);
      return ticket;
    }
    try {
      const verdict = room.accept(receipt.update, member);
      if (verdict.kind === 'stored') return verdict.ticket;
      this.#session.missing(receipt, room.state.stateVectorBytes);
    } catch (error) {
      const { clock, logger } = this.#context;
      const refused = asRefused(error, logger, 'storing an update failed');
      if (refusalRules[refused.code].action !== 'retry' || room.isEnded) throw refused;
      this.#session.putOff(receipt, clock.now());
    }
    return null;
  }

  #leave(channel: HocuspocusChannel): void {
    this.#grants.delete(channel);
    this.#terms.delete(channel);
    this.#behind.delete(channel);
    const member = this.#members.get(channel);
    if (member === undefined) return;
    this.#members.delete(channel);
    member.room.leave(member);
  }

  #guard(channel: HocuspocusChannel, run: (member: HocuspocusMember) => void): void {
    const member = this.#members.get(channel);
    if (member === undefined) return;
    try {
      run(member);
    } catch (error) {
      this.#session.close(asRefused(error, this.#context.logger, 'handling a message failed'));
    }
  }
}

/** One document of a connection, in its room. */
class HocuspocusMember implements Member {
  readonly device = '';
  readonly room: Room;
  readonly frames: DialectFrames;
  grant: Grant;
  readonly #driver: HocuspocusDriver;
  readonly #channel: HocuspocusChannel;

  constructor(driver: HocuspocusDriver, channel: HocuspocusChannel, room: Room, grant: Grant) {
    this.#driver = driver;
    this.#channel = channel;
    this.room = room;
    this.grant = grant;
    this.frames = framesAt(room, channel.address);
  }

  get user(): string {
    return this.grant.user;
  }

  get congested(): boolean {
    return this.#driver.congested;
  }

  get bufferedBytes(): number {
    return this.#driver.bufferedBytes;
  }

  write(frames: Uint8Array): void {
    this.#driver.write(frames);
  }

  catchUp(updates: readonly Uint8Array[]): void {
    this.#driver.feed(updateFrames(this.#channel.address, updates));
  }

  /** The dialect cannot resume. */
  watermark(): void {}

  committed(ticket: number): void {
    this.#driver.committed(this.#channel, ticket);
  }

  ended(error: Error): void {
    this.#driver.ended(this.#channel, error);
  }
}

/** What a denial says: `CODE: reason`. */
function refusalIn(denial: string): { readonly code: RefusalCode; readonly message: string } {
  const [code = '', ...reason] = denial.split(': ');
  return { code: code as RefusalCode, message: reason.join(': ') };
}

function* updateFrames(address: string, updates: readonly Uint8Array[]): Generator<Frames> {
  const message = encodeHocuspocus({ type: 'update', address, update: new Uint8Array(0) });
  for (const update of updates) yield frameEndingWith(message, update);
}

/** How long before the end of a grant a provider is asked for another token; of short grants, half their time. */
const askAheadMs = 60_000;
/** Documents that are read for one connection at a time: what they send together may wait in its socket (R2). */
const catchUpsAtOnceMax = 8;

/** Providers without session awareness all name a document alike, and share what is encoded for it. */
const sharedFrames = new WeakMap<Room, DialectFrames>();

function framesAt(room: Room, address: string): DialectFrames {
  if (address !== room.name) return hocuspocusFrames(address);
  let frames = sharedFrames.get(room);
  if (frames === undefined) {
    frames = hocuspocusFrames(address);
    sharedFrames.set(room, frames);
  }
  return frames;
}
