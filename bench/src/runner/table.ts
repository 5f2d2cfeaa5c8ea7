/** The results as a person reads them. */
import Table from 'cli-table3';
import pc from 'picocolors';
import { growthExponent } from '../statistics.ts';
import { type PeerName, peers } from '../peers/peers.ts';
import { type MetricName, metrics } from '../workloads/metrics.ts';
import type { Workload } from '../workloads/workload.ts';
import { formatNumber } from './format.ts';
import type { Results } from './results.ts';
import { Summary, growthCurves } from './summary.ts';
import { type Verdict, judge } from './targets.ts';

/** What every run has about the load generator is said by a mark, not by rows. */
const hidden: ReadonlySet<MetricName> = new Set<MetricName>(['loadShare', 'loadLagMs']);
const loadMark = '*';

function formatRatio(value: number): string {
  return Number.isFinite(value) ? `${formatNumber(value)} ×` : '–';
}

export function formatResults(results: Results, workloads: readonly Workload[]): string {
  const summary = new Summary(results);
  const measured = [...new Set(results.runs.map(({ peer }) => peer))];
  const sections = workloads
    .filter(({ variants }) => !variants.some(({ unit }) => unit !== undefined))
    .map((workload) => formatWorkload(workload, summary, measured, results))
    .filter((section) => section !== '');
  const verdicts = judge(results);
  return [
    ...sections,
    formatMicro(results),
    formatGrowth(summary, workloads),
    formatVerdicts(verdicts),
    footnotes(summary, results),
  ]
    .filter((section) => section !== '')
    .join('\n\n');
}

function formatWorkload(workload: Workload, summary: Summary, measured: readonly PeerName[], results: Results): string {
  const table = new Table({
    head: ['', '', ...measured.map((peer) => peers[peer].title), 'ours : bare', 'ours : best peer'],
    style: { head: [], border: [] },
  });
  let rows = 0;
  for (const { name } of workload.variants) {
    const runs = results.runs.filter((run) => run.workload === workload.id && run.variant === name);
    const names = (Object.keys(metrics) as MetricName[]).filter(
      (metric) => !hidden.has(metric) && runs.some(({ measures }) => measures?.[metric] !== undefined),
    );
    for (const [at, metric] of names.entries()) {
      const { label, unit } = metrics[metric];
      const cells = measured.map((peer) => {
        const value = formatNumber(summary.value(workload.id, name, peer, metric));
        return summary.loadBound(workload.id, name, peer) && value !== '–' ? `${value}${loadMark}` : value;
      });
      const ours = summary.value(workload.id, name, 'tideweave', metric);
      const best = summary.best(workload.id, name, metric)?.value ?? Number.NaN;
      table.push([
        at === 0 ? name : '',
        `${label}${unit === '' ? '' : ` (${unit})`}`,
        ...cells,
        formatRatio(ours / summary.value(workload.id, name, 'bare', metric)),
        formatRatio(ours / best),
      ]);
      rows++;
    }
    for (const peer of measured) {
      for (const failure of summary.failures(workload.id, name, peer)) {
        table.push([
          name,
          { content: pc.red(`${peers[peer].title} failed: ${failure}`), colSpan: measured.length + 3 },
        ]);
        rows++;
      }
    }
  }
  return rows === 0 ? '' : `${pc.bold(workload.title)}\n${table.toString()}`;
}

function formatMicro({ micro }: Results): string {
  if (micro.length === 0) return '';
  const table = new Table({ head: ['', 'input', 'ours', '', 'Yjs', '', 'ratio'], style: { head: [], border: [] } });
  for (const { name, input, oursNs, against, yjsNs, bytes } of micro) {
    table.push([
      name,
      input,
      `${formatNumber(oursNs)} ns`,
      `${formatNumber((bytes / oursNs) * 1000)} MB/s`,
      `${formatNumber(yjsNs)} ns`,
      against,
      formatRatio(oursNs / yjsNs),
    ]);
  }
  return `${pc.bold('Micro')}\n${table.toString()}`;
}

/** How each cost grows: the exponent is 0 for one that stays, 1 for one that grows in proportion. */
function formatGrowth(summary: Summary, workloads: readonly Workload[]): string {
  const table = new Table({ head: ['growth with', 'cost', 'exponent', ''], style: { head: [], border: [] } });
  for (const { unit, label, points } of growthCurves(summary, workloads)) {
    const curve = points.map(([size, value]) => `${size.toLocaleString('en')}: ${formatNumber(value)}`).join(', ');
    table.push([unit, label, formatNumber(growthExponent(points)), curve]);
  }
  return table.length === 0 ? '' : `${pc.bold('Growth')}\n${table.toString()}`;
}

function formatVerdicts(verdicts: readonly Verdict[]): string {
  if (verdicts.length === 0) return '';
  const table = new Table({ head: ['target', 'against', 'wanted', 'is', ''], style: { head: [], border: [] } });
  for (const { title, against, wanted, is, isMet, by } of verdicts) {
    const verdict = isMet === null ? pc.yellow('not measured') : isMet ? pc.green('met') : pc.red(`missed by ${by}`);
    table.push([title, against, wanted, is, verdict]);
  }
  return `${pc.bold('Targets')}\n${table.toString()}`;
}

function footnotes(summary: Summary, { runs, commit, machine, rounds }: Results): string {
  const bound = runs.filter(({ workload, variant, peer }) => summary.loadBound(workload, variant, peer));
  const lines = [
    `${machine.cores} cores (${machine.cpu}), ${machine.memoryGb} GB, Linux ${machine.kernel}, Node ${machine.node}, commit ${commit}; medians of up to ${rounds} rounds.`,
  ];
  if (bound.length > 0) {
    lines.push(`${loadMark} the load generator used more than 0.9 of a core: it may have been the limit.`);
  }
  return lines.join('\n');
}
