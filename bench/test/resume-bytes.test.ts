// @slow
// What coming back costs, on a part of the trace with which `npm run resume-bytes` measures.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { defaultTrace } from '../src/replay/arguments.ts';
import { resumeCosts } from '../src/replay/resume-cost.ts';
import { cutTrace } from '../src/replay/trace.ts';

const missed = [0, 1, 10, 1000];

test('C4 a device that missed 0, 1, 10 or 1,000 updates gets at most 1.2 times their bytes + 200, both ways together', async () => {
  const costs = await resumeCosts(cutTrace(await defaultTrace('sequential'), 20_000), missed);
  assert.equal(
    costs.map(({ missedUpdates }) => missedUpdates),
    missed,
  );
  for (const { missedUpdates, missedBytes, receivedBytes, sentBytes, boundBytes } of costs) {
    const text = `${missedUpdates} missed (${missedBytes} B): ${receivedBytes} B received, ${sentBytes} B sent`;
    console.log(text);
    assert.ok(receivedBytes + sentBytes <= boundBytes, `${text}, at most ${boundBytes}`);
  }
});

test.run();
