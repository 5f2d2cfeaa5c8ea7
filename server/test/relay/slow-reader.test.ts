// @slow
// @timeout 240s
// Readers that stop reading while more than 100 MB go by: what the relay's process holds, and what they have afterwards.
import { type Random, seededRandom } from '@tideweave/shared';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { withFolder } from '../support/folders.ts';
import { NativePeer } from '../support/native-peer.ts';
import { readers, sameContent } from '../support/readers.ts';
import { type RelayProcess, withRelayProcess } from '../support/relay-process.ts';
import { pass, until } from '../support/wait.ts';
import { YPeer } from '../support/y-peer.ts';

const MiB = 1024 * 1024;
const updates = 112;
const updateBytes = MiB;
const keys = 4;

/** Highest resident memory of a process while `run` runs. */
async function peakDuring(relay: RelayProcess, run: () => Promise<void>): Promise<number> {
  let peak = await relay.residentBytes();
  let going = true;
  const watching = (async () => {
    while (going) {
      peak = Math.max(peak, await relay.residentBytes());
      await pass(50);
    }
  })();
  try {
    await run();
  } finally {
    going = false;
    await watching;
  }
  return peak;
}

/** Overwrites a few keys again and again: much goes by, little stays. */
async function overwrite(url: string, name: string, random: Random): Promise<Y.Doc> {
  const doc = new Y.Doc();
  const peer = await NativePeer.connect(url);
  const opened = await peer.open(name);
  let n = 0;
  for (let at = 0; at < updates; at += 1) {
    const known = Y.encodeStateVector(doc);
    // Letters at random, so that nothing on the way could make it smaller.
    const value = Buffer.from(
      Uint8Array.from({ length: updateBytes }, () => 97 + Math.floor(random() * 26)),
    ).toString();
    doc.getMap('map').set(`key ${at % keys}`, value);
    n += 1;
    await peer.save(opened.doc, n, Y.encodeStateAsUpdate(doc, known));
  }
  peer.end();
  return doc;
}

test('R2 readers that stop reading while 112 MiB go by cost no memory, and are brought up to date in place (y-sweet loses updates)', async () => {
  await withFolder(async (folder) => {
    // Whoever stops reading answers no ping either: how long that may last is another promise.
    const args = ['--connection-timeout-ms', '10m'];
    await withRelayProcess(folder, { args }, async (relay) => {
      const start = await relay.residentBytes();
      const alone = await peakDuring(relay, async () => {
        await overwrite(relay.url, 'alone', seededRandom(1));
      });

      const natives: { peer: NativePeer; doc: number; copy: Y.Doc }[] = [];
      const stocks: { peer: YPeer; copy: Y.Doc }[] = [];
      for (let at = 0; at < 6; at += 1) {
        const native = await NativePeer.connect(relay.url);
        const { doc } = await native.open('crowd');
        await native.take('caught-up');
        native.webSocket.pause();
        natives.push({ peer: native, doc, copy: new Y.Doc() });
        const stock = await YPeer.connect(relay.url, 'crowd');
        stock.begin(new Y.Doc());
        await stock.take('step-2');
        stock.webSocket.pause();
        stocks.push({ peer: stock, copy: new Y.Doc() });
      }
      let written = new Y.Doc();
      const stalled = await peakDuring(relay, async () => {
        written = await overwrite(relay.url, 'crowd', seededRandom(2));
      });
      const resumed = await peakDuring(relay, async () => {
        for (const { peer } of [...natives, ...stocks]) peer.webSocket.resume();
        await Promise.all([
          ...natives.map(({ peer, doc, copy }) => caughtUp(peer, copy, written, () => peer.applyTo(copy, doc))),
          ...stocks.map(({ peer, copy }) => caughtUp(peer, copy, written, () => void peer.applyTo(copy))),
        ]);
      });
      const values = JSON.stringify(written.getMap('map').toJSON());
      for (const { peer, copy } of [...natives, ...stocks]) {
        assert.ok(peer.isOpen, 'on the same connection');
        assert.is(JSON.stringify(copy.getMap('map').toJSON()), values);
      }
      assert.ok(sameContent(await readers.http(relay.url, 'crowd'), written));
      const received = [...natives, ...stocks].map(({ peer }) => (peer.receivedBytes / MiB).toFixed(1));
      console.log(
        `MiB resident: ${toMiB(start)} at the start, peak ${toMiB(alone)} without slow readers, ` +
          `${toMiB(stalled)} with 12 that stopped, ${toMiB(resumed)} while they caught up; each received ${received.join(' ')}`,
      );
      // Buffered for each of them it would be 1,344 MiB. What a peak is by itself varies by 200, with the collector of
      // garbage and with when the compaction falls.
      const extraMax = (12 * updates * updateBytes) / 3.5;
      for (const peak of [stalled, resumed])
        assert.ok(peak - alone < extraMax, `${toMiB(peak)} MiB, ${toMiB(alone)} alone`);
      for (const { peer } of [...natives, ...stocks]) {
        assert.ok(peer.receivedBytes < 0.7 * updates * updateBytes, 'what was overwritten meanwhile did not travel');
        peer.end();
      }
    });
  });
});

/** Applies what arrives until the copy is what was written. */
async function caughtUp(peer: NativePeer | YPeer, copy: Y.Doc, written: Y.Doc, apply: () => void): Promise<void> {
  let seen = -1;
  await until(
    'a reader to be up to date',
    () => {
      if (seen === peer.frames) return false;
      seen = peer.frames;
      apply();
      return sameContent(copy, written);
    },
    60_000,
  ).catch((error: unknown) => {
    throw new Error(`${peer.receivedBytes} B received, ${peer.inbox.length} messages left, open: ${peer.isOpen}`, {
      cause: error,
    });
  });
}

function toMiB(bytes: number): string {
  return (bytes / MiB).toFixed(0);
}

test.run();
