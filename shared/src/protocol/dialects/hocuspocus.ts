import * as encoding from 'lib0/encoding';
import { RefusedError } from '../../base/errors.ts';
import { Reader } from '../../base/reader.ts';
import { type RefusalCode, isRetryable, refusalRules } from '../close.ts';
import { hocuspocusAddressBytesMax, stateVectorBytesMax, statelessBytesMax, tokenBytesMax } from '../limits.ts';

/**
 * The hocuspocus dialect's bytes, as the stock `HocuspocusProvider` (package @hocuspocus/provider, majors 2 to 4) speaks
 * them. A frame is one message: an address, a type and its body. The address is the document's name, or the name, a zero
 * and a session id of the provider's choice; whatever it is, answers carry the same.
 */

/** What either side may say about a document. */
type SyncBody =
  | { readonly type: 'step-1'; readonly stateVector: Uint8Array }
  | { readonly type: 'step-2'; readonly update: Uint8Array }
  | { readonly type: 'update'; readonly update: Uint8Array }
  | { readonly type: 'awareness'; readonly update: Uint8Array }
  | { readonly type: 'stateless'; readonly payload: string };

/** A provider's message. `version` is empty before its major 4. */
export type HocuspocusClientMessage =
  | { readonly type: 'ping' }
  | { readonly type: 'pong' }
  | ({ readonly address: string } & HocuspocusClientBody);

/** A provider's message about a document. */
export type HocuspocusClientBody =
  | SyncBody
  | { readonly type: 'token'; readonly token: string; readonly version: string }
  | { readonly type: 'query-awareness' }
  | { readonly type: 'close' };

/** A relay's message. */
export type HocuspocusServerMessage =
  | { readonly type: 'pong' }
  | ({ readonly address: string } & (
      | SyncBody
      /** Majors 3 and 4 answer with a token of the moment; major 2 does nothing. */
      | { readonly type: 'ask-token' }
      | { readonly type: 'denied'; readonly reason: string }
      | { readonly type: 'granted'; readonly scope: HocuspocusScope }
      | { readonly type: 'close'; readonly reason: string }
      /** `applied`: one thing of what the provider counts as unsynced is safe. It ignores `false`. */
      | { readonly type: 'sync-status'; readonly applied: boolean }
    ));

export type HocuspocusScope = 'read-write' | 'readonly';

const outer = {
  sync: 0,
  awareness: 1,
  auth: 2,
  queryAwareness: 3,
  stateless: 5,
  close: 7,
  syncStatus: 8,
  ping: 9,
  pong: 10,
} as const;
const sync = { step1: 0, step2: 1, update: 2 } as const;
const auth = { token: 0, denied: 1, granted: 2 } as const;

/** Version texts are a few bytes; a longer one is not one. */
const versionBytesMax = 64;

/** The document that an address names. */
export function hocuspocusDocument(address: string): string {
  const end = address.indexOf('\0');
  return end < 0 ? address : address.slice(0, end);
}

/**
 * The close code for a refusal. Major 2 of the provider stays away after 4401, 4403 and 1009 and comes back at once after
 * any other; majors 3 and 4 come back a second after every close. The reason has our own code.
 */
export function hocuspocusCloseCode(code: RefusalCode): number {
  switch (code) {
    case 'TW_UNAUTHORIZED':
      return 4401;
    case 'TW_TOO_LARGE':
      return 1009;
    case 'TW_TIMEOUT':
      return 4408;
    // It may come back, and go on as a reader.
    case 'TW_READ_ONLY':
      return 4205;
    default:
      return isRetryable(refusalRules[code].action) ? refusalRules[code].closeCode : 4403;
  }
}

/** One message, which is one frame. */
export function encodeHocuspocus(message: HocuspocusServerMessage): Uint8Array {
  const encoder = encoding.createEncoder();
  if (message.type === 'pong') {
    encoding.writeVarUint(encoder, outer.pong);
    return encoding.toUint8Array(encoder);
  }
  encoding.writeVarString(encoder, message.address);
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
    case 'stateless':
      encoding.writeVarUint(encoder, outer.stateless);
      encoding.writeVarString(encoder, message.payload);
      break;
    case 'ask-token':
      encoding.writeVarUint(encoder, outer.auth);
      encoding.writeVarUint(encoder, auth.token);
      break;
    case 'denied':
      writeAuth(encoder, auth.denied, message.reason);
      break;
    case 'granted':
      writeAuth(encoder, auth.granted, message.scope);
      break;
    case 'close':
      encoding.writeVarUint(encoder, outer.close);
      encoding.writeVarString(encoder, message.reason);
      break;
    case 'sync-status':
      encoding.writeVarUint(encoder, outer.syncStatus);
      encoding.writeVarUint(encoder, message.applied ? 1 : 0);
      break;
  }
  return encoding.toUint8Array(encoder);
}

function writeSync(encoder: encoding.Encoder, type: number, bytes: Uint8Array): void {
  encoding.writeVarUint(encoder, outer.sync);
  encoding.writeVarUint(encoder, type);
  encoding.writeVarUint8Array(encoder, bytes);
}

function writeAuth(encoder: encoding.Encoder, type: number, text: string): void {
  encoding.writeVarUint(encoder, outer.auth);
  encoding.writeVarUint(encoder, type);
  encoding.writeVarString(encoder, text);
}

/**
 * The message of a frame. Byte fields are views into `frame`. What follows a known message is left alone: majors have
 * appended to it before. Throws `RefusedError` TW_MALFORMED_MESSAGE or TW_TOO_LARGE.
 */
export function decodeHocuspocus(frame: Uint8Array, updateBytesMax: number): HocuspocusClientMessage {
  if (frame.length === 1 && frame[0] === outer.ping) return { type: 'ping' };
  if (frame.length === 1 && frame[0] === outer.pong) return { type: 'pong' };
  const reader = new Reader(frame);
  const address = reader.varString(hocuspocusAddressBytesMax);
  return { address, ...readBody(reader, updateBytesMax) };
}

function readBody(reader: Reader, updateBytesMax: number): HocuspocusClientBody {
  const type = reader.varUint();
  switch (type) {
    case outer.sync:
      return readSync(reader, updateBytesMax);
    case outer.awareness:
      return { type: 'awareness', update: reader.varBytes(updateBytesMax) };
    case outer.auth:
      if (reader.varUint() !== auth.token) break;
      return {
        type: 'token',
        token: reader.varString(tokenBytesMax),
        version: reader.done ? '' : reader.varString(versionBytesMax),
      };
    case outer.queryAwareness:
      return { type: 'query-awareness' };
    case outer.stateless:
      return { type: 'stateless', payload: reader.varString(statelessBytesMax) };
    case outer.close:
      return { type: 'close' };
  }
  throw new RefusedError('TW_MALFORMED_MESSAGE', `hocuspocus message type ${type} is not for a relay`);
}

function readSync(reader: Reader, updateBytesMax: number): HocuspocusClientBody {
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
