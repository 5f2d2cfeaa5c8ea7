/** Medians over the rounds, and how servers compare. Pure. */
import type { PeerName } from '../peers/peers.ts';
import { median } from '../statistics.ts';
import { type MetricName, metrics } from '../workloads/metrics.ts';
import type { Workload } from '../workloads/workload.ts';
import type { Results } from './results.ts';

/** Those that are compared with us as sync servers; the bare relay is the practical limit, not one of them. */
export const rivals: readonly PeerName[] = ['hocuspocus', 'y-websocket', 'automerge'];

/** The load generator was what was measured when it used this much of a core. */
const loadShareMax = 0.9;

export class Summary {
  readonly #results: Results;

  constructor(results: Results) {
    this.#results = results;
  }

  /** Median over the rounds; NaN where there is nothing. */
  value(workload: string, variant: string, peer: PeerName, metric: MetricName): number {
    const values = this.#runs(workload, variant, peer).flatMap(({ measures }) => measures?.[metric] ?? []);
    return median(values);
  }

  /** The best of those that have a figure; default of the other sync servers. */
  best(
    workload: string,
    variant: string,
    metric: MetricName,
    among: readonly PeerName[] = rivals,
  ): { readonly peer: PeerName; readonly value: number } | null {
    let best: { readonly peer: PeerName; readonly value: number } | null = null;
    for (const peer of among) {
      const value = this.value(workload, variant, peer, metric);
      if (Number.isNaN(value)) continue;
      const isBetter = best === null || (metrics[metric].better === 'lower' ? value < best.value : value > best.value);
      if (isBetter) best = { peer, value };
    }
    return best;
  }

  /** Whether it was tried, with or without a figure. */
  wasRun(workload: string, variant: string, peer: PeerName): boolean {
    return this.#runs(workload, variant, peer).length > 0;
  }

  /** Why runs failed, each reason once. */
  failures(workload: string, variant: string, peer: PeerName): readonly string[] {
    return [...new Set(this.#runs(workload, variant, peer).flatMap(({ failure }) => failure ?? []))];
  }

  /** Whether the load generator may have been the limit. */
  loadBound(workload: string, variant: string, peer: PeerName): boolean {
    return this.value(workload, variant, peer, 'loadShare') > loadShareMax;
  }

  #runs(workload: string, variant: string, peer: PeerName): Results['runs'] {
    return this.#results.runs.filter(
      (run) => run.workload === workload && run.variant === variant && run.peer === peer,
    );
  }
}

export interface GrowthCurve {
  /** Of what there is more and more. */
  readonly unit: string;
  readonly label: string;
  readonly points: readonly (readonly [size: number, value: number])[];
}

/** The curves of ours for which there are at least two points. */
export function growthCurves(summary: Summary, workloads: readonly Workload[]): readonly GrowthCurve[] {
  const curves: GrowthCurve[] = [];
  for (const { id, variants } of workloads) {
    for (const unit of new Set(variants.flatMap((variant) => variant.unit ?? []))) {
      for (const metric of ['cpuUsPerUpdate', 'cpuMsPerJoin'] as const) {
        const points = variants
          .filter((variant) => variant.unit === unit)
          .map(({ name, size = 0 }) => [size, summary.value(id, name, 'tideweave', metric)] as const)
          .filter(([, value]) => !Number.isNaN(value));
        const { label, unit: of } = metrics[metric];
        if (points.length > 1) curves.push({ unit, label: `${label} (${of})`, points });
      }
    }
  }
  return curves;
}
