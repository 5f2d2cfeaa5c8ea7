import { test } from 'uvu';
import * as assert from 'uvu/assert';

import { MemoryLog } from '../../src/log/memory-log.ts';
import { documentLogContract } from './document-log.contract.ts';
import { append, countingIds, entries, rejection } from './log-fixtures.ts';

const newLog = (): MemoryLog => new MemoryLog({ wallTime: () => 1_700_000_000_000, randomId: countingIds() });

documentLogContract('memory', async () => ({ log: newLog(), dispose: async () => {} }));

test('D5 an append that is made to fail stores nothing, or everything, as told', async () => {
  const log = newLog();
  const fail = async (): Promise<void> => {
    throw new Error('disk full');
  };
  log.faults.beforeAppend = fail;
  await rejection(() => append(log, 'doc', entries(1, 1)));
  assert.is(await log.head('doc'), null);
  delete log.faults.beforeAppend;
  log.faults.afterAppend = fail;
  await rejection(() => append(log, 'doc', entries(1, 1)));
  assert.is((await log.head('doc'))?.lastSeq, 1);
});

test.run();
