/** Runs a seed from the beginning to the verdict. */
import { RefusedError } from '@tideweave/shared';
import { perform } from './acts.ts';
import type { FaultKind } from './faults.ts';
import type { MergeCounts } from './merge-check.ts';
import { finalChecks, unsettled } from './final-checks.ts';
import { type Step, planFor } from './plan.ts';
import { Planting } from './planting.ts';
import { settingsFor } from './settings.ts';
import type { Violation } from './violation.ts';
import { World } from './world.ts';

export interface RunOptions {
  /** What is to happen; what the seed says by default. */
  readonly plan?: readonly Step[];
  /** A known bug to plant. */
  readonly planting?: Planting;
  readonly trace?: boolean;
}

/** What became of a seed. */
export interface Outcome {
  readonly seed: number;
  readonly violation: Violation | null;
  readonly faults: ReadonlyMap<FaultKind, number>;
  readonly edits: number;
  readonly merges: MergeCounts;
  /** Events in virtual time. */
  readonly steps: number;
  readonly virtualMs: number;
  readonly trace: readonly string[];
}

/** How long everything may take to settle once nothing goes wrong any more. */
const settleMsMax = 150_000;
/** How long the last half-open connection may go unnoticed after that, and presence then take to follow. */
const presenceMs = 70_000;

export async function runSeed(seed: number, options: RunOptions = {}): Promise<Outcome> {
  const planting = options.planting ?? new Planting();
  const settings = settingsFor(seed);
  const world = new World(settings, planting, { trace: options.trace === true });
  const uninstall = planting.install();
  const uncaught = (error: unknown): void =>
    world.report('R1', `something was thrown that nobody caught: ${stackOf(error)}`);
  process.on('unhandledRejection', uncaught);
  process.on('uncaughtException', uncaught);
  try {
    await live(world, options.plan ?? planFor(settings));
  } catch (error) {
    world.report('R1', `something was thrown: ${stackOf(error)}`);
  } finally {
    process.off('unhandledRejection', uncaught);
    process.off('uncaughtException', uncaught);
    uninstall();
    for (const device of world.devices) device.crash();
    world.relay?.clock.kill();
  }
  const { violation, faults, merges, trace, timeline } = world;
  const { edits } = world.oracle;
  const { steps, now: virtualMs } = timeline;
  return { seed, violation, faults, edits, merges, steps, virtualMs, trace: trace ?? [] };
}

async function live(world: World, plan: readonly Step[]): Promise<void> {
  const { timeline, settings } = world;
  void world.startRelay();
  for (const [at, device] of world.devices.entries()) timeline.after(at * 40, () => device.start());
  for (const step of plan) timeline.after(step.atMs, () => perform(world, step));
  await timeline.runUntil(settings.faultsUntilMs);
  if (world.violation !== null) return;

  world.note(() => 'no more faults');
  world.heal();
  void recreate(world);
  await settle(world);
  if (world.violation !== null) return;
  await timeline.runUntil(timeline.now + presenceMs);
  await check(world, 'no more than checking');

  // D1 once more: whatever the relay has in memory only is of no use to anybody.
  if (world.violation !== null) return;
  world.crashRelay({ power: true, restartInMs: 1 });
  await timeline.runUntil(timeline.now + 200);
  if (world.violation === null) await check(world, 'after a last crash');
}

async function settle(world: World): Promise<void> {
  const { timeline } = world;
  const end = timeline.now + settleMsMax;
  for (;;) {
    await timeline.runUntil(timeline.now + 2000);
    if (world.violation !== null) return;
    const problem = unsettled(world);
    if (problem === null) return;
    if (timeline.now >= end) {
      world.report('C1', `nothing goes wrong any more, and it does not settle: ${problem}`);
      return;
    }
  }
}

/** Runs the checks, which read the log in virtual time. */
async function check(world: World, when: string): Promise<void> {
  world.note(() => `final checks, ${when}`);
  let done = false;
  const checks = finalChecks(world).then(() => (done = true));
  while (!done && world.violation === null) await world.timeline.runUntil(world.timeline.now + 50);
  if (done) await checks;
}

/** An operator creates again what was deleted, and looks every now and then whether that worked. */
async function recreate(world: World): Promise<void> {
  world.timeline.after(2000, () => void recreate(world));
  const { relay, log } = world;
  if (relay === null || log === null) return;
  try {
    for (const document of world.settings.documents) {
      const head = await log.head(document);
      if (head !== null && head.deletedAt !== null) await relay.rooms.create(document);
    }
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    world.note(() => `not created again: ${error.message}`);
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
