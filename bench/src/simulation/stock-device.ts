/** A stock y-websocket client (major 3), in virtual time: the same messages at the same occasions as its provider's. */
import type { Transport } from '@tideweave/client/testing';
import { type YWebsocketMessage, decodeYWebsocket, encodeYWebsocket } from '@tideweave/shared';
import { Awareness, applyAwarenessUpdate, encodeAwarenessUpdate, removeAwarenessStates } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { type DeviceWorld, presenceCheckMs, presenceTimeoutMs, wallTime } from './device.ts';
import type { Dice } from './dice.ts';
import { type EditKind, edit } from './edits.ts';
import type { Replica } from './replica.ts';
import type { DeviceSettings } from './settings.ts';
import { ProcessClock } from './timeline.ts';

export class StockDevice {
  readonly settings: DeviceSettings;
  readonly #world: DeviceWorld;
  #clock: ProcessClock;
  #replica: Replica | null = null;
  #awareness: Awareness | null = null;
  #transport: Transport | null = null;
  #connected = false;
  #synced = false;
  #failures = 0;
  #lastHeardMs = 0;
  /** Refused with a code after which the provider stays away. */
  #gaveUp = false;
  #attempt = 0;
  #announced = 0;
  readonly #seenAtMs = new Map<number, number>();
  /** Whether whoever sits here loads the page again after a refusal. */
  mends = true;

  constructor(world: DeviceWorld, settings: DeviceSettings) {
    this.#world = world;
    this.settings = settings;
    this.#clock = new ProcessClock(world.timeline, 0);
  }

  get running(): boolean {
    return this.#replica !== null;
  }

  get clock(): ProcessClock {
    return this.#clock;
  }

