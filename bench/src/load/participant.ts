/**
 * A client of one document on a connection of its own, in any of the wire protocols, without a document: updates are
 * bytes, made beforehand. What it is told of comes out of its callbacks.
 */
import {
  type ServerMessage,
  decodeServerMessages,
  encodeMessages,
  encodeYWebsocket,
  partBytes,
  splitUpdate,
  subprotocol,
} from '@tideweave/shared';
import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import { BenchError } from '../errors.ts';
import { LoadSocket, clientFrame } from './web-socket.ts';

export type DialectName = 'tideweave' | 'y-websocket' | 'hocuspocus' | 'raw';

export interface JoinOptions {
  /** Yjs V1 state vector of what the client has; default none. */
  readonly stateVector?: Uint8Array;
  /** Where to resume, as the watermark said; native only. */
  readonly resume?: { readonly epoch: string; readonly cursor: Uint8Array };
  /** What it made offline, handed over as a stock client does: in answer to the server's state vector. */
  readonly offline?: Uint8Array;
  readonly onUpdate?: (update: Uint8Array) => void;
}

const emptyStateVector = Uint8Array.of(0);
const updateBytesMax = 256 * 1024 * 1024;
const noUpdate = 2;

export abstract class Participant {
  readonly socket: LoadSocket;
  readonly name: string;
  protected readonly options: JoinOptions;
  onUpdate: (update: Uint8Array) => void;
  onAwareness: (update: Uint8Array) => void = () => undefined;
  /** Number of own updates that the server has acknowledged, cumulative. */
  onAck: (count: number) => void = () => undefined;
  /** Where to resume later. */
  resume: { readonly epoch: string; readonly cursor: Uint8Array } | null = null;
  /** Why the connection ended; null while it is there. */
  ended: string | null = null;
  /** Everything that the server had has arrived. */
  readonly joined: Promise<void>;
  protected settleJoined: (error: Error | null) => void = () => undefined;

  constructor(socket: LoadSocket, name: string, options: JoinOptions) {
    this.socket = socket;
    this.name = name;
    this.options = options;
    this.onUpdate = options.onUpdate ?? (() => undefined);
    this.joined = new Promise((resolve, reject) => {
      this.settleJoined = (error) => (error === null ? resolve() : reject(error));
    });
    this.joined.catch(() => undefined);
    socket.onMessage = (payload) => this.receive(payload);
    socket.onClose = (why) => {
      this.ended = why;
      this.settleJoined(new BenchError(why));
    };
  }

  protected abstract receive(payload: Uint8Array): void;
  /** Frames for own updates, to be written in this order; made before the clock runs. */
  abstract framesFor(updates: readonly Uint8Array[]): Uint8Array[];
  abstract awarenessFrame(update: Uint8Array): Uint8Array;

  close(): void {
    this.socket.close();
  }
}

/** Connects and asks for the document; `joined` says when it is there. Rejects with `BenchError`. */
export async function join(
  dialect: DialectName,
  url: string,
  name: string,
  options: JoinOptions = {},
): Promise<Participant> {
  const path = dialect === 'y-websocket' || dialect === 'raw' ? `/${encodeURIComponent(name)}` : '/';
  const socket = await LoadSocket.connect(`${url}${path}`, dialect === 'tideweave' ? subprotocol : null);
  switch (dialect) {
    case 'tideweave':
      return new NativeParticipant(socket, name, options);
    case 'y-websocket':
      return new YWebsocketParticipant(socket, name, options);
    case 'hocuspocus':
      return new HocuspocusParticipant(socket, name, options);
    case 'raw':
      return new RawParticipant(socket, name, options);
  }
}

class NativeParticipant extends Participant {
  #doc = 0;
  #epoch = '';
  #n = 0;
  #parts: Uint8Array[] = [];

  constructor(socket: LoadSocket, name: string, options: JoinOptions) {
    super(socket, name, options);
    const { epoch = '', cursor = new Uint8Array() } = options.resume ?? {};
    const { stateVector = emptyStateVector } = options;
    const open = { type: 'open', request: 1, name, token: '', device: '', epoch, cursor, stateVector } as const;
    socket.write(clientFrame(encodeMessages([open])));
  }

  framesFor(updates: readonly Uint8Array[]): Uint8Array[] {
    return updates.map((update) => {
      const n = ++this.#n;
      const doc = this.#doc;
      return clientFrame(
        encodeMessages(
          splitUpdate(doc, update, partBytes, (rest) => ({ type: 'push', doc, n, update: rest }) as const),
        ),
      );
    });
  }

