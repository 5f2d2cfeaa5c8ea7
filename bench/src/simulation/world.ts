/** One simulated world: a relay that comes and goes over a disk that stays, devices, and the network between them. */
import type { Transport } from '@tideweave/client/testing';
import { type Authorizer, type DocumentLog, MemoryLog, Turn, openLevelLog } from '@tideweave/server/testing';
import { RefusedError, decodeServerMessages, encodeMessage, refusalRules } from '@tideweave/shared';
import { type DeviceWorld, type DialEvents, NativeDevice, wallTime } from './device.ts';
import { Dice } from './dice.ts';
import { type DiskImage, SimulatedDisk, SimulatedStorage } from './disk.ts';
import type { FaultKind } from './faults.ts';
import { Link, RelaySocket, type WayState } from './network.ts';
import { Oracle } from './oracle.ts';
import type { Planting } from './planting.ts';
import { SimulatedRelay } from './relay.ts';
import type { DeviceSettings, Settings } from './settings.ts';
import { StockDevice } from './stock-device.ts';
import { ProcessClock, Timeline } from './timeline.ts';
import type { Report, Violation } from './violation.ts';

export type Device = NativeDevice | StockDevice;

/** Both directions of a device's way to the relay. */
interface Ways {
  readonly toRelay: WayState;
  readonly toClient: WayState;
}

