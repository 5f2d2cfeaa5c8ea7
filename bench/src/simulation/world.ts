/** One simulated world: a relay that comes and goes over a disk that stays, devices, and the network between them. */
import type { Transport } from '@tideweave/client/testing';
import { type Authorizer, type DocumentLog, MemoryLog, Turn, openLevelLog } from '@tideweave/server/testing';
import { RefusedError } from '@tideweave/shared';
import { Connections } from './connections.ts';
import { type DeviceWorld, type DialEvents, NativeDevice, wallTime } from './device.ts';
import { Dice } from './dice.ts';
import { type DiskImage, SimulatedDisk, SimulatedStorage } from './disk.ts';
import type { FaultKind } from './faults.ts';
import { type TokenLives, newToken, readToken } from './grants.ts';
import { Oracle } from './oracle.ts';
import type { MergeCounts } from './merge-check.ts';
import type { Planting } from './planting.ts';
import { SimulatedRelay } from './relay.ts';
import type { DeviceSettings, Settings } from './settings.ts';
import { StockDevice } from './stock-device.ts';
import { ProcessClock, Timeline } from './timeline.ts';
import type { Report, Violation } from './violation.ts';

export type Device = NativeDevice | StockDevice;

export class World implements DeviceWorld {
  readonly settings: Settings;
  readonly timeline: Timeline = new Timeline();
  readonly oracle: Oracle;
  readonly planting: Planting;
  readonly disk: SimulatedDisk;
  readonly devices: readonly Device[];
  readonly faults: Map<FaultKind, number> = new Map();
  readonly merges: MergeCounts = { made: 0, compared: 0 };
  /** Copies of the disk that somebody has made. */
  readonly backups: DiskImage[] = [];
  /** What happened, when it is recorded. */
  readonly trace: string[] | null;
  violation: Violation | null = null;
  relay: SimulatedRelay | null = null;
  /** The present log, unwatched. */
  log: DocumentLog | null = null;
  authorizerFails = false;
  readonly tokenLives: TokenLives = new Map();
  /** Devices whose applications cannot get a token, and until when (virtual ms). */
  readonly tokenlessUntilMs: Map<string, number> = new Map();
  readonly connections: Connections;
  #healed = false;
  readonly #memory: MemoryLog;
  readonly #ids: Dice;
  /** The process that is starting; nobody else starts one meanwhile. */
  #starting: ProcessClock | null = null;
  /** An older copy of the disk was put in place, and nobody has looked at it yet. */
  #restored = false;

  constructor(settings: Settings, planting: Planting, options: { readonly trace: boolean }) {
    this.settings = settings;
    this.planting = planting;
    this.trace = options.trace ? [] : null;
    this.oracle = new Oracle(
      settings,
      (promise, what) => this.#violated(promise, what),
      this.timeline,
      (text) => this.note(text),
    );
    this.oracle.isDoubled = (device) => this.connections.isDoubled(device);
    this.oracle.wanted = (device, document) => this.#wanted(device, document);
    this.oracle.isSetBack = () => this.faults.has('restore') || this.faults.has('swallowed');
    this.oracle.mayHaveHoles = () => this.faults.has('swallowed') && losing.some((fault) => this.faults.has(fault));
    this.oracle.witness.isDamaged = () => this.disk.isDamaged;
    this.oracle.witness.onCompacted = () => this.fault('compaction');
    this.disk = new SimulatedDisk(Dice.for(settings.seed, 'disk'));
    this.disk.onFault = (kind) => this.fault(kind);
    this.disk.onDeath = () => {
      this.fault('relay-dies-in-write');
      if (this.#starting === null) {
        this.crashRelay({ power: true, restartInMs: 500 });
        return;
      }
      this.#starting.kill();
      this.#starting = null;
      this.disk.crash({ power: true });
      this.timeline.after(500, () => void this.startRelay());
    };
    this.#ids = Dice.for(settings.seed, 'ids');
    this.#memory = new MemoryLog({ wallTime: () => wallTime + this.timeline.now, randomId: () => this.#ids.id() });
    this.connections = new Connections(this);
    this.devices = settings.devices.map((each) =>
      each.dialect === 'tideweave' ? new NativeDevice(this, each) : new StockDevice(this, each),
    );
  }

