/** `npm run simulate`: see `--help`. */
import { parseArgs } from 'node:util';
import { bugs } from './simulation/bugs.ts';
import { commit } from './simulation/commit.ts';
import { findBugs, runSeeds } from './simulation/crew.ts';
import { describeStep, planFor } from './simulation/plan.ts';
import { keepRegression } from './simulation/regressions.ts';
import { runSeed } from './simulation/run.ts';
import { settingsFor } from './simulation/settings.ts';
import { shrink } from './simulation/shrink.ts';
import type { Violation } from './simulation/violation.ts';

const help = `Usage: npm run simulate -- [options]

Runs clients, relay, log and disk under a virtual clock, with faults, everything from a seed, and checks at every step
that the promises of DESIGN section 3 hold. A seed that breaks one is printed with a shrunk trace, and kept in
bench/test/simulation-regressions.json.

Options:
  --seeds N    how many seeds (default 100)
  --seed S     the first one (default 1)
  --steps      print what is planned in the first seed, and run nothing
  --trace      run the first seed only, and print everything that happens
  --bug NAME   plant a known bug in each seed and look for the first that shows it, or "all" of them, one at a time:
               ${Object.keys(bugs).join(', ')}
  --no-keep    do not add failing seeds to the list

Exit code 1 when a promise was broken; with --bug, when a bug was not found.
`;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    steps: { type: 'boolean', default: false },
    trace: { type: 'boolean', default: false },
    bug: { type: 'string' },
    'no-keep': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

/** What shrinking one seed may take. */
const shrinkMs = 30_000;
/** Failing seeds that are shrunk, and those that are listed. */
const shrunkMax = 3;
const listedMax = 20;

async function main(): Promise<number> {
  const first = Number(values.seed);
  const count = Number(values.seeds);
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(count)) {
    process.stderr.write('simulate: --seed and --seeds take whole numbers\n');
    return 2;
  }
  if (values.steps) {
    const settings = settingsFor(first);
    console.log(JSON.stringify(settings, null, 2));
    for (const step of planFor(settings)) console.log(describeStep(step));
    return 0;
  }
  if (values.bug !== undefined) return plant(values.bug, count);
  if (values.trace) return trace(first);
  return simulate(first, count);
}

async function simulate(first: number, count: number): Promise<number> {
  const started = performance.now();
  const seeds = Array.from({ length: count }, (_, at) => first + at);
  const totals = await runSeeds(seeds);
  for (const [at, { seed, violation }] of totals.violations.slice(0, listedMax).entries()) {
    console.log(describe(seed, violation));
    if (!values['no-keep']) keepRegression({ seed, found: `${violation.promise} ${violation.what}` });
    if (at < shrunkMax) await explain(seed);
  }
  console.log(`faults: ${totals.faultLine}`);
  if (totals.uncovered.length > 0) console.log(`never happened: ${totals.uncovered.join('; ')}`);
  console.log(totals.table(`seeds from ${first}`, performance.now() - started));
  return totals.violations.length > 0 ? 1 : 0;
}

async function explain(seed: number): Promise<void> {
  const shrunk = await shrink(seed, shrinkMs);
  if (shrunk === null) {
    console.log('  it does not fail a second time: something is not from the seed');
    return;
  }
  console.log(`  shrunk to ${shrunk.plan.length} steps:`);
  for (const step of shrunk.plan) console.log(`  ${describeStep(step)}`);
  console.log('  what happens then, the end of it:');
  for (const line of shrunk.outcome.trace.slice(-traceLinesMax)) console.log(`  ${line.slice(0, traceWidth)}`);
}

async function trace(seed: number): Promise<number> {
  const outcome = await runSeed(seed, { trace: true });
  for (const line of outcome.trace) console.log(line);
  if (outcome.violation !== null) console.log(describe(seed, outcome.violation));
  return outcome.violation === null ? 0 : 1;
}

async function plant(name: string, seedsMax: number): Promise<number> {
  const names = name === 'all' ? Object.keys(bugs) : [name];
  if (names.some((each) => !Object.hasOwn(bugs, each))) {
    process.stderr.write(`simulate: no bug is called ${JSON.stringify(name)}; see --help\n`);
    return 2;
  }
  const found = await findBugs(names, seedsMax);
  for (const { bug, seed, what } of found)
    console.log(`${bug}: ${seed === null ? 'NOT FOUND' : `seed ${seed}, ${what}`}`);
  return found.every(({ seed }) => seed !== null) ? 0 : 1;
}

function describe(seed: number, { promise, what, atMs }: Violation): string {
  return `seed ${seed} at ${commit()} breaks ${promise} after ${atMs.toFixed(0)} ms: ${what}`;
}

const traceLinesMax = 60;
const traceWidth = 300;

process.exitCode = await main();
