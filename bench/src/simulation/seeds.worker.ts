/** Runs seeds in a thread of its own: a list of them comes in, what became of them goes out. */
import { parentPort } from 'node:worker_threads';
import { bugs } from './bugs.ts';
import { type Outcome, runSeed } from './run.ts';
import type { Part } from './totals.ts';
import { transitionCounts } from './transitions.ts';

/** What to run. */
export interface Job {
  readonly seeds: readonly number[];
  /** A known bug to plant; then it ends with the first violation. */
  readonly bug: string | null;
}

parentPort?.on('message', (job: Job) => {
  void run(job).then((part) => parentPort?.postMessage(part));
});

async function run({ seeds, bug }: Job): Promise<Part> {
  const before = new Map(transitionCounts());
  const outcomes: Outcome[] = [];
  const Bug = bug === null ? undefined : bugs[bug];
  for (const seed of seeds) {
    const outcome = await runSeed(seed, Bug === undefined ? {} : { planting: new Bug() });
    outcomes.push(outcome);
    if (bug !== null && outcome.violation !== null) break;
  }
  const transitions = new Map<string, number>();
  for (const [cell, count] of transitionCounts()) transitions.set(cell, count - (before.get(cell) ?? 0));
  return { outcomes, transitions };
}