  fault(kind: FaultKind): void {
    this.faults.set(kind, (this.faults.get(kind) ?? 0) + 1);
    this.note(() => `fault: ${kind}`);
  }

  note(text: () => string): void {
    this.trace?.push(`${this.timeline.now.toFixed(1).padStart(9)} ms  ${text()}`);
  }

  clientId(): number {
    // As Yjs has them, and small enough to be read.
    return 1000 + this.#ids.below(2 ** 30);
  }

  /** Starts the relay over what is on the disk, unless it runs or is being started. */
  async startRelay(): Promise<void> {
    if (this.relay !== null || this.#starting !== null) return;
    const clock = new ProcessClock(this.timeline, wallTime);
    this.#starting = clock;
    try {
      const log = await this.#openLog(clock);
      await this.oracle.witness.restarted(log, this.settings.documents, { restored: this.#restored });
      this.#restored = false;
      this.log = log;
      this.relay = new SimulatedRelay({
        settings: this.settings,
        clock,
        turn: new Turn(clock),
        log: this.oracle.witness.watch(log),
        authorize: this.#authorize,
        planting: this.planting,
        unloaded: () => this.fault('unload'),
        logged: (level, fields, message) => {
          this.note(() => `relay ${level}: ${message} ${fields['err'] instanceof Error ? fields['err'].message : ''}`);
          if (level === 'error' && !this.disk.isDamaged && message !== 'the authorizer failed')
            this.#violated('R1', `the relay logs an error: ${message}`);
        },
      });
      this.note(() => 'the relay runs');
    } catch (error) {
      this.note(() => `the relay does not start: ${String(error)}`);
      clock.kill();
      // A fault during the start: whoever looks after the relay starts it again.
      if (
        !this.disk.isDamaged &&
        !(error instanceof RefusedError) &&
        !String(error).includes('ENOSPC') &&
        !String(error).includes('EIO')
      ) {
        this.#violated('R1', `the relay does not start: ${String(error)}`);
      }
      this.timeline.after(500, () => void this.startRelay());
    } finally {
      this.#starting = null;
    }
  }

  /** The relay's process dies; with `power`, and all that was not synced. */
  crashRelay(how: { readonly power: boolean; readonly restartInMs: number; readonly image?: DiskImage }): void {
    const { relay } = this;
    if (relay === null) return;
    this.relay = null;
    this.log = null;
    relay.clock.kill();
    this.disk.crash({ power: how.power });
    if (how.image !== undefined) this.disk.restore(how.image);
    this.connections.relayDied(how);
    if (how.image !== undefined) this.#restored = true;
    this.timeline.after(how.restartInMs, () => void this.startRelay());
  }

  /** SIGTERM, and a new process. */
  async restartRelay(restartInMs: number): Promise<void> {
    const { relay } = this;
    if (relay === null) return;
    await relay.stop();
    if (this.relay !== relay) return;
    this.fault('relay-restarted');
    this.crashRelay({ power: false, restartInMs });
  }

  /** A device dies; its system tells the relay, or not. */
  crashDevice(device: Device, restartInMs: number, told: boolean): void {
    if (!device.running) return;
    device.crash();
    this.connections.deviceDied(device.settings.name, told);
    this.timeline.after(restartInMs, () => device.start());
  }

  /** Whoever looks after the relay puts a damaged disk right and starts the relay again. */
  mendDisk(): void {
    if (this.disk.mend()) this.crashRelay({ power: false, restartInMs: 100 });
  }

  /** Nothing goes wrong from here on. */
  heal(): void {
    this.#healed = true;
    this.mendDisk();
    this.disk.full = false;
    this.disk.readErrors = 0;
    this.disk.slowMs = 0;
    this.disk.fates.length = 0;
    this.#memory.faults.beforeAppend = async () => undefined;
    delete this.#memory.faults.afterAppend;
    this.authorizerFails = false;
    this.tokenLives.clear();
    this.tokenlessUntilMs.clear();
    this.connections.heal();
    for (const device of this.devices) {
      device.start();
      for (const document of device.documents) device.open(document);
      device.connect();
    }
  }

  get isFaulty(): boolean {
    return !this.#healed;
  }

  spoil(device: string): void {
    this.connections.spoil(device);
  }

  token(device: DeviceSettings): string {
    return newToken(device, this.tokenLives, this.timeline.now);
  }

  hasToken({ name }: DeviceSettings): boolean {
    return this.timeline.now >= (this.tokenlessUntilMs.get(name) ?? 0);
  }

  dial(device: DeviceSettings, clock: ProcessClock, events: DialEvents, document: string): Transport {
    return this.connections.dial(device, clock, events, document);
  }

  /** Whoever is asked for something sometimes closes the document at that moment. */
  #wanted(name: string, document: string): void {
    if (this.#healed || !this.#ids.chance(0.35)) return;
    // Rarely an operator deletes the document at that moment.
    if (this.#ids.chance(0.3)) {
      void this.change(async () => {
        if ((await this.relay?.rooms.delete(document)) === true) this.fault('delete');
      });
      return;
    }
    const device = this.devices.find(({ settings }) => settings.name === name);
    this.fault('close-when-wanted');
    this.timeline.after(this.#ids.random() * 5, () => {
      device?.close(document);
      device?.open(document);
    });
  }

  /** What an operator asks for may be refused, and then it has not happened. */
  async change(run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      const expected = ['TW_STORAGE_FAILED', 'TW_DOCUMENT_EXISTS'];
      if (this.disk.isDamaged) expected.push('TW_DOCUMENT_CORRUPT');
      if (error instanceof RefusedError && expected.includes(error.code)) return;
      this.report('R1', `an operator was told ${String(error)}`);
    }
  }

  /** Faults of a log in memory, which stands for a store elsewhere: how its appends go. */
  setMemoryFaults(faults: MemoryLog['faults']): void {
    delete this.#memory.faults.beforeAppend;
    delete this.#memory.faults.afterAppend;
    Object.assign(this.#memory.faults, faults);
  }

  readonly report: Report = (promise, what) => this.#violated(promise, what);

  async #openLog(clock: ProcessClock): Promise<DocumentLog> {
    if (this.settings.log === 'memory') return this.#memory;
    return openLevelLog({
      path: 'disk',
      wallTime: () => clock.wallTime(),
      randomId: () => this.#ids.id(),
      openStorage: () => Promise.resolve(this.planting.storage(new SimulatedStorage(this.disk, clock))),
    });
  }

  readonly #authorize: Authorizer = async ({ token }) => {
    const clock = this.relay?.clock;
    await clock?.sleep(this.#ids.random() * 5);
    if (this.authorizerFails) {
      this.fault('authorizer-fails');
      if (this.#ids.chance(0.5)) {
        this.oracle.internalErrors++;
        throw new Error('the directory does not answer');
      }
      throw new RefusedError('TW_UNAUTHORIZED', 'the token has expired');
    }
    const { access, endsAtMs, user } = readToken(token);
    if (endsAtMs === Infinity || clock === undefined) return { access, user };
    const leftMs = endsAtMs - this.timeline.now;
    if (leftMs <= 0) throw new RefusedError('TW_UNAUTHORIZED', 'the token has expired');
    return this.planting.grant({ access, user, expiresAt: clock.wallTime() + leftMs });
  };

  #violated(promise: string, what: string): void {
    if (this.violation !== null) return;
    this.violation = { promise, what, atMs: this.timeline.now };
    this.note(() => `VIOLATION of ${promise}: ${what}`);
    this.timeline.stop();
  }
}

/** Faults after which an edit may be nowhere any more, except in copies that were given what builds on it. */
const losing = ['restore', 'crash-together', 'device-crash'] as const;
