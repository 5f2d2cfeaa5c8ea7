import * as encoding from 'lib0/encoding';
import { unreachable } from '../base/assert.ts';
import { RefusedError } from '../base/errors.ts';
import { Reader } from '../base/reader.ts';
import type { RefusalAction } from './close.ts';
import {
  authorBytesMax,
  cursorBytesMax,
  digestBytes,
  entryAuthorsBytesMax,
  frameBytes,
  messagesPerFrameMax,
  nameBytesMax,
  reasonBytesMax,
  stateVectorBytesMax,
  tokenBytesMax,
} from './limits.ts';
import type {
  ClientMessage,
  ComparisonResult,
  PartMessage,
  RefusalScope,
  ServerMessage,
  UpdateMessage,
} from './message.ts';

/**
 * The native dialect's bytes: a frame is any number of messages, each a type number and its fields in lib0's
 * variable-length encoding. Decoding refuses what it does not understand; it never reads past the frame.
 */

const typeNumbers = {
  ping: 0,
  pong: 1,
  open: 2,
  leave: 3,
  push: 4,
  resync: 5,
  part: 6,
  awareness: 7,
  compare: 8,
  token: 9,
  who: 10,
  opened: 16,
  update: 17,
  'caught-up': 18,
  want: 19,
  ack: 20,
  watermark: 21,
  refuse: 22,
  compared: 23,
  grant: 24,
  authors: 25,
} as const satisfies Record<ClientMessage['type'] | ServerMessage['type'], number>;

const scopes: readonly RefusalScope[] = ['connection', 'request', 'document'];
const results: readonly ComparisonResult[] = ['same', 'elsewhere', 'differs'];
const actions: readonly RefusalAction[] = ['retry', 'reauth', 'reload', 'upgrade', 'contact'];

/** One frame holding `messages` in order. */
export function encodeMessages(messages: readonly (ClientMessage | ServerMessage)[]): Uint8Array {
  const encoder = encoding.createEncoder();
  for (const message of messages) writeMessage(encoder, message, writeFields);
  return encoding.toUint8Array(encoder);
}

/**
 * `messages` in order, in as many frames as it takes to keep each near `frameBytes` and below `messagesPerFrameMax`. A
 * message is never divided: `splitUpdate` is there for large ones.
 */
export function encodeFrames(messages: readonly (ClientMessage | ServerMessage)[]): Uint8Array[] {
  return framesOf(messages, writeFields);
}

/** As `encodeFrames`, without what it takes to write a relay's messages. */
export function encodeClientFrames(messages: readonly ClientMessage[]): Uint8Array[] {
  return framesOf(messages, writeClientFields);
}

function framesOf<Message extends ClientMessage | ServerMessage>(
  messages: readonly Message[],
  fields: WriteFields<Message>,
): Uint8Array[] {
  const frames: Uint8Array[] = [];
  let encoder = encoding.createEncoder();
  let count = 0;
  for (const message of messages) {
    writeMessage(encoder, message, fields);
    count++;
    if (count < messagesPerFrameMax && encoding.length(encoder) < frameBytes) continue;
    frames.push(encoding.toUint8Array(encoder));
    encoder = encoding.createEncoder();
    count = 0;
  }
  if (count > 0) frames.push(encoding.toUint8Array(encoder));
  return frames;
}

/** One message's bytes; frames are concatenations of them. */
export function encodeMessage(message: ClientMessage | ServerMessage): Uint8Array {
  return encodeMessages([message]);
}

type WriteFields<Message> = (encoder: encoding.Encoder, message: Message) => void;

function writeMessage<Message extends ClientMessage | ServerMessage>(
  encoder: encoding.Encoder,
  message: Message,
  fields: WriteFields<Message>,
): void {
  encoding.writeVarUint(encoder, typeNumbers[message.type]);
  fields(encoder, message);
}

/** Apart from what only a relay says, which clients have no use for: bundlers leave it out. */
function writeClientFields(encoder: encoding.Encoder, message: ClientMessage | UpdateMessage): void {
  switch (message.type) {
    case 'ping':
    case 'pong':
      return;
    case 'open':
      encoding.writeVarUint(encoder, message.request);
      encoding.writeVarString(encoder, message.name);
      encoding.writeVarString(encoder, message.token);
      encoding.writeVarString(encoder, message.device);
      encoding.writeVarString(encoder, message.epoch);
      encoding.writeVarUint8Array(encoder, message.cursor);
      encoding.writeVarUint8Array(encoder, message.stateVector);
      return;
    case 'leave':
    case 'caught-up':
      encoding.writeVarUint(encoder, message.doc);
      return;
    case 'push':
    case 'resync':
      encoding.writeVarUint(encoder, message.doc);
      encoding.writeVarUint(encoder, message.n);
      encoding.writeVarUint8Array(encoder, message.update);
      return;
    case 'part':
      encoding.writeVarUint(encoder, message.doc);
      encoding.writeVarUint8Array(encoder, message.bytes);
      return;
    case 'awareness':
    case 'update':
      encoding.writeVarUint(encoder, message.doc);
      encoding.writeVarUint8Array(encoder, message.update);
      return;
    case 'who':
    case 'compare':
      encoding.writeVarUint(encoder, message.doc);
      encoding.writeVarUint8Array(encoder, message.cursor);
      if (message.type === 'compare') encoding.writeVarUint8Array(encoder, message.digest);
      return;
    case 'token':
      encoding.writeVarString(encoder, message.token);
      return;
    default:
      unreachable(message);
  }
}

