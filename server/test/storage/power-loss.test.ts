// @slow
// @timeout 240s
// Twenty times the power fails under a relay that is written to: what it had called durable is there, and it starts.
import { cp, mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { SyncClient } from '@tideweave/client';
import { type Random, seededRandom } from '@tideweave/shared';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type * as Y from 'yjs';

import { withFolder } from '../support/folders.ts';
import { readers } from '../support/readers.ts';
import { RelayProcess } from '../support/relay-process.ts';
import { printSummary } from '../support/summary.ts';
import { pass } from '../support/wait.ts';
import { afterPowerLoss, buildShim, shimEnvironment } from './power-loss.ts';
import { verified } from './verified.ts';

const rounds = 20;
const documents = 6;
const loadMsMax = 1200;
/** Of these sizes are edits, so that LevelDB turns its log and merges tables meanwhile. */
const editBytes = [20, 300, 20_000, 200_000];

/** Starts a relay whose every change to a file is written down. */
async function startTraced(data: string, library: string, trace: string): Promise<RelayProcess> {
  const before = process.env;
  process.env = { ...before, ...shimEnvironment(library, data, trace) };
  try {
    return await RelayProcess.start(data, { args: ['--idle-unload-ms', '100', '--raw-window-bytes', '8KiB'] });
  } finally {
    process.env = before;
  }
}

const nameOf = (index: number): string => `document ${index}`;

/** Types numbered edits into documents until the power fails; returns how many of each were acknowledged at that moment. */
async function load(relay: RelayProcess, made: number[], random: Random): Promise<number[]> {
  const client = new SyncClient({ url: relay.url });
  const handles = made.map((_, index) => client.open(nameOf(index)));
  try {
    await Promise.all(handles.map((handle) => handle.whenSynced()));
    // What was not acknowledged before the power failed last time may be gone: this device is a new one.
    for (const [index, handle] of handles.entries()) made[index] = checkedCount(handle.doc, index);
    const end = performance.now() + 200 + random() * loadMsMax;
    while (performance.now() < end) {
      for (const [index, handle] of handles.entries()) {
        if (random() < 0.4) continue;
        const bytes = editBytes[Math.floor(random() ** 4 * editBytes.length)] ?? 0;
        made[index] = (made[index] ?? 0) + 1;
        const edit = made[index];
        handle.doc.transact(() => {
          handle.doc.getArray('numbers').push([edit]);
          handle.doc.getMap('last').set('text', 'x'.repeat(bytes));
        });
      }
      // Once in a while nothing happens for long enough to be compacted.
      await pass(random() < 0.05 ? 150 : 5);
    }
    const acknowledged = handles.map(({ status }, index) => (made[index] ?? 0) - status.pending.updates);
    await relay.kill();
    return acknowledged;
  } finally {
    client.destroy();
  }
}

/** The numbers are 1 to n; returns n. */
function checkedCount(doc: Y.Doc, index: number): number {
  const numbers = doc.getArray<number>('numbers').toArray();
  assert.ok(
    numbers.every((value, at) => value === at + 1),
    `document ${index}: every edit once, in order`,
  );
  return numbers.length;
}

test('D1 D2 D3 S6 twenty losses of power under load: every edit that was called durable is there', async () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
  console.log(`seed ${seed}`);
  const random = seededRandom(seed);
  await withFolder(async (folder) => {
    const library = await buildShim(folder);
    const [before, data, after, trace] = ['before', 'data', 'after', 'trace'].map((name) => join(folder, name));
    assert.ok(before !== undefined && data !== undefined && after !== undefined && trace !== undefined);
    await mkdir(before);
    const made = Array.from({ length: documents }, () => 0);
    let acknowledged = made;
    const totals = { edits: 0, entries: 0, syncs: 0, bytesLost: 0, filesChangedLost: 0 };
    for (let round = 1; round <= rounds + 1; round += 1) {
      await cp(before, data, { recursive: true });
      const relay = await startTraced(data, library, trace);
      for (const [index, count] of acknowledged.entries()) {
        const found = checkedCount(await readers.http(relay.url, nameOf(index)).catch(nothingYet(count)), index);
        assert.ok(found >= count, `round ${round}: document ${index} has ${found} of ${count} durable edits`);
      }
      assert.not.ok(relay.error.includes('"level":"error"'), relay.error);
      if (round > rounds) {
        await relay.stop();
        assert.is(await verified(data), '');
        break;
      }
      const start = made.reduce((sum, count) => sum + count, 0);
      acknowledged = await load(relay, made, random);
      totals.edits += made.reduce((sum, count) => sum + count, 0) - start;
      const { entries, syncs, bytesLost, filesChangedLost } = await afterPowerLoss(before, trace, after, random);
      totals.entries += entries;
      totals.syncs += syncs;
      totals.bytesLost += bytesLost;
      totals.filesChangedLost += filesChangedLost;
      for (const path of [before, data, trace]) await rm(path, { recursive: true });
      await rename(after, before);
    }
    console.log(`${rounds} rounds: ${JSON.stringify(totals)}`);
    printSummary({ what: 'loss of power under load', runs: rounds, faults: rounds, violations: 0 });
    assert.ok(totals.bytesLost > 0 && totals.syncs > rounds, 'something was at stake');
  });
});

/** A document that was never acknowledged need not be there. */
function nothingYet(count: number): (error: unknown) => Promise<Y.Doc> {
  return async (error) => {
    if (count > 0) throw error;
    const { Doc } = await import('yjs');
    return new Doc();
  };
}

test.run();
