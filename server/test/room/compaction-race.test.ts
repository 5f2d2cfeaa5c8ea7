// @slow
// Documents are opened while they are being unloaded and compacted: whoever comes in between must not notice.
import { seededRandom } from '@tideweave/shared';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { forgedOverlaps, losingMaps } from '../compaction/poison.ts';
import { NativePeer } from '../support/native-peer.ts';
import { memoryLog, withRelay } from '../support/relay.ts';
import { pass, until } from '../support/wait.ts';

test('C2 L1 a document that is opened at any step of its compaction is whole, and takes edits', async () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
  console.log(`seed ${seed}`);
  const random = seededRandom(seed);
  const log = memoryLog();
  // Every read takes a moment, so that a compaction can end before, between and after those of whoever comes.
  const snapshot = log.snapshot.bind(log);
  log.snapshot = async (name) => {
    await pass(random() * 5);
    const found = await snapshot(name);
    await pass(random() * 5);
    return found;
  };
  const read = log.read.bind(log);
  log.read = async (name, after) => {
    await pass(random() * 5);
    const entries = await read(name, after);
    await pass(random() * 5);
    return entries;
  };
  await withRelay({ log, limits: { idleUnloadMs: 0, rawWindowBytes: 0 } }, async ({ url, logged }) => {
    const texts = new Map(Array.from({ length: 40 }, (_, at) => [`document ${at}`, '']));
    const visit = async (name: string): Promise<void> => {
      const peer = await NativePeer.connect(url);
      const opened = await peer.open(name);
      await peer.take('caught-up');
      const doc = new Y.Doc();
      peer.applyTo(doc, opened.doc);
      const text = doc.getText('text');
      assert.is(text.toString(), texts.get(name), `seed ${seed}`);
      const stateVector = Y.encodeStateVector(doc);
      text.insert(0, String(text.length % 10));
      await peer.save(opened.doc, 1, Y.encodeStateAsUpdate(doc, stateVector));
      texts.set(name, text.toString());
      peer.end();
    };
    const visits: Promise<void>[] = [];
    const compact = log.compact.bind(log);
    log.compact = async (name, compaction) => {
      if (visits.length < visitsMax) {
        visits.push(visit(name));
        await pass(random() * 12);
      }
      return compact(name, compaction);
    };
    await Promise.all([...texts.keys()].map(visit));
    await until('the visits', () => visits.length === visitsMax, 100_000);
    await Promise.all(visits);
    await until('every document to be compacted', async () => {
      const heads = await log.list({ after: null, limit: 100 });
      return heads.every(({ snapshotSeq, lastSeq }) => snapshotSeq === lastSeq);
    });
    assert.equal(logged, []);
  });
});

const visitsMax = 200;

test('L1 what is set aside after everybody has left is logged all the same', async () => {
  const log = memoryLog();
  await withRelay({ log, limits: { idleUnloadMs: 0 } }, async ({ url, logged }) => {
    const peer = await NativePeer.connect(url);
    const { doc } = await peer.open('document');
    for (const [at, update] of [...losingMaps(), ...forgedOverlaps(1)].entries()) await peer.save(doc, at + 1, update);
    peer.end();
    await until('the compaction', async () => (await log.quarantined('document')).length === 1);
    await until('the line', () => logged.some(({ message }) => message.includes('set aside')));
    const line = logged.find(({ message }) => message.includes('set aside'));
    assert.equal([line?.fields['document'], line?.fields['seq']], ['document', 3]);
  });
});

test.run();
