import {
  type Cancel,
  RefusedError,
  type StateVector,
  YWebsocketSession,
  decodeStateVector,
  encodeYWebsocket,
  refusalRules,
  type YWebsocketMessage,
} from '@tideweave/shared';
import type { Grant } from '../auth/authorizer.ts';
import { documentDeleted } from '../log/head-rules.ts';
import { type DialectFrames, yWebsocketFrames } from '../room/dialect-frames.ts';
import type { Member } from '../room/member.ts';
import type { Room } from '../room/room.ts';
import {
  type Driver,
  type DriverContext,
  asRefused,
  authorized,
  endOfGrant,
  grantEnded,
  missingDependencies,
  noteRefusal,
} from './driver.ts';
import { type Frames, PacedWriter } from './paced-writer.ts';
import type { RepeatedRefusals } from './repeated-refusals.ts';
import { binaryFrame, frameEndingWith } from './websocket-frame.ts';

/** Drives the session of a stock y-websocket client: one document, which its path names. */
export class YWebsocketDriver implements Driver, Member {
  readonly frames: DialectFrames = yWebsocketFrames;
  readonly device = '';
  readonly #context: DriverContext;
  readonly #out: PacedWriter;
  readonly #session: YWebsocketSession;
  readonly #refusals: RepeatedRefusals;
  readonly #document: string;
  #room: Room | null = null;
  /** Which history the step 1 spoke of; empty: of none yet. */
  #epoch = '';
  #grant: Grant | null = null;
  #grantEndsAtMs = Infinity;
  #joined = false;
  /** Refused or gone: nothing is sent any more. */
  #closed = false;
  /** A step 1 without an answer; of several, the last is answered. */
  #behind: StateVector | null = null;
  #catchingUp = false;
  /** The connection is refused, and closed a while later. */
  #held: { readonly now: () => void; readonly cancel: Cancel } | null = null;
  /** What has been heard since the last WebSocket ping. */
  #lastHeardMs: number;
  #pinged = false;

  constructor(context: DriverContext, refusals: RepeatedRefusals, document: string, token: string) {
    this.#context = context;
    this.#out = new PacedWriter(context.connection);
    this.#refusals = refusals;
    this.#document = document;
    this.#lastHeardMs = context.clock.now();
    this.#session = new YWebsocketSession(context.limits, this.#lastHeardMs);
    void this.#open(token);
  }

  get user(): string {
    return this.#grant?.user ?? '';
  }

  get congested(): boolean {
    return this.#out.congested;
  }

  get bufferedBytes(): number {
    return this.#out.bufferedBytes;
  }

  receive(frame: Uint8Array): void {
    this.heard();
    this.#session.receive(frame);
    this.#drain();
  }

  heard(): void {
    this.#lastHeardMs = this.#context.clock.now();
    this.#pinged = false;
  }

