/** `npm run simulate`: see `--help`. */
import { parseArgs } from 'node:util';
import { bugs } from './simulation/bugs.ts';
import { runSeed } from './simulation/run.ts';
import { unusedTransitions } from './simulation/transitions.ts';

const help = `Runs clients, relay, log and disk under a virtual clock, with faults, everything from a seed.

Usage: npm run simulate -- [--seeds N] [--seed S] [--bug NAME] [--trace]

  --seeds N    how many seeds (default 100)
  --seed S     the first one (default 1)
  --bug NAME   plant a known bug, which has to be found: ${Object.keys(bugs).join(', ')}
  --trace      print what happens

Exit code 1 when a promise was broken; with --bug, when none was.
`;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    bug: { type: 'string' },
    trace: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

async function main(): Promise<number> {
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const Bug = values.bug === undefined ? undefined : bugs[values.bug];
  if (values.bug !== undefined && Bug === undefined) {
    process.stderr.write(`simulate: no bug is called ${JSON.stringify(values.bug)}; see --help\n`);
    return 2;
  }
  const from = Number(values.seed);
  const faults = new Map<string, number>();
  let violations = 0;
  for (let seed = from; seed < from + Number(values.seeds); seed++) {
    const outcome = await runSeed(seed, { trace: values.trace, ...(Bug !== undefined && { planting: new Bug() }) });
    for (const line of outcome.trace) console.log(line);
    for (const [fault, count] of outcome.faults) faults.set(fault, (faults.get(fault) ?? 0) + count);
    if (outcome.violation === null) continue;
    violations++;
    const { promise, atMs, what } = outcome.violation;
    console.log(`seed ${seed}: ${promise} broken after ${atMs} ms: ${what}`);
    if (Bug !== undefined) break;
  }
  console.log(`faults: ${[...faults].map(([fault, count]) => `${fault} ${count}`).join(', ')}`);
  console.log(`transitions that never happened: ${unusedTransitions().join('; ') || 'none'}`);
  console.log(`${values.seeds} seeds from ${from}: ${violations} violations`);
  return violations > 0 === (Bug !== undefined) ? 0 : 1;
}

process.exitCode = await main();
