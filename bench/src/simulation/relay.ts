/**
 * A relay in the simulated world: the real log, batcher, compactor, rooms, drivers and sessions, over a virtual disk and
 * virtual sockets. One object is one process; a restart makes another over the same disk.
 */
import {
  type Authorizer,
  Compactor,
  type DocumentLog,
  type Driver,
  type DriverContext,
  Meter,
  type LogFields,
  type Logger,
  type Merger,
  RepeatedRefusals,
  RoomRegistry,
  TideweaveDriver,
  type Turn,
  WriteBatcher,
  YWebsocketDriver,
  asRefused,
  decideCompaction,
  unpackUpdates,
} from '@tideweave/server/testing';
import { merge } from '@tideweave/server/testing/merge';
import { RefusedError } from '@tideweave/shared';
import type { RelaySocket } from './network.ts';
import type { Planting } from './planting.ts';
import type { Settings } from './settings.ts';
import type { ProcessClock } from './timeline.ts';

/** What a relay runs on, and who watches it. */
export interface RelayOptions {
  readonly settings: Settings;
  readonly clock: ProcessClock;
  readonly turn: Turn;
  /** The log, watched by the oracle. */
  readonly log: DocumentLog;
  readonly authorize: Authorizer;
  readonly planting: Planting;
  /** A document was unloaded. */
  readonly unloaded: () => void;
  /** A line of the relay's log that says that something is wrong. */
  readonly logged: (level: 'warn' | 'error', fields: LogFields, message: string) => void;
}

export class SimulatedRelay {
  readonly clock: ProcessClock;
  readonly turn: Turn;
  readonly rooms: RoomRegistry;
  readonly #options: RelayOptions;
  readonly #batcher: WriteBatcher;
  readonly #drivers = new Map<RelaySocket, Driver>();
  readonly #refusals: RepeatedRefusals;
  #draining = false;

  readonly #meter = new Meter();

  constructor(options: RelayOptions) {
    const { settings, clock, turn, planting } = options;
    const { limits, compactAtEntries, mergeMs } = settings;
    this.#options = options;
    this.clock = clock;
    this.turn = turn;
    const log = planting.log(options.log);
    this.#batcher = planting.batcher(
      new WriteBatcher({ log, clock, gatherMs: commitGatherMs, uncommittedBytesMax: limits.uncommittedBytesMax }),
    );
    const merger: Merger = {
      async merge(task) {
        await clock.sleep(mergeMs);
        return merge(task.snapshot, unpackUpdates(task));
      },
      close: () => Promise.resolve(),
    };
    const compactor = new Compactor({ log, clock, rawWindowBytes: limits.rawWindowBytes, merger });
    this.rooms = new RoomRegistry({
      clock,
      turn,
      log,
      batcher: this.#batcher,
      compactor,
      limits,
      logger: loggerTo(options.logged),
      meter: this.#meter,
      decide: (state) => {
        const { head, sinceLastCompactionMs } = state;
        if (compactAtEntries === null || sinceLastCompactionMs < compactEveryMs) return decideCompaction(state);
        return head.lastSeq - head.snapshotSeq >= compactAtEntries ? 'now' : decideCompaction(state);
      },
    });
    planting.rooms(this.rooms);
    this.#refusals = new RepeatedRefusals(clock);
    this.#planSweep();
  }

  get accepts(): boolean {
    return this.clock.alive && !this.#draining;
  }

  /** A connection has been made; what arrives on it goes to `receive`. */
  accept(
    socket: RelaySocket,
    request: { dialect: 'tideweave' | 'y-websocket'; document: string; token: string },
  ): void {
    const { settings, clock, authorize, logged } = this.#options;
    const context: DriverContext = {
      connection: socket,
      rooms: this.rooms,
      authorize,
      limits: settings.limits,
      clock,
      logger: loggerTo(logged),
      meter: this.#meter,
      sessionId: '',
      peer: { remoteAddress: '10.0.0.1', origin: null, isLocal: false },
    };
    const driver =
      request.dialect === 'tideweave'
        ? new TideweaveDriver(context)
        : new YWebsocketDriver(context, this.#refusals, request.document, request.token);
    this.#drivers.set(socket, driver);
  }

  receive(socket: RelaySocket, frame: Uint8Array): void {
    const driver = this.#drivers.get(socket);
    if (!this.clock.alive || driver === undefined || this.#draining) return;
    try {
      driver.receive(frame);
    } catch (error) {
      driver.refuse(asRefused(error, loggerTo(this.#options.logged), 'handling a message failed'));
    }
  }

  heard(socket: RelaySocket): void {
    if (this.clock.alive) this.#drivers.get(socket)?.heard();
  }

  drained(socket: RelaySocket): void {
    if (this.clock.alive) this.#drivers.get(socket)?.drained();
  }

  /** A connection is gone; false when that was known. */
  closed(socket: RelaySocket): boolean {
    const driver = this.#drivers.get(socket);
    if (!this.clock.alive || driver === undefined) return false;
    socket.gone();
    this.#drivers.delete(socket);
    driver.closed();
    return true;
  }

  /** Ends in good order, as SIGTERM does (R5): what was accepted is made durable, then everybody is sent away. */
  async stop(): Promise<void> {
    if (this.#draining) return;
    this.#draining = true;
    this.rooms.flush();
    await Promise.race([this.#batcher.drain(), this.clock.sleep(this.#options.settings.limits.drainMs)]);
    for (const driver of this.#drivers.values())
      driver.refuse(new RefusedError('TW_SHUTTING_DOWN', 'the relay is restarting'));
    await this.clock.sleep(1);
    this.#batcher.stop();
    await this.#options.log.close();
  }

  #planSweep(): void {
    this.clock.after(sweepMs, () => {
      const loaded = this.rooms.size;
      this.rooms.sweep();
      if (this.rooms.size < loaded) this.#options.unloaded();
      for (const driver of this.#drivers.values()) driver.tick();
      this.#planSweep();
    });
  }
}

/** As `createRelay` has them. */
const commitGatherMs = 20;
const sweepMs = 1000;
const compactEveryMs = 300;

function loggerTo(logged: RelayOptions['logged']): Logger {
  return {
    trace: () => undefined,
    debug: () => undefined,
    info: () => undefined,
    warn: (fields, message) => logged('warn', fields, message),
    error: (fields, message) => logged('error', fields, message),
    fatal: (fields, message) => logged('error', fields, message),
  };
}
