// @slow
// @timeout 240s
/** A client's process is killed again and again between edit, device write and push: what it promised is not lost. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { OfflineWorld, printedSeed, until, within } from './offline-world.ts';

const rounds = Number(process.env['ROUNDS'] ?? 50);
/** Longest time from a process's first edit to its end. */
const killWithinMs = 250;
/** Right after an edit, the device's promise or the relay's. */
const moments = ['made', 'device', 'server'] as const;
const writer = fileURLToPath(new URL('offline-writer.js', import.meta.url));

/** When a process is killed: right after the line that says so for the n-th time, and in any case so long after its first. */
interface Moment {
  readonly what: (typeof moments)[number];
  readonly times: number;
  readonly atLatestMs: number;
}

/** What a process said that was killed at this moment. */
async function killedAt(args: readonly string[], { what, times, atLatestMs }: Moment): Promise<string[]> {
  const child = spawn(process.execPath, [writer, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (bytes: Buffer) => {
    if (said === '') setTimeout(() => child.kill('SIGKILL'), atLatestMs);
    said += bytes.toString();
    if (said.split(`${what} `).length > times) child.kill('SIGKILL');
  });
  const signal = await new Promise((resolve) => child.once('close', (_, name) => resolve(name)));
  assert.is(signal, 'SIGKILL');
  // The last line may be cut off.
  return said.split('\n').slice(0, -1);
}

test(`C2 C4 U1 kill -9 of a client, ${rounds} times: every edit promised by the device is on the relay, once`, async () => {
  const { seed, random } = printedSeed();
  const world = await OfflineWorld.begin();
  const made = new Set<string>();
  const onDevice = new Set<string>();
  const onServer = new Set<string>();
  const killed = { beforeDevice: 0, beforeServer: 0 };
  let waited = 0;
  try {
    // Commits that take their time: a moment between push and acknowledgement to be killed in.
    world.log.faults.beforeAppend = () => new Promise((resolve) => setTimeout(resolve, random() * 15));
    await world.online();
    for (let round = 1; round <= rounds; round += 1) {
      const where = `seed ${seed}, round ${round}`;
      const args = [join(world.folder, 'device'), world.url, String(round), String(seed + round)];
      const moment: Moment = {
        what: moments[Math.floor(random() * moments.length)] ?? 'made',
        times: 1 + Math.floor(random() * 25),
        atLatestMs: random() * killWithinMs,
      };
      const counts = { made: 0, device: 0, server: 0 };
      for (const line of await killedAt(args, moment)) {
        const [what, edit = ''] = line.split(' ');
        if (what === 'made' || what === 'device' || what === 'server') counts[what] += 1;
        if (what === 'made') made.add(edit);
        else if (what === 'device') onDevice.add(edit);
        else if (what === 'server') onServer.add(edit);
        else assert.unreachable(`${where}: ${line}`);
      }
      // An edit in memory, one on the device alone, everything safe: all of these have to be met.
      if (counts.made > counts.device) killed.beforeDevice += 1;
      if (counts.device > counts.server) killed.beforeServer += 1;
      if (onServer.size > 0) {
        const held = (await world.content()).getArray<string>('list').toArray();
        for (const edit of onServer) assert.ok(held.includes(edit), `${where}: ${edit} was saved on the server`);
      }
      // Some edits wait for the process after the next.
      if (random() < 0.25 && round < rounds) continue;

      const device = await world.device();
      await within('the device', device.handle.whenLoaded());
      waited += device.handle.status.pending.updates;
      await within('the relay', device.handle.whenSaved({ tier: 'server' }));
      await within('what only the relay has', device.handle.whenSynced());
      const list = (await world.content()).getArray<string>('list').toArray();
      const held = new Set(list);
      assert.is(held.size, list.length, `${where}: no edit twice`);
      for (const edit of onDevice) assert.ok(held.has(edit), `${where}: ${edit} was promised`);
      for (const edit of held) assert.ok(made.has(edit), `${where}: ${edit} was made`);
      assert.equal(device.handle.doc.getArray('list').toArray(), list, where);
      await until('nothing to be pending on the device', async () => {
        return (await device.store.load('document')).pending.length === 0;
      });
      await device.end();
    }
    assert.equal(world.storeErrors, []);
  } finally {
    await world.end();
  }
  console.log(
    `${made.size} edits made, ${onDevice.size} promised by the device, ${onServer.size} by the relay, ` +
      `${waited} pushed after a restart; killed with an edit not on the device yet ${killed.beforeDevice} times, ` +
      `not on the relay yet ${killed.beforeServer} times`,
  );
  console.log('\n| what | runs | faults injected | violations |');
  console.log('| --- | --- | --- | --- |');
  console.log(`| kill -9 of a client between edit, device and push | ${rounds} | ${rounds} | 0 |`);
  assert.ok(onDevice.size > rounds && waited > rounds / 2 && killed.beforeDevice > 0 && killed.beforeServer > 0);
});

test.run();
