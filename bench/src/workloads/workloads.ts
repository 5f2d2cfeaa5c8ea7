/** Every workload, in the order of the report. */
import { BenchError } from '../errors.ts';
import { coldOpen } from './cold-open.ts';
import { day } from './day.ts';
import { fanOut } from './fan-out.ts';
import { growth } from './growth.ts';
import { ingest } from './ingest.ts';
import { kill } from './kill.ts';
import { memory } from './memory.ts';
import { merge } from './merge.ts';
import { presence } from './presence.ts';
import { rejoin } from './rejoin.ts';
import { trace } from './trace.ts';
import type { Variant, Workload } from './workload.ts';

export const workloads: readonly Workload[] = [
  fanOut,
  ingest,
  trace,
  coldOpen,
  rejoin,
  memory,
  kill,
  merge,
  presence,
  day,
  growth,
];

/** Throws `BenchError` when there is none. */
export function findVariant(workloadId: string, name: string): Variant {
  const variant = workloads.find(({ id }) => id === workloadId)?.variants.find((one) => one.name === name);
  if (variant === undefined) throw new BenchError(`there is no ${workloadId} "${name}"`);
  return variant;
}
