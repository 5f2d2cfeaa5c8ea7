/** A device with the real client on it: documents, a person who edits, and a life that can end at any step. */
import {
  Comparisons,
  DeviceCopy,
  SyncClient,
  type Transport,
  type TransportEvents,
  differenceOf,
  digestOf,
  resumed,
} from '@tideweave/client/testing';
import type { RefusalStatus } from '@tideweave/shared';
import { removeAwarenessStates } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { DeviceMemory } from './device-memory.ts';
import { Dice } from './dice.ts';
import { type EditKind, edit } from './edits.ts';
import type { FaultKind } from './faults.ts';
import { CheckedDesk, type MergeCounts } from './merge-check.ts';
import type { Oracle } from './oracle.ts';
import type { Planting } from './planting.ts';
import type { Replica } from './replica.ts';
import type { DeviceSettings, Settings } from './settings.ts';
import { ProcessClock, type Timeline } from './timeline.ts';
import type { Report } from './violation.ts';

/** What a connection tells its client. */
export interface DialEvents extends Omit<TransportEvents, 'closed'> {
  readonly closed: (code: number) => void;
}

/** What a device needs of the world. */
export interface DeviceWorld {
  readonly settings: Settings;
  readonly timeline: Timeline;
  readonly oracle: Oracle;
  readonly planting: Planting;
  /** A token for a device, as its application has it now. */
  token(device: DeviceSettings): string;
  /** Whether the application can get one. */
  hasToken(device: DeviceSettings): boolean;
  /** Starts a connection; what arrives is told to `events`. */
  dial(device: DeviceSettings, clock: ProcessClock, events: DialEvents, document: string): Transport;
  /** Whether things still go wrong. */
  readonly isFaulty: boolean;
  /** What a device sends is damaged on its way. */
  spoil(device: string): void;
  /** An id for a Y.Doc that nobody has had. */
  clientId(): number;
  note(text: () => string): void;
  fault(kind: FaultKind): void;
  readonly merges: MergeCounts;
  report: Report;
}

type Handle = ReturnType<SyncClient['open']>;

interface OpenDocument {
  readonly replica: Replica;
  readonly handle: Handle;
  /** When a sign of each other client was seen last (virtual ms). */
  readonly seenAtMs: Map<number, number>;
}

export class NativeDevice {
  readonly settings: DeviceSettings;
  readonly #world: DeviceWorld;
  #clock: ProcessClock;
  #client: SyncClient | null = null;
  readonly #open = new Map<string, OpenDocument>();
  readonly #memory: DeviceMemory;
  readonly #dice: Dice;
  #lives = 0;
  #announced = 0;
  /** The token that no relay takes, while the application has no other. */
  #badToken: string | null = null;
  /** Whether whoever sits here opens anew what was refused for good. */
  mends = true;