  awarenessFrame(update: Uint8Array): Uint8Array {
    return clientFrame(encodeMessages([{ type: 'awareness', doc: this.#doc, update }]));
  }

  protected receive(payload: Uint8Array): void {
    for (const message of decodeServerMessages(payload, updateBytesMax)) this.#handle(message);
  }

  #handle(message: ServerMessage): void {
    switch (message.type) {
      case 'opened':
        this.#doc = message.doc;
        this.#epoch = message.epoch;
        break;
      case 'part':
        this.#parts.push(Uint8Array.from(message.bytes));
        break;
      case 'update':
        this.onUpdate(this.#parts.length === 0 ? message.update : Buffer.concat([...this.#parts, message.update]));
        this.#parts = [];
        break;
      case 'caught-up':
        if (this.options.offline !== undefined) {
          for (const frame of this.framesFor([this.options.offline])) this.socket.write(frame);
        }
        this.socket.write(clientFrame(encodeMessages([{ type: 'caught-up', doc: this.#doc }])));
        this.settleJoined(null);
        break;
      case 'ack':
        this.onAck(message.n);
        break;
      case 'awareness':
        this.onAwareness(message.update);
        break;
      case 'watermark':
        this.#epoch ||= message.epoch;
        this.resume = { epoch: this.#epoch, cursor: Uint8Array.from(message.cursor) };
        break;
      case 'ping':
        this.socket.write(clientFrame(encodeMessages([{ type: 'pong' }])));
        break;
      case 'refuse':
        this.ended = `${message.code}: ${message.reason}`;
        this.settleJoined(new BenchError(this.ended));
        break;
      case 'want':
      case 'compared':
      case 'authors':
      case 'grant':
      case 'pong':
        break;
    }
  }
}

/** The protocol of y-protocols, which y-websocket has bare and Hocuspocus has behind an address. */
abstract class SyncParticipant extends Participant {
  protected abstract frame(type: number, write: (encoder: encoding.Encoder) => void): Uint8Array;
  protected readonly stateVector: Uint8Array;

  constructor(socket: LoadSocket, name: string, options: JoinOptions) {
    super(socket, name, options);
    this.stateVector = options.stateVector ?? emptyStateVector;
  }

  protected syncFrame(step: number, bytes: Uint8Array): Uint8Array {
    return this.frame(0, (encoder) => {
      encoding.writeVarUint(encoder, step);
      encoding.writeVarUint8Array(encoder, bytes);
    });
  }

  framesFor(updates: readonly Uint8Array[]): Uint8Array[] {
    return updates.map((update) => this.syncFrame(2, update));
  }

  awarenessFrame(update: Uint8Array): Uint8Array {
    return this.frame(1, (encoder) => encoding.writeVarUint8Array(encoder, update));
  }

  protected sync(decoder: decoding.Decoder): void {
    const step = decoding.readVarUint(decoder);
    const bytes = decoding.readVarUint8Array(decoder);
    if (step === 0) {
      if (this.options.offline !== undefined) this.socket.write(this.syncFrame(1, this.options.offline));
      return;
    }
    if (bytes.length > noUpdate) this.onUpdate(bytes);
    if (step === 1) this.settleJoined(null);
  }
}

class YWebsocketParticipant extends SyncParticipant {
  constructor(socket: LoadSocket, name: string, options: JoinOptions) {
    super(socket, name, options);
    socket.write(this.syncFrame(0, this.stateVector));
  }

  protected frame(type: number, write: (encoder: encoding.Encoder) => void): Uint8Array {
    const encoder = encoding.createEncoder();
    encoding.writeVarUint(encoder, type);
    write(encoder);
    return clientFrame(encoding.toUint8Array(encoder));
  }

  protected receive(payload: Uint8Array): void {
    const decoder = decoding.createDecoder(payload);
    const type = decoding.readVarUint(decoder);
    if (type === 0) this.sync(decoder);
    else if (type === 1) this.onAwareness(decoding.readVarUint8Array(decoder));
  }
}

/** Hocuspocus ends a connection that has been silent for a minute. */
const hocuspocusKeepAliveMs = 25_000;

class HocuspocusParticipant extends SyncParticipant {
  #acks = 0;
  readonly #keepAlive: NodeJS.Timeout;

  constructor(socket: LoadSocket, name: string, options: JoinOptions) {
    super(socket, name, options);
    const auth = this.frame(2, (encoder) => {
      encoding.writeVarUint(encoder, 0);
      encoding.writeVarString(encoder, '');
      encoding.writeVarString(encoder, '4.7.0');
    });
    socket.write(auth);
    socket.write(this.syncFrame(0, this.stateVector));
    // A stateless message, as nothing listens for those: the awareness that its own client sends every 15 s goes to all.
    const stateless = this.frame(5, (encoder) => encoding.writeVarString(encoder, ''));
    this.#keepAlive = setInterval(() => {
      if (socket.isClosed) clearInterval(this.#keepAlive);
      else socket.write(stateless);
    }, hocuspocusKeepAliveMs).unref();
  }

  protected frame(type: number, write: (encoder: encoding.Encoder) => void): Uint8Array {
    const encoder = encoding.createEncoder();
    encoding.writeVarString(encoder, this.name);
    encoding.writeVarUint(encoder, type);
    write(encoder);
    return clientFrame(encoding.toUint8Array(encoder));
  }

  protected receive(payload: Uint8Array): void {
    const decoder = decoding.createDecoder(payload);
    decoding.readVarString(decoder);
    const type = decoding.readVarUint(decoder);
    // 4 is what the server sends for a step 1 of its own.
    if (type === 0 || type === 4) this.sync(decoder);
    else if (type === 1) this.onAwareness(decoding.readVarUint8Array(decoder));
    else if (type === 8 && decoding.readVarUint(decoder) === 1) this.onAck(++this.#acks);
    else if (type === 2 && decoding.readVarUint(decoder) === 1) {
      this.settleJoined(new BenchError(`denied: ${decoding.readVarString(decoder)}`));
    }
  }
}

/** Opaque bytes: framed as y-websocket has them, so that every byte but the protocol's is the same. */
class RawParticipant extends Participant {
  constructor(socket: LoadSocket, name: string, options: JoinOptions) {
    super(socket, name, options);
    this.settleJoined(null);
  }

  framesFor(updates: readonly Uint8Array[]): Uint8Array[] {
    return updates.map((update) => clientFrame(encodeYWebsocket({ type: 'update', update })));
  }

  awarenessFrame(update: Uint8Array): Uint8Array {
    return clientFrame(encodeYWebsocket({ type: 'awareness', update }));
  }

  protected receive(payload: Uint8Array): void {
    const decoder = decoding.createDecoder(payload);
    const type = decoding.readVarUint(decoder);
    if (type === 0) {
      decoding.readVarUint(decoder);
      this.onUpdate(decoding.readVarUint8Array(decoder));
    } else this.onAwareness(decoding.readVarUint8Array(decoder));
  }
}
