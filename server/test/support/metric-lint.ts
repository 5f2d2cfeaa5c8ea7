/**
 * What `promtool check metrics` refuses beyond the format itself: names, units and suffixes that mislead whoever queries
 * (https://prometheus.io/docs/practices/naming). For tests.
 */
import type { Family } from './exposition.ts';

/** Words of a name that are no base unit, and what stands for them. */
const baseUnits: Readonly<Record<string, string>> = {
  ...unitOf('seconds', ['ns', 'us', 'ms', 's', 'sec', 'second', 'nanoseconds', 'microseconds', 'milliseconds']),
  ...unitOf('seconds', ['minutes', 'hours', 'days', 'weeks']),
  ...unitOf('bytes', ['b', 'kb', 'mb', 'gb', 'tb', 'kib', 'mib', 'gib', 'byte', 'bits', 'kilobytes', 'megabytes']),
  ...unitOf('bytes', ['gigabytes', 'kibibytes', 'mebibytes', 'gibibytes']),
  ...unitOf('ratio', ['percent', 'pct']),
};
const typeNames: ReadonlySet<string> = new Set(['counter', 'gauge', 'histogram', 'summary', 'untyped']);

function unitOf(unit: string, words: readonly string[]): Record<string, string> {
  return Object.fromEntries(words.map((word) => [word, unit]));
}

/** One line for each thing that is wrong; empty for metrics that are in order. */
export function lintMetrics(families: Iterable<Family>): string[] {
  return [...families].flatMap((family) => lintFamily(family).map((why) => `${family.name}: ${why}`));
}

function lintFamily({ name, type, help, samples }: Family): string[] {
  const found: string[] = [];
  const refuse = (isWrong: boolean, why: string): void => void (isWrong && found.push(why));
  const words = name.split('_');
  const hasParts = type === 'histogram' || type === 'summary';
  refuse(!/^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/.test(name), 'a name is lower case with single underscores');
  refuse(help.trim() === '', 'it has no help');
  refuse(type === 'untyped', 'it has no type');
  refuse(type === 'counter' && !name.endsWith('_total'), 'a counter ends in _total');
  refuse(type !== 'counter' && name.endsWith('_total'), 'only a counter ends in _total');
  refuse(type !== 'histogram' && name.endsWith('_bucket'), 'only a histogram has _bucket');
  refuse(!hasParts && /_(?:count|sum)$/.test(name), 'only a histogram or a summary has _count and _sum');
  for (const word of words) {
    const unit = baseUnits[word];
    if (unit !== undefined) found.push(`"${word}" is no base unit: ${unit} is`);
    refuse(typeNames.has(word), `"${word}" says its type`);
  }
  const labels = new Map(samples.flatMap((sample) => [...sample.labels.keys()].map((label) => [label, sample.name])));
  for (const label of labels.keys()) {
    refuse(!/^[a-z][a-z0-9_]*$/.test(label), `label "${label}" is not snake case`);
    refuse(label === 'quantile' && type !== 'summary', 'only a summary has the label quantile');
  }
  const withBounds = samples.filter((sample) => sample.labels.has('le')).map((sample) => sample.name);
  refuse(
    withBounds.some((sample) => type !== 'histogram' || sample !== `${name}_bucket`),
    'only the buckets of a histogram have the label le',
  );
  return found;
}