  get documents(): readonly string[] {
    return this.settings.documents.map((at) => this.#world.settings.documents[at] ?? '');
  }

  start(): void {
    if (this.running) return;
    this.#clock = new ProcessClock(this.#world.timeline, wallTime);
    const document = this.documents[0] ?? '';
    const doc = new Y.Doc({ guid: document });
    doc.clientID = this.#world.clientId();
    const { name: device, dialect, access } = this.settings;
    const known = { unacknowledged: [], epoch: '' };
    this.#replica = { device, document, dialect, access, doc, clientId: doc.clientID, authors: new Set(), ...known };
    this.#awareness = new Awareness(doc);
    clearInterval(this.#awareness._checkInterval as NodeJS.Timeout);
    this.#gaveUp = false;
    this.#failures = 0;
    this.#world.oracle.opened(this.#replica);
    doc.on('update', (update: Uint8Array, origin: unknown) => {
      if (origin === this) return;
      if (this.#replica !== null) this.#world.oracle.edited(this.#replica, update, 0);
      this.#send({ type: 'update', update });
    });
    this.#awareness.on('update', this.#presenceChanged);
    this.#awareness.setLocalState({ name: device, at: this.#announced++ });
    this.connect();
    this.#check();
  }

  crash(): void {
    if (this.#replica === null) return;
    this.#clock.kill();
    this.#world.oracle.dropped(this.#replica);
    this.#awareness?.destroy();
    this.#replica.doc.destroy();
    this.#replica = null;
    this.#awareness = null;
    this.#transport = null;
    this.#connected = false;
  }

  /** There is but one document, which is open as long as the page is. */
  open(): void {}

  close(): void {}

  edit(document: string, dice: Dice, kind: EditKind): boolean {
    if (this.#replica?.document !== document || this.settings.access === 'read' || this.#gaveUp) return false;
    edit(this.#replica.doc, dice, kind);
    return true;
  }

  announce(): void {
    this.#awareness?.setLocalState({ name: this.settings.name, at: this.#announced++ });
  }

  loseToken(): void {}

  connect(): void {
    if (!this.running || this.#transport !== null || this.#gaveUp) return;
    this.#attempt++;
    const attempt = this.#attempt;
    const current = (run: () => void): void => {
      if (attempt === this.#attempt) run();
    };
    this.#lastHeardMs = this.#clock.now();
    this.#transport = this.#world.dial(
      this.settings,
      this.#clock,
      {
        opened: () => current(() => this.#opened()),
        received: (frame) => current(() => this.#received(frame)),
        closed: (code) => current(() => this.#closed(code)),
      },
      this.documents[0] ?? '',
    );
  }

  disconnect(): void {
    this.#drop();
  }

  unsettled(): string | null {
    if (this.#gaveUp) return 'stays away after a refusal';
    return this.#connected && this.#synced ? null : `${this.#connected ? '' : 'not '}connected, not synced`;
  }

  present(): Map<number, unknown> {
    return this.#awareness?.getStates() ?? new Map<number, unknown>();
  }

  #opened(): void {
    if (this.#replica === null) return;
    this.#connected = true;
    this.#failures = 0;
    this.#send({ type: 'step-1', stateVector: Y.encodeStateVector(this.#replica.doc) });
    const awareness = this.#awareness;
    if (awareness === null || awareness.getLocalState() === null) return;
    this.#send({ type: 'awareness', update: encodeAwarenessUpdate(awareness, [awareness.clientID]) });
  }

  #received(frame: Uint8Array): void {
    this.#lastHeardMs = this.#clock.now();
    const { doc } = this.#replica ?? {};
    if (doc === undefined) return;
    for (const message of decodeYWebsocket(frame, bytesMax)) {
      switch (message.type) {
        case 'step-1':
          this.#send({ type: 'step-2', update: Y.encodeStateAsUpdate(doc, message.stateVector) });
          break;
        case 'step-2':
          Y.applyUpdate(doc, message.update, this);
          this.#synced = true;
          break;
        case 'update':
          Y.applyUpdate(doc, message.update, this);
          break;
        case 'awareness':
          if (this.#awareness !== null) applyAwarenessUpdate(this.#awareness, message.update, this);
          break;
        case 'query-awareness':
        case 'permission-denied':
          break;
      }
    }
  }

  #closed(code: number): void {
    const { clock, name } = { clock: this.#clock, name: this.settings.name };
    this.#world.note(() => `${name}: closed with ${code}`);
    this.#transport = null;
    if (this.#connected) this.#left();
    else this.#failures++;
    this.#connected = false;
    this.#synced = false;
    if (code >= 4400 && code < 4500) {
      this.#gaveUp = true;
      // A person loads the page again, and with it the document.
      clock.after(mendMs, () => {
        if (!this.mends) return;
        this.crash();
        this.start();
      });
      return;
    }
    clock.after(Math.min(2 ** this.#failures * 100, 2500), () => this.connect());
  }

  #drop(): void {
    if (this.#transport === null) return;
    this.#transport.close();
    this.#attempt++;
    this.#closed(1006);
  }

  /** The provider forgets everybody else when its connection ends. */
  #left(): void {
    const awareness = this.#awareness;
    if (awareness === null) return;
    const others = [...awareness.getStates().keys()].filter((id) => id !== awareness.clientID);
    removeAwarenessStates(awareness, others, this);
  }

  readonly #presenceChanged = (changed: { added: number[]; updated: number[]; removed: number[] }): void => {
    const { added, updated, removed } = changed;
    for (const id of [...added, ...updated]) this.#seenAtMs.set(id, this.#clock.now());
    if (this.#awareness === null) return;
    // As the provider has it: whatever changed is sent, whoever it is about.
    const update = encodeAwarenessUpdate(this.#awareness, [...added, ...updated, ...removed]);
    this.#send({ type: 'awareness', update });
  };

  #send(message: YWebsocketMessage): void {
    if (this.#connected) this.#transport?.send(new Uint8Array(encodeYWebsocket(message)));
  }

  /** Gives up on a silent relay, and does what awareness does by itself. */
  #check(): void {
    this.#clock.after(presenceCheckMs, () => {
      const now = this.#clock.now();
      const awareness = this.#awareness;
      if (awareness !== null) {
        const state = awareness.getLocalState();
        if (state !== null && now - (this.#seenAtMs.get(awareness.clientID) ?? 0) >= presenceTimeoutMs / 2) {
          awareness.setLocalState(state);
        }
        const late = [...awareness.getStates().keys()].filter(
          (id) => id !== awareness.clientID && now - (this.#seenAtMs.get(id) ?? 0) >= presenceTimeoutMs,
        );
        if (late.length > 0) removeAwarenessStates(awareness, late, 'timeout');
      }
      if (this.#transport !== null && now - this.#lastHeardMs > silentMsMax) this.#drop();
      this.#check();
    });
  }
}

const bytesMax = 64 * 1024 * 1024;
/** After so long without a message the provider connects again. */
const silentMsMax = 30_000;
const mendMs = 700;
