/** A relay in virtual time, as simple as one can be: it holds documents, and knows what of them a crash would leave. */
import {
  type Random,
  type RefusedError,
  type ServerMessage,
  covers,
  decodeStateVector,
  defaultLimits,
  encodeFrames,
  nothingCompared,
  type ServerOutput,
  ServerSession,
} from '@tideweave/shared';
import * as Y from 'yjs';
import type { Transport, TransportEvents } from '../../src/transport/websocket-transport.ts';
import type { Page, VirtualTime } from './tabs-world.ts';

interface Room {
  readonly number: number;
  /** What a crash leaves, and what is here now. */
  readonly durable: Y.Doc;
  present: Y.Doc;
  ticket: number;
  committed: number;
  commitAt: number;
}

interface Connection {
  readonly page: Page;
  readonly events: TransportEvents;
  readonly session: ServerSession;
  /** With the state vector that the client had when it opened the document. */
  readonly rooms: Map<Room, Uint8Array>;
  messages: ServerMessage[];
  isOpen: boolean;
  /** Frames keep their order, each way. */
  upAt: number;
  downAt: number;
}

export class SimulatedRelay {
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #rooms = new Map<string, Room>();
  readonly #connections = new Set<Connection>();
  isReachable = true;
  /** Pages that do not reach it. */
  readonly #cutOff = new Set<Page>();
  /** Refuses every document with this, while it is set. */
  refusal: RefusedError | null = null;
  /** Awareness updates that arrived. */
  readonly announced: Uint8Array[] = [];
  #crashes = 0;
  /** Identity of the history of all documents. */
  #epoch = 'e';

