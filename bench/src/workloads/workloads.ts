/** Every workload, in the order of the report. */
import { BenchError } from '../errors.ts';
import { fanOut } from './fan-out.ts';
import { ingest } from './ingest.ts';
import type { Variant, Workload } from './workload.ts';

export const workloads: readonly Workload[] = [fanOut, ingest];

/** Throws `BenchError` when there is none. */
export function findVariant(workloadId: string, name: string): Variant {
  const variant = workloads.find(({ id }) => id === workloadId)?.variants.find((one) => one.name === name);
  if (variant === undefined) throw new BenchError(`there is no ${workloadId} "${name}"`);
  return variant;
}
