/** Leaves out of a failing seed's plan whatever the failure does not need. */
import { type Step, planFor } from './plan.ts';
import type { Planting } from './planting.ts';
import { type Outcome, runSeed } from './run.ts';
import { settingsFor } from './settings.ts';

export interface Shrunk {
  readonly plan: readonly Step[];
  /** The last run that still failed. */
  readonly outcome: Outcome;
}

/**
 * Delta debugging over the steps: tries to do without ever smaller parts of them, as long as the same promise breaks, until no
 * single step can go or the budget is used up. Null when the seed does not fail at all.
 */
export async function shrink(seed: number, budgetMs: number, makePlanting?: () => Planting): Promise<Shrunk | null> {
  const end = performance.now() + budgetMs;
  const run = (plan: readonly Step[], trace: boolean): Promise<Outcome> =>
    runSeed(seed, { plan, trace, ...(makePlanting !== undefined && { planting: makePlanting() }) });
  let plan: readonly Step[] = planFor(settingsFor(seed));
  const { violation } = await run(plan, false);
  if (violation === null) return null;
  for (let size = Math.ceil(plan.length / 2), before = Infinity; size >= 1;) {
    if (size === 1) {
      // What was needed may not be any more once something behind it is gone.
      if (plan.length === before || performance.now() >= end) break;
      before = plan.length;
    }
    for (let at = 0; at < plan.length && performance.now() < end;) {
      const without = plan.toSpliced(at, size);
      const tried = await run(without, false);
      if (tried.violation?.promise === violation.promise) plan = without;
      else at += size;
    }
    size = Math.ceil(size / 2);
  }
  return { plan, outcome: await run(plan, true) };
}
