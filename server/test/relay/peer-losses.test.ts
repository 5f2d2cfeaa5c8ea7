// @slow
// How other servers lose work that was acknowledged or visible: what each of them does stands in the title, and must not
// happen here. What they lose at a crash, offline and behind slow readers is in the suites of those; titles name it, too.
import { SyncClient } from '@tideweave/client';
import { RefusedError } from '@tideweave/shared';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import type { Authorizer } from '../../src/auth/authorizer.ts';
import { withFolder } from '../support/folders.ts';
import { NativePeer } from '../support/native-peer.ts';
import { readers } from '../support/readers.ts';
import { memoryLog, withRelay } from '../support/relay.ts';
import { withRelayProcess } from '../support/relay-process.ts';
import { pass, until, within } from '../support/wait.ts';

const textOf = (doc: Y.Doc): string => doc.getText('text').toString();
const updateOf = (text: string): Uint8Array => {
  const doc = new Y.Doc();
  doc.getText('text').insert(0, text);
  return Y.encodeStateAsUpdate(doc);
};
const joins = 150;
const largeBytes = 1024 * 1024;
/** All that may wait in the sockets of so many readers, and as much again. */
const extraBytesMax = 2 * joins * 1024 * 1024;

test('D5 D1 a write that fails once is tried again, and a document that everybody left meanwhile is not reopened empty (Hocuspocus)', async () => {
  const log = memoryLog();
  await withRelay({ log, limits: { idleUnloadMs: 0 } }, async ({ url, relay }) => {
    let failures = 0;
    log.faults.beforeAppend = () => {
      failures += 1;
      return failures > 3 ? Promise.resolve() : Promise.reject(new Error('the disk is full'));
    };
    const peer = await NativePeer.connect(url);
    const { doc } = await peer.open('document');
    peer.push(doc, 1, updateOf('typed'));
    await until('the first failure', () => failures > 0);
    peer.end();
    await until('the author to be gone', () => relay.stats.connections === 0);
    for (const read of [readers.native, readers.stock]) assert.is(textOf(await read(url, 'document')), 'typed');
    await until('it to be durable', async () => (await log.head('document'))?.lastSeq === 1);
    await until('the document to be unloaded', () => relay.stats.documents === 0);
    assert.is(textOf(await readers.native(url, 'document')), 'typed');
  });
});

test('R5 D5 U1 a storage that fails while the last client leaves does not hold up the end of the relay (Hocuspocus)', async () => {
  const log = memoryLog();
  let client: SyncClient | null = null;
  await withRelay({ log, limits: { drainMs: 300 } }, async ({ url, relay, logged }) => {
    log.faults.beforeAppend = () => Promise.reject(new Error('the disk is full'));
    client = new SyncClient({ url });
    const handle = client.open('document');
    await handle.whenSynced();
    handle.doc.getText('text').insert(0, 'typed');
    await until('the failure to be known', () => logged.some(({ message }) => message.includes('the storage fails')));
    await within('the end of the relay', relay.close());
    assert.ok(logged.some(({ message }) => message.startsWith('draining took too long')));
    assert.equal([handle.status.pending.updates, handle.status.safe], [1, 'memory'], 'its author keeps it, and knows');
    client.destroy();
  });
});

