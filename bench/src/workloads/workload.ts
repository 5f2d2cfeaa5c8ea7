/** What a workload is: variants, who takes part, and what one run of one of them measures. */
import type { Cost } from '../load/usage.ts';
import type { PeerName } from '../peers/peers.ts';
import type { MetricName } from './metrics.ts';
import type { RunContext } from './run-context.ts';

export type Measures = Readonly<Partial<Record<MetricName, number>>>;

export interface Variant {
  readonly name: string;
  readonly peers: readonly PeerName[];
  /** Also in `--quick`. */
  readonly quick: boolean;
  /** Rounds that are enough for it; default all. */
  readonly roundsMax?: number;
  /** A run that takes longer is ended and reported as failed. */
  readonly timeoutMs: number;
  /** Where it stands on a curve, and which one: of what there is so much. */
  readonly size?: number;
  readonly unit?: string;
  readonly run: (context: RunContext) => Promise<Measures>;
}

export interface Workload {
  readonly id: string;
  readonly title: string;
  readonly variants: readonly Variant[];
}

/** Those that speak Yjs and those that carry anything. */
export const everybody: readonly PeerName[] = ['tideweave', 'tideweave-stock', 'bare', 'hocuspocus', 'y-websocket'];

/** Those that have the document afterwards. */
export const keepers: readonly PeerName[] = ['tideweave', 'tideweave-stock', 'hocuspocus', 'y-websocket'];

/** What every run says about the load generator. */
export function loadMeasures({ loadShare, loadLagMs }: Cost): Measures {
  return { loadShare, loadLagMs };
}
