// @slow
// @timeout 300s
// The relay is killed at the very moment at which a stock provider shows everything as saved.
import { seededRandom } from '@tideweave/shared';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { withFolder } from '../support/folders.ts';
import { RelayProcess, stablePort, withRelayProcess } from '../support/relay-process.ts';
import { printSummary } from '../support/summary.ts';
import { pass, until } from '../support/wait.ts';
import { clients } from './client.ts';
import { HocuspocusClient, type HocuspocusMajor } from './hocuspocus-client.ts';
import { Table } from './table.ts';

const rounds = 20;
const majors: readonly HocuspocusMajor[] = [4, 3, 2];
const table = new Table('killed when saved');
const random = seededRandom(20);
let lostRounds = 0;

interface Round {
  readonly name: string;
  /** What was in the document when it showed that nothing is unsaved. */
  readonly shown: string;
}

/** Types until `edits` are shown as saved, and kills the relay within that very event. */
async function typeAndKill(relay: RelayProcess, client: HocuspocusClient, edits: number): Promise<string> {
  const text = client.doc.getText('text');
  let typed = 0;
  const moment: { shown: string | null; killed: Promise<void> } = { shown: null, killed: Promise.resolve() };
  client.provider.on('unsyncedChanges', () => {
    if (moment.shown !== null || typed < edits || client.provider.hasUnsyncedChanges) return;
    moment.shown = text.toJSON();
    moment.killed = relay.kill();
  });
  for (; moment.shown === null && typed < edits * 20; typed++) {
    text.insert(Math.floor(random() * (text.length + 1)), `<${typed}>`);
    if (random() < 0.2) text.delete(Math.floor(random() * (text.length - 1)), 1);
    await pass(random() < 0.1 ? 30 : 1);
  }
  await until('everything to be shown as saved', () => moment.shown !== null);
  await moment.killed;
  return moment.shown ?? '';
}

async function runRound(round: number, data: string, port: number): Promise<Round> {
  const relay = await RelayProcess.start(data, { port });
  const major = majors[round % majors.length] ?? 4;
  const client = new HocuspocusClient(major, { url: relay.url, name: `round ${round}` });
  try {
    await until('the provider to be synced', () => client.isSynced);
    if (round % 2 === 1) {
      // A provider counts edits made offline as one: this is where other servers say too early that all is saved.
      await client.goOffline();
      for (let at = 0; at < 20; at++) client.doc.getText('text').insert(0, `[${at}]`);
      client.goOnline();
    }
    return { name: `round ${round}`, shown: await typeAndKill(relay, client, 1 + Math.floor(random() * 30)) };
  } finally {
    client.destroy();
    await relay.kill();
  }
}

test('U1 D1 what a provider showed as saved is there after kill -9 at that moment, in 20 rounds of 20 (Hocuspocus loses what it acknowledged 1 ms before)', () =>
  withFolder(async (data) => {
    const port = await stablePort(seededRandom(process.pid));
    const results: Round[] = [];
    for (let round = 0; round < rounds; round++) results.push(await runRound(round, data, port));
    let lost = 0;
    let characters = 0;
    await withRelayProcess(data, { port }, async ({ url }) => {
      for (const [round, { name, shown }] of results.entries()) {
        const reader = clients['y-websocket 3']({ url, name });
        await until(`${name} to be read`, () => reader.isSynced);
        const kept = reader.doc.getText('text').toJSON();
        reader.destroy();
        characters += shown.length;
        // Nothing was typed from then on, and nothing was on its way: insertions and deletions are all there.
        const isKept = kept === shown;
        if (!isKept) lost++;
        const behaviour = round % 2 === 1 ? 'after being offline' : 'online';
        table.record(`hocuspocus ${majors[round % majors.length]}`, behaviour, isKept);
      }
    });
    assert.ok(characters > 0);
    lostRounds = lost;
    assert.is(lost, 0, `${lost} of ${rounds} rounds lost something that was shown as saved`);
    table.record('all', `characters shown as saved: ${characters}, lost: 0`, true);
  }));

test.after(() => {
  table.print();
  printSummary({ what: 'kill -9 when Hocuspocus shows saved', runs: rounds, faults: rounds, violations: lostRounds });
});

test.run();