test('U1 P23 what is denied, cannot be decoded or builds on nothing is never acknowledged (y-sweet echoes its acknowledgement)', async () => {
  const log = memoryLog();
  const authorize: Authorizer = ({ document }) => {
    if (document === 'denied') throw new RefusedError('TW_FORBIDDEN', 'not for you');
    return { access: document === 'read-only' ? 'read' : 'write', user: '' };
  };
  const orphan = new Y.Doc();
  orphan.getText('text').insert(0, 'begins ');
  const before = Y.encodeStateVector(orphan);
  orphan.getText('text').insert(7, 'orphan');
  await withRelay({ log, authorize }, async ({ url }) => {
    for (const [name, update, answer] of [
      ['denied', updateOf('x'), 'refuse'],
      ['read-only', updateOf('x'), 'refuse'],
      ['malformed', updateOf('x').slice(0, -1), 'refuse'],
      ['orphan', Y.encodeStateAsUpdate(orphan, before), 'want'],
    ] as const) {
      const peer = await NativePeer.connect(url);
      peer.ask(name);
      const doc = name === 'denied' ? 1 : (await peer.take('opened')).doc;
      peer.push(doc, 1, update);
      await peer.take(answer);
      await pass(50);
      assert.not.ok(
        peer.inbox.some(({ type }) => type === 'ack'),
        name,
      );
      peer.end();
      assert.is(await log.head(name), null, name);
    }
  });
});

test('U1 D2 an edit that is made while a save is under way is not saved with it (y-sweet)', async () => {
  const log = memoryLog();
  await withRelay({ log }, async ({ url }) => {
    const client = new SyncClient({ url });
    const handle = client.open('document');
    await handle.whenSynced();
    const text = handle.doc.getText('text');
    const commits: (() => void)[] = [];
    log.faults.beforeAppend = () => new Promise((resolve) => void commits.push(resolve));
    text.insert(0, 'first ');
    await until('the first save to be under way', () => commits.length === 1);
    const first = handle.whenSaved({ tier: 'server' });
    text.insert(6, 'second');
    let saved = false;
    const second = handle.whenSaved({ tier: 'server' }).then(() => (saved = true));
    await until('others to see it', async () => textOf(await readers.native(url, 'document')) === 'first second');
    commits[0]?.();
    await first;
    await until('the second save to be under way', () => commits.length === 2);
    assert.equal([saved, handle.status.pending.updates, handle.status.safe], [false, 1, 'memory']);
    assert.is((await log.head('document'))?.lastSeq, 1);
    commits[1]?.();
    await second;
    assert.is((await log.head('document'))?.lastSeq, 2);
    client.destroy();
  });
});

test('D1 D2 what is acknowledged is in the durable log at that moment, compacted or not (y/hub: in Redis only)', async () => {
  const log = memoryLog();
  await withRelay({ log }, async ({ url }) => {
    const peer = await NativePeer.connect(url);
    const { doc } = await peer.open('document');
    await peer.save(doc, 1, updateOf('typed'));
    const [entry] = await log.read('document', 0);
    assert.is((await log.head('document'))?.snapshotSeq, 0);
    const read = new Y.Doc();
    Y.applyUpdate(read, entry?.update ?? new Uint8Array(0));
    assert.is(textOf(read), 'typed');
    peer.end();
  });
});

test(`R2 C2 ${joins} join a large document at once: each gets all of it, and memory stays bounded (y/hub: 6.5 GB)`, () =>
  withFolder((folder) =>
    withRelayProcess(folder, {}, async (relay) => {
      const author = await NativePeer.connect(relay.url);
      const { doc } = await author.open('large');
      await author.save(doc, 1, updateOf('x'.repeat(largeBytes)));
      author.end();
      const before = await relay.residentBytes();
      let peak = before;
      let going = true;
      const watching = (async () => {
        while (going) {
          peak = Math.max(peak, await relay.residentBytes());
          await pass(20);
        }
      })();
      try {
        await Promise.all(
          Array.from({ length: joins }, async () => {
            const peer = await NativePeer.connect(relay.url);
            const opened = await peer.open('large');
            await peer.take('caught-up');
            const copy = new Y.Doc();
            peer.applyTo(copy, opened.doc);
            peer.end();
            assert.is(copy.getText('text').length, largeBytes);
          }),
        );
      } finally {
        going = false;
        await watching;
      }
      console.log(`resident: ${Math.round(before / 2 ** 20)} MiB before, at most ${Math.round(peak / 2 ** 20)} MiB`);
      assert.ok(peak - before < extraBytesMax, `${peak - before} bytes more`);
    }),
  ));

test.run();
