/**
 * Conversations between real client sessions and real server sessions, on a virtual clock, written down line by line.
 * A test says what happens; the transcript beside it says what followed. UPDATE=1 rewrites the transcripts.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { decodeClientMessages, decodeServerMessages } from '../../src/protocol/codec.ts';
import { type ClientOutput, ClientSession } from '../../src/session/client-session.ts';
import type { DocumentStatus } from '../../src/session/client-document.ts';
import { Comparisons, type CopyDifference } from '../../src/session/comparisons.ts';
import { describeMessage, describeRefusal, describeStatusOf } from './describe.ts';
import { mergeUpdates } from '../../src/update/merge.ts';
import { differenceOf, digestOf } from './yjs-state.ts';
import { ModelConnection, ModelRoom, modelLimits } from './relay-model.ts';

const folder = new URL('../../../test/session/transcripts/', import.meta.url);

interface Participant {
  readonly name: string;
  readonly clientId: number;
  readonly session: ClientSession;
  readonly documents: Map<string, Y.Doc>;
  readonly statuses: Map<string, string>;
  connectionText: string;
  connection: ModelConnection | null;
  /** Neither side of the socket that is asleep takes or sends anything. */
  asleep: 'client' | 'relay' | null;
  toRelay: Uint8Array[];
  toClient: Uint8Array[];
}

export class Conversation {
  now = 0;
  /** Nothing is written down of what everybody knows already. */
  muted = false;
  readonly rooms = new Map<string, ModelRoom>();
  readonly #participants = new Map<string, Participant>();
  readonly #lines: string[] = [];
  #parts: { readonly text: string; count: number } | null = null;

  constructor(title: string) {
    this.#lines.push(`# ${title}`);
  }

  /** Something that is only told of, not shown. */
  briefly(text: string, run: () => void): void {
    this.#step(text);
    this.muted = true;
    run();
    this.muted = false;
  }

