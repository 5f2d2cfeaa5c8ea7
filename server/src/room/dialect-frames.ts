import { encodeMessage, encodeYWebsocket, partBytes, splitUpdate } from '@tideweave/shared';
import { binaryFrame, binaryFrameHeader, concatenate } from '../endpoint/websocket-frame.ts';

/**
 * How what a room sends looks in each dialect: encoded once per dialect, whoever and however many read it. A segment is
 * one contributor's update; a frame is what a reader gets of a batch, which leaves out the reader's own segments.
 */
export interface DialectFrames {
  /** An update's bytes as part of a frame. */
  segment(room: number, update: Uint8Array): Uint8Array;
  /** What goes to the socket for these segments. */
  frame(segments: readonly Uint8Array[]): Uint8Array;
  /** What goes to the socket for an awareness update. */
  awareness(room: number, update: Uint8Array): Uint8Array;
}

export type DialectName = 'tideweave' | 'y-websocket';

export const dialectFrames: Readonly<Record<DialectName, DialectFrames>> = {
  tideweave: {
    segment: (room, update) =>
      concatenate(
        splitUpdate(room, update, partBytes, (rest) => ({ type: 'update', doc: room, update: rest }) as const).map(
          encodeMessage,
        ),
      ),
    frame: binaryFrame,
    awareness: (room, update) => binaryFrame([encodeMessage({ type: 'awareness', doc: room, update })]),
  },
  // A stock client reads one message per frame, so each segment is a frame of its own.
  'y-websocket': {
    segment: (_room, update) => yWebsocketFrame(encodeYWebsocket({ type: 'update', update })),
    frame: (segments) => concatenate(segments),
    awareness: (_room, update) => yWebsocketFrame(encodeYWebsocket({ type: 'awareness', update })),
  },
};

function yWebsocketFrame(message: Uint8Array): Uint8Array {
  return concatenate([binaryFrameHeader(message.length), message]);
}
