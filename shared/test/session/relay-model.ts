/**
 * A relay small enough to read: rooms on a `DocumentState`, commits that happen when the test says so, and the driving of
 * `ServerSession` that server/src/endpoint does for real.
 */
import { RefusedError } from '../../src/base/errors.ts';
import { encodeMessages, splitUpdate } from '../../src/protocol/codec.ts';
import { type Cursor, decodeCursor, encodeCursor } from '../../src/protocol/cursor.ts';
import { partBytes } from '../../src/protocol/limits.ts';
import type { OpenMessage, ServerMessage } from '../../src/protocol/message.ts';
import { type ServerOutput, ServerSession, nothingCompared } from '../../src/session/server-session.ts';
import { DocumentState } from '../../src/update/document-state.ts';
import { mergeUpdates } from '../../src/update/merge.ts';
import { stateDigest } from '../../src/update/state-comparison.ts';
import { scanUpdate } from '../../src/update/scanner.ts';
import { type StateVector, covers, decodeStateVector, encodeStateVector } from '../../src/update/state-vector.ts';
import { UpdateScan } from '../../src/update/update-scan.ts';

export const modelLimits = {
  updateBytesMax: 64 * 1024 * 1024,
  documentsPerConnectionMax: 8,
  connectionTimeoutMs: 60_000,
};

export interface ModelMember {
  readonly connection: ModelConnection;
  readonly room: ModelRoom;
  readonly access: 'read' | 'write';
  readonly stateVector: StateVector;
  readonly logWentBack: boolean;
}

export class ModelRoom {
  readonly number: number;
  readonly name: string;
  epoch = '';
  logId = 'log1';
  entries: Uint8Array[] = [];
  uncommitted: { readonly update: Uint8Array; readonly ticket: number }[] = [];
  state: DocumentState = new DocumentState();
  readonly members = new Set<ModelMember>();
  access: 'read' | 'write' = 'write';
  /** How long a grant lasts; 0: for ever. */
  grantMs = 0;
  /** What every `open` is refused with. */
  refusing: RefusedError | null = null;
  /** What every push is refused with. */
  refusingPushes: RefusedError | null = null;
  lastTicket = 0;

  constructor(number: number, name: string) {
    this.number = number;
    this.name = name;
  }

  get cursor(): Uint8Array {
    return encodeCursor({ logId: this.logId, seq: this.entries.length, check: 0 });
  }

  accept(update: Uint8Array, from: ModelMember | null): number | null {
    const scan = new UpdateScan();
    if (!scanUpdate(update, scan)) throw new RefusedError('TW_MALFORMED_UPDATE', scan.error);
    switch (this.state.admit(scan)) {
      case 'missing':
        return null;
      case 'known':
        return this.uncommitted.at(-1)?.ticket ?? 0;
      case 'new':
        break;
    }
    this.state.apply(scan);
    this.lastTicket++;
    this.uncommitted.push({ update: update.slice(), ticket: this.lastTicket });
    for (const member of this.members) if (member !== from) member.connection.sendUpdate(this.number, update);
    return this.lastTicket;
  }

  /** The group commit: everything accepted is durable from here on. */
  commit(): void {
    const ticket = this.uncommitted.at(-1)?.ticket;
    if (ticket === undefined) return;
    this.entries.push(...this.uncommitted.map(({ update }) => update));
    this.uncommitted = [];
    this.epoch ||= `epoch-of-${this.name}`;
    for (const member of this.members) member.connection.committed(this.number, ticket);
  }

  tellWatermark(): void {
    for (const member of this.members) member.connection.watermark(this);
  }

  /** The process died: what was not committed is gone. */
  crash(): void {
    this.uncommitted = [];
    this.members.clear();
    this.#reload();
  }

  /** A backup of `seq` entries was put back, as a new log with the same history. */
  restore(seq: number): void {
    this.entries = this.entries.slice(0, seq);
    this.logId = `${this.logId}-restored`;
    this.crash();
  }

  /** Something goes wrong in the log, which nobody notices. */
  damage(entries: readonly Uint8Array[]): void {
    this.entries = [...entries];
    this.#reload();
  }

  #reload(): void {
    this.state = new DocumentState();
    const scan = new UpdateScan();
    for (const update of this.entries) if (scanUpdate(update, scan)) this.state.apply(scan);
  }
}

/** The relay's end of one socket. */
export class ModelConnection {
  readonly session: ServerSession;
  readonly #rooms: (name: string) => ModelRoom;
  readonly #write: (frame: Uint8Array) => void;
  readonly #close: (closeCode: number) => void;
  readonly #members = new Map<number, ModelMember>();
  /** Opens wait here while the authorizer is slow. */
  readonly held: OpenMessage[] = [];
  holding = false;

  constructor(
    rooms: (name: string) => ModelRoom,
    write: (frame: Uint8Array) => void,
    close: (closeCode: number) => void,
    now: number,
  ) {
    this.#rooms = rooms;
    this.#write = write;
    this.#close = close;
    this.session = new ServerSession(modelLimits, now);
  }

  drain(): void {
    const messages: ServerMessage[] = [];
    for (let outputs = this.session.drain(); outputs.length > 0; outputs = this.session.drain()) {
      for (const output of outputs) {
        if (output.kind === 'send') messages.push(output.message);
        else {
          if (output.kind === 'close') this.#send(messages.splice(0));
          this.#perform(output);
        }
      }
    }
    this.#send(messages);
  }

