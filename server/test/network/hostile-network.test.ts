// @waits
// @timeout 300s
// A native and five stock clients type while the network between them and the relay does its worst; then it is in order.
import { test } from 'uvu';
import * as assert from 'uvu/assert';

import { printSummary } from '../support/summary.ts';
import { play, type Report } from './hostile-world.ts';
import { scenarios } from './scenarios.ts';

/** Most of a scenario is waiting. */
const atOnce = 8;
const seed = Number(process.env['TIDEWEAVE_SEED'] ?? Date.now() % 1_000_000);
console.log(`seed ${seed}`);
const wanted = process.env['SCENARIO'] ?? '';

type Outcome = { readonly report: Report } | { readonly error: unknown };

/** All of them, several at once; each test waits for its own. */
function begin(): Map<string, Promise<Outcome>> {
  const outcomes = new Map<string, Promise<Outcome>>();
  const lanes = Array.from({ length: atOnce }, () => Promise.resolve());
  for (const [at, scenario] of scenarios.entries()) {
    if (!scenario.title.includes(wanted)) continue;
    const lane = at % atOnce;
    const outcome = lanes[lane]!.then(() => play(scenario, seed + at)).then(
      (report) => ({ report }),
      (error: unknown) => ({ error }),
    );
    lanes[lane] = outcome.then(() => undefined);
    outcomes.set(scenario.title, outcome);
  }
  return outcomes;
}

const totals = { runs: 0, faults: 0, edits: 0, savedLooks: 0, violations: 0 };
for (const [title, pending] of begin()) {
  test(`C1 C2 C3 C4 U1 R1 ${title}`, async () => {
    const outcome = await pending;
    totals.runs += 1;
    if ('error' in outcome) {
      totals.violations += 1;
      throw outcome.error;
    }
    totals.faults += outcome.report.faults;
    totals.edits += outcome.report.edits;
    totals.savedLooks += outcome.report.savedLooks;
    console.log(`${title}: ${JSON.stringify(outcome.report)}`);
    assert.ok(outcome.report.faults > 0, 'something was at stake');
  });
}

test.after(() =>
  printSummary({
    what: `hostile network: ${totals.runs} scenarios, 6 clients each`,
    runs: totals.runs,
    faults: totals.faults,
    violations: totals.violations,
  }),
);
test.run();
