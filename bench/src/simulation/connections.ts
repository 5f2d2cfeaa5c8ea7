/** Who is connected to the relay, and how their ways to it are at the moment. */
import type { Transport } from '@tideweave/client/testing';
import {
  type OpenedMessage,
  decodeClientMessages,
  decodeServerMessages,
  encodeMessage,
  refusalRules,
} from '@tideweave/shared';
import type { DialEvents } from './device.ts';
import { Dice } from './dice.ts';
import type { FaultKind } from './faults.ts';
import { Link, RelaySocket, type WayState } from './network.ts';
import type { Oracle } from './oracle.ts';
import type { SimulatedRelay } from './relay.ts';
import type { DeviceSettings, Settings } from './settings.ts';
import type { ProcessClock, Timeline } from './timeline.ts';

/** Both directions of a device's way to the relay. */
interface Ways {
  readonly toRelay: WayState;
  readonly toClient: WayState;
}

/** What the connections need of the world. */
export interface ConnectedWorld {
  readonly settings: Settings;
  readonly timeline: Timeline;
  readonly oracle: Oracle;
  /** The relay that runs now. */
  readonly relay: SimulatedRelay | null;
  note(text: () => string): void;
  fault(kind: FaultKind): void;
  /** A token for a device, as its application has it now. */
  token(device: DeviceSettings): string;
}

export class Connections {
  /** Devices that are refused a document in the middle of its catching up, and with what. */
  readonly refuseNext: Map<string, 'TW_OVERLOADED' | 'TW_FORBIDDEN'> = new Map();
  /** Told when a client has been given what others wrote just now. */
  onLiveUpdate: (reader: string) => void = () => undefined;
  /** Devices whose way to the relay is clogged as soon as a document is opened, and for how long (ms). */
  readonly clogNext: Map<string, number> = new Map();
  /** Native devices of which something in between is to swallow an update, as no network does, but a bug may. */
  readonly swallowNext: Set<string> = new Set();
  readonly #world: ConnectedWorld;
  #healed = false;
  readonly #ways = new Map<string, Ways>();
  readonly #links = new Map<string, Set<Link>>();
  /** How many connections of each device the relay knows. */
  readonly #accepted = new Map<string, number>();

