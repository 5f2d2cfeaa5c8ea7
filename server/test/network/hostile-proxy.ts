/**
 * A TCP proxy on loopback that stands between clients and a relay and does what bad networks do, on request: it delays,
 * throttles, stalls, swallows, tears and doubles what passes, and ends connections for one side, for both, or in mid-frame.
 */
import { once } from 'node:events';
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';

import type { Random } from '@tideweave/shared';

/** `up` is from client to relay. */
export type Direction = 'up' | 'down';
type Side = 'client' | 'relay';

/** What happens to the bytes of one direction. Order is kept, as TCP keeps it. */
export interface Weather {
  readonly delayMs?: number;
  /** Added to the delay, between 0 and this. */
  readonly jitterMs?: number;
  readonly bytesPerSecond?: number;
  /** Longest piece that is passed on at once. */
  readonly pieceBytes?: number;
  /** Bytes are held back until the weather changes. */
  readonly stalled?: boolean;
  /** Bytes vanish: a stream that lost some is of no use, so its connection has to end afterwards. */
  readonly swallowed?: boolean;
}

/** What becomes of a new connection: passed on, closed at once, never answered, answered by somebody else, or passed on twice. */
export type Door = 'open' | 'refusing' | 'silent' | 'portal' | 'double';

/** Bytes that wait in the proxy before it stops reading, as a router's buffer. */
const bufferBytesMax = 64 * 1024;
const portalPage = 'HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<h1>Hello</h1>';

export class HostileProxy {
  readonly random: Random;
  /** How often something was done to a connection or to a piece of data. */
  faults = 0;
  door: Door = 'open';
  readonly #relayPort: number;
  readonly #server: Server;
  readonly #links = new Set<Link>();
  readonly #sockets = new Set<Socket>();
  /** Clients that wait for an answer which does not come. */
  readonly #unanswered = new Set<Socket>();
  #weather: Readonly<Record<Direction, Weather>> = { up: {}, down: {} };

