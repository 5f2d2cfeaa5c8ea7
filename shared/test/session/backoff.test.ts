import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { seededRandom } from '../../src/base/random.ts';
import { Backoff } from '../../src/session/backoff.ts';
import { numRuns, seed } from '../protocol/samples.ts';

test('P44 R6 every wait is within its bounds, however many failed', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(100_000), fc.integer({ min: 1, max: 3000 }), (diceSeed, atLeastMs, attempts) => {
      const backoff = new Backoff(seededRandom(diceSeed));
      for (let attempt = 0; attempt < Math.min(attempts, 60); attempt++) {
        const wait = backoff.next(atLeastMs);
        assert.ok(wait >= atLeastMs && wait < atLeastMs + Math.min(30_000, 250 * 2 ** attempt), `${attempt}: ${wait}`);
      }
    }),
    { seed, numRuns: numRuns / 10 },
  );
});

test('P44 the draw is uniform over the whole range: full jitter', () => {
  const random = seededRandom(seed);
  const buckets = Array.from({ length: 10 }, () => 0);
  for (let draw = 0; draw < 10_000; draw++) {
    const backoff = new Backoff(random, { baseMs: 1000, capMs: 1000 });
    const bucket = Math.floor(backoff.next() / 100);
    buckets[bucket] = (buckets[bucket] ?? 0) + 1;
  }
  for (const count of buckets) assert.ok(count > 800 && count < 1200, buckets.join(' '));
});

test('P45 a success starts the count anew', () => {
  const backoff = new Backoff(() => 0.5);
  assert.equal([backoff.next(), backoff.next(), backoff.next()], [125, 250, 500]);
  backoff.reset();
  assert.is(backoff.next(), 125);
});

test('P59 of what a refusal asks for, an hour counts: no timer is set beyond what platforms have', () => {
  const backoff = new Backoff(() => 0);
  assert.is(backoff.next(Number.MAX_SAFE_INTEGER), 3_600_000);
});

test.run();
