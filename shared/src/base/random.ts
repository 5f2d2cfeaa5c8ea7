/** A source of numbers in [0, 1), handed in wherever chance is needed so that a seed can replay it. */
export type Random = () => number;

/**
 * A seeded source: mulberry32 (Tommy Ettinger, public domain), 2^32 period, good enough for jitter and test data,
 * never for secrets.
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
