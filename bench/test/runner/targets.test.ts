import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { PeerName } from '../../src/peers/peers.ts';
import { type Measured, type Results, emptyResults } from '../../src/runner/results.ts';
import { formatResults } from '../../src/runner/table.ts';
import { judge } from '../../src/runner/targets.ts';
import type { Measures } from '../../src/workloads/workload.ts';
import { workloads } from '../../src/workloads/workloads.ts';

const variant = '200 readers, 200/s';

function measured(peer: PeerName, round: number, measures: Measures): Measured {
  return { workload: 'w1', variant, peer, round, measures, failure: null };
}

function resultsOf(...runs: Measured[]): Results {
  return { ...emptyResults(false, 3), runs };
}

test('W0 a target is judged by the ratio of medians, to the bare relay and to the best of the peers', () => {
  const verdicts = judge(
    resultsOf(
      ...[3, 100, 2.7].map((cpuUsPerDelivery, round) => measured('tideweave', round, { cpuUsPerDelivery })),
      measured('bare', 0, { cpuUsPerDelivery: 4 }),
      measured('hocuspocus', 0, { cpuUsPerDelivery: 3.5 }),
      measured('y-websocket', 0, { cpuUsPerDelivery: 6 }),
    ),
  );
  assert.equal(
    verdicts.map(({ against, is, isMet }) => ({ against, is, isMet })),
    [
      { against: 'bare ws relay', is: '0.75 ×', isMet: true },
      { against: 'Hocuspocus 4.7 + SQLite', is: '0.86 ×', isMet: false },
    ],
  );
  assert.is(verdicts[1]?.by, '7.14 %');
});

test('W0 a target has a row that says so when a run of ours or all of the others failed, and none when nobody tried', () => {
  const failed = (peer: PeerName): Measured => ({ ...measured(peer, 0, {}), measures: null, failure: 'it fell over' });
  const ours = measured('tideweave', 0, { cpuUsPerDelivery: 3 });
  const rows = (...runs: Measured[]): unknown => judge(resultsOf(...runs)).map(({ is, isMet }) => ({ is, isMet }));
  const notMeasured = { is: '–', isMet: null };

  assert.equal(rows(ours), []);
  assert.equal(rows(measured('hocuspocus', 0, { cpuUsPerDelivery: 3 })), []);
  assert.equal(rows(ours, failed('hocuspocus')), [notMeasured]);
  assert.equal(rows(failed('tideweave'), measured('bare', 0, { cpuUsPerDelivery: 3 })), [notMeasured]);
  assert.equal(rows(ours, failed('hocuspocus'), measured('y-websocket', 0, { cpuUsPerDelivery: 6 })), [
    { is: '0.50 ×', isMet: true },
  ]);
  assert.match(formatResults(resultsOf(ours, failed('bare')), workloads), /not measured/);
});

test('W0 a run that failed, and a load generator that was the limit, show in the table', () => {
  const text = formatResults(
    resultsOf(measured('tideweave', 0, { cpuUsPerDelivery: 3, loadShare: 0.97 }), {
      ...measured('bare', 0, {}),
      measures: null,
      failure: 'it fell over',
    }),
    workloads,
  );
  assert.match(text, /3\.00\*/);
  assert.match(text, /it fell over/);
  assert.match(text, /may have been the limit/);
});

test.run();