  constructor(world: ConnectedWorld) {
    this.#world = world;
    for (const { name, latencyMs, bytesPerMs, lossRate } of world.settings.devices) {
      const way = (): WayState => ({ blockedUntilMs: 0, bytesPerMs, latencyMs, lossRate, duplicateRate: 0 });
      this.#ways.set(name, { toRelay: way(), toClient: way() });
      this.#links.set(name, new Set());
    }
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

  /** Whether the relay has several connections of a device. */
  isDoubled(device: string): boolean {
    return (this.#accepted.get(device) ?? 0) > 1;
  }

  /** The relay's process is gone; its system closes its sockets, or without power nobody says anything. */
  relayDied(how: { readonly power: boolean }): void {
    this.#accepted.clear();
    for (const links of this.#links.values()) {
      for (const link of links) {
        link.cut({ client: !how.power, relay: false });
        link.toRelay.forget();
      }
    }
  }

  /** A device's process is gone; its system tells the relay, or not. */
  deviceDied(device: string, told: boolean): void {
    for (const link of this.links(device)) {
      link.cut({ client: false, relay: told });
      link.toClient.forget();
      this.#links.get(device)?.delete(link);
    }
  }

  /** What a device sends is damaged on its way. */
  spoil(device: string): void {
    const link = this.links(device).at(-1);
    if (link === undefined) return;
    this.#world.fault('bad-frame');
    link.watch.spoiled = true;
    link.toRelay.send(Uint8Array.of(4, 1, 1, 200, 3));
  }

  /** Both ways of a device are as usual again. */
  calm({ name, bytesPerMs, latencyMs, lossRate }: DeviceSettings): void {
    const { toRelay, toClient } = this.ways(name);
    const usual = { bytesPerMs, latencyMs, lossRate: this.#healed ? 0 : lossRate, duplicateRate: 0 };
    for (const way of [toRelay, toClient]) Object.assign(way, usual);
  }

  /** Nothing goes wrong on any way from here on. */
  heal(): void {
    this.#healed = true;
    this.refuseNext.clear();
    this.clogNext.clear();
    this.swallowNext.clear();
    for (const device of this.#world.settings.devices) {
      const { name } = device;
      this.calm(device);
      const { toRelay, toClient } = this.ways(name);
      for (const way of [toRelay, toClient]) way.blockedUntilMs = 0;
      for (const link of this.links(name)) {
        link.toRelay.stateChanged();
        link.toClient.stateChanged();
      }
    }
  }

  /** Starts a connection of a device. */
  dial(device: DeviceSettings, clock: ProcessClock, events: DialEvents, document: string): Transport {
    const { name, dialect } = device;
    const { settings, timeline, oracle } = this.#world;
    const links = this.#links.get(name) ?? new Set();
    const watch = oracle.watchWire(name, dialect);
    watch.grants.happened = (what) => this.#world.fault(what);
    const atRelay = this.#relayEnd(device, document, () => link);
    const link: Link = new Link({
      watch,
      timeline,
      dice: Dice.for(settings.seed, `${name} ${timeline.steps}`),
      ways: this.ways(name),
      client: clock,
      onFault: (kind) => this.#world.fault(kind),
      atRelay,
      atClient: {
        opened: () => events.opened(),
        received: (frame) => {
          if (this.swallowNext.has(name) && watch.isLiveUpdate(frame)) {
            this.swallowNext.delete(name);
            this.#world.fault('swallowed');
            return;
          }
          watch.arrived(frame);
          this.#clogWhenOpened(name, frame);
          events.received(frame);
          if (watch.isLiveUpdate(frame)) this.onLiveUpdate(name);
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
        const frames = device.singly ? decodeClientMessages(frame, frame.length).map(encodeMessage) : [frame];
        for (const each of frames) {
          watch.sent(each);
          link.toRelay.send(each);
        }
      },
      close: () => {
        link.toRelay.close(1000);
        link.toClient.forget();
        links.delete(link);
      },
    };
  }

  /** What becomes of a connection at the relay. */
  #relayEnd(
    device: DeviceSettings,
    document: string,
    linkOf: () => Link,
  ): ConstructorParameters<typeof Link>[0]['atRelay'] {
    const { name, dialect } = device;
    const world = this.#world;
    let relay: SimulatedRelay | null = null;
    let socket: RelaySocket | null = null;
    const ended = (): void => {
      if (socket !== null && relay?.closed(socket) === true)
        this.#accepted.set(name, (this.#accepted.get(name) ?? 1) - 1);
      linkOf().toRelay.forget();
    };
    const opened = (): void => {
      const { toClient, watch } = linkOf();
      const at = world.relay;
      relay = at;
      if (at === null || !at.accepts) {
        toClient.close(1006);
        return;
      }
      const accepted = new RelaySocket({
        toClient,
        turn: at.turn,
        clock: at.clock,
        bufferBytesMax: world.settings.limits.socketBufferBytesMax,
        wrote: (payload, congested) => watch.wrote(payload, congested),
        closedByRelay: (code, reason) => {
          watch.closed(reason);
          world.note(() => `${name}: closed by the relay with ${code}, ${reason}`);
          at.clock.after(closeHandshakeMs, ended);
        },
      });
      socket = accepted;
      const others = this.#accepted.get(name) ?? 0;
      if (others > 0) world.fault('duplicate-connection');
      this.#accepted.set(name, others + 1);
      toClient.open();
      // A stock client has it in its address.
      const token = world.token(device);
      if (dialect === 'y-websocket') watch.asked(document, token);
      at.accept(accepted, { dialect, document, token });
      accepted.onDrain(() => at.drained(accepted));
    };
    return {
      opened,
      received: (frame) => {
        if (socket === null || relay === null) return;
        if (socket.isOpen) linkOf().watch.reached(frame);
        relay.receive(socket, frame);
      },
      control: () => socket !== null && relay?.heard(socket),
      closed: ended,
    };
  }

  #clogWhenOpened(name: string, frame: Uint8Array): void {
    const ms = this.clogNext.get(name);
    if (ms === undefined || !name.startsWith('native') || openedIn(frame) === null) return;
    this.clogNext.delete(name);
    this.#world.fault('clog-up');
    this.ways(name).toRelay.blockedUntilMs = this.#world.timeline.now + ms;
  }

  /** As if another relay, or something in between, refused a document right after it was opened. */
  #refuseMidway(name: string, link: Link, frame: Uint8Array, events: DialEvents): void {
    const code = this.refuseNext.get(name);
    if (code === undefined || !name.startsWith('native')) return;
    const opened = openedIn(frame);
    if (opened === null || link.watch.hasLeft(opened.doc)) return;
    this.refuseNext.delete(name);
    this.#world.fault('refused-midway');
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
    const refused = encodeMessage(refusal);
    link.watch.arrived(refused);
    events.received(refused);
  }
}

function openedIn(frame: Uint8Array): OpenedMessage | null {
  for (const message of decodeServerMessages(frame, frame.length)) if (message.type === 'opened') return message;
  return null;
}

const closeHandshakeMs = 100;
