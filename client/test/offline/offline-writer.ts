/**
 * A client's process that edits a document until it is killed: `node offline-writer.js FOLDER URL ROUND SEED`. Says of
 * each edit when it is made and when the device has it, on a line of its own.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { SyncClient } from '@tideweave/client';
import { openLevelStore } from '@tideweave/client/store';
import { seededRandom } from '@tideweave/shared';
import { systemClock, systemRandom } from '../../src/clock.ts';

const [location = '', url = '', round = '', seed = ''] = process.argv.slice(2);
const random = seededRandom(Number(seed));

/** A pipe takes it at once, before anything else happens. */
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const store = await openLevelStore({
  location,
  clock: systemClock,
  random: systemRandom,
  onError: (error) => say(`storefailed ${error.message}`),
  limits: { compactEntries: 20 },
});
// Of four processes one stays offline, so that its edits wait for the next.
const client = new SyncClient({ url, store, connect: random() < 0.75 });
const handle = client.open('document');
handle.on('storefailed', (error) => say(`storefailed ${error.message}`));
handle.on('refused', ({ code }) => say(`refused ${code}`));
const list = handle.doc.getArray<string>('list');
for (let n = 1; ; n += 1) {
  const edit = `${round}-${n}`;
  // Inserted anywhere, so that edits build on what others and earlier processes made.
  list.insert(Math.floor(random() * (list.length + 1)), [edit]);
  say(`made ${edit}`);
  void handle.whenSaved({ tier: 'device' }).then(() => say(`device ${edit}`));
  void handle.whenSaved({ tier: 'server' }).then(() => say(`server ${edit}`));
  if (random() < 0.6) await delay(random() * 6);
  if (random() < 0.02) {
    client.disconnect();
    await delay(random() * 10);
    client.connect();
  }
}
