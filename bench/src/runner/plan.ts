/** What is run, in which order. Rounds are outermost, so that a run that is cut short still has all of the first ones. */
import type { PeerName } from '../peers/peers.ts';
import type { Variant, Workload } from '../workloads/workload.ts';
import { type Arguments, UsageError } from './arguments.ts';

export interface Job {
  readonly round: number;
  readonly workload: Workload;
  readonly variant: Variant;
  readonly peer: PeerName;
}

/** Throws `UsageError` when no variant has the wanted name. */
export function plan(workloads: readonly Workload[], args: Arguments): readonly Job[] {
  const jobs: Job[] = [];
  for (let round = 0; round < args.rounds; round++) {
    for (const workload of workloads) {
      if (args.workloads !== null && !args.workloads.includes(workload.id)) continue;
      for (const variant of workload.variants) {
        if (args.variant !== null && !variant.name.includes(args.variant)) continue;
        if ((args.quick && !variant.quick) || round >= (variant.roundsMax ?? Infinity)) continue;
        const taking = args.peers.filter((peer) => variant.peers.includes(peer));
        // Another one begins in each round: what the machine does over time falls on everybody.
        for (let at = 0; at < taking.length; at++) {
          const peer = taking[(at + round) % taking.length];
          if (peer !== undefined) jobs.push({ round, workload, variant, peer });
        }
      }
    }
  }
  if (args.variant !== null && jobs.length === 0) {
    throw new UsageError(`no variant that is to run has "${args.variant}" in its name`, 2);
  }
  return jobs;
}
