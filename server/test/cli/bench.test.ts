// @slow
// `tideweave bench`: what it measures is what happened, and it leaves nothing behind.
import { readdir } from 'node:fs/promises';
import { RefusedError, UpdateScan, scanUpdate } from '@tideweave/shared';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import type { BenchReport } from '../../src/cli/bench/bench.ts';
import { keystroke } from '../../src/cli/bench/typist.ts';
import { runProgram } from '../../src/cli/program.ts';
import { withFolder } from '../support/folders.ts';
import { withRelay } from '../support/relay.ts';

async function bench(...args: string[]): Promise<{ code: number | null; out: string; error: string }> {
  let [out, error] = ['', ''];
  const code = await runProgram(['bench', ...args], {
    env: {},
    version: '1',
    writeOut: (text) => void (out += text),
    writeError: (text) => void (error += text),
    serve: () => Promise.reject(new Error('not serving')),
  });
  return { code, out, error };
}

const small = ['--documents', '2', '--readers', '3', '--rate', '100', '--seconds', '1'];

test('W0 what the bench types is what Yjs makes of it, character by character', () => {
  const document = new Y.Doc();
  for (let clock = 0; clock < 300; clock += 1) {
    const update = keystroke(2 ** 31 - 1, clock);
    assert.ok(scanUpdate(update, new UpdateScan()));
    Y.applyUpdate(document, update);
  }
  assert.is(document.store.pendingStructs, null);
  assert.match(document.getText('text').toJSON(), /^abcdefghijklmnopqrstuvwxyz abc/);
  assert.is(document.getText('text').length, 300);
});

test('W0 a bench on a relay of its own counts all, reads it back, and leaves no folder', async () => {
  await withFolder(async (folder) => {
    const { code, out, error } = await bench(...small, '--json', '--data', folder);
    assert.is(code, 0, error);
    const report = JSON.parse(out) as BenchReport;
    assert.equal([report.sent, report.acknowledged, report.missing, report.shareSent], [100, 100, 0, 1]);
    assert.ok(report.ackMs.p50 > 0 && report.ackMs.p99 >= report.ackMs.p50 && report.ackMs.max >= report.ackMs.p99);
    assert.ok(report.deliveryMs.p50 > 0 && report.deliveriesPerSecond > 0);
    assert.equal(await readdir(folder), []);
  });
});

test('W0 a bench on a relay that runs says what it was in words, and deletes its documents', async () => {
  await withRelay({}, async ({ http }) => {
    const { code, out, error } = await bench(...small, '--url', http);
    assert.is(code, 0, error);
    assert.match(out, /^durable {7}\d+\/s: 100 of 100 edits$/m);
    assert.match(out, /^read back {5}every acknowledged edit is there$/m);
    const { documents } = (await (await fetch(`${http}/api/docs`)).json()) as { documents: unknown[] };
    assert.equal(documents, []);
  });
});

test('U3 a document that is deleted while it is written to ends the bench with the reason', async () => {
  await withRelay({}, async ({ http }) => {
    const running = bench(...small, '--url', http, '--json');
    let name = '';
    while (name === '') {
      const { documents } = (await (await fetch(`${http}/api/docs`)).json()) as { documents: { name: string }[] };
      name = documents[0]?.name ?? '';
    }
    await fetch(`${http}/api/docs/${name}`, { method: 'DELETE' });
    const { code, error } = await running;
    assert.is(code, 2);
    assert.match(error, /^tideweave: TW_DOCUMENT_DELETED[^\n]*\n$/);
  });
});

test('U3 who may not write is told so, and a relay that is not there is', async () => {
  const authorize = () => {
    throw new RefusedError('TW_FORBIDDEN', 'not for you');
  };
  await withRelay({ authorize }, async ({ http }) => {
    const refused = await bench(...small, '--url', http);
    assert.is(refused.code, 2);
    assert.match(refused.error, /^tideweave: TW_FORBIDDEN: not for you\n$/);
  });
  const nobody = await bench(...small, '--url', 'http://127.0.0.1:1');
  assert.is(nobody.code, 2);
  assert.match(nobody.error, /^tideweave: [^\n]*ECONNREFUSED[^\n]*\n$/);
});

test.run();
