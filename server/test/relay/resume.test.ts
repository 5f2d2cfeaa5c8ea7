// @slow
// What travels when a connection comes back, in bytes of messages in both directions.
import { SyncClient } from '@tideweave/client';
import { type Random, seededRandom } from '@tideweave/shared';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import type { MemoryLog } from '../../src/log/memory-log.ts';
import { readers, sameContent } from '../support/readers.ts';
import { memoryLog, withRelay } from '../support/relay.ts';
import { countedSockets } from '../support/sockets.ts';
import { pass, until } from '../support/wait.ts';

/** Longer than the second after which members are told how far they may resume. */
const watermarkMs = 1500;

/** A document as months of work leave it: text by several people, much of it deleted again in small pieces. */
function largeDocument(random: Random): Y.Doc {
  const doc = new Y.Doc();
  const text = doc.getText('text');
  for (let session = 0; session < 40; session += 1) {
    const other = new Y.Doc();
    Y.applyUpdate(other, Y.encodeStateAsUpdate(doc));
    other.transact(() => {
      const words = other.getText('text');
      for (let at = 0; at < 200; at += 1) {
        words.insert(Math.floor(random() * (words.length + 1)), 'a sentence of some length. ');
        words.delete(Math.floor(random() * (words.length - 3)), 2);
      }
    });
    Y.applyUpdate(doc, Y.encodeStateAsUpdate(other));
  }
  assert.ok(text.length > 100_000);
  return doc;
}

interface Outcome {
  readonly missedBytes: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly documentBytes: number;
}

/** One client loses its connection, another types `keystrokes`, the first comes back. */
async function resume(
  keystrokes: number,
  random: Random,
  options: { log: MemoryLog; rawWindowBytes?: number; compact: boolean },
): Promise<Outcome> {
  const { log, compact, rawWindowBytes = 256 * 1024 } = options;
  const outcome = { missedBytes: 0, receivedBytes: 0, sentBytes: 0, documentBytes: 0 };
  await withRelay({ log, limits: { idleUnloadMs: compact ? 0 : 60_000, rawWindowBytes } }, async ({ url }) => {
    const writer = new SyncClient({ url });
    const writing = writer.open('document', { doc: largeDocument(random) });
    await writing.whenSaved({ tier: 'server' });
    const { WebSocket, counts } = countedSockets();
    const reader = new SyncClient({ url, WebSocket });
    const reading = reader.open('document');
    await reading.whenSynced();
    outcome.documentBytes = counts.receivedBytes;
    // Where the reader has got to is an ordinary entry, not the one that brought the whole document.
    for (let typed = 0; typed < 3; typed += 1) {
      writing.doc.getText('text').insert(0, 'x');
      await writing.whenSaved({ tier: 'server' });
    }
    await pass(watermarkMs);
    assert.ok(sameContent(reading.doc, writing.doc));

    counts.cut();
    reader.disconnect();
    const text = writing.doc.getText('text');
    let missed = 0;
    const count = (update: Uint8Array): void => void (missed += update.length);
    writing.doc.on('update', count);
    let at = Math.floor(random() * text.length);
    for (let typed = 0; typed < keystrokes; typed += 1) {
      if (random() < 0.1) at = Math.floor(random() * text.length);
      if (random() < 0.1 && at > 0) text.delete((at -= 1), 1);
      else text.insert(at++, 'x');
      // As fingers do it: not all in one turn.
      if (typed % 10 === 0) await pass(1);
    }
    await writing.whenSaved({ tier: 'server' });
    if (compact) {
      writer.destroy();
      await until('the compaction', async () => {
        const head = await log.head('document');
        return head !== null && head.snapshotSeq === head.lastSeq;
      });
    }
    counts.receivedBytes = 0;
    counts.sentBytes = 0;
    reader.connect();
    await reading.whenSynced();
    await until('the reader to have it all', () => reading.status.synced && sameContent(reading.doc, writing.doc));
    await pass(100);
    outcome.missedBytes = missed;
    outcome.receivedBytes = counts.receivedBytes;
    outcome.sentBytes = counts.sentBytes;
    assert.ok(sameContent(await readers.http(url, 'document'), reading.doc));
    writer.destroy();
    reader.destroy();
  });
  return outcome;
}

function show(what: string, { missedBytes, receivedBytes, sentBytes, documentBytes }: Outcome): void {
  console.log(
    `${what}: ${missedBytes} B missed, ${receivedBytes} B received, ${sentBytes} B sent (document: ${documentBytes} B)`,
  );
}

for (const keystrokes of [10, 1000]) {
  for (const compact of [false, true]) {
    const what = `${keystrokes} keystrokes missed, ${compact ? 'compacted meanwhile' : 'in the log'}`;
    test(`C4 a client that comes back gets what it missed and no more: ${what}`, async () => {
      const outcome = await resume(keystrokes, seededRandom(keystrokes), { log: memoryLog(), compact });
      show(what, outcome);
      const { missedBytes, receivedBytes, sentBytes } = outcome;
      assert.ok(receivedBytes <= 1.2 * missedBytes + 200, `${receivedBytes} B for ${missedBytes} B`);
      assert.ok(sentBytes <= 2000, `${sentBytes} B sent by one that has nothing new`);
    });
  }
}

test('C4 where the log does not reach back, the state vector does: the difference, and the same content', async () => {
  const outcome = await resume(10, seededRandom(7), { log: memoryLog(), rawWindowBytes: 0, compact: true });
  show('10 keystrokes missed, by state vector', outcome);
  assert.ok(outcome.receivedBytes < outcome.documentBytes / 2);
});

test('C4 D1 edits made while away arrive once, whether the last push was acknowledged or not', async () => {
  const log = memoryLog();
  await withRelay({ log }, async ({ url }) => {
    const { WebSocket, counts } = countedSockets();
    const client = new SyncClient({ url, WebSocket });
    const handle = client.open('document');
    await handle.whenSynced();
    const text = handle.doc.getText('text');
    // The commit takes effect, but its acknowledgement never arrives.
    log.faults.afterAppend = async () => {
      delete log.faults.afterAppend;
      counts.cut();
    };
    text.insert(0, 'sent, ');
    await until('the connection to be lost', () => client.status.connection !== 'connected');
    text.insert(text.length, 'and typed while away');
    await handle.whenSaved({ tier: 'server' });
    const read = await readers.native(url, 'document');
    assert.is(read.getText('text').toString(), 'sent, and typed while away');
    assert.is(handle.status.safe, 'server');
    assert.equal((await log.read('document', 0)).length, 2, 'each edit is stored once');
    client.destroy();
  });
});

test.run();
