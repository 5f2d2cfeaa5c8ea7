// @slow
// A relay on a disk that is full for a while, with native and stock clients.
import { SyncClient } from '@tideweave/client';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';

import { endProvider, readers, sameContent, stockProvider, whenSynced } from '../support/readers.ts';
import { RelayProcess } from '../support/relay-process.ts';
import { printSummary } from '../support/summary.ts';
import { pass, until } from '../support/wait.ts';
import { type SmallDisk, withSmallDisk } from './small-disk.ts';
import { verified } from './verified.ts';

const fullMs = 3000;
const names = ['busy', 'quiet'];

async function isReady(relay: RelayProcess): Promise<boolean> {
  return (await fetch(`${relay.http}/readyz`)).ok;
}

/** Types until the disk is full for the relay, too: the last page of its log may have room for some edits more. */
async function typeUntilFull(relay: RelayProcess, type: () => void): Promise<void> {
  await until('the storage to fail', async () => {
    type();
    return !(await isReady(relay));
  });
  await pass(500);
}

test('D5 S9 on a full disk nothing is acknowledged, reads go on, clients see pending, and it recovers without a restart', () =>
  withSmallDisk(async (disk: SmallDisk) => {
    const relay = await RelayProcess.start(disk.path);
    const client = new SyncClient({ url: relay.url });
    const [busy, quiet] = names.map((name) => client.open(name));
    assert.ok(busy !== undefined && quiet !== undefined);
    const stockDoc = new Y.Doc();
    const stock = stockProvider(relay.url, 'busy', stockDoc);
    try {
      await Promise.all([busy.whenSynced(), quiet.whenSynced(), whenSynced(stock)]);
      let made = 0;
      const type = (): void => busy.doc.getArray('numbers').push([(made += 1)]);
      quiet.doc.getText('text').insert(0, 'before');
      for (let count = 0; count < 50; count += 1) type();
      await Promise.all([busy.whenSaved({ tier: 'server' }), quiet.whenSaved({ tier: 'server' })]);

      await disk.fill();
      await typeUntilFull(relay, type);
      const acknowledged = made - busy.status.pending.updates;
      const end = performance.now() + fullMs;
      let reads = 0;
      while (performance.now() < end) {
        type();
        quiet.doc.getText('text').insert(0, 'x');
        assert.is(made - busy.status.pending.updates, acknowledged, 'nothing more is acknowledged');
        for (const read of Object.values(readers)) {
          assert.ok((await read(relay.url, 'quiet')).getText('text').toString().endsWith('before'));
          reads += 1;
        }
        assert.not.ok(await isReady(relay), '/readyz says that nothing can be stored');
      }
      assert.ok(busy.status.pending.updates > 0 && quiet.status.pending.updates > 0, 'what is not safe is shown');
      assert.ok(relay.isRunning && relay.error.includes('the storage fails'), relay.error);
      await until('others to see edits all the same', () => stockDoc.getArray('numbers').length === made);

      await disk.free();
      await Promise.all([busy.whenSaved({ tier: 'server' }), quiet.whenSaved({ tier: 'server' })]);
      assert.ok(await isReady(relay));
      assert.ok(relay.isRunning && relay.error.includes('the storage takes writes again'), relay.error);
      for (const handle of [busy, quiet]) {
        assert.ok(sameContent(await readers.http(relay.url, handle === busy ? 'busy' : 'quiet'), handle.doc));
      }
      console.log(
        `${disk.kind}: ${made} edits, ${acknowledged} of them before the disk was full, ${reads} reads while it was`,
      );
      await relay.kill();
      assert.is(await verified(disk.path), '', 'and everything is in order');
      printSummary({ what: `full disk and back (${disk.kind})`, runs: 1, faults: 1, violations: 0 });
    } finally {
      client.destroy();
      endProvider(stock);
      await relay.kill();
    }
  }));

test('D1 D5 S9 a relay that is killed on a full disk has everything that was acknowledged when there is room again', () =>
  withSmallDisk(async (disk) => {
    let relay = await RelayProcess.start(disk.path);
    const client = new SyncClient({ url: relay.url });
    const handle = client.open('doc');
    await handle.whenSynced();
    let made = 0;
    const type = (): void => handle.doc.getArray('numbers').push([(made += 1)]);
    for (let count = 0; count < 50; count += 1) type();
    await handle.whenSaved({ tier: 'server' });
    await disk.fill();
    await typeUntilFull(relay, type);
    const acknowledged = made - handle.status.pending.updates;
    client.destroy();
    await relay.kill();
    if (disk.kind === 'tmpfs') {
      const failed = await RelayProcess.start(disk.path).catch((error: unknown) => error);
      assert.ok(failed instanceof Error && failed.message.includes('could not start'), String(failed));
    }
    await disk.free().catch(() => undefined);
    relay = await RelayProcess.start(disk.path);
    try {
      const numbers = (await readers.native(relay.url, 'doc')).getArray<number>('numbers').toArray();
      assert.ok(numbers.length >= acknowledged, `${numbers.length} of ${acknowledged}`);
      assert.ok(numbers.every((value, index) => value === index + 1));
    } finally {
      await relay.kill();
    }
  }));

test.run();
