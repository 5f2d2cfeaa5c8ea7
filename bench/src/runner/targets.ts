/** What the product promises of its speed, judged. Ratios are of medians within one run of the bench. */
import type { PeerName } from '../peers/peers.ts';
import { peers } from '../peers/peers.ts';
import { type MetricName, metrics } from '../workloads/metrics.ts';
import type { Results } from './results.ts';
import { Summary, rivals } from './summary.ts';
import { formatNumber } from './format.ts';

interface Target {
  readonly workload: string;
  readonly variant: string;
  readonly metric: MetricName;
  /** A ratio to one of them, or the figure itself. */
  readonly against: 'bare' | 'best' | 'absolute';
  /** At most this where lower is better, at least this where higher is. */
  readonly bound: number;
  /** Of the peers, when it is another metric than ours. */
  readonly theirs?: MetricName;
}

export interface Verdict {
  readonly title: string;
  readonly against: string;
  readonly wanted: string;
  readonly is: string;
  /** Null where it was run and there is no figure, of ours or of whom it is compared with. */
  readonly isMet: boolean | null;
  readonly by: string;
}

const of = (workload: string, variant: string) => (metric: MetricName, against: Target['against'], bound: number) =>
  ({ workload, variant, metric, against, bound }) satisfies Target;

const w1 = {
  slow: of('w1', '200 readers, 200/s'),
  busy: of('w1', '200 readers, 2,000/s'),
  storm: of('w1', '200 readers, 10,000/s'),
  typing: of('w1', '200 people typing, 1,000/s together'),
};
const w4 = {
  one: of('w4', 'compacted, 1 client'),
  hundred: of('w4', 'compacted, 100 at once'),
  burst: of('w4', 'right after it was typed in a burst'),
};
const w5 = {
  cursor: of('w5', '10 missed, warm, 100 clients, by cursor'),
  vector: of('w5', '10 missed, warm, 100 clients, by state vector'),
};
const w6 = {
  connections: of('w6', 'connections to one document'),
  notes: of('w6', 'connections with a note each (300 keystrokes)'),
  pages: of('w6', 'connections with a page each (5,000 keystrokes)'),
};
const w2 = { burst: of('w2', 'burst of 100,000'), slow: of('w2', '2,000/s'), fast: of('w2', '10,000/s') };

const targets: readonly Target[] = [
  w1.slow('cpuUsPerDelivery', 'bare', 0.9),
  w1.slow('cpuUsPerDelivery', 'best', 0.8),
  w1.busy('cpuUsPerDelivery', 'best', 0.3),
  w1.busy('p99Ms', 'absolute', 10),
  w1.storm('cpuUsPerDelivery', 'best', 0.45),
  w1.storm('p99Ms', 'absolute', 10),
  w1.typing('cpuUsPerDelivery', 'best', 0.3),
  w2.burst('updatesPerSecond', 'best', 20),
  w2.fast('cpuUsPerUpdate', 'best', 0.33),
  w2.fast('ackP99Ms', 'absolute', 40),
  w2.slow('cpuUsPerUpdate', 'best', 0.6),
  w2.slow('ackP99Ms', 'absolute', 40),
  // Ours with compaction; theirs until the reader has it.
  { ...of('w3', 'one writer, one reader')('settledPerSecond', 'best', 12), theirs: 'updatesPerSecond' },
  w4.one('wallMs', 'best', 0.1),
  w4.hundred('wallMs', 'best', 0.35),
  w4.burst('wallMs', 'best', 0.5),
  w5.vector('cpuMs', 'best', 0.6),
  w5.cursor('cpuMs', 'best', 0.3),
  w5.cursor('bytesOverMissed', 'absolute', 1.2),
  w6.connections('kbEach', 'bare', 0.9),
  w6.notes('kbEach', 'best', 0.35),
  w6.pages('kbEach', 'best', 0.35),
  w6.connections('returned', 'absolute', 0.9),
  w6.notes('returned', 'absolute', 0.9),
  w6.pages('returned', 'absolute', 0.9),
  of('w7', 'one writer')('acknowledgedLost', 'absolute', 0),
  of('w8', '64 devices, 200 keystrokes each')('wallMs', 'best', 0.3),
  of('w8', '64 devices, 200 keystrokes each')('cpuMs', 'best', 0.3),
  of('w9', '500 cursors at 10 Hz')('cpuMs', 'best', 0.3),
];

/** Those targets whose workloads were run, by us and by one of those they compare with. */
export function judge(results: Results): readonly Verdict[] {
  const summary = new Summary(results);
  return [...targets.flatMap((target) => verdictOf(target, summary) ?? []), ...judgeScanner(results)];
}

const scannerBound = 0.05;

function judgeScanner({ micro }: Results): readonly Verdict[] {
  const scanner = micro.find(({ name, input }) => name === 'scanner' && input === 'a keystroke');
  if (scanner === undefined) return [];
  const value = scanner.oursNs / scanner.yjsNs;
  return [
    {
      title: 'Scanner, a keystroke',
      against: scanner.against,
      wanted: `≤ ${scannerBound} ×`,
      is: `${formatNumber(value)} ×`,
      isMet: value <= scannerBound,
      by: `${formatNumber((value / scannerBound - 1) * 100)} %`,
    },
  ];
}

function verdictOf(target: Target, summary: Summary): Verdict | null {
  const { workload, variant, metric, against, bound } = target;
  const compared = comparedWith(against);
  const wasRun = (peer: PeerName): boolean => summary.wasRun(workload, variant, peer);
  if (!wasRun('tideweave') || (compared.length > 0 && !compared.some(wasRun))) return null;
  const { label, unit, better } = metrics[metric];
  const suffix = against === 'absolute' ? ` ${unit}` : ' ×';
  const title = `${workload.toUpperCase()} ${variant}: ${label}`;
  const wanted = `${better === 'lower' ? '≤' : '≥'} ${bound}${suffix}`;
  const ours = summary.value(workload, variant, 'tideweave', metric);
  const other = otherOf(target, compared, summary);
  if (Number.isNaN(ours) || other === null) {
    return { title, against: other?.name ?? '', wanted, is: '–', isMet: null, by: '' };
  }
  const value = ours / other.value;
  const off = better === 'lower' ? (bound === 0 ? value : value / bound - 1) : 1 - value / bound;
  return {
    title,
    against: other.name,
    wanted,
    is: `${formatNumber(value)}${suffix}`,
    isMet: better === 'lower' ? value <= bound : value >= bound,
    by: `${formatNumber(off * 100)} %`,
  };
}

function comparedWith(against: Target['against']): readonly PeerName[] {
  return against === 'absolute' ? [] : against === 'bare' ? ['bare'] : rivals;
}

/** Whom ours is divided by; null where there is no figure of theirs. */
function otherOf(
  { workload, variant, metric, against, theirs = metric }: Target,
  compared: readonly PeerName[],
  summary: Summary,
): { readonly name: string; readonly value: number } | null {
  if (against === 'absolute') return { name: '', value: 1 };
  const best = summary.best(workload, variant, theirs, compared);
  return best === null ? null : { name: peers[best.peer].title, value: best.value };
}
