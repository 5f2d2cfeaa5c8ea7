/**
 * A process that writes to a store in a folder until it is killed, and says of each write that it is durable, on a line
 * of its own: `node store-writer.js FOLDER SEED WRITES` (0: opens, says so, and waits).
 */
import { seededRandom } from '@tideweave/shared';
import * as Y from 'yjs';
import { systemClock, systemRandom } from '../../src/clock.ts';
import { openLevelStore } from '../../src/store/level-store.ts';
import { fail } from './store-fixtures.ts';

const [location = '', seedText = '', countText = ''] = process.argv.slice(2);
const seed = Number(seedText);
const count = Number(countText);
const random = seededRandom(seed);

/** A pipe takes it at once, before anything else happens. */
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const store = await openLevelStore({
  location,
  clock: systemClock,
  random: systemRandom,
  onError: fail,
  limits: { compactEntries: 20 },
});
say('open');
if (count === 0) await new Promise((resolve) => setTimeout(resolve, 60_000));

const doc = new Y.Doc();
doc.clientID = seed;
let update: Uint8Array = new Uint8Array(0);
doc.on('update', (made: Uint8Array) => {
  update = made;
});
const acknowledging: Promise<void>[] = [];
for (let n = 1; n <= count; n += 1) {
  doc.getMap('map').set(`${seed}-${n}`, n);
  const roll = random();
  const { key, durable } = store.append('doc', roll < 0.8 ? 'pending' : 'received', update);
  void durable.then(() => say(`${roll < 0.8 ? 'pending' : 'received'} ${n} ${key}`));
  if (roll < 0.4) {
    const acknowledged = durable.then(() => store.acknowledge('doc', [key]));
    void acknowledged.then(() => say(`acknowledged ${n} ${key}`));
    acknowledging.push(acknowledged);
  }
  if (random() < 0.3) await durable;
}
await Promise.all(acknowledging);
await store.close();
say('closed');