function writeFields(encoder: encoding.Encoder, message: ClientMessage | ServerMessage): void {
  switch (message.type) {
    case 'grant':
      encoding.writeVarUint(encoder, message.doc);
      encoding.writeVarUint(encoder, message.endsInMs);
      return;
    case 'compared':
      encoding.writeVarUint(encoder, message.doc);
      encoding.writeVarUint(encoder, results.indexOf(message.result));
      encoding.writeVarUint8Array(encoder, message.stateVector);
      encoding.writeVarUint8Array(encoder, message.deletes);
      return;
    case 'authors':
      encoding.writeVarUint(encoder, message.doc);
      encoding.writeVarUint8Array(encoder, message.entries);
      return;
    case 'opened':
      encoding.writeVarUint(encoder, message.request);
      encoding.writeVarUint(encoder, message.doc);
      encoding.writeVarString(encoder, message.epoch);
      encoding.writeVarUint(encoder, message.access === 'write' ? 1 : 0);
      encoding.writeVarString(encoder, message.user);
      encoding.writeVarUint(encoder, message.totalBytes);
      return;
    case 'want':
      encoding.writeVarUint(encoder, message.doc);
      encoding.writeVarUint8Array(encoder, message.stateVector);
      return;
    case 'ack':
      encoding.writeVarUint(encoder, message.doc);
      encoding.writeVarUint(encoder, message.n);
      return;
    case 'watermark':
      encoding.writeVarUint(encoder, message.doc);
      encoding.writeVarString(encoder, message.epoch);
      encoding.writeVarUint8Array(encoder, message.cursor);
      encoding.writeVarUint(encoder, message.settled ? 1 : 0);
      return;
    case 'refuse':
      encoding.writeVarUint(encoder, scopes.indexOf(message.scope));
      encoding.writeVarUint(encoder, message.id);
      encoding.writeVarString(encoder, message.code);
      encoding.writeVarString(encoder, message.reason.slice(0, reasonBytesMax / 4));
      encoding.writeVarUint(encoder, actions.indexOf(message.action));
      encoding.writeVarUint(encoder, message.retryAfterMs);
      return;
    default:
      writeClientFields(encoder, message);
  }
}

/**
 * The messages of a frame that came from a client. Byte fields are views into `frame`.
 * Throws `RefusedError` TW_MALFORMED_MESSAGE or TW_TOO_LARGE.
 */
export function decodeClientMessages(frame: Uint8Array, updateBytesMax: number): ClientMessage[] {
  return decodeAll(frame, messagesPerFrameMax, (reader, type) => readClientMessage(reader, type, updateBytesMax));
}

/** The messages of a frame that came from a relay, of which there may be any number; as `decodeClientMessages`. */
export function decodeServerMessages(frame: Uint8Array, updateBytesMax: number): ServerMessage[] {
  return decodeAll(frame, Infinity, (reader, type) => readServerMessage(reader, type, updateBytesMax));
}

function decodeAll<Message>(
  frame: Uint8Array,
  messagesMax: number,
  read: (reader: Reader, type: number) => Message,
): Message[] {
  const reader = new Reader(frame);
  const messages: Message[] = [];
  while (!reader.done) {
    if (messages.length === messagesMax)
      throw new RefusedError('TW_TOO_LARGE', `more than ${messagesMax} messages in one frame`);
    messages.push(read(reader, reader.varUint()));
  }
  return messages;
}