  /** A client with an id, which is its client id in Yjs too. */
  join(name: string, clientId: number): void {
    const session = new ClientSession({
      random: () => 0.5,
      device: name,
      updateBytesMax: modelLimits.updateBytesMax,
      readStateVector: (document) => Y.encodeStateVector(this.#doc(name, document)),
      merge: mergeUpdates,
      comparisons: (host) => {
        const doc = (document: string): Y.Doc => this.#doc(name, document);
        const compareCopy = (at: string, there: Uint8Array): CopyDifference => differenceOf(doc(at), there, true);
        return new Comparisons({ digestCopy: (at) => digestOf(doc(at)), compareCopy }, host);
      },
      readDifference: (document, stateVector) => Y.encodeStateAsUpdate(this.#doc(name, document), stateVector),
    });
    const participant: Participant = {
      name,
      clientId,
      session,
      documents: new Map(),
      statuses: new Map(),
      connectionText: 'stopped',
      connection: null,
      asleep: null,
      toRelay: [],
      toClient: [],
    };
    this.#participants.set(name, participant);
  }

  room(name: string): ModelRoom {
    let room = this.rooms.get(name);
    if (room === undefined) {
      room = new ModelRoom(this.rooms.size + 1, name);
      this.rooms.set(name, room);
    }
    return room;
  }

  session(name: string): ClientSession {
    return this.#get(name).session;
  }

  relaySide(name: string): ModelConnection {
    const { connection } = this.#get(name);
    assert.ok(connection, `${name} is connected`);
    return connection;
  }

  text(name: string, document: string): string {
    return this.#doc(name, document).getText('t').toJSON();
  }

  /** Something happens to a client. */
  act(name: string, what: string, run: (session: ClientSession, now: number) => void): void {
    this.#step(`${name} ${what}`);
    run(this.session(name), this.now);
    this.settle();
  }

  /** Something happens at the relay. */
  relay(what: string, run: () => void): void {
    this.#step(`relay ${what}`);
    run();
    this.settle();
  }

  /** The client's transport opens: the relay has a new connection. */
  accept(name: string): void {
    const participant = this.#get(name);
    this.#step(`${name}'s socket opens`);
    const connection = new ModelConnection(
      (document) => this.room(document),
      (frame) => {
        for (const message of decodeServerMessages(frame, modelLimits.updateBytesMax))
          this.#line(`relay → ${name}`, describeMessage(message));
        participant.toClient.push(frame);
      },
      (closeCode) => {
        this.#line('relay', `closes ${name}'s socket with ${closeCode}`);
        participant.connection?.closed();
        participant.connection = null;
      },
      this.now,
    );
    participant.connection = connection;
    participant.session.connected(this.now, 'token');
    this.settle();
  }

  /** The socket is gone, with whatever was on its way. */
  cut(name: string): void {
    this.#step(`${name}'s connection is lost`);
    this.#unplug(this.#get(name));
    this.settle();
  }

  /** One side of a connection stops, as a process that is suspended does, without its socket being closed. */
  sleep(name: string, side: 'client' | 'relay'): void {
    this.#step(side === 'client' ? `${name} falls asleep` : `relay falls silent towards ${name}`);
    this.#get(name).asleep = side;
  }

  wakeUp(name: string): void {
    this.#step(`${name} wakes up`);
    this.#get(name).asleep = null;
    this.settle();
  }

  /** The relay's process dies and starts again: only what was committed is left. */
  crash(): void {
    this.#step('relay crashes; what was not committed is gone');
    for (const participant of this.#participants.values()) if (participant.connection) this.#unplug(participant);
    for (const room of this.rooms.values()) room.crash();
    this.settle();
  }

  edit(name: string, document: string, what: string, run: (text: Y.Text, doc: Y.Doc) => void): void {
    this.#step(`${name} ${what} in ${document}`);
    this.#make(name, document, run);
    this.settle();
  }

  /** As `edit`, without anything being sent yet. */
  type(name: string, document: string, text: string): void {
    this.#step(`${name} types "${text.length > 24 ? `${text.length} characters` : text}" in ${document}`);
    this.#make(name, document, (type) => type.insert(type.length, text));
  }

  /** Content that the client has but never made as an edit, such as a copy from elsewhere. */
  preload(name: string, document: string, text: string): void {
    this.#step(`${name} has "${text}" in ${document} from elsewhere`);
    const type = this.#doc(name, document).getText('t');
    type.insert(type.length, text);
  }

  /** Something goes wrong in a client's copy, which nobody notices: it becomes what these updates make of it. */
  damage(name: string, document: string, updates: readonly Uint8Array[]): void {
    this.#step(`something is lost in ${name}'s copy of ${document}`);
    const { documents, clientId } = this.#get(name);
    const doc = new Y.Doc();
    doc.clientID = clientId;
    for (const update of updates) Y.applyUpdate(doc, update);
    documents.set(document, doc);
  }

  /** Time passes; both sides are woken when they asked to be. */
  wait(milliseconds: number): void {
    const until = this.now + milliseconds;
    this.#step(`${milliseconds} ms pass`);
    for (let ticks = 0; ; ticks++) {
      assert.ok(ticks < 1000, 'no deadline fires in a busy loop');
      const due = Math.min(...[...this.#participants.values()].flatMap((each) => this.#deadlines(each)));
      if (due > until) break;
      this.now = Math.max(this.now, due);
      for (const { session, connection, asleep } of this.#participants.values()) {
        if (asleep !== 'client') session.tick(this.now);
        if (asleep !== 'relay') connection?.session.tick(this.now);
      }
      this.settle();
    }
    this.now = until;
  }

  /** Carries everything to its receiver until nothing is on its way. */
  settle(): void {
    for (let busy = true; busy;) {
      busy = false;
      for (const participant of this.#participants.values()) {
        if (participant.asleep !== 'client') this.#drain(participant);
        participant.connection?.drain();
        for (const frame of participant.asleep === 'relay' ? [] : participant.toRelay.splice(0)) {
          busy = true;
          const { connection } = participant;
          inPool(frame, (view) => {
            connection?.session.receive(view, this.now);
            connection?.drain();
          });
        }
        if (participant.asleep === 'client') continue;
        for (const frame of participant.toClient.splice(0)) {
          busy = true;
          inPool(frame, (view) => {
            participant.session.receive(view, this.now);
            this.#drain(participant);
          });
        }
        const { session } = participant;
        if (participant.connection === null && session.connection === 'connected') {
          session.disconnected(this.now);
          this.#drain(participant);
        }
      }
    }
  }

  /** What the client is to see of a document now. */
  status(name: string, document: string): DocumentStatus {
    return this.session(name).status(document);
  }

  /** Compares what was written down with the transcript. */
  check(file: string): void {
    this.#flushParts();
    const text = [...this.#lines, ''].join('\n');
    const url = new URL(`${file}.txt`, folder);
    if (process.env['UPDATE'] === '1') writeFileSync(url, text);
    assert.ok(existsSync(url), `there is no transcript ${file}.txt: run with UPDATE=1`);
    assert.fixture(text, readFileSync(url, 'utf8'), `${file}.txt tells it otherwise`);
  }

  #make(name: string, document: string, run: (text: Y.Text, doc: Y.Doc) => void): void {
    const { session } = this.#get(name);
    const doc = this.#doc(name, document);
    const edited = (update: Uint8Array): void => void session.edit(document, update, this.now);
    doc.on('update', edited);
    run(doc.getText('t'), doc);
    doc.off('update', edited);
  }

  #deadlines({ session, connection, asleep }: Participant): number[] {
    return [
      asleep === 'client' ? Infinity : session.deadline,
      asleep === 'relay' ? Infinity : (connection?.session.deadline ?? Infinity),
    ];
  }

  #drain(participant: Participant): void {
    const { name, session } = participant;
    for (let outputs = session.drain(); outputs.length > 0; outputs = session.drain()) {
      for (const output of outputs) this.#perform(participant, output);
    }
    if (participant.connectionText === session.connection) return;
    participant.connectionText = session.connection;
    const due = session.connection === 'waiting' ? ` until ${session.deadline} ms` : '';
    const why = session.error === null ? '' : `, ${describeRefusal(session.error)}`;
    this.#line(name, `is ${session.connection}${due}${why}`);
  }

  #perform(participant: Participant, output: ClientOutput): void {
    const { name, session } = participant;
    switch (output.kind) {
      case 'connect':
      case 'connection':
      case 'token':
        return;
      case 'disconnect':
        this.#line(name, 'drops the connection');
        this.#unplug(participant);
        return;
      case 'send':
        for (const message of decodeClientMessages(output.frame, modelLimits.updateBytesMax))
          this.#line(`${name} → relay`, describeMessage(message));
        if (participant.connection === null) this.#line(name, '(lost)');
        else participant.toRelay.push(output.frame);
        return;
      case 'apply':
        Y.applyUpdate(this.#doc(name, output.name), output.update);
        return;
      case 'status': {
        const text = describeStatusOf(session, output.name);
        if (text === null || participant.statuses.get(output.name) === text) return;
        participant.statuses.set(output.name, text);
        this.#line(name, `sees ${output.name}: ${text}`);
        return;
      }
      case 'refused':
        this.#line(name, `is refused ${output.name}: ${describeRefusal(output.error)}`);
        return;
      case 'saved':
        this.#line(name, `has ${output.name} saved up to ${output.n}`);
        return;
      case 'diverged': {
        const { here, relay, attempt } = output.divergence;
        const where = [...(here ? ['here'] : []), ...(relay ? ['at the relay'] : [])].join(' and ');
        this.#line(name, `learns that ${output.name} lacked something ${where}, exchange ${attempt}`);
        return;
      }
      default:
        this.#line(name, `hears ${output.kind} of ${output.name}`);
    }
  }

  #unplug(participant: Participant): void {
    participant.connection?.closed();
    participant.connection = null;
    Object.assign(participant, { toRelay: [], toClient: [] });
    participant.session.disconnected(this.now);
  }

  #doc(name: string, document: string): Y.Doc {
    const { documents, clientId } = this.#get(name);
    let doc = documents.get(document);
    if (doc === undefined) {
      doc = new Y.Doc();
      doc.clientID = clientId;
      documents.set(document, doc);
    }
    return doc;
  }

  #get(name: string): Participant {
    const participant = this.#participants.get(name);
    assert.ok(participant, `there is a client ${name}`);
    return participant;
  }

  #step(text: string): void {
    if (this.muted) return;
    this.#flushParts();
    this.#lines.push('', `${String(this.now).padStart(6)} ms  ${text}`);
  }

  #line(who: string, text: string): void {
    if (this.muted) return;
    const line = `    ${who.padEnd(15)}  ${text}`;
    if (text.startsWith('part ')) {
      if (this.#parts?.text === line) {
        this.#parts.count++;
        return;
      }
      this.#flushParts();
      this.#parts = { text: line, count: 1 };
      return;
    }
    this.#flushParts();
    this.#lines.push(line);
  }

  #flushParts(): void {
    const parts = this.#parts;
    this.#parts = null;
    if (parts !== null) this.#lines.push(parts.count === 1 ? parts.text : `${parts.text}, ${parts.count} times`);
  }
}

/** Hands a frame over as Node does: a view into a larger buffer with other things around it, which is reused afterwards. */
function inPool(frame: Uint8Array, use: (view: Uint8Array) => void): void {
  const pool = new Uint8Array(frame.length + 32).fill(0xa5);
  pool.set(frame, 16);
  use(pool.subarray(16, 16 + frame.length));
  pool.fill(0x5a);
}