  private constructor(relayPort: number, random: Random) {
    this.#relayPort = relayPort;
    this.random = random;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket));
  }

  static async listen(relayPort: number, random: Random): Promise<HostileProxy> {
    const proxy = new HostileProxy(relayPort, random);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get links(): readonly Link[] {
    return [...this.#links];
  }

  get weather(): Readonly<Record<Direction, Weather>> {
    return this.#weather;
  }

  /** What holds from now on, for connections that there are too; directions that are not named have good weather. */
  set weather(weather: Partial<Record<Direction, Weather>>) {
    this.#weather = { up: {}, down: {}, ...weather };
    for (const link of this.#links) link.pump();
  }

  /** Good weather, an open door, no doubles; whoever still waits for an answer may try again. What is damaged stays so. */
  heal(): void {
    this.door = 'open';
    this.weather = {};
    for (const link of this.links) link.endDouble();
    for (const socket of this.#unanswered) socket.resetAndDestroy();
  }

  /** Ends all connections for both sides: in order, or as a router does that has forgotten them. */
  cut(how: 'end' | 'reset' = 'reset'): void {
    for (const link of this.links) link.cut(how);
  }

  /** Ends all connections in the middle of what passes next in a direction, `bytes` later. */
  cutAfter(direction: Direction, bytes: () => number, how: 'end' | 'reset'): void {
    for (const link of this.links) link.cutAfter(direction, bytes(), how);
  }

  /** Nothing passes on any connection from now on. `told`: the side that is told that they ended; the other never learns it. */
  abandon(told: Side | 'nobody'): void {
    for (const link of this.links) link.abandon(told);
  }

  /** Everything that clients have sent on these connections arrives once more, on a connection of its own each. */
  replay(links: readonly Link[]): void {
    for (const { sent } of links) {
      this.faults += 1;
      const socket = this.#dial();
      socket.resume();
      socket.end(Buffer.concat(sent));
    }
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(client: Socket): void {
    this.#keep(client);
    if (this.door === 'open' || this.door === 'double') {
      const relays = [this.#dial()];
      if (this.door === 'double') {
        this.faults += 1;
        relays.push(this.#dial());
        relays[1]?.resume();
      }
      const link = new Link(this, client, relays);
      this.#links.add(link);
      link.whenGone(() => this.#links.delete(link));
      return;
    }
    this.faults += 1;
    client.resume();
    if (this.door === 'refusing') client.resetAndDestroy();
    else if (this.door === 'portal') client.end(portalPage);
    else this.#unanswered.add(client.once('close', () => this.#unanswered.delete(client)));
  }

  #dial(): Socket {
    const socket = connect({ port: this.#relayPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
    this.#keep(socket);
    return socket;
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => this.#sockets.delete(socket));
  }
}

/** One connection of a client, and the one or two of the relay that belong to it. */
export class Link {
  /** What the client has sent. */
  readonly sent: Buffer[] = [];
  readonly #proxy: HostileProxy;
  readonly #client: Socket;
  readonly #relays: readonly Socket[];
  readonly #up: Pipe;
  readonly #down: Pipe;
  #isAbandoned = false;

  constructor(proxy: HostileProxy, client: Socket, relays: readonly Socket[]) {
    this.#proxy = proxy;
    this.#client = client;
    this.#relays = relays;
    const [relay] = relays;
    if (relay === undefined) throw new Error('a link has a relay');
    this.#up = new Pipe(proxy, 'up', client, relays, (how) => this.cut(how));
    this.#down = new Pipe(proxy, 'down', relay, [client], (how) => this.cut(how));
    client.on('data', (bytes: Buffer) => this.sent.push(bytes));
    // An end in good order has gone through the pipes by then.
    client.once('close', () => this.#isAbandoned || relays.forEach((socket) => socket.destroy()));
    relay.once('close', () => this.#isAbandoned || client.destroy());
  }

  whenGone(gone: () => void): void {
    let open = 2;
    const closed = (): void => {
      open -= 1;
      if (open === 0) gone();
    };
    this.#client.once('close', closed);
    this.#relays[0]?.once('close', closed);
  }

  pump(): void {
    this.#up.pump();
    this.#down.pump();
  }

  cut(how: 'end' | 'reset'): void {
    this.#proxy.faults += 1;
    this.#end('client', how);
    this.#end('relay', how);
  }

  endDouble(): void {
    this.#relays[1]?.destroy();
  }

  cutAfter(direction: Direction, bytes: number, how: 'end' | 'reset'): void {
    (direction === 'up' ? this.#up : this.#down).cutAfter(bytes, how);
  }

  abandon(told: Side | 'nobody'): void {
    this.#proxy.faults += 1;
    this.#isAbandoned = true;
    this.#up.abandon();
    this.#down.abandon();
    if (told !== 'nobody') this.#end(told, 'reset');
  }

  #end(side: Side, how: 'end' | 'reset'): void {
    for (const socket of side === 'client' ? [this.#client] : this.#relays) {
      if (how === 'end') socket.destroySoon();
      else socket.resetAndDestroy();
    }
  }
}

/** The bytes of one direction of a connection. */
class Pipe {
  readonly #proxy: HostileProxy;
  readonly #direction: Direction;
  readonly #from: Socket;
  readonly #to: readonly Socket[];
  readonly #cut: (how: 'end' | 'reset') => void;
  #queue: { readonly bytes: Buffer | null; readonly dueMs: number }[] = [];
  #queuedBytes = 0;
  #timer: NodeJS.Timeout | null = null;
  /** Until when the line is busy with what was passed on last. */
  #busyUntilMs = 0;
  #cutAfter: { bytes: number; readonly how: 'end' | 'reset' } | null = null;
  #isAbandoned = false;

  constructor(
    proxy: HostileProxy,
    direction: Direction,
    from: Socket,
    to: readonly Socket[],
    cut: (how: 'end' | 'reset') => void,
  ) {
    this.#proxy = proxy;
    this.#direction = direction;
    this.#from = from;
    this.#to = to;
    this.#cut = cut;
    from.on('data', (bytes: Buffer) => this.#take(bytes));
    from.once('end', () => this.#enqueue(null, performance.now()));
    from.once('close', () => this.#stopTimer());
  }

  cutAfter(bytes: number, how: 'end' | 'reset'): void {
    this.#cutAfter = { bytes, how };
  }

  /** Nothing passes any more; the source is read on, as by a network that takes everything. */
  abandon(): void {
    this.#isAbandoned = true;
    this.#queue = [];
    this.#stopTimer();
    this.#from.resume();
  }

  #take(bytes: Buffer): void {
    if (this.#isAbandoned) return;
    const { delayMs = 0, jitterMs = 0, pieceBytes, bytesPerSecond, swallowed = false } = this.#weather;
    if (swallowed) {
      this.#proxy.faults += 1;
      return;
    }
    if (delayMs + jitterMs > 0 || pieceBytes !== undefined || bytesPerSecond !== undefined) this.#proxy.faults += 1;
    const dueMs = performance.now() + delayMs + this.#proxy.random() * jitterMs;
    for (let at = 0; at < bytes.length; at += pieceBytes ?? bytes.length) {
      this.#enqueue(bytes.subarray(at, at + (pieceBytes ?? bytes.length)), dueMs);
    }
    if (this.#queuedBytes > bufferBytesMax) this.#from.pause();
  }

  #enqueue(bytes: Buffer | null, dueMs: number): void {
    if (this.#isAbandoned) return;
    this.#queue.push({ bytes, dueMs });
    this.#queuedBytes += bytes?.length ?? 0;
    this.pump();
  }

  /** Passes on what is due. */
  pump(): void {
    this.#stopTimer();
    const { stalled = false, bytesPerSecond = Infinity } = this.#weather;
    if (stalled) {
      this.#proxy.faults += 1;
      return;
    }
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      const waitMs = Math.max(next.dueMs, this.#busyUntilMs) - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.pump(), waitMs);
        return;
      }
      this.#queue.shift();
      this.#queuedBytes -= next.bytes?.length ?? 0;
      this.#busyUntilMs = performance.now() + ((next.bytes?.length ?? 0) / bytesPerSecond) * 1000;
      if (!this.#pass(next.bytes)) return;
    }
    this.#from.resume();
  }

  /** False when the connection was cut in the middle of it. */
  #pass(bytes: Buffer | null): boolean {
    const plan = this.#cutAfter;
    if (bytes === null) {
      for (const socket of this.#to) socket.end();
      return true;
    }
    if (plan === null || plan.bytes >= bytes.length) {
      if (plan !== null) plan.bytes -= bytes.length;
      for (const socket of this.#to) socket.write(bytes);
      return true;
    }
    for (const socket of this.#to) socket.write(bytes.subarray(0, plan.bytes));
    this.#queue = [];
    // What was written gets its chance to leave before a reset takes it back.
    setImmediate(() => this.#cut(plan.how));
    return false;
  }

  get #weather(): Weather {
    return this.#proxy.weather[this.#direction];
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
