// @slow
// @timeout 500s
// Twenty people type, with native and stock clients, and the relay's process is killed at random moments.
import { seededRandom } from '@tideweave/shared';
import { test } from 'uvu';
import { withFolder } from '../support/folders.ts';
import { RelayProcess, stablePort } from '../support/relay-process.ts';
import { printSummary } from '../support/summary.ts';
import { pass, until } from '../support/wait.ts';
import { checkAcknowledged, checkEverythingArrives, sum, whileTyping, writersAt } from './writers.ts';

const rounds = 50;
/** Longest time from the first acknowledgement of a round to the kill. */
const killWithinMs = 300;
const ways = ['native', 'stock', 'http'] as const;

test(`D1 D2 L1 U1 kill -9 under twenty writers, ${rounds} times: every acknowledged edit is there, and the rest arrives (Hocuspocus: nine seconds of typing lost)`, async () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
  console.log(`seed ${seed}`);
  const random = seededRandom(seed);
  await withFolder(async (folder) => {
    const port = await stablePort(random);
    let relay = await RelayProcess.start(folder, { port });
    const writers = writersAt(relay.url);
    let underWayAtKill = 0;
    try {
      for (let round = 1; round <= rounds; round += 1) {
        const before = writers.map(({ acknowledged }) => acknowledged);
        await whileTyping(writers, random, async () => {
          await until('an acknowledgement in this round', () =>
            writers.some(({ acknowledged }, at) => acknowledged > (before[at] ?? 0)),
          );
          await pass(random() * killWithinMs);
          await relay.kill();
          // What the relay said before it died still arrives.
          await pass(20);
        });
        // Nobody who was there may help the relay to remember before it was asked.
        for (const writer of writers) writer.offline();
        const acknowledged = writers.map((writer) => writer.acknowledged);
        underWayAtKill += sum(writers.map(({ made, handle }, at) => (handle ? made - (acknowledged[at] ?? 0) : 0)));
        relay = await RelayProcess.start(folder, { port });
        const way = ways[round % ways.length];
        const asked = way === undefined || round === rounds ? ways : [way];
        await checkAcknowledged(relay.url, writers, acknowledged, asked, `seed ${seed}, round ${round}`);
        for (const writer of writers) writer.online();
      }
      await checkEverythingArrives(relay.url, writers);
    } finally {
      for (const writer of writers) writer.end();
      await relay.kill();
    }
    const [made, acknowledged] = [writers.map((one) => one.made), writers.map((one) => one.acknowledged)].map(sum);
    console.log(`${made} edits, ${acknowledged} acknowledged, ${underWayAtKill} of native clients under way at a kill`);
    printSummary({ what: 'kill -9 of the relay under 20 writers', runs: rounds, faults: rounds, violations: 0 });
  });
});

test.run();
