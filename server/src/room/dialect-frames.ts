import {
  type Dialect,
  type HocuspocusServerMessage,
  encodeHocuspocus,
  encodeMessage,
  encodeYWebsocket,
  partBytes,
  splitUpdate,
} from '@tideweave/shared';
import { binaryFrame, concatenate } from '../endpoint/websocket-frame.ts';

/**
 * How what a room sends looks to its readers: encoded once for all who share the same frames object, however many they
 * are. A segment is one contributor's update; a frame is what a reader gets of a batch, which leaves out the reader's own
 * segments.
 */
export interface DialectFrames {
  readonly dialect: Dialect;
  /** An update's bytes as part of a frame. */
  segment(room: number, update: Uint8Array): Uint8Array;
  /** What goes to the socket for these segments. */
  frame(segments: readonly Uint8Array[]): Uint8Array;
  /** What goes to the socket for an awareness update. */
  awareness(room: number, update: Uint8Array): Uint8Array;
  /** What goes to the socket for a message that is passed on as it is, or null where the dialect has none. */
  stateless(payload: string): Uint8Array | null;
}

export const tideweaveFrames: DialectFrames = {
  dialect: 'tideweave',
  segment: (room, update) =>
    concatenate(
      splitUpdate(room, update, partBytes, (rest) => ({ type: 'update', doc: room, update: rest }) as const).map(
        encodeMessage,
      ),
    ),
  frame: binaryFrame,
  awareness: (room, update) => binaryFrame([encodeMessage({ type: 'awareness', doc: room, update })]),
  stateless: () => null,
};

// A stock client reads one message per frame, so each segment is a frame of its own.
export const yWebsocketFrames: DialectFrames = {
  dialect: 'y-websocket',
  segment: (_room, update) => binaryFrame([encodeYWebsocket({ type: 'update', update })]),
  frame: concatenate,
  awareness: (_room, update) => binaryFrame([encodeYWebsocket({ type: 'awareness', update })]),
  stateless: () => null,
};

/** Every message names the address that its reader gave the document, so readers share frames as far as they share it. */
export function hocuspocusFrames(address: string): DialectFrames {
  return {
    dialect: 'hocuspocus',
    segment: (_room, update) => hocuspocusFrame({ type: 'update', address, update }),
    frame: concatenate,
    awareness: (_room, update) => hocuspocusFrame({ type: 'awareness', address, update }),
    stateless: (payload) => hocuspocusFrame({ type: 'stateless', address, payload }),
  };
}

export function hocuspocusFrame(message: HocuspocusServerMessage): Uint8Array {
  return binaryFrame([encodeHocuspocus(message)]);
}
