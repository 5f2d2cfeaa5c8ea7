import {
  RefusedError,
  type StateVector,
  YWebsocketSession,
  decodeStateVector,
  encodeYWebsocket,
  type YWebsocketMessage,
} from '@tideweave/shared';
import type { Grant } from '../auth/authorizer.ts';
import type { Member } from '../room/member.ts';
import type { Room } from '../room/room.ts';
import { type Driver, type DriverContext, asRefused, authorized, missingDependencies } from './driver.ts';
import { binaryFrame } from './websocket-frame.ts';

/** Drives the session of a stock y-websocket client: one document, which its path names. */
export class YWebsocketDriver implements Driver, Member {
  readonly dialect = 'y-websocket';
  readonly device = '';
  readonly #context: DriverContext;
  readonly #session: YWebsocketSession;
  #room: Room | null = null;
  #grant: Grant | null = null;
  #joined = false;
  #closed = false;
  /** What has been heard since the last WebSocket ping. */
  #lastHeardMs: number;
  #pinged = false;

  constructor(context: DriverContext, document: string, token: string) {
    this.#context = context;
    this.#lastHeardMs = context.clock.now();
    this.#session = new YWebsocketSession(context.limits, this.#lastHeardMs);
    void this.#open(document, token);
  }

  get user(): string {
    return this.#grant?.user ?? '';
  }

  get congested(): boolean {
    return this.#context.connection.congested;
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
    if (this.#joined) void this.#room?.resume(this);
  }

  tick(): void {
    const now = this.#context.clock.now();
    const silentMs = now - this.#lastHeardMs;
    const { connectionTimeoutMs } = this.#context.limits;
    if (silentMs > connectionTimeoutMs) {
      this.#session.close(new RefusedError('TW_TIMEOUT', 'nothing was heard from you'));
    } else if (silentMs > connectionTimeoutMs / 2 && !this.#pinged) {
      this.#pinged = true;
      this.#context.connection.ping();
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
    if (this.#joined) this.#room?.leave(this);
  }

  write(frames: Uint8Array): void {
    this.#session.sent(this.#context.clock.now());
    this.#context.connection.write(frames);
  }

  catchUp(updates: readonly Uint8Array[]): void {
    for (const update of updates) this.#send({ type: 'update', update });
  }

  /** The dialect has no word for what is durable. */
  committed(): void {}

  watermark(): void {}

  ended(error: Error): void {
    this.refuse(asRefused(error, this.#context.logger, 'the document failed'));
  }

  async #open(document: string, token: string): Promise<void> {
    try {
      const { peer, rooms } = this.#context;
      this.#grant = await authorized(this.#context, { document, via: 'y-websocket', access: 'write', token, ...peer });
      this.#room = await rooms.get(document);
      this.#session.opened(this.#room.stateVectorBytes);
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
          void this.#catchUp(output.stateVector);
          break;
        case 'store':
          this.#guard((room) => this.#store(room, output.update, output.everything));
          break;
        case 'awareness':
          this.#guard((room) => room.awareness(output.update, this));
          break;
        case 'tell-awareness':
          this.#guard((room) => room.tellAwareness(this));
          break;
        case 'close':
          this.#context.connection.close(output.closeCode, `${output.error.code}: ${output.error.message}`);
          break;
      }
    }
  }

  /** A stock client is synced when its step 2 comes, so all but the last piece travel as updates before it. */
  async #catchUp(bytes: Uint8Array): Promise<void> {
    const room = this.#room;
    if (room === null) return;
    try {
      const stateVector = decodeStateVector(bytes);
      await room.bringUpToDate({ seq: null, stateVector }, (updates) => {
        if (this.#closed) return;
        this.catchUp(updates.slice(0, -1));
        this.#send({ type: 'step-2', update: updates.at(-1) ?? emptyUpdate });
        if (!this.#joined) this.#join(room, stateVector);
      });
    } catch (error) {
      this.refuse(asRefused(error, this.#context.logger, 'reading a document failed'));
    }
  }

  #join(room: Room, stateVector: StateVector): void {
    this.#joined = true;
    room.join(this, stateVector);
  }

  #store(room: Room, update: Uint8Array, everything: boolean): void {
    if (this.#grant?.access !== 'write') {
      this.#session.denyWrite('TW_READ_ONLY: the grant allows reading only; the edit was not stored');
      return;
    }
    if (room.accept(update, this).kind === 'stored') return;
    if (everything) throw missingDependencies();
    this.#send({ type: 'step-1', stateVector: room.stateVectorBytes });
  }

  #guard(run: (room: Room) => void): void {
    if (this.#room === null) return;
    try {
      run(this.#room);
    } catch (error) {
      this.#session.close(asRefused(error, this.#context.logger, 'handling a message failed'));
    }
  }

  #send(message: YWebsocketMessage): void {
    this.write(binaryFrame([encodeYWebsocket(message)]));
  }
}

/** No structs, no deletions. */
const emptyUpdate = Uint8Array.of(0, 0);
