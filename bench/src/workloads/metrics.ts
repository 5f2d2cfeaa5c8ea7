/** Everything that is measured, with its unit and which way is good. */

export interface Metric {
  readonly label: string;
  readonly unit: string;
  readonly better: 'lower' | 'higher';
}

export type MetricName =
  | 'cpuUsPerDelivery'
  | 'cpuUsPerUpdate'
  | 'cpuMs'
  | 'settledCpuMs'
  | 'cpuMsPerJoin'
  | 'p50Ms'
  | 'p99Ms'
  | 'ackP50Ms'
  | 'ackP99Ms'
  | 'joinP50Ms'
  | 'joinP99Ms'
  | 'updatesPerSecond'
  | 'failed'
  | 'settledPerSecond'
  | 'wallMs'
  | 'firstMs'
  | 'delivered'
  | 'bytesPerDelivery'
  | 'bytesPerJoin'
  | 'bytesOverMissed'
  | 'peakMb'
  | 'grownMb'
  | 'kbEach'
  | 'returned'
  | 'heapKbEach'
  | 'heapReturned'
  | 'sent'
  | 'acknowledged'
  | 'acknowledgedLost'
  | 'sentLost'
  | 'loadShare'
  | 'loadLagMs';

const lower = (label: string, unit: string): Metric => ({ label, unit, better: 'lower' });
const higher = (label: string, unit: string): Metric => ({ label, unit, better: 'higher' });

export const metrics: Readonly<Record<MetricName, Metric>> = {
  cpuUsPerDelivery: lower('CPU per delivery', 'µs'),
  cpuUsPerUpdate: lower('CPU per update', 'µs'),
  cpuMs: lower('CPU', 'ms'),
  settledCpuMs: lower('CPU, all work done', 'ms'),
  cpuMsPerJoin: lower('CPU per join', 'ms'),
  p50Ms: lower('p50', 'ms'),
  p99Ms: lower('p99', 'ms'),
  ackP50Ms: lower('acknowledged, p50', 'ms'),
  ackP99Ms: lower('acknowledged, p99', 'ms'),
  joinP50Ms: lower('join, p50', 'ms'),
  joinP99Ms: lower('join, p99', 'ms'),
  failed: lower('joins that failed', ''),
  updatesPerSecond: higher('updates per second', '/s'),
  settledPerSecond: higher('updates per second, all work done', '/s'),
  wallMs: lower('time', 'ms'),
  firstMs: lower('time of the first', 'ms'),
  delivered: higher('delivered in time', ''),
  bytesPerDelivery: lower('bytes per delivery', 'B'),
  bytesPerJoin: lower('bytes per join', 'B'),
  bytesOverMissed: lower('bytes beyond 200, per byte missed', ''),
  peakMb: lower('peak memory', 'MB'),
  grownMb: lower('memory grown by', 'MB'),
  kbEach: lower('memory each', 'KB'),
  returned: higher('memory that came back', ''),
  heapKbEach: lower('heap each', 'KB'),
  heapReturned: higher('heap that came back', ''),
  sent: higher('sent until the kill', ''),
  acknowledged: higher('acknowledged', ''),
  acknowledgedLost: lower('acknowledged and lost', ''),
  sentLost: lower('sent and lost', ''),
  loadShare: lower('load generator, share of a core', ''),
  loadLagMs: lower('load generator, lag p99', 'ms'),
};
