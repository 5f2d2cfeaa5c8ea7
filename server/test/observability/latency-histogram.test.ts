// The buckets that times are counted in, and what is read off them.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { LatencyHistogram, latencyBoundsMs, quantileMs } from '../../src/observability/latency-histogram.ts';

test('O4 a time is counted in the first bucket that it fits in, and the sum is kept', () => {
  const histogram = new LatencyHistogram();
  for (const ms of [0, 0.5, 0.6, 10_000, 10_001]) histogram.observe(ms);
  assert.is(histogram.counts.length, latencyBoundsMs.length + 1);
  assert.equal([histogram.counts[0], histogram.counts[1], ...histogram.counts.slice(-2)], [2, 1, 1, 1]);
  assert.is(histogram.sumMs, 20_002.1);
});

test('O4 a quantile lies in the bucket of its rank, is none without times, and stops at the last bound', () => {
  const histogram = new LatencyHistogram();
  assert.is(quantileMs(histogram.counts, 0.5), null);
  for (let n = 0; n < 98; n += 1) histogram.observe(2);
  histogram.observe(80);
  histogram.observe(60_000);
  const p50 = quantileMs(histogram.counts, 0.5) ?? 0;
  assert.ok(p50 > 1 && p50 < 2.5, String(p50));
  assert.is(quantileMs(histogram.counts, 0.99), 100);
  assert.is(quantileMs(histogram.counts, 1), 10_000);
});

test.run();
