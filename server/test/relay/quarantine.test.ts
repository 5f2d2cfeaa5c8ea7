// @slow
// Updates that pass every check and throw when they are applied, sent by a raw socket among genuine ones.
import { SyncClient } from '@tideweave/client';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { forgedOverlaps, genuineUpdates, load, losingMaps } from '../compaction/poison.ts';
import { NativePeer } from '../support/native-peer.ts';
import { endProvider, readers, sameContent, stockProvider, whenSynced } from '../support/readers.ts';
import { memoryLog, withRelay } from '../support/relay.ts';
import { until } from '../support/wait.ts';
import { YPeer } from '../support/y-peer.ts';

const poisoned = 24;

for (const dialect of ['tideweave', 'y-websocket'] as const) {
  test(`L1 ${poisoned} updates that cannot be applied are set aside, and the document goes on (${dialect})`, async () => {
    const log = memoryLog();
    await withRelay({ log, limits: { idleUnloadMs: 200 } }, async ({ url, logged }) => {
      // Live sessions of other documents, and readers who come later, must not notice anything.
      const bystander = new SyncClient({ url });
      const stockDoc = new Y.Doc();
      const stock = stockProvider(url, 'quiet', stockDoc);
      const quiet = bystander.open('quiet');
      await Promise.all([quiet.whenSynced(), whenSynced(stock)]);

      const before = [...losingMaps(), ...genuineUpdates(1, 30, 11)];
      const bad = forgedOverlaps(poisoned);
      const after = genuineUpdates(2, 30, 13);
      const mixed = before.map((update) => ({ update }));
      for (let at = 0; at < Math.max(bad.length, after.length); at += 1) {
        for (const update of [bad[at], after[at]]) if (update !== undefined) mixed.push({ update });
      }
      await sendAll(
        dialect,
        url,
        'poisoned',
        mixed.map(({ update }) => update),
      );

      const aside = await until('the compaction', async () => {
        const found = await log.quarantined('poisoned');
        return found.length >= poisoned ? found : null;
      });
      assert.is(aside.length, poisoned);
      assert.equal(
        aside.map(({ update }) => Buffer.from(update).toString('hex')).toSorted(),
        bad.map((update) => Buffer.from(update).toString('hex')).toSorted(),
      );
      for (const { reason } of aside) assert.ok(reason.length > 0);

      const genuine = load([...before, ...after]);
      for (const [kind, read] of Object.entries(readers)) {
        const doc = await read(url, 'poisoned');
        assert.equal(doc.getText('text').toDelta(), genuine.getText('text').toDelta(), kind);
        assert.equal(doc.getMap('map').toJSON(), genuine.getMap('map').toJSON(), kind);
        Y.applyUpdate(new Y.Doc(), Y.encodeStateAsUpdate(doc));
      }

      // It goes on: one writes, the other reads.
      const writer = new SyncClient({ url });
      const handle = writer.open('poisoned');
      await handle.whenSynced();
      handle.doc.getText('text').insert(0, 'and on');
      await handle.whenSaved({ tier: 'server' });
      const read = await readers.stock(url, 'poisoned');
      assert.ok(read.getText('text').toString().startsWith('and on'));
      assert.ok(sameContent(read, handle.doc));
      writer.destroy();

      quiet.doc.getText('text').insert(0, 'undisturbed');
      await quiet.whenSaved({ tier: 'server' });
      await until('the bystander', () => stockDoc.getText('text').toString() === 'undisturbed');
      assert.ok(stock.wsconnected);
      bystander.destroy();
      endProvider(stock);
      const told = logged.filter(({ message }) => message.includes('set aside'));
      assert.is(told.length, poisoned, 'each is a line of the log');
    });
  });
}

