/** A browser and a relay in virtual time: pages that are closed, hang and come back, and messages that take their time. */
import { setImmediate as turn } from 'node:timers/promises';
import { SyncClient } from '@tideweave/client/testing';
import { MemoryDevice, openMemoryStore } from '../../src/store/memory-store.ts';
import { shareTabs } from '@tideweave/client/tabs';
import type { Cancel, Clock, Random } from '@tideweave/shared';
import { Comparisons, differenceOf, digestOf } from '../../src/copy-state.ts';
import { DeviceCopy, resumed } from '../../src/relay/device-copy.ts';
import type { ClientEnvironment } from '../../src/environment.ts';
import type { SyncClientOptions } from '../../src/sync-client.ts';
import type { TabChannel, TabsPlatform } from '../../src/tabs/platform.ts';
import { SimulatedRelay } from './simulated-relay.ts';

/** What clients load when they need it, at once: virtual time does not wait for the disk. */
await import('../../src/tabs/start.ts');

interface Due {
  readonly at: number;
  readonly run: () => void;
}

/** Time that goes on when there is nothing left to do at the present moment. */
export class VirtualTime {
  #now = 0;
  readonly #due: Due[] = [];

  now(): number {
    return this.#now;
  }

  after(delayMs: number, run: () => void): Cancel {
    const due = { at: this.#now + Math.max(0, delayMs), run };
    const later = this.#due.findIndex(({ at }) => at > due.at);
    this.#due.splice(later < 0 ? this.#due.length : later, 0, due);
    return () => {
      const index = this.#due.indexOf(due);
      if (index >= 0) this.#due.splice(index, 1);
    };
  }

  /** Lets everything happen that is due within `ms`. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    await turn();
    for (;;) {
      const [next] = this.#due;
      if (next === undefined || next.at > end) break;
      this.#due.shift();
      this.#now = Math.max(this.#now, next.at);
      next.run();
      await turn();
    }
    this.#now = end;
  }
}

interface Waiting {
  readonly page: Page;
  readonly name: string;
  readonly granted: () => void;
  readonly lost: () => void;
}

/** A page of the browser, with its own clock: nothing happens in one that hangs, and nothing ever again in a closed one. */
export class Page {
  readonly world: TabsWorld;
  readonly environment: ClientEnvironment;
  readonly locks = new Set<Waiting>();
  state: 'running' | 'hanging' | 'closed' = 'running';
  #missed: (() => void)[] = [];
  #hidden: () => void = () => undefined;
  #shown: () => void = () => undefined;

  constructor(world: TabsWorld) {
    this.world = world;
    const { time, random } = world;
    const clock: Clock = {
      now: () => time.now(),
      wallTime: () => time.now(),
      after: (delayMs, run) => time.after(delayMs, () => this.run(run)),
      soon: (run) => queueMicrotask(() => this.run(run)),
    };
    this.environment = {
      clock,
      random,
      watchNetwork: () => () => undefined,
      copyReaders: () => Promise.resolve({ Comparisons, differenceOf, digestOf }),
      deviceCopies: () => Promise.resolve({ DeviceCopy, resumed }),
      connect: (events) => Promise.resolve(world.relay.connect(this, events)),
      tabs: this.#platform(),
    };
  }

  run(what: () => void): void {
    if (this.state === 'running') what();
    else if (this.state === 'hanging') this.#missed.push(what);
  }

  hang(): void {
    if (this.state === 'running') this.state = 'hanging';
  }

  goOn(): void {
    if (this.state !== 'hanging') return;
    this.state = 'running';
    for (const missed of this.#missed.splice(0)) this.run(missed);
  }

  /** The page is put aside, as when the user goes back, or is shown again. */
  hide(): void {
    this.run(() => this.#hidden());
  }

  show(): void {
    this.run(() => this.#shown());
  }

  /** The process is gone: no handler runs. */
  crash(): void {
    this.state = 'closed';
    for (const lock of this.locks) this.world.release(lock);
    this.world.relay.gone(this);
  }

  /** As the user closes it. */
  async close(): Promise<void> {
    this.hide();
    await turn();
    this.crash();
  }

  #platform(): TabsPlatform {
    const { world } = this;
    return {
      openChannel: (name, received) => world.openChannel(this, name, received),
      lock: (name, { steal }, granted, lost) => world.lock({ page: this, name, granted, lost }, steal),
      randomId: () => world.id(),
      digest: (text) => Promise.resolve(text),
      watchPage: (hidden, shown) => {
        this.#hidden = hidden;
        this.#shown = shown;
        return () => undefined;
      },
    };
  }
}

interface OpenChannel {
  readonly page: Page;
  readonly received: (data: unknown) => void;
  /** Messages keep their order. */
  readyAt: number;
}

export interface TabsWorldOptions {
  readonly random: Random;
  /** Part of the messages between tabs that never arrive, or arrive when they want; default none. No browser does that. */
  readonly faultRate?: number;
}

/** How long a message between tabs takes at most. */
const tabDelayMs = 2;

export class TabsWorld {
  readonly time: VirtualTime = new VirtualTime();
  readonly random: Random;
  readonly relay: SimulatedRelay;
  readonly device: MemoryDevice = new MemoryDevice();
  faultRate: number;
  readonly #channels = new Map<string, Set<OpenChannel>>();
  readonly #locks = new Map<string, Waiting[]>();
  #lastId = 0;

  constructor({ random, faultRate = 0 }: TabsWorldOptions) {
    this.random = random;
    this.faultRate = faultRate;
    this.relay = new SimulatedRelay(this.time, random);
  }

  page(): Page {
    return new Page(this);
  }

  /** A client in the page; `kept` with a store on the one device. */
  client(page: Page, options: Partial<SyncClientOptions> & { readonly kept?: boolean } = {}): SyncClient {
    const { kept = false, ...rest } = options;
    const { clock } = page.environment;
    const onError = (error: Error): void => {
      throw error;
    };
    const store = kept ? openMemoryStore({ clock, random: this.random, onError, device: this.device }) : undefined;
    const given = store === undefined ? rest : { store, ...rest };
    return new SyncClient({ url: 'ws://relay', tabs: shareTabs(), ...given }, page.environment);
  }

  /** The pages that lead the tabs of a group. */
  get leaders(): Page[] {
    const names = [...this.#locks.keys()].filter((name) => !name.includes(' link '));
    return names.flatMap((name) => this.#locks.get(name)?.[0]?.page ?? []);
  }

  get channels(): string[] {
    return [...this.#channels.keys()];
  }

  /** Channels and locks that are in use. */
  get uses(): number {
    return this.#channels.size + this.#locks.size;
  }

  id(): string {
    this.#lastId += 1;
    return `${this.#lastId}`;
  }

  openChannel(page: Page, name: string, received: (data: unknown) => void): TabChannel {
    const channel: OpenChannel = { page, received, readyAt: 0 };
    const group = this.#channels.get(name) ?? new Set();
    this.#channels.set(name, group);
    group.add(channel);
    return {
      post: (data) => {
        for (const other of group) if (other !== channel) this.#deliver(group, other, structuredClone(data));
      },
      close: () => {
        group.delete(channel);
        if (group.size === 0 && this.#channels.get(name) === group) this.#channels.delete(name);
      },
    };
  }

  lock(mine: Waiting, steal: boolean): Cancel {
    const { name, page } = mine;
    const line = this.#locks.get(name) ?? [];
    this.#locks.set(name, line);
    page.locks.add(mine);
    if (steal) {
      const robbed = line.shift();
      line.unshift(mine);
      if (robbed !== undefined) {
        robbed.page.locks.delete(robbed);
        this.#soon(robbed.page, robbed.lost);
      }
      this.#grant(name);
    } else {
      line.push(mine);
      if (line.length === 1) this.#grant(name);
    }
    return () => this.release(mine);
  }

  release(lock: Waiting): void {
    const { name, page } = lock;
    page.locks.delete(lock);
    const line = this.#locks.get(name) ?? [];
    const index = line.indexOf(lock);
    if (index < 0) return;
    line.splice(index, 1);
    if (line.length === 0) this.#locks.delete(name);
    else if (index === 0) this.#grant(name);
  }

  #grant(name: string): void {
    const first = this.#locks.get(name)?.[0];
    if (first === undefined) return;
    this.#soon(first.page, () => {
      if (this.#locks.get(name)?.[0] === first) first.granted();
    });
  }

  #deliver(group: Set<OpenChannel>, to: OpenChannel, data: unknown): void {
    let at = Math.max(to.readyAt, this.time.now() + this.random() * tabDelayMs);
    to.readyAt = at;
    if (this.random() < this.faultRate) {
      if (this.random() < 0.5) return;
      at += 50;
    }
    this.time.after(at - this.time.now(), () =>
      to.page.run(() => {
        if (group.has(to)) to.received(data);
      }),
    );
  }

  #soon(page: Page, run: () => void): void {
    this.time.after(this.random() * tabDelayMs, () => page.run(run));
  }
}