export class World implements DeviceWorld {
  readonly settings: Settings;
  readonly timeline: Timeline = new Timeline();
  readonly oracle: Oracle;
  readonly planting: Planting;
  readonly disk: SimulatedDisk;
  readonly devices: readonly Device[];
  readonly faults: Map<FaultKind, number> = new Map();
  /** Copies of the disk that somebody has made. */
  readonly backups: DiskImage[] = [];
  /** What happened, when it is recorded. */
  readonly trace: string[] | null;
  violation: Violation | null = null;
  relay: SimulatedRelay | null = null;
  /** The present log, unwatched. */
  log: DocumentLog | null = null;
  authorizerFails = false;
  /** Devices that are refused a document in the middle of its catching up, and with what. */
  readonly refuseNext: Map<string, 'TW_OVERLOADED' | 'TW_FORBIDDEN'> = new Map();
  #healed = false;
  readonly #memory: MemoryLog;
  readonly #ways = new Map<string, Ways>();
  readonly #links = new Map<string, Set<Link>>();
  /** How many connections of each device the relay knows. */
  readonly #accepted = new Map<string, number>();
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
      () => this.timeline.steps,
      (text) => this.note(text),
    );
    this.oracle.isDoubled = (device) => (this.#accepted.get(device) ?? 0) > 1;
    this.oracle.wanted = (device, document) => this.#wanted(device, document);
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
    for (const { name, latencyMs, bytesPerMs } of settings.devices) {
      const way = (): WayState => ({ blockedUntilMs: 0, bytesPerMs, latencyMs });
      this.#ways.set(name, { toRelay: way(), toClient: way() });
    }
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

  ways(device: string): Ways {
    const ways = this.#ways.get(device);
    if (ways === undefined) throw new Error(`nobody is called ${device}`);
    return ways;
  }

  /** The connections of a device, the newest last. */
  links(device: string): Link[] {
    return [...(this.#links.get(device) ?? [])];
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
        logged: (level, fields, message) => {
          this.note(() => `relay ${level}: ${message} ${fields['err'] instanceof Error ? fields['err'].message : ''}`);
          if (level === 'error' && message !== 'the authorizer failed')
            this.#violated('R1', `the relay logs an error: ${message}`);
        },
      });
      this.note(() => 'the relay runs');
    } catch (error) {
      this.note(() => `the relay does not start: ${String(error)}`);
      clock.kill();
      // A fault during the start: whoever looks after the relay starts it again.
      if (!(error instanceof RefusedError) && !String(error).includes('ENOSPC') && !String(error).includes('EIO')) {
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
    this.#accepted.clear();
    this.disk.crash({ power: how.power });
    if (how.image !== undefined) this.disk.restore(how.image);
    // The system of a process that was killed closes its sockets; without power nobody says anything.
    for (const links of this.#links.values()) {
      for (const link of links) {
        link.cut({ client: !how.power, relay: false });
        link.toRelay.forget();
      }
    }
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
    for (const link of this.links(device.settings.name)) {
      link.cut({ client: false, relay: told });
      link.toClient.forget();
      this.#links.get(device.settings.name)?.delete(link);
    }
    this.timeline.after(restartInMs, () => device.start());
  }

  /** Nothing goes wrong from here on. */
  heal(): void {
    this.#healed = true;
    this.refuseNext.clear();
    this.disk.full = false;
    this.disk.readErrors = 0;
    this.disk.slowMs = 0;
    this.disk.fates.length = 0;
    this.#memory.faults.beforeAppend = async () => undefined;
    delete this.#memory.faults.afterAppend;
    this.authorizerFails = false;
    for (const [at, { name, bytesPerMs }] of this.settings.devices.entries()) {
      const ways = this.ways(name);
      for (const way of [ways.toRelay, ways.toClient]) {
        way.blockedUntilMs = 0;
        way.bytesPerMs = bytesPerMs;
      }
      for (const link of this.links(name)) {
        link.toRelay.stateChanged();
        link.toClient.stateChanged();
      }
      const device = this.devices[at];
      if (device === undefined) continue;
      device.start();
      for (const document of device.documents) device.open(document);
      device.connect();
    }
  }

  dial(device: DeviceSettings, clock: ProcessClock, events: DialEvents, document: string): Transport {
    const { name, dialect, access } = device;
    const dice = Dice.for(this.settings.seed, `${name} ${this.timeline.steps}`);
    const links = this.#links.get(name) ?? new Set();
    this.#links.set(name, links);
    const watch = this.oracle.watchWire(name, dialect);
    let relay: SimulatedRelay | null = null;
    let socket: RelaySocket | null = null;
    const accept = (): void => {
      relay = this.relay;
      if (relay === null || !relay.accepts) {
        link.toClient.close(1006);
        return;
      }
      const at = relay;
      socket = new RelaySocket({
        toClient: link.toClient,
        turn: at.turn,
        clock: at.clock,
        bufferBytesMax: this.settings.limits.socketBufferBytesMax,
        wrote: (payload, congested) => watch.wrote(payload, congested),
        closedByRelay: (code, reason) => {
          watch.closed(reason);
          this.note(() => `${name}: closed by the relay with ${code}, ${reason}`);
          at.clock.after(closeHandshakeMs, () => ended());
        },
      });
      const others = this.#accepted.get(name) ?? 0;
      if (others > 0) this.fault('duplicate-connection');
      this.#accepted.set(name, others + 1);
      link.toClient.open();
      at.accept(socket, { dialect, document, token: `${access} ${name}` });
      const accepted = socket;
      accepted.onDrain(() => at.drained(accepted));
    };
    const ended = (): void => {
      if (socket !== null && relay?.closed(socket) === true)
        this.#accepted.set(name, (this.#accepted.get(name) ?? 1) - 1);
      link.toRelay.forget();
    };
    const link = new Link({
      watch,
      timeline: this.timeline,
      dice,
      ways: this.ways(name),
      client: clock,
      atRelay: {
        opened: accept,
        received: (frame) => socket !== null && relay?.receive(socket, frame),
        control: () => socket !== null && relay?.heard(socket),
        closed: ended,
      },
      atClient: {
        opened: () => events.opened(),
        received: (frame) => {
          events.received(frame);
          if (this.refuseNext.has(name)) this.#refuseMidway(name, link, frame, events);
        },
        control: () => undefined,
        closed: (code) => {
          links.delete(link);
          events.closed(code);
        },
      },
    });
    links.add(link);
    link.toRelay.open();
    return {
      send: (frame) => {
        watch.sent(frame);
        link.toRelay.send(frame);
      },
      close: () => {
        link.toRelay.close(1000);
        link.toClient.forget();
        links.delete(link);
      },
    };
  }

  /** Whoever is asked for something sometimes closes the document at that moment. */
  #wanted(name: string, document: string): void {
    if (this.#healed || !this.#ids.chance(0.3)) return;
    const device = this.devices.find(({ settings }) => settings.name === name);
    this.fault('close-when-wanted');
    this.timeline.after(this.#ids.random() * 5, () => {
      device?.close(document);
      device?.open(document);
    });
  }

  /** As if another relay, or something in between, refused a document right after it was opened. */
  #refuseMidway(name: string, link: Link, frame: Uint8Array, events: DialEvents): void {
    const code = this.refuseNext.get(name);
    if (code === undefined || !name.startsWith('native')) return;
    const opened = decodeServerMessages(frame, frame.length).find(({ type }) => type === 'opened');
    if (opened?.type !== 'opened') return;
    this.refuseNext.delete(name);
    this.fault('refused-midway');
    link.toRelay.send(encodeMessage({ type: 'leave', doc: opened.doc }));
    const { action } = refusalRules[code];
    const refusal = {
      type: 'refuse',
      scope: 'document',
      id: opened.doc,
      code,
      reason: '',
      action,
      retryAfterMs: 0,
    } as const;
    events.received(encodeMessage(refusal));
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
    const [access, ...user] = token.split(' ');
    return { access: access === 'read' ? 'read' : 'write', user: user.join(' ') };
  };

  #violated(promise: string, what: string): void {
    if (this.violation !== null) return;
    this.violation = { promise, what, atMs: this.timeline.now };
    this.note(() => `VIOLATION of ${promise}: ${what}`);
    this.timeline.stop();
  }
}

const closeHandshakeMs = 100;
