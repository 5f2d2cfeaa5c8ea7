// @slow
// @timeout 180s
/** A process is killed while it writes; what it said to be durable is there afterwards. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { seededRandom } from '@tideweave/shared';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { systemClock, systemRandom } from '../../src/clock.ts';
import { openLevelStore } from '../../src/store/level-store.ts';
import { contentOf, fail } from './store-fixtures.ts';

const test = suite('OfflineStore: crash');
const rounds = 20;
const writer = fileURLToPath(new URL('store-writer.js', import.meta.url));

/** Lines of a writer that was killed when it had said `lines` of them. */
async function killedAfter(folder: string, seed: number, lines: number): Promise<string[]> {
  const child = spawn(process.execPath, [writer, folder, String(seed), '5000'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  let count = 0;
  child.stdout.on('data', (bytes: Buffer) => {
    said += bytes.toString();
    count += bytes.reduce((sum, byte) => sum + (byte === 10 ? 1 : 0), 0);
    if (count >= lines) child.kill('SIGKILL');
  });
  const signal = await new Promise((resolve) => child.once('close', (_, name) => resolve(name)));
  assert.is(signal, 'SIGKILL');
  // The last line may be cut off.
  return said.split('\n').slice(0, -1);
}

test(`D1 C4 what was durable on the device survives kill -9, in ${rounds} rounds at random moments`, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tideweave-crash-'));
  const random = seededRandom(20);
  const promised = new Set<string>();
  const pendingKeys = new Map<string, string>();
  const acknowledged = new Set<string>();
  let compacted = 0;
  try {
    for (let round = 1; round <= rounds; round += 1) {
      const lines = await killedAfter(folder, round, Math.floor(1 + random() * 400));
      const store = await openLevelStore({ location: folder, clock: systemClock, random: systemRandom, onError: fail });
      for (const line of lines) {
        const [what, n = '', key = ''] = line.split(' ');
        if (what === 'open') continue;
        if (what === 'acknowledged') acknowledged.add(key);
        else promised.add(`${round}-${n}`);
        if (what === 'pending') pendingKeys.set(key, `${round}-${n}`);
      }
      const stored = await store.load('doc');
      // No update is missing in between: what is there is a beginning of what was written.
      const content = new Set(contentOf(stored));
      for (const key of promised) assert.ok(content.has(key), `round ${round}: ${key} was promised`);
      const pending = new Set(stored.pending.map(({ key }) => key));
      assert.is(pending.size, stored.pending.length);
      for (const key of acknowledged) assert.not.ok(pending.has(key), `round ${round}: ${key} was acknowledged`);
      if (stored.base !== null) compacted += 1;
      await store.close();
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  assert.ok(promised.size > 500, `${promised.size} edits were promised`);
  assert.ok(pendingKeys.size > 200 && acknowledged.size > 100);
  assert.ok(compacted > rounds / 2, 'there was a base to lose in most rounds');
});

test.run();
