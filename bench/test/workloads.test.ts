// @slow
// @timeout 240s
// A variant of every workload once, tiny, against our relay: that it measures something, and that nothing that was
// acknowledged is lost. What the figures are is the bench's business.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type RunOutcome, execute } from '../src/runner/run.ts';
import { workloads } from '../src/workloads/workloads.ts';

const tiny = suite('workloads');
const scale = 0.02;

let corpus = '';
tiny.before(async () => {
  corpus = await mkdtemp(join(tmpdir(), 'tideweave-bench-corpus-'));
});
tiny.after(() => rm(corpus, { recursive: true, force: true }));

for (const { id, variants } of workloads) {
  for (const variant of variants.slice(0, 1)) {
    tiny(`W0 D1 ${id.toUpperCase()} ${variant.name} is measured, and what was acknowledged is there`, async () => {
      const outcome: RunOutcome = await execute(
        { workload: id, variant: variant.name, peer: 'tideweave', quick: true, scale, corpus },
        60_000,
      );
      if ('failure' in outcome) throw new Error(outcome.failure);
      const values = Object.entries(outcome.measures);
      assert.ok(values.length >= 2);
      for (const [metric, value] of values) assert.ok(Number.isFinite(value), `${metric} is ${value}`);
    });
  }
}

tiny.run();
