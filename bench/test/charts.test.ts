import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { drawCharts } from '../src/charts/charts.ts';
import { writePage } from '../src/charts/page.ts';
import { emptyResults } from '../src/runner/results.ts';
import { Summary, growthCurves } from '../src/runner/summary.ts';
import { workloads } from '../src/workloads/workloads.ts';

test('W0 charts show every server that was measured, and how our costs grow', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tideweave-charts-'));
  try {
    const run = { round: 0, failure: null } as const;
    const results = emptyResults(false, 1);
    for (const [peer, cpuUsPerDelivery] of [
      ['tideweave', 0.5],
      ['hocuspocus', 4.25],
    ] as const) {
      results.runs.push({
        ...run,
        workload: 'w1',
        variant: '200 readers, 200/s',
        peer,
        measures: { cpuUsPerDelivery },
      });
    }
    for (const [at, variant] of ['1 readers in the room', '10 readers in the room'].entries()) {
      const measures = { cpuUsPerUpdate: 10 ** at };
      results.runs.push({ ...run, workload: 'growth', variant, peer: 'tideweave', measures });
    }
    const charts = join(folder, 'charts');
    await drawCharts(charts, results, workloads);
    assert.equal((await readdir(charts)).toSorted(), ['fan-out-cpu.svg', 'growth.svg']);
    const svg = await readFile(join(charts, 'fan-out-cpu.svg'), 'utf8');
    assert.match(svg, /^<svg/);
    assert.match(svg, />Tideweave</);
    assert.match(svg, />4\.25</);
    await writePage(folder, results, workloads);
    const page = await readFile(join(folder, 'README.md'), 'utf8');
    assert.match(page, '![fan out cpu](charts/fan-out-cpu.svg)');
    assert.match(page, /CPU per delivery.*4\.25/);
    const [curve] = growthCurves(new Summary(results), workloads);
    assert.equal(curve?.points, [
      [1, 1],
      [10, 10],
    ]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test.run();
