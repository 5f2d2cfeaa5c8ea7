/**
 * The load generator: one run of one variant against one server, in a process of its own, with the server as its child.
 * Gets a `Run` as its only argument and sends its `RunOutcome` to its parent.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { messageOf } from '../errors.ts';
import { peers } from '../peers/peers.ts';
import { RunContext } from '../workloads/run-context.ts';
import { findVariant } from '../workloads/workloads.ts';
import type { Run, RunOutcome } from './run.ts';

async function outcomeOf(run: Run): Promise<RunOutcome> {
  const folder = await mkdtemp(join(tmpdir(), 'tideweave-bench-'));
  const context = new RunContext({ ...run, peer: peers[run.peer], folder });
  try {
    return { measures: await findVariant(run.workload, run.variant).run(context) };
  } catch (error) {
    return { failure: messageOf(error) };
  } finally {
    await context.end();
    await rm(folder, { recursive: true, force: true });
  }
}

// So that the servers are ended with this process.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const outcome = await outcomeOf(JSON.parse(process.argv[2] ?? '') as Run);
process.send?.(outcome, () => process.exit(0));
