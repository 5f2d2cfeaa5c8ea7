/** `npm run bench`: see `--help`. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Presets, SingleBar } from 'cli-progress';
import { drawCharts } from './charts/charts.ts';
import { writePage } from './charts/page.ts';
import { peers } from './peers/peers.ts';
import { type Arguments, UsageError, parseArguments } from './runner/arguments.ts';
import { type Job, plan } from './runner/plan.ts';
import { type Results, emptyResults, writeResults } from './runner/results.ts';
import { execute, runMicro } from './runner/run.ts';
import { formatResults } from './runner/table.ts';
import { workloads } from './workloads/workloads.ts';

/** Beside the sources, from dist/src. */
const resultsFolder = fileURLToPath(new URL('../../results/', import.meta.url));
const chartsFolder = join(resultsFolder, 'charts');
const keysAlways = 1000;

async function main(args: Arguments): Promise<void> {
  if (args.profile !== null) process.env['TIDEWEAVE_BENCH_PROFILE'] = args.profile;
  const deadline = performance.now() + args.minutes * 60_000;
  const jobs = plan(workloads, args);
  const results = emptyResults(args.quick, args.rounds);
  // Only a whole run replaces the figures that are committed.
  const isWhole = !args.quick && args.workloads === null && args.variant === null;
  const latest = join(resultsFolder, args.quick ? 'quick.json' : isWhole ? 'latest.json' : 'partial.json');
  const save = async (): Promise<void> => {
    await writeResults(latest, results);
    if (args.json !== null) await writeResults(args.json, results);
  };
  const corpus = await mkdtemp(join(tmpdir(), 'tideweave-bench-corpus-'));
  try {
    if (args.workloads?.includes('micro') ?? args.variant === null) {
      process.stderr.write('micro benchmarks\n');
      const micro = await runMicro(corpus, 1);
      if ('failure' in micro) process.stderr.write(`micro: ${micro.failure}\n`);
      else results.micro = micro;
    }
    await runAll(jobs, args.quick, deadline, results, corpus, save);
    await save();
  } finally {
    await rm(corpus, { recursive: true, force: true });
  }
  if (args.charts && isWhole) {
    await drawCharts(chartsFolder, results, workloads);
    await writePage(resultsFolder, results, workloads);
  }
  process.stdout.write(`${formatResults(results, workloads)}\n\nwritten to ${latest}\n`);
  if (results.runs.some(({ peer, failure }) => failure !== null && peers[peer].isOurs)) process.exitCode = 1;
}

async function runAll(
  jobs: readonly Job[],
  quick: boolean,
  deadline: number,
  results: Results,
  corpus: string,
  save: () => Promise<void>,
): Promise<void> {
  const bar = new Progress(jobs.length);
  const tookMs = new Map<string, number>();
  for (const { workload, variant, peer, round } of jobs) {
    const key = `${workload.id} ${variant.name} ${peer}`;
    bar.next(`${workload.id} ${variant.name}: ${peers[peer].title}`);
    // What was never run counts as short: rounds are outermost, so this leaves out repetitions first.
    if (performance.now() + (tookMs.get(key) ?? keysAlways) > deadline) continue;
    const started = performance.now();
    const run = { workload: workload.id, variant: variant.name, peer, quick, scale: 1, corpus };
    const left = deadline - started;
    const outcome = await execute(run, Math.max(10_000, Math.min(variant.timeoutMs, left + 15_000)));
    tookMs.set(key, performance.now() - started);
    results.runs.push({
      workload: workload.id,
      variant: variant.name,
      peer,
      round,
      measures: 'measures' in outcome ? outcome.measures : null,
      failure: 'failure' in outcome ? outcome.failure : null,
    });
    if ('failure' in outcome) bar.say(`${key}: ${outcome.failure}`);
    await save();
  }
  bar.stop();
}

/** A bar where a person watches, and lines where a file does. */
class Progress {
  readonly #bar: SingleBar | null;
  readonly #total: number;
  #done = 0;

  constructor(total: number) {
    this.#total = total;
    const format = '{bar} {value}/{total} {duration_formatted} {doing}';
    this.#bar = process.stderr.isTTY
      ? new SingleBar({ format, stream: process.stderr, hideCursor: true }, Presets.shades_classic)
      : null;
    this.#bar?.start(total, 0, { doing: '' });
  }

  next(doing: string): void {
    this.#done++;
    this.#bar?.update(this.#done, { doing });
    if (this.#bar === null) process.stderr.write(`${this.#done}/${this.#total} ${doing}\n`);
  }

  say(what: string): void {
    process.stderr.write(`${this.#bar === null ? '' : '\n'}${what}\n`);
  }

  stop(): void {
    this.#bar?.stop();
  }
}

// So that the exit handlers end what was started.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

try {
  // npm runs scripts in the package's folder; paths are meant from where they were typed.
  const from = process.env['INIT_CWD'] ?? process.cwd();
  await main(parseArguments(process.argv.slice(2), from, [...workloads.map(({ id }) => id), 'micro']));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  (error.exitCode === 0 ? process.stdout : process.stderr).write(
    `${error.exitCode === 0 ? '' : 'bench: '}${error.message}\n`,
  );
  process.exitCode = error.exitCode;
}
