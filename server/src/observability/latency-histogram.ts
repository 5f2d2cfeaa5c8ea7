/**
 * Times in buckets. Plain counts from the start, so that no time is lost before somebody looks, and that as many may look as
 * like.
 */

/** Upper ends of the buckets (ms). An fsync takes from a tenth of a millisecond to whole seconds. */
export const latencyBoundsMs: readonly number[] = [0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000];

export class LatencyHistogram {
  /** How many times fell in each bucket; the last one has what is beyond all bounds. */
  readonly counts: number[] = Array.from({ length: latencyBoundsMs.length + 1 }, () => 0);
  /** All times together (ms). */
  sumMs = 0;

  observe(ms: number): void {
    let bucket = 0;
    while (bucket < latencyBoundsMs.length && ms > (latencyBoundsMs[bucket] ?? 0)) bucket += 1;
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1;
    this.sumMs += ms;
  }
}

/**
 * The time (ms) below which a share of the counted ones lies, estimated within its bucket by a straight line, as Prometheus
 * does it; null when there are none.
 */
export function quantileMs(counts: readonly number[], share: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  const rank = share * total;
  let below = 0;
  for (const [bucket, count] of counts.entries()) {
    if (count > 0 && below + count >= rank) {
      const from = latencyBoundsMs[bucket - 1] ?? 0;
      const to = latencyBoundsMs[bucket] ?? from;
      return from + (to - from) * ((rank - below) / count);
    }
    below += count;
  }
  return latencyBoundsMs.at(-1) ?? null;
}
