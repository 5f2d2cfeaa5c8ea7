/** `npm run soak -- --hours H`: fresh seeds without end, and whether memory grows meanwhile. */
import { parseArgs } from 'node:util';
import { keepRegression } from './simulation/regressions.ts';
import { runSeed } from './simulation/run.ts';
import { Totals } from './simulation/totals.ts';
import { transitionCounts } from './simulation/transitions.ts';

const help = `Usage: npm run soak -- [--hours H] [--seed S]

  --hours H    how long; may be a fraction (default 1)
  --seed S     the first seed (default: from the clock)

Prints a line a minute and a summary: seeds, faults, violations, and by how much the heap grew per hour.
Exit code 1 when a promise was broken or memory grew.
`;

const { values } = parseArgs({
  options: {
    hours: { type: 'string', default: '1' },
    seed: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

const reportMs = 60_000;
/** The heap may grow by this much in an hour: code that is compiled late, and measuring. */
const slopeMax = 20;
/** The beginning does not count: there the engine compiles. */
const warmUpShare = 0.25;
const kept = 100;

async function soak(hours: number, first: number): Promise<number> {
  const started = performance.now();
  const end = started + hours * 3_600_000;
  const totals = new Totals();
  const samples: { readonly hours: number; readonly heapMb: number }[] = [];
  let reportedAt = started;
  for (let seed = first; performance.now() < end; seed++) {
    const outcome = await runSeed(seed);
    totals.add({ outcomes: [outcome], transitions: new Map() });
    if (outcome.violation !== null) {
      const { promise, what } = outcome.violation;
      console.log(`seed ${seed} breaks ${promise}: ${what}`);
      if (totals.violations.length < kept) keepRegression({ seed, found: `${promise} ${what}` });
    }
    if (performance.now() - reportedAt < reportMs) continue;
    reportedAt = performance.now();
    globalThis.gc?.();
    const heapMb = process.memoryUsage().heapUsed / 2 ** 20;
    samples.push({ hours: (reportedAt - started) / 3_600_000, heapMb });
    console.log(`${totals.seeds} seeds, ${totals.violations.length} violations, heap ${heapMb.toFixed(1)} MiB`);
  }
  totals.add({ outcomes: [], transitions: transitionCounts() });
  const slope = slopeOf(samples.slice(Math.floor(samples.length * warmUpShare)));
  console.log(`faults: ${totals.faultLine}`);
  console.log(totals.table(`soak from seed ${first}`, performance.now() - started));
  console.log(slope === null ? 'too short for a slope of the heap' : `heap: ${slope.toFixed(1)} MiB per hour`);
  return totals.violations.length > 0 || (slope ?? 0) > slopeMax ? 1 : 0;
}

/** Least squares; null for fewer than five samples. */
function slopeOf(samples: readonly { readonly hours: number; readonly heapMb: number }[]): number | null {
  if (samples.length < 5) return null;
  const mean = (pick: (sample: { hours: number; heapMb: number }) => number): number =>
    samples.reduce((sum, sample) => sum + pick(sample), 0) / samples.length;
  const [x, y] = [mean(({ hours }) => hours), mean(({ heapMb }) => heapMb)];
  const covariance = mean(({ hours, heapMb }) => (hours - x) * (heapMb - y));
  return covariance / mean(({ hours }) => (hours - x) ** 2);
}

const hours = Number(values.hours);
if (values.help) process.stdout.write(help);
else if (hours > 0) process.exitCode = await soak(hours, Number(values.seed ?? Math.floor(Date.now() / 1000)));
else {
  process.stderr.write('soak: --hours takes a number above 0\n');
  process.exitCode = 2;
}
