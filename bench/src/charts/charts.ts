/** The results as SVG, for the README: what each server needs, side by side, and how our costs grow. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as echarts from 'echarts';
import { type PeerName, peers } from '../peers/peers.ts';
import { formatNumber } from '../runner/format.ts';
import type { Results } from '../runner/results.ts';
import { type GrowthCurve, Summary, growthCurves } from '../runner/summary.ts';
import { type MetricName, metrics } from '../workloads/metrics.ts';
import type { Workload } from '../workloads/workload.ts';

interface Chart {
  readonly file: string;
  readonly title: string;
  readonly workload: string;
  readonly metric: MetricName;
  readonly variants: readonly string[];
}

const charts: readonly Chart[] = [
  {
    file: 'fan-out-cpu',
    title: 'CPU per delivery to 200 readers',
    workload: 'w1',
    metric: 'cpuUsPerDelivery',
    variants: [
      '200 readers, 200/s',
      '200 readers, 2,000/s',
      '200 readers, 10,000/s',
      '200 people typing, 1,000/s together',
    ],
  },
  {
    file: 'fan-out-latency',
    title: 'From one keyboard to 200 screens, 99th percentile',
    workload: 'w1',
    metric: 'p99Ms',
    variants: ['200 readers, 200/s', '200 readers, 2,000/s', '200 readers, 10,000/s'],
  },
  {
    file: 'ingest-cpu',
    title: 'CPU per update taken, 100 documents (ours fsynced, the others not)',
    workload: 'w2',
    metric: 'cpuUsPerUpdate',
    variants: ['2,000/s', '10,000/s', 'burst of 100,000'],
  },
  {
    file: 'open',
    title: 'Opening a document of 259,778 keystrokes',
    workload: 'w4',
    metric: 'wallMs',
    variants: ['compacted, 1 client', 'compacted, 100 at once', 'right after it was typed in a burst'],
  },
  {
    file: 'rejoin-bytes',
    title: 'Bytes for a device that missed ten keystrokes',
    workload: 'w5',
    metric: 'bytesPerJoin',
    variants: ['10 missed, warm, 100 clients, by cursor', '10 missed, cold, 1 client, by cursor'],
  },
  {
    file: 'presence-cpu',
    title: 'CPU per cursor movement, 500 people in one document',
    workload: 'w9',
    metric: 'cpuUsPerUpdate',
    variants: ['500 cursors at 10 Hz'],
  },
];

const colours: Readonly<Record<PeerName, string>> = {
  tideweave: '#0f766e',
  'tideweave-stock': '#5eead4',
  bare: '#94a3b8',
  hocuspocus: '#d97706',
  'y-websocket': '#7c3aed',
  automerge: '#be123c',
};

const size = { width: 860, height: 360 } as const;
const textStyle = { fontFamily: 'system-ui, sans-serif', color: '#334155' } as const;
const legend = { bottom: 0, itemGap: 40, textStyle } as const;
const figureAxis = {
  type: 'log',
  axisLabel: { ...textStyle, formatter: (value: number) => formatNumber(value) },
} as const;

/** Writes those charts for which there are figures. */
export async function drawCharts(folder: string, results: Results, workloads: readonly Workload[]): Promise<void> {
  await mkdir(folder, { recursive: true });
  const summary = new Summary(results);
  for (const chart of charts) {
    const svg = drawBars(chart, summary);
    if (svg !== null) await writeFile(join(folder, `${chart.file}.svg`), svg);
  }
  const curves = growthCurves(summary, workloads);
  if (curves.length > 0) await writeFile(join(folder, 'growth.svg'), drawGrowth(curves));
}

function drawBars({ title, workload, metric, variants }: Chart, summary: Summary): string | null {
  const measured = (Object.keys(peers) as PeerName[])
    .map((peer) => ({ peer, values: variants.map((variant) => summary.value(workload, variant, peer, metric)) }))
    .filter(({ values }) => values.some((value) => value > 0));
  if (measured.length === 0) return null;
  const { unit } = metrics[metric];
  // A logarithmic scale has no zero: bars that began at 1 would grow downwards below it.
  const least = Math.min(...measured.flatMap(({ values }) => values.filter((value) => value > 0)));
  const base = 10 ** Math.floor(Math.log10(least));
  return render({
    title: { text: `${title} (${unit})`, left: 'center', textStyle: { ...textStyle, fontSize: 16 } },
    legend,
    grid: { left: 60, right: 20, top: 50, bottom: 70 },
    xAxis: { type: 'category', data: [...variants], axisLabel: { ...textStyle, interval: 0 } },
    // What differs by a factor of a hundred does not fit another scale.
    yAxis: { ...figureAxis, min: base, startValue: base },
    series: measured.map(({ peer, values }) => ({
      type: 'bar',
      name: peers[peer].title,
      itemStyle: { color: colours[peer] },
      label: {
        show: true,
        position: 'top',
        fontSize: 10,
        formatter: ({ value }: { readonly value: unknown }) => formatNumber(Number(value)),
      },
      data: values.map((value) => (Number.isNaN(value) ? null : value)),
    })),
  });
}

function drawGrowth(curves: readonly GrowthCurve[]): string {
  return render({
    title: { text: 'How costs grow', left: 'center', textStyle: { ...textStyle, fontSize: 16 } },
    legend,
    grid: { left: 60, right: 20, top: 50, bottom: 90 },
    xAxis: { type: 'log', axisLabel: { ...textStyle, formatter: (value: number) => value.toLocaleString('en') } },
    yAxis: figureAxis,
    series: curves.map(({ unit, label, points }) => ({
      type: 'line',
      name: `${label} by ${unit}`,
      data: points.map(([x, y]) => [x, y]),
    })),
  });
}

function render(option: echarts.EChartsCoreOption): string {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, ...size });
  chart.setOption({ animation: false, backgroundColor: '#ffffff', textStyle, ...option });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}
