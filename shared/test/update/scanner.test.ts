import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { scanUpdate } from '../../src/update/scanner.ts';
import { UpdateScan } from '../../src/update/update-scan.ts';
import { caseRandom, randomHistory, syncInto, testSeed } from './random-documents.ts';
import { scannedRanges, yjsRanges } from './reference.ts';

const scan = new UpdateScan();

test('S1 every genuine update is accepted, with the ranges that Yjs reads', () => {
  const seed = testSeed('genuine updates');
  let updates = 0;
  for (let index = 0; index < 1500; index++) {
    const history = randomHistory(caseRandom(seed, index));
    for (const document of history.documents) syncInto(history.documents[0]!, document);
    const whole = history.documents.map((document) => Y.encodeStateAsUpdate(document));
    for (const update of [...history.updates, ...whole, Y.mergeUpdates([...history.updates])]) {
      assert.ok(scanUpdate(update, scan), `case ${index}: ${scan.error} at ${scan.errorOffset} of ${update.join(' ')}`);
      assert.equal(scannedRanges(scan), yjsRanges(update), `case ${index}`);
      updates++;
    }
  }
  console.log(`${updates} genuine updates`);
});

test.run();
