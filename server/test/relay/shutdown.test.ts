// @slow
// The relay is asked to end while twenty people type: it drains, says so to everybody, and they come back by themselves.
import { seededRandom } from '@tideweave/shared';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { withFolder } from '../support/folders.ts';
import { RelayProcess, stablePort, withRelayProcess } from '../support/relay-process.ts';
import { printSummary } from '../support/summary.ts';
import { pass, until } from '../support/wait.ts';
import { checkAcknowledged, checkEverythingArrives, whileTyping, writersAt } from './writers.ts';

const rounds = 3;

test(`R5 D1 U3 SIGTERM under twenty writers, ${rounds} times: it drains within 10 s, nothing acknowledged is lost, everybody is told and comes back`, async () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
  console.log(`seed ${seed}`);
  const random = seededRandom(seed);
  await withFolder(async (folder) => {
    const port = await stablePort(random);
    let relay = await RelayProcess.start(folder, { port });
    const writers = writersAt(relay.url);
    try {
      for (let round = 1; round <= rounds; round += 1) {
        const before = writers.map((writer) => writer.acknowledged);
        await whileTyping(writers, random, async () => {
          // Everybody is connected when it ends, and busy.
          await until('everybody to be acknowledged', () =>
            writers.every(({ kind, acknowledged }, at) => kind !== 'native' || acknowledged > (before[at] ?? 0)),
          );
          await until('stock clients to be connected', () => writers.every((writer) => writer.isConnected));
          await pass(random() * 200);
          for (const { told } of writers) told.length = 0;
          const asked = performance.now();
          const { code, signal, error } = await relay.stop();
          const ms = performance.now() - asked;
          assert.equal([code, signal], [0, null], error);
          assert.ok(ms < 10_000, `drained in ${ms} ms`);
          assert.match(error, /"msg":"drained"/);
          assert.not.match(error, /draining took too long/);
          await until('everybody to be told', () => writers.every(({ told }) => told.some((reason) => reason !== '')));
        });
        for (const { kind, told } of writers) {
          assert.match(told.find((reason) => reason !== '') ?? '', /^TW_SHUTTING_DOWN: /, kind);
        }
        const acknowledged = writers.map((writer) => writer.acknowledged);
        // Somewhere else, so that nobody who was there helps it to remember.
        await withRelayProcess(folder, {}, ({ url }) =>
          checkAcknowledged(url, writers, acknowledged, ['http'], `seed ${seed}, round ${round}`),
        );
        relay = await RelayProcess.start(folder, { port });
      }
      await checkEverythingArrives(relay.url, writers);
    } finally {
      for (const writer of writers) writer.end();
      await relay.kill();
    }
  });
  printSummary({ what: 'SIGTERM of the relay under 20 writers', runs: rounds, faults: rounds, violations: 0 });
});

test.run();
