import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeMessage } from '../../src/protocol/codec.ts';
import { encodeCursor } from '../../src/protocol/cursor.ts';
import { protocolVersion, subprotocol } from '../../src/protocol/version.ts';
import { samples } from './samples.ts';

/**
 * SHA-256 of every sample's bytes, per version. When this fails, a peer of the last release would misread this one: give
 * version.ts a new number and a line of history, and add a line here. Lines of released versions never change.
 */
const fingerprints: Readonly<Record<number, string>> = {
  1: 'd27b2cf48a66ce6c',
};

test('P6 the bytes of this version are what they were', () => {
  const hash = createHash('sha256');
  for (const [type, messages] of Object.entries(samples)) {
    hash.update(`${type}\n`);
    for (const message of messages) hash.update(encodeMessage(message));
  }
  hash.update(encodeCursor({ logId: 'log', seq: 300, check: 70_000 }));
  assert.is(hash.digest('hex').slice(0, 16), fingerprints[protocolVersion], `version ${protocolVersion}`);
});

test('P6 every version has its line of history, and the subprotocol names the newest', () => {
  const source = readFileSync(new URL('../../../src/protocol/version.ts', import.meta.url), 'utf8');
  const lines = [...source.matchAll(/^ \* (\d+): \S/gm)].map((match) => Number(match[1]));
  assert.equal(
    lines,
    Array.from({ length: protocolVersion }, (_, at) => at + 1),
  );
  assert.equal(Object.keys(fingerprints).map(Number), lines);
  assert.is(subprotocol, `tideweave.v${protocolVersion}`);
});

test.run();