test('L1 a live client that meets such an update is told, and keeps its copy; the others of its connection go on', async () => {
  await withRelay({ log: memoryLog(), limits: { idleUnloadMs: 60_000 } }, async ({ url }) => {
    const [loser, winner] = losingMaps();
    assert.ok(loser !== undefined && winner !== undefined);
    const peer = await NativePeer.connect(url);
    const { doc } = await peer.open('poisoned');
    await peer.save(doc, 1, loser);
    await peer.save(doc, 2, winner);
    const client = new SyncClient({ url });
    const handle = client.open('poisoned');
    const other = client.open('healthy');
    await Promise.all([handle.whenSynced(), other.whenSynced()]);
    const refused = new Promise<{ code: string; action: string }>((resolve) => void handle.on('refused', resolve));
    const [bad] = forgedOverlaps(1);
    assert.ok(bad !== undefined);
    await peer.save(doc, 3, bad);
    const { code, action } = await refused;
    assert.equal([code, action], ['TW_QUARANTINED', 'reload']);
    assert.is(handle.status.phase, 'refused');
    assert.ok(handle.doc.getMap('map').has('nested'), 'its copy is kept');
    other.doc.getText('text').insert(0, 'fine');
    await other.whenSaved({ tier: 'server' });
    client.destroy();
    peer.end();
  });
});

test('L1 U3 who sends an update again that was set aside is refused with a code, and nothing is stored', async () => {
  const log = memoryLog();
  await withRelay({ log, limits: { idleUnloadMs: 100 } }, async ({ url, http, relay }) => {
    const [bad] = forgedOverlaps(1);
    assert.ok(bad !== undefined);
    await sendAll('tideweave', url, 'poisoned', [...losingMaps(), bad]);
    await until('the compaction', async () => (await log.quarantined('poisoned')).length === 1);
    const { lastSeq } = (await log.head('poisoned')) ?? {};
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      const native = await NativePeer.connect(url);
      const { doc } = await native.open('poisoned');
      native.push(doc, 1, bad);
      const refused = await native.take('refuse');
      assert.equal([refused.scope, refused.code, refused.action], ['document', 'TW_QUARANTINED', 'reload']);
      native.end();
      // Once: who comes back after such a refusal is held for 20 s before it is told.
      if (attempt === 1) {
        const stock = await YPeer.connect(url, 'poisoned');
        stock.begin(new Y.Doc());
        await stock.take('step-2');
        stock.send({ type: 'update', update: bad });
        assert.is((await stock.closed).code, 4422);
      }
      const posted = await fetch(`${http}/api/docs/poisoned/update`, { method: 'POST', body: new Uint8Array(bad) });
      assert.is(posted.status, 422);
      // The next attempt meets a room that was loaded afresh.
      await until('the room to be unloaded', () => relay.stats.documents === 0);
    }
    assert.is((await log.head('poisoned'))?.lastSeq, lastSeq);
    assert.is((await log.quarantined('poisoned')).length, 1);
    // Others go on, and so does the document.
    const client = new SyncClient({ url });
    const handle = client.open('poisoned');
    await handle.whenSynced();
    handle.doc.getText('text').insert(0, 'and on');
    await handle.whenSaved({ tier: 'server' });
    client.destroy();
  });
});

/** Sends updates as they are, waits until all of them are durable, and leaves. */
async function sendAll(dialect: string, url: string, name: string, updates: readonly Uint8Array[]): Promise<void> {
  if (dialect === 'tideweave') {
    const peer = await NativePeer.connect(url);
    const { doc } = await peer.open(name);
    for (const [at, update] of updates.entries()) await peer.save(doc, at + 1, update);
    peer.end();
    return;
  }
  const peer = await YPeer.connect(url, name);
  peer.begin(new Y.Doc());
  await peer.take('step-2');
  const http = url.replace(/^ws/, 'http');
  for (const [at, update] of updates.entries()) {
    peer.send({ type: 'update', update });
    // The dialect has no acknowledgement: the API says when it is stored, so that each is an entry of its own.
    await until('the update to be stored', async () => {
      const response = await fetch(`${http}/api/docs/${name}`);
      return response.ok && ((await response.json()) as { seq: number }).seq >= at + 1;
    });
  }
  peer.end();
}

test.run();
