// What is written without a copy is the same on the wire.
import { encodeHocuspocus, encodeMessage, encodeYWebsocket } from '@tideweave/shared';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { binaryFrame, concatenate, frameEndingWith } from '../../src/endpoint/websocket-frame.ts';

const nothing = new Uint8Array(0);
const dialects = {
  tideweave: (update: Uint8Array) => encodeMessage({ type: 'update', doc: 300, update }),
  'tideweave, in parts': (bytes: Uint8Array) => encodeMessage({ type: 'part', doc: 300, bytes }),
  'y-websocket': (update: Uint8Array) => encodeYWebsocket({ type: 'step-2', update }),
  hocuspocus: (update: Uint8Array) => encodeHocuspocus({ type: 'update', address: 'notes', update }),
};

test('C2 an update that is written without a copy of it reads as the same message, in every dialect and size', () => {
  for (const [dialect, encode] of Object.entries(dialects)) {
    for (const length of [1, 125, 126, 4095, 4096, 65_535, 65_536, 300_000]) {
      const update = Uint8Array.from({ length }, (_, at) => at);
      const frames = frameEndingWith(encode(nothing), update);
      assert.equal(concatenate(frames), binaryFrame([encode(update)]), `${dialect}, ${length} bytes`);
      if (length >= 4096) assert.is(frames.at(-1), update, 'not copied');
    }
  }
});

test.run();
