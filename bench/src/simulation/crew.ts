/** Spreads seeds over threads: as many at a time as there are processors, unless told otherwise. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Job } from './seeds.worker.ts';
import { type Part, Totals } from './totals.ts';

const seedsPerJob = 10;

/** Runs seeds until there are none left. */
export async function runSeeds(
  seeds: Iterable<number>,
  options: { readonly threads?: number; readonly onPart?: (part: Part) => void } = {},
): Promise<Totals> {
  const totals = new Totals();
  const source = seeds[Symbol.iterator]();
  const next = (): Job | null => {
    const job: number[] = [];
    while (job.length < seedsPerJob) {
      const { done, value } = source.next();
      if (done === true) break;
      job.push(value);
    }
    return job.length === 0 ? null : { seeds: job, bug: null };
  };
  await work(options.threads, next, (part) => {
    totals.add(part);
    options.onPart?.(part);
  });
  return totals;
}

/** What the oracle made of a planted bug. */
export interface Found {
  readonly bug: string;
  /** The first seed that shows it, or null when none did. */
  readonly seed: number | null;
  readonly what: string;
}

/** Plants each bug and looks for a seed, from the first on, that shows it. */
export async function findBugs(names: readonly string[], seedsMax: number): Promise<Found[]> {
  const found = new Map<string, Found>();
  const waiting = [...names];
  const seeds = Array.from({ length: seedsMax }, (_, at) => at + 1);
  await work(
    undefined,
    () => {
      const bug = waiting.shift();
      return bug === undefined ? null : { seeds, bug };
    },
    (part, job) => {
      const shown = part.outcomes.find(({ violation }) => violation !== null);
      const { promise = '', what = '' } = shown?.violation ?? {};
      const bug = job.bug ?? '';
      found.set(bug, { bug, seed: shown?.seed ?? null, what: `${promise} ${what}` });
    },
  );
  return names.map((bug) => found.get(bug) ?? { bug, seed: null, what: '' });
}

async function work(
  threads: number | undefined,
  next: () => Job | null,
  done: (part: Part, job: Job) => void,
): Promise<void> {
  const one = async (): Promise<void> => {
    let job = next();
    if (job === null) return;
    const worker = new Worker(new URL('seeds.worker.js', import.meta.url));
    try {
      for (; job !== null; job = next()) {
        const current = job;
        done(await ask(worker, current), current);
      }
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: threads ?? availableParallelism() }, one));
}

function ask(worker: Worker, job: Job): Promise<Part> {
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('message', (part: Part) => {
      worker.off('error', reject);
      resolve(part);
    });
    worker.postMessage(job);
  });
}