  closed(): void {
    for (const member of this.#members.values()) member.room.members.delete(member);
    this.#members.clear();
  }

  answerHeld(): void {
    for (const message of this.held.splice(0)) this.#open(message);
    this.drain();
  }

  committed(doc: number, ticket: number): void {
    this.session.committed(doc, ticket);
    this.drain();
  }

  sendUpdate(doc: number, update: Uint8Array): void {
    this.#send(splitUpdate(doc, update, partBytes, (rest) => ({ type: 'update', doc, update: rest }) as const));
  }

  watermark({ number, epoch, cursor, entries, uncommitted }: ModelRoom): void {
    const settled = uncommitted.length === 0;
    if (entries.length > 0) this.#send([{ type: 'watermark', doc: number, epoch, cursor, settled }]);
  }

  refuseDocument(doc: number, error: RefusedError): void {
    const member = this.#members.get(doc);
    this.#members.delete(doc);
    if (member !== undefined) member.room.members.delete(member);
    this.session.refuseDocument(doc, error);
    this.drain();
  }

  #perform(output: Exclude<ServerOutput, { kind: 'send' }>): void {
    switch (output.kind) {
      case 'open':
        if (this.holding) this.held.push({ ...output.message, stateVector: output.message.stateVector.slice() });
        else this.#open(output.message);
        return;
      case 'token':
        for (const [doc, { room }] of this.#members) this.session.grant(doc, room.grantMs);
        return;
      case 'store':
        this.#store(output);
        return;
      case 'caught-up': {
        const member = this.#members.get(output.doc);
        if (member === undefined || member.access !== 'write') return;
        const { stateVector } = member.room.state;
        if (covers(stateVector, member.stateVector) && !member.logWentBack) return;
        this.session.missing(output.doc, null, encodeStateVector(stateVector));
        return;
      }
      case 'compare': {
        const member = this.#members.get(output.doc);
        if (member === undefined) return;
        const { room, access } = member;
        const cursor = decodeCursor(output.cursor);
        const quiet =
          room.uncommitted.length === 0 && cursor?.logId === room.logId && cursor.seq === room.entries.length;
        const digest = stateDigest(room.state);
        const result = !quiet
          ? 'elsewhere'
          : digest.every((byte, at) => byte === output.digest[at])
            ? 'same'
            : 'differs';
        const stateVector = encodeStateVector(room.state.stateVector);
        const state = result === 'differs' ? { stateVector, deletes: room.state.deletes.encode() } : nothingCompared;
        this.session.compared(output.doc, result, state, access === 'write');
        return;
      }
      case 'who':
        this.session.authors(output.doc, new Uint8Array(0));
        return;
      case 'leave': {
        const member = this.#members.get(output.doc);
        this.#members.delete(output.doc);
        if (member !== undefined) member.room.members.delete(member);
        return;
      }
      case 'close':
        this.#close(output.closeCode);
        return;
      case 'awareness': {
        const member = this.#members.get(output.doc);
        for (const other of member?.room.members ?? []) {
          if (other !== member) other.connection.#send([{ type: 'awareness', doc: output.doc, update: output.update }]);
        }
      }
    }
  }

  #open(message: OpenMessage): void {
    const room = this.#rooms(message.name);
    const { request } = message;
    const cursor = decodeCursor(message.cursor);
    const stateVector = decodeStateVector(message.stateVector);
    if (room.refusing !== null) {
      this.session.refusedOpen(request, room.refusing);
      return;
    }
    if (message.epoch !== '' && message.epoch !== room.epoch) {
      this.session.refusedOpen(request, new RefusedError('TW_EPOCH_MISMATCH', 'another history'));
      return;
    }
    const logWentBack = cursor !== null && !pointsInto(cursor, room);
    const entries = logWentBack || cursor === null ? room.entries : room.entries.slice(cursor.seq);
    const missed = [...entries, ...room.uncommitted.map(({ update }) => update)];
    const update = mergeUpdates(missed, { known: stateVector });
    const updates = update.length > 2 ? [update] : [];
    const totalBytes = updates.reduce((bytes, { length }) => bytes + length, 0);
    const { number: doc, epoch, access } = room;
    if (!this.session.granted({ request, doc, epoch, access, user: '', totalBytes })) return;
    if (room.grantMs > 0) this.session.grant(doc, room.grantMs);
    this.drain();
    const member = { connection: this, room, access, stateVector, logWentBack };
    this.#members.set(doc, member);
    for (const each of updates) this.sendUpdate(doc, each);
    this.#send([{ type: 'caught-up', doc }]);
    if (room.uncommitted.length === 0) this.watermark(room);
    room.members.add(member);
  }

  #store({ doc, n, update, resync }: Extract<ServerOutput, { kind: 'store' }>): void {
    const member = this.#members.get(doc);
    if (member === undefined) return;
    const { room } = member;
    const refusal = member.access === 'read' ? new RefusedError('TW_READ_ONLY', 'read only') : room.refusingPushes;
    if (refusal !== null) {
      this.refuseDocument(doc, refusal);
      return;
    }
    const ticket = room.accept(update, member);
    if (ticket === null) {
      if (resync) this.refuseDocument(doc, new RefusedError('TW_MISSING_DEPENDENCIES', 'not even with all you have'));
      else this.session.missing(doc, n, encodeStateVector(room.state.stateVector));
      return;
    }
    this.session.stored(doc, n, ticket);
    if (room.uncommitted.length === 0) this.session.committed(doc, ticket);
  }

  #send(messages: readonly ServerMessage[]): void {
    if (messages.length > 0) this.#write(encodeMessages(messages));
  }
}

function pointsInto(cursor: Cursor, room: ModelRoom): boolean {
  return cursor.logId === room.logId && cursor.seq <= room.entries.length;
}