  constructor(world: DeviceWorld, settings: DeviceSettings) {
    this.#world = world;
    this.settings = settings;
    this.#clock = new ProcessClock(world.timeline, 0);
    this.#memory = new DeviceMemory(world, settings);
    this.#dice = Dice.for(world.settings.seed, `moods of ${settings.name}`);
    // What is pending there is on its way again, under the numbers from 1 on.
    this.#memory.onLoaded = (document, pending, epoch) => {
      const replica = this.#open.get(document)?.replica;
      if (replica === undefined) return;
      replica.unacknowledged = pending;
      replica.epoch = epoch;
    };
  }

  get running(): boolean {
    return this.#client !== null;
  }

  get clock(): ProcessClock {
    return this.#clock;
  }

  get documents(): readonly string[] {
    return this.settings.documents.map((at) => this.#world.settings.documents[at] ?? '');
  }

  /** The application starts; what it had in memory is gone. */
  start(): void {
    if (this.running) return;
    const { timeline, planting, settings } = this.#world;
    this.#lives++;
    this.#clock = new ProcessClock(timeline, wallTime);
    const clock = this.#clock;
    this.#badToken = null;
    this.#client = new SyncClient(
      {
        url: 'ws://relay',
        device: this.settings.name,
        token: () => this.#token(),
        connect: false,
        merges: () => this.#desk(clock),
        ...this.#memory.begin(clock),
      },
      {
        clock,
        random: Dice.for(settings.seed, `${this.settings.name} life ${this.#lives}`).random,
        watchNetwork: () => () => undefined,
        copyReaders: () => Promise.resolve({ Comparisons, differenceOf, digestOf }),
        deviceCopies: () => Promise.resolve({ DeviceCopy, resumed }),
        connect: (events) =>
          Promise.resolve(planting.transport(events, (watched) => this.#world.dial(this.settings, clock, watched, ''))),
      },
    );
    this.#client.on('status', ({ error }) => {
      if (error !== null && !error.retryable && this.mends) clock.after(mendMs, () => this.connect());
    });
    for (const document of this.documents) this.open(document);
    this.#client.connect();
    this.#keepPresence();
  }

  /** The device dies: everything that was in memory only is gone. */
  crash(): void {
    if (!this.running) return;
    this.#clock.kill();
    this.#client = null;
    for (const { replica, handle } of this.#open.values()) {
      this.#world.oracle.dropped(replica);
      replica.doc.destroy();
      handle.awareness.destroy();
    }
    this.#open.clear();
  }

  open(document: string): void {
    const client = this.#client;
    if (client === null || this.#open.has(document)) return;
    const { oracle, planting } = this.#world;
    const doc = new Y.Doc({ guid: document });
    doc.clientID = this.#world.clientId();
    const { name: device, dialect, access } = this.settings;
    const authors = this.#memory.authors(document, doc.clientID);
    const known = { unacknowledged: [], epoch: '' };
    const replica: Replica = { device, document, dialect, access, doc, clientId: doc.clientID, authors, ...known };
    const handle = client.open(document, { doc });
    // The simulated clock does what this timer of y-protocols does.
    clearInterval(handle.awareness._checkInterval as NodeJS.Timeout);
    const open: OpenDocument = { replica, handle, seenAtMs: new Map() };
    this.#open.set(document, open);
    oracle.opened(replica);
    doc.on('update', (update: Uint8Array, origin: unknown) => {
      if (origin !== handle) oracle.edited(replica, update, handle.link.lastEdit);
      else planting.applied(handle, update);
    });
    handle.on('status', (status) => {
      oracle.shown(replica, status);
      if (status.safe !== 'memory') this.#memory.promised(document, replica.unacknowledged);
    });
    handle.on('diverged', (divergence) => oracle.diverged(replica, divergence));
    // Whoever sits here reads what a merge did, and is done with it.
    handle.on('merge', (merge) => this.#clock.after(mendMs, () => handle.dismiss(merge)));
    handle.on('refused', (error) => this.#refused(document, handle, error));
    handle.awareness.on('update', ({ added, updated }: { added: number[]; updated: number[] }) => {
      for (const id of [...added, ...updated]) open.seenAtMs.set(id, this.#clock.now());
    });
    handle.awareness.setLocalState({ name: device, at: this.#announced++ });
  }

  /** The person closes a document; what is not saved goes with it. */
  close(document: string): void {
    const open = this.#open.get(document);
    if (open === undefined) return;
    this.#open.delete(document);
    this.#world.oracle.dropped(open.replica);
    open.handle.close();
    open.replica.doc.destroy();
  }

  edit(document: string, dice: Dice, kind: EditKind): boolean {
    const open = this.#open.get(document);
    if (open === undefined || this.settings.access === 'read' || open.handle.status.phase === 'refused') return false;
    if (open.handle.link.isLoading) return false;
    edit(open.replica.doc, dice, kind);
    return true;
  }

  announce(document: string): void {
    this.#open.get(document)?.handle.awareness.setLocalState({ name: this.settings.name, at: this.#announced++ });
  }

  connect(): void {
    this.#badToken = null;
    this.#client?.connect();
  }

  disconnect(): void {
    this.#client?.disconnect();
  }

  /** The application's function: sometimes it fails, sometimes it never answers. */
  #token(): string | Promise<string> {
    if (this.#world.hasToken(this.settings)) return this.#badToken ?? this.#world.token(this.settings);
    this.#world.fault('no-token');
    if (this.#dice.chance(0.3)) return new Promise(() => undefined);
    throw new Error('no token at the moment');
  }

  /** The application brings a token that is too long for the protocol: refused for good, until it has another. */
  loseToken(): void {
    this.#badToken = 'x'.repeat(10_000);
  }

  /** Whether everything is here, saved, and the relay agrees; or what is wrong. */
  unsettled(document: string): string | null {
    const open = this.#open.get(document);
    if (open === undefined) return 'not open';
    const { phase, synced, verified, pending, safe, error, access } = open.handle.status;
    // Nothing is compared where there is nothing yet; and who may only read cannot mend what the relay lacks.
    const proven = verified || access === 'read' || open.replica.doc.store.clients.size === 0;
    const saved = pending.updates === 0 && (safe === 'server' || access === 'read');
    if (phase === 'ready' && synced && saved && proven) return null;
    const place = `${synced ? 'synced' : 'not synced'}, ${verified ? 'verified' : 'not verified'}`;
    const state = `${phase}, ${place}, ${pending.updates} pending, safe on ${safe}`;
    return `${state}, ${error?.code ?? 'no error'}, ${this.#client?.status.connection ?? 'stopped'}`;
  }

  /** Who is seen in a document. */
  present(document: string): Map<number, unknown> {
    return this.#open.get(document)?.handle.awareness.getStates() ?? new Map<number, unknown>();
  }

  #desk(clock: ProcessClock): CheckedDesk {
    const { planting, merges: counts, report } = this.#world;
    return new CheckedDesk({ name: this.settings.name, clock, planting, counts, report });
  }

  #refused(document: string, handle: Handle, error: RefusalStatus): void {
    this.#world.note(() => `${this.settings.name}: ${document} refused with ${error.code}`);
    if (error.retryable) {
      this.#refusedForNow(document, handle);
      return;
    }
    // A person reads the message and opens the document afresh.
    this.#clock.after(mendMs, () => {
      if (!this.mends || this.#open.get(document)?.handle !== handle) return;
      this.close(document);
      // What is kept belongs to another history, or to none.
      if (this.#memory.keeps && error.action !== 'upgrade' && error.code !== 'TW_DOCUMENT_CORRUPT')
        void this.#forget(document);
      else this.open(document);
    });
  }

  /** Not everybody waits until it is tried again. */
  #refusedForNow(document: string, handle: Handle): void {
    if (!this.#world.isFaulty || !this.#dice.chance(0.3)) return;
    this.#clock.after(this.#dice.random() * 50, () => {
      if (this.#open.get(document)?.handle !== handle) return;
      if (this.#dice.chance(0.2)) {
        this.#world.spoil(this.settings.name);
        return;
      }
      this.#world.fault('close-when-refused');
      this.close(document);
      this.open(document);
    });
  }

  async #forget(document: string): Promise<void> {
    const clock = this.#clock;
    if (await this.#memory.forget(document)) this.open(document);
    else clock.after(mendMs, () => void this.#forget(document));
  }

  /** What y-protocols does by itself: renews the own state, and drops those of whom nothing is heard. */
  #keepPresence(): void {
    this.#clock.after(presenceCheckMs, () => {
      const now = this.#clock.now();
      for (const { handle, seenAtMs } of this.#open.values()) {
        const { awareness } = handle;
        const state = awareness.getLocalState();
        if (state !== null && now - (seenAtMs.get(awareness.clientID) ?? 0) >= presenceTimeoutMs / 2) {
          awareness.setLocalState(state);
        }
        const late = [...awareness.getStates().keys()].filter(
          (id) => id !== awareness.clientID && now - (seenAtMs.get(id) ?? 0) >= presenceTimeoutMs,
        );
        if (late.length > 0) removeAwarenessStates(awareness, late, 'timeout');
      }
      this.#keepPresence();
    });
  }
}

/** Where wall clocks begin (ms since 1970). */
export const wallTime = 1_700_000_000_000;
/** How long a person takes to mend what was refused. */
const mendMs = 700;
/** As y-protocols has them. */
export const presenceCheckMs = 3000;
export const presenceTimeoutMs = 30_000;
