/** What compares copies (C1): an entry of its own, so that a page can load it later than what it needs at once. */
export { type ComparisonHost, type ComparisonOptions, Comparisons } from './session/comparisons.ts';
export { snapshotDigest } from './update/snapshot-digest.ts';