function readClientMessage(reader: Reader, type: number, updateBytesMax: number): ClientMessage {
  switch (type) {
    case typeNumbers.ping:
      return { type: 'ping' };
    case typeNumbers.pong:
      return { type: 'pong' };
    case typeNumbers.open:
      return {
        type: 'open',
        request: reader.varUint(),
        name: reader.varString(nameBytesMax),
        token: reader.varString(tokenBytesMax),
        device: reader.varString(authorBytesMax),
        epoch: reader.varString(authorBytesMax),
        cursor: reader.varBytes(cursorBytesMax),
        stateVector: reader.varBytes(stateVectorBytesMax),
      };
    case typeNumbers.leave:
      return { type: 'leave', doc: reader.varUint() };
    case typeNumbers.push:
      return { type: 'push', doc: reader.varUint(), n: reader.varUint(), update: reader.varBytes(updateBytesMax) };
    case typeNumbers.resync:
      return { type: 'resync', doc: reader.varUint(), n: reader.varUint(), update: reader.varBytes(updateBytesMax) };
    case typeNumbers.part:
      return { type: 'part', doc: reader.varUint(), bytes: reader.varBytes(updateBytesMax) };
    case typeNumbers['caught-up']:
      return { type: 'caught-up', doc: reader.varUint() };
    case typeNumbers.awareness:
      return { type: 'awareness', doc: reader.varUint(), update: reader.varBytes(updateBytesMax) };
    case typeNumbers.compare:
      return {
        type: 'compare',
        doc: reader.varUint(),
        cursor: reader.varBytes(cursorBytesMax),
        digest: reader.varBytes(digestBytes),
      };
    case typeNumbers.who:
      return { type: 'who', doc: reader.varUint(), cursor: reader.varBytes(cursorBytesMax) };
    case typeNumbers.token:
      return { type: 'token', token: reader.varString(tokenBytesMax) };
    default:
      throw unknownType(type);
  }
}

function readServerMessage(reader: Reader, type: number, updateBytesMax: number): ServerMessage {
  switch (type) {
    case typeNumbers.ping:
      return { type: 'ping' };
    case typeNumbers.pong:
      return { type: 'pong' };
    case typeNumbers.opened:
      return {
        type: 'opened',
        request: reader.varUint(),
        doc: reader.varUint(),
        epoch: reader.varString(authorBytesMax),
        access: reader.varUint(1) === 1 ? 'write' : 'read',
        user: reader.varString(authorBytesMax),
        totalBytes: reader.varUint(),
      };
    case typeNumbers.update:
      return { type: 'update', doc: reader.varUint(), update: reader.varBytes(updateBytesMax) };
    case typeNumbers.part:
      return { type: 'part', doc: reader.varUint(), bytes: reader.varBytes(updateBytesMax) };
    case typeNumbers['caught-up']:
      return { type: 'caught-up', doc: reader.varUint() };
    case typeNumbers.want:
      return { type: 'want', doc: reader.varUint(), stateVector: reader.varBytes(stateVectorBytesMax) };
    case typeNumbers.ack:
      return { type: 'ack', doc: reader.varUint(), n: reader.varUint() };
    case typeNumbers.watermark:
      return {
        type: 'watermark',
        doc: reader.varUint(),
        epoch: reader.varString(authorBytesMax),
        cursor: reader.varBytes(cursorBytesMax),
        settled: reader.varUint(1) === 1,
      };
    case typeNumbers.awareness:
      return { type: 'awareness', doc: reader.varUint(), update: reader.varBytes(updateBytesMax) };
    case typeNumbers.compared:
      return {
        type: 'compared',
        doc: reader.varUint(),
        result: pick(results, reader.varUint()),
        stateVector: reader.varBytes(stateVectorBytesMax),
        deletes: reader.varBytes(updateBytesMax),
      };
    case typeNumbers.authors:
      return { type: 'authors', doc: reader.varUint(), entries: reader.varBytes(entryAuthorsBytesMax) };
    case typeNumbers.grant:
      return { type: 'grant', doc: reader.varUint(), endsInMs: reader.varUint() };
    case typeNumbers.refuse:
      return {
        type: 'refuse',
        scope: pick(scopes, reader.varUint()),
        id: reader.varUint(),
        code: reader.varString(authorBytesMax),
        reason: reader.varString(reasonBytesMax),
        action: pick(actions, reader.varUint()),
        retryAfterMs: reader.varUint(),
      };
    default:
      throw unknownType(type);
  }
}

/**
 * A large update as messages that each fit a part: every one but the last is a `part`, and `conclude` makes the last.
 * Byte fields are views into `update`.
 */
export function splitUpdate<Message extends ClientMessage | ServerMessage>(
  doc: number,
  update: Uint8Array,
  partBytes: number,
  conclude: (rest: Uint8Array) => Message,
): (Message | PartMessage)[] {
  const messages: (Message | PartMessage)[] = [];
  let at = 0;
  for (; update.length - at > partBytes; at += partBytes) {
    messages.push({ type: 'part', doc, bytes: update.subarray(at, at + partBytes) });
  }
  messages.push(conclude(update.subarray(at)));
  return messages;
}

function pick<Value>(values: readonly Value[], index: number): Value {
  const value = values[index];
  if (value === undefined) throw new RefusedError('TW_MALFORMED_MESSAGE', `${index} is not one of the known values`);
  return value;
}

function unknownType(type: number): RefusedError {
  return new RefusedError('TW_MALFORMED_MESSAGE', `message type ${type} is not known`);
}