  constructor(time: VirtualTime, random: Random) {
    this.#time = time;
    this.#random = random;
    const watermarks = (): void => {
      for (const connection of this.#connections) this.#watermark(connection);
      time.after(1000, watermarks);
    };
    watermarks();
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** What of the document would survive a crash of the relay. */
  durable(name: string): Y.Doc {
    return this.#room(name).durable;
  }

  connect(page: Page, events: TransportEvents): Transport {
    const session = new ServerSession(defaultLimits, this.#time.now());
    const state = { rooms: new Map(), messages: [], isOpen: true, upAt: 0, downAt: 0 };
    const connection: Connection = { page, events, session, ...state };
    this.#later(connection, 'downAt', () => {
      if (!this.isReachable || this.#cutOff.has(page)) {
        this.#lose(connection);
        return;
      }
      if (!connection.isOpen || page.state === 'closed') return;
      this.#connections.add(connection);
      page.run(() => connection.isOpen && events.opened());
    });
    return {
      send: (frame) =>
        this.#later(connection, 'upAt', () => {
          if (!this.#connections.has(connection)) return;
          session.receive(frame, this.#time.now());
          this.#drain(connection);
        }),
      close: () => {
        connection.isOpen = false;
        this.#later(connection, 'upAt', () => this.#connections.delete(connection));
      },
    };
  }

  /** Every connection ends, and new ones too until `isReachable`. What was on its way is lost. */
  cut(): void {
    for (const connection of this.#connections) this.#lose(connection);
  }

  /** As `cut`, for these pages, until `mend`. */
  cutOff(...pages: readonly Page[]): void {
    for (const page of pages) this.#cutOff.add(page);
    for (const connection of this.#connections) if (this.#cutOff.has(connection.page)) this.#lose(connection);
  }

  mend(): void {
    this.#cutOff.clear();
  }

  /** What is not durable is gone. */
  crash(): void {
    this.cut();
    this.#crashes += 1;
    for (const room of this.#rooms.values()) {
      room.present = new Y.Doc();
      Y.applyUpdate(room.present, Y.encodeStateAsUpdate(room.durable));
      room.committed = room.ticket;
    }
  }

  /** All documents were deleted, and made again. */
  beginAnew(): void {
    this.crash();
    this.#rooms.clear();
    this.#epoch += ' anew';
  }

  /** The page's sockets close with it. */
  gone(page: Page): void {
    for (const connection of this.#connections) if (connection.page === page) this.#connections.delete(connection);
  }

  #lose(connection: Connection): void {
    this.#connections.delete(connection);
    connection.page.run(() => {
      if (connection.isOpen) connection.events.closed();
      connection.isOpen = false;
    });
  }

  #drain(connection: Connection): void {
    for (let outputs = connection.session.drain(); outputs.length > 0; outputs = connection.session.drain())
      for (const output of outputs) this.#perform(connection, output);
    const frames = encodeFrames(connection.messages);
    connection.messages = [];
    for (const frame of frames)
      this.#later(connection, 'downAt', () => {
        if (this.#connections.has(connection))
          connection.page.run(() => connection.isOpen && connection.events.received(frame));
      });
  }

  #perform(connection: Connection, output: ServerOutput): void {
    const { session, rooms, messages } = connection;
    if (output.kind === 'send') messages.push(output.message);
    else if (output.kind === 'close') this.#lose(connection);
    else if (output.kind === 'open') {
      const { request, name, stateVector } = output.message;
      if (this.refusal !== null) {
        session.refusedOpen(request, this.refusal);
        return;
      }
      const room = this.#room(name);
      const { number: doc } = room;
      const update = Y.encodeStateAsUpdate(room.present, stateVector);
      if (!session.granted({ request, doc, epoch: this.#epoch, access: 'write', user: '', totalBytes: update.length }))
        return;
      this.#drain(connection);
      connection.messages.push({ type: 'update', doc, update }, { type: 'caught-up', doc });
      rooms.set(room, stateVector);
    } else if (output.kind !== 'token')
      for (const room of rooms.keys()) {
        if (room.number !== output.doc) continue;
        if (output.kind === 'leave') rooms.delete(room);
        else if (output.kind === 'who') session.authors(output.doc, new Uint8Array(0));
        else if (output.kind === 'compare') session.compared(output.doc, 'elsewhere', nothingCompared, true);
        else this.#inRoom(connection, room, output);
      }
  }

  #inRoom(
    connection: Connection,
    room: Room,
    output: Extract<ServerOutput, { kind: 'store' | 'awareness' | 'caught-up' }>,
  ): void {
    const { number: doc } = room;
    const { session } = connection;
    const here = Y.encodeStateVector(room.present);
    if (output.kind === 'caught-up') {
      const had = connection.rooms.get(room) ?? here;
      if (!covers(decodeStateVector(here), decodeStateVector(had))) session.missing(doc, null, here);
      return;
    }
    if (output.kind === 'store') {
      const trial = new Y.Doc();
      Y.applyUpdate(trial, Y.encodeStateAsUpdate(room.present));
      Y.applyUpdate(trial, output.update);
      if (trial.store.pendingStructs !== null || trial.store.pendingDs !== null) {
        session.missing(doc, output.n, here);
        return;
      }
      room.present = trial;
      room.ticket += 1;
      session.stored(doc, output.n, room.ticket);
      this.#commit(room, room.ticket, output.update);
    } else this.announced.push(output.update);
    for (const other of this.#connections) {
      if (other === connection || !other.rooms.has(room)) continue;
      other.messages.push({ type: output.kind === 'store' ? 'update' : 'awareness', doc, update: output.update });
      this.#drain(other);
    }
  }

  /** Commits are made in their order. */
  #commit(room: Room, ticket: number, update: Uint8Array): void {
    const crashes = this.#crashes;
    room.commitAt = Math.max(room.commitAt, this.#time.now() + 5 + this.#random() * 50);
    this.#time.after(room.commitAt - this.#time.now(), () => {
      if (crashes !== this.#crashes) return;
      Y.applyUpdate(room.durable, update);
      room.committed = ticket;
      for (const connection of this.#connections) {
        connection.session.committed(room.number, ticket);
        this.#drain(connection);
      }
    });
  }

  #watermark(connection: Connection): void {
    for (const { number: doc, committed, ticket } of connection.rooms.keys()) {
      if (committed < ticket || ticket === 0) continue;
      connection.messages.push({
        type: 'watermark',
        doc,
        epoch: this.#epoch,
        cursor: new Uint8Array(0),
        settled: true,
      });
    }
    this.#drain(connection);
  }

  #room(name: string): Room {
    let room = this.#rooms.get(name);
    if (room === undefined) {
      const documents = { durable: new Y.Doc(), present: new Y.Doc() };
      room = { number: this.#rooms.size + 1, ...documents, ticket: 0, committed: 0, commitAt: 0 };
      this.#rooms.set(name, room);
    }
    return room;
  }

  #later(connection: Connection, way: 'upAt' | 'downAt', run: () => void): void {
    const at = Math.max(connection[way], this.#time.now() + 1 + this.#random() * 20);
    connection[way] = at;
    this.#time.after(at - this.#time.now(), run);
  }
}