  drained(): void {
    this.#out.drained();
    if (this.congested) return;
    if (this.#joined) void this.#room?.resume(this);
    void this.#catchUp();
  }

  tick(): void {
    const now = this.#context.clock.now();
    const silentMs = now - this.#lastHeardMs;
    const { connectionTimeoutMs } = this.#context.limits;
    if (now >= this.#grantEndsAtMs) this.#session.lapse(grantEnded());
    else if (silentMs > connectionTimeoutMs) {
      this.#session.close(new RefusedError('TW_TIMEOUT', 'nothing was heard from you'));
    } else if (silentMs > connectionTimeoutMs / 2 && !this.#pinged) {
      this.#pinged = true;
      this.#out.ping();
    }
    this.#session.tick(now);
    this.#drain();
  }

  refuse(error: RefusedError): void {
    this.#held?.now();
    this.#session.close(error);
    this.#drain();
  }

  closed(): void {
    this.#closed = true;
    this.#held?.cancel();
    if (this.#joined) this.#room?.leave(this);
  }

  write(frames: Uint8Array): void {
    this.#session.sent(this.#context.clock.now());
    this.#out.write(frames);
  }

  catchUp(updates: readonly Uint8Array[]): void {
    this.#out.feed(catchUpFrames(updates, 'update'));
  }

  /** The dialect has no word for what is durable. */
  committed(): void {}

  watermark(): void {}

  ended(error: Error): void {
    this.#joined = false;
    this.refuse(asRefused(error, this.#context.logger, 'the document failed'));
  }

  async #open(token: string): Promise<void> {
    try {
      const { peer, rooms } = this.#context;
      const document = this.#document;
      this.#grant = await authorized(this.#context, { document, via: 'y-websocket', access: 'write', token, ...peer });
      this.#grantEndsAtMs = endOfGrant(this.#grant, this.#context.clock);
      const room = await rooms.get(document);
      this.#epoch = room.head?.epoch ?? '';
      this.#session.opened(room.state.stateVectorBytes);
    } catch (error) {
      this.#session.close(asRefused(error, this.#context.logger, 'opening a document failed'));
    }
    this.#drain();
  }

  #drain(): void {
    for (const output of this.#session.drain()) {
      switch (output.kind) {
        case 'send':
          this.#send(output.message);
          break;
        case 'catch-up':
          this.#guard(() => (this.#behind = decodeStateVector(output.stateVector)));
          void this.#catchUp();
          break;
        case 'store':
          this.#guardRoom((room) => this.#store(room, output.update, output.everything));
          break;
        case 'awareness':
          this.#guardRoom((room) => room.awareness(output.update, this));
          break;
        case 'tell-awareness':
          // Whoever asks faster than it reads is told later, by the room.
          if (!this.congested) this.#guardRoom((room) => room.tellAwareness(this));
          break;
        case 'ask':
          this.#guardRoom((room) => this.#send({ type: 'step-1', stateVector: room.state.stateVectorBytes }));
          break;
        case 'close':
          this.#close(output.closeCode, output.error);
          break;
      }
    }
  }

  /**
   * Answers the last step 1, unless the client is slow to read: then when it has read. A stock client is synced when its
   * step 2 comes, so all but the last piece travel as updates before it.
   */
  async #catchUp(): Promise<void> {
    const stateVector = this.#behind;
    if (stateVector === null || this.#catchingUp || this.congested || this.#closed) return;
    this.#behind = null;
    this.#catchingUp = true;
    try {
      // The room is asked for anew: until somebody joins it, an idle one may be unloaded.
      const room = await this.#context.rooms.get(this.#document);
      this.#checkEpoch(room);
      await room.bringUpToDate({ seq: null, stateVector }, (updates) => {
        if (this.#closed) return;
        this.#out.feed(catchUpFrames(updates.length === 0 ? [emptyUpdate] : updates, 'step-2'));
        if (!this.#joined) this.#join(room, stateVector);
      });
    } catch (error) {
      this.refuse(asRefused(error, this.#context.logger, 'reading a document failed'));
    }
    this.#catchingUp = false;
    this.#drain();
    void this.#catchUp();
  }

  /**
   * What the client answers to a step 1 fits the history that this spoke of (C6). Whoever has joined hears of a deletion
   * from the room; whoever has not, here.
   */
  #checkEpoch(room: Room): void {
    if (!this.#joined && !room.continues(this.#epoch)) throw documentDeleted(this.#document);
  }

  #join(room: Room, stateVector: StateVector): void {
    this.#room = room;
    this.#joined = true;
    room.join(this, stateVector);
    this.#session.joined();
  }

  #store(room: Room, update: Uint8Array, everything: boolean): void {
    if (this.#grant?.access !== 'write') {
      if (room.ticketOfKnown(update, this) !== null) return;
      const refused = new RefusedError('TW_READ_ONLY', 'the grant allows reading only; the edit was not stored');
      noteRefusal(this.#context, refused);
      this.#session.denyWrite(`${refused.code}: ${refused.message}`);
      return;
    }
    try {
      if (room.accept(update, this).kind === 'stored') return;
    } catch (error) {
      const refused = asRefused(error, this.#context.logger, 'storing an update failed');
      if (refusalRules[refused.code].action !== 'retry' || room.isEnded) throw refused;
      this.#session.putOff(this.#context.clock.now());
      return;
    }
    if (everything) throw missingDependencies();
    this.#send({ type: 'step-1', stateVector: room.state.stateVectorBytes });
  }

  #guardRoom(run: (room: Room) => void): void {
    const room = this.#room;
    if (room !== null && this.#joined) this.#guard(() => run(room));
  }

  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#session.close(asRefused(error, this.#context.logger, 'handling a message failed'));
      this.#drain();
    }
  }

  /**
   * Major 2 of the stock client is back 100 ms after any close: who is not let in a second time is held for a while. One who
   * is refused for what it sent is closed at once, as others depend on hearing of it.
   */
  #close(closeCode: number, error: RefusedError): void {
    const { clock, peer } = this.#context;
    noteRefusal(this.#context, error);
    const wasIn = this.#joined;
    if (wasIn) this.#room?.leave(this);
    this.#joined = false;
    this.#closed = true;
    const close = (): void => this.#out.close(closeCode, `${error.code}: ${error.message}`);
    const isHeld = !wasIn && refusalRules[error.code].action !== 'retry';
    const holdMs = isHeld ? this.#refusals.holdMs(`${peer.remoteAddress} ${error.code} ${this.#document}`) : 0;
    if (holdMs === 0) close();
    else this.#held = { now: close, cancel: clock.after(holdMs, close) };
  }

  #send(message: YWebsocketMessage): void {
    this.write(binaryFrame([encodeYWebsocket(message)]));
  }
}

/** Frames that bring a client up to date; `last` is what the last one is. */
function* catchUpFrames(updates: readonly Uint8Array[], last: 'update' | 'step-2'): Generator<Frames> {
  for (const [at, update] of updates.entries()) {
    const type = at === updates.length - 1 ? last : 'update';
    yield frameEndingWith(encodeYWebsocket({ type, update: nothing }), update);
  }
}

const nothing = new Uint8Array(0);
/** No structs, no deletions. */
const emptyUpdate = Uint8Array.of(0, 0);
