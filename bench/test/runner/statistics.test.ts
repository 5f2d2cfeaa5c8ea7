import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { growthExponent, median, quantile } from '../../src/statistics.ts';

test('W0 the median is the middle, and figures that were not taken do not count', () => {
  assert.is(median([5, 1, 3]), 3);
  assert.is(median([4, 1, 3, 2]), 2.5);
  assert.is(median([Number.NaN, 7]), 7);
  assert.ok(Number.isNaN(median([])));
});

test('W0 a quantile is a sample, the nearest by rank, and a numeric one', () => {
  const hundred = Array.from({ length: 100 }, (_, at) => 100 - at);
  assert.is(quantile(hundred, 0.5), 50);
  assert.is(quantile(hundred, 0.99), 99);
  assert.is(quantile(hundred, 1), 100);
  assert.is(quantile([9, 10], 0.5), 9, 'not sorted as text');
  assert.ok(Number.isNaN(quantile([], 0.5)));
});

test('W0 the growth exponent of a constant is 0, of a line 1, of a square 2', () => {
  const sizes = [10, 100, 1000, 10_000];
  const exponent = (cost: (size: number) => number): number =>
    growthExponent(sizes.map((size) => [size, cost(size)] as const));
  assert.ok(Math.abs(exponent(() => 5)) < 1e-9);
  assert.ok(Math.abs(exponent((size) => 3 * size) - 1) < 1e-9);
  assert.ok(Math.abs(exponent((size) => size * size) - 2) < 1e-9);
});

test.run();
