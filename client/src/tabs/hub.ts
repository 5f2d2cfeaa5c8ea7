import type { Cancel } from '@tideweave/shared';
import { RelayClient, type RelayClientOptions } from '../relay/relay-client.ts';
import { HubLink } from './hub-link.ts';
import { HubRoom } from './hub-room.ts';
import type { LinkMessage } from './messages.ts';

export type HubOptions = Omit<RelayClientOptions, 'changed'>;

/** The tab that leads: the one connection, the one writer of the device, and a link to each tab of the browser. */
export class Hub {
  readonly #options: HubOptions;
  readonly #client: RelayClient;
  readonly #rooms = new Map<string, HubRoom>();
  readonly #links = new Set<HubLink>();
  readonly #changedRooms = new Set<HubRoom>();
  #lastNumber = 0;
  #isScheduled = false;
  #timer: Cancel | null = null;
  #clientTold = '';
  #isClosed = false;

  constructor(options: HubOptions) {
    this.#options = options;
    this.#client = new RelayClient({ ...options, changed: () => this.#connectionChanged() });
    this.#client.connect();
    this.#tick();
  }

  /** Welcomes a tab; what it sends is for the link that is returned, what `post` gets is for the tab. */
  welcome(post: (message: LinkMessage) => void): HubLink {
    const link = new HubLink({
      now: () => this.#now(),
      room: (name) => this.#room(name),
      post,
      changed: () => this.#schedule(),
      ended: (ended) => this.#links.delete(ended),
      connect: () => this.#client.connect(),
    });
    this.#links.add(link);
    const { connection, error } = this.#client;
    link.post({ type: 'client', facts: { connection, error } });
    return link;
  }

  /** Leads no longer: sends what is to be sent, and lets the tabs go. */
  close(): void {
    if (this.#isClosed) return;
    this.#flush();
    this.#isClosed = true;
    this.#timer?.();
    for (const link of this.#links) link.end();
    for (const room of this.#rooms.values()) room.close();
    this.#client.destroy();
  }

  #room(name: string): HubRoom {
    const found = this.#rooms.get(name);
    if (found !== undefined) return found;
    this.#lastNumber += 1;
    const room = new HubRoom({
      name,
      number: this.#lastNumber,
      now: () => this.#now(),
      link: (document) => this.#client.link(document),
      hopeful: () => this.#client.connection === 'connecting' || this.#client.connection === 'connected',
      changed: (changed) => {
        this.#changedRooms.add(changed);
        this.#schedule();
      },
      ended: (ended) => {
        if (this.#rooms.get(name) === ended) this.#rooms.delete(name);
      },
    });
    this.#rooms.set(name, room);
    return room;
  }

  #connectionChanged(): void {
    const { connection, error } = this.#client;
    const told = JSON.stringify({ connection, error });
    if (told === this.#clientTold) return;
    this.#clientTold = told;
    for (const room of this.#rooms.values()) room.connectionChanged();
    for (const link of this.#links) link.post({ type: 'client', facts: { connection, error } });
  }

  /** Everything done in one turn leaves together. */
  #schedule(): void {
    if (this.#isScheduled || this.#isClosed) return;
    this.#isScheduled = true;
    this.#options.environment.clock.soon(() => {
      this.#isScheduled = false;
      if (!this.#isClosed) this.#flush();
    });
  }

  #flush(): void {
    const rooms = [...this.#changedRooms];
    this.#changedRooms.clear();
    for (const room of rooms) room.tell();
    for (const link of this.#links) link.flush();
  }

  #tick(): void {
    if (this.#isClosed) return;
    let isBusy = false;
    for (const room of this.#rooms.values()) if (room.watermark()) isBusy = true;
    for (const link of this.#links) link.tick();
    this.#timer = this.#options.environment.clock.after(isBusy ? busyTickMs : idleTickMs, () => this.#tick());
  }

  #now(): number {
    return this.#options.environment.clock.now();
  }
}

/** How often tabs are told what they need not keep for a later leader, and are looked after. */
const busyTickMs = 1000;
const idleTickMs = 10_000;
