import * as encoding from 'lib0/encoding';
import { RefusedError } from '../../base/errors.ts';
import { Reader } from '../../base/reader.ts';
import { messagesPerFrameMax, reasonBytesMax, stateVectorBytesMax } from '../limits.ts';

/**
 * The y-websocket dialect's bytes, as the stock `WebsocketProvider` (packages y-websocket and y-protocols) speaks them.
 * A stock client reads one message per frame; a frame of several is accepted from it all the same.
 */

export type YWebsocketMessage =
  | { readonly type: 'step-1'; readonly stateVector: Uint8Array }
  | { readonly type: 'step-2'; readonly update: Uint8Array }
  | { readonly type: 'update'; readonly update: Uint8Array }
  | { readonly type: 'awareness'; readonly update: Uint8Array }
  | { readonly type: 'query-awareness' }
  | { readonly type: 'permission-denied'; readonly reason: string };

const outer = { sync: 0, awareness: 1, auth: 2, queryAwareness: 3 } as const;
const sync = { step1: 0, step2: 1, update: 2 } as const;
const auth = { permissionDenied: 0 } as const;

/** One message, which is one frame. */
export function encodeYWebsocket(message: YWebsocketMessage): Uint8Array {
  const encoder = encoding.createEncoder();
  switch (message.type) {
    case 'step-1':
      writeSync(encoder, sync.step1, message.stateVector);
      break;
    case 'step-2':
      writeSync(encoder, sync.step2, message.update);
      break;
    case 'update':
      writeSync(encoder, sync.update, message.update);
      break;
    case 'awareness':
      encoding.writeVarUint(encoder, outer.awareness);
      encoding.writeVarUint8Array(encoder, message.update);
      break;
    case 'query-awareness':
      encoding.writeVarUint(encoder, outer.queryAwareness);
      break;
    case 'permission-denied':
      encoding.writeVarUint(encoder, outer.auth);
      encoding.writeVarUint(encoder, auth.permissionDenied);
      encoding.writeVarString(encoder, message.reason);
      break;
  }
  return encoding.toUint8Array(encoder);
}

function writeSync(encoder: encoding.Encoder, type: number, bytes: Uint8Array): void {
  encoding.writeVarUint(encoder, outer.sync);
  encoding.writeVarUint(encoder, type);
  encoding.writeVarUint8Array(encoder, bytes);
}

/**
 * The messages of a frame. Byte fields are views into `frame`.
 * Throws `RefusedError` TW_MALFORMED_MESSAGE or TW_TOO_LARGE.
 */
export function decodeYWebsocket(frame: Uint8Array, updateBytesMax: number): YWebsocketMessage[] {
  const reader = new Reader(frame);
  const messages: YWebsocketMessage[] = [];
  while (!reader.done) {
    if (messages.length === messagesPerFrameMax)
      throw new RefusedError('TW_TOO_LARGE', `more than ${messagesPerFrameMax} messages in one frame`);
    messages.push(readMessage(reader, updateBytesMax));
  }
  return messages;
}

function readMessage(reader: Reader, updateBytesMax: number): YWebsocketMessage {
  const type = reader.varUint();
  switch (type) {
    case outer.sync:
      return readSync(reader, updateBytesMax);
    case outer.awareness:
      return { type: 'awareness', update: reader.varBytes(updateBytesMax) };
    case outer.queryAwareness:
      return { type: 'query-awareness' };
    case outer.auth:
      if (reader.varUint() !== auth.permissionDenied) break;
      return { type: 'permission-denied', reason: reader.varString(reasonBytesMax) };
  }
  throw new RefusedError('TW_MALFORMED_MESSAGE', `y-websocket message type ${type} is not known`);
}

function readSync(reader: Reader, updateBytesMax: number): YWebsocketMessage {
  const type = reader.varUint();
  switch (type) {
    case sync.step1:
      return { type: 'step-1', stateVector: reader.varBytes(stateVectorBytesMax) };
    case sync.step2:
      return { type: 'step-2', update: reader.varBytes(updateBytesMax) };
    case sync.update:
      return { type: 'update', update: reader.varBytes(updateBytesMax) };
  }
  throw new RefusedError('TW_MALFORMED_MESSAGE', `y-protocols sync type ${type} is not known`);
}
