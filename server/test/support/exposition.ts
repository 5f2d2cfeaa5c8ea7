/** A strict reader of Prometheus's text format (version 0.0.4), for tests: what it does not understand is an error. */

export interface Sample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

export interface Family {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: Sample[];
}

const types = new Set(['counter', 'gauge', 'histogram', 'summary', 'untyped']);
const sampleLine = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const labelForm = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y;
const numberForm = /^(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|[+-]Inf|NaN)$/i;

/** The families by name. Throws an Error that quotes the line. */
export function parseExposition(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const families = new Map<string, Family>();
  const series = new Set<string>();
  let help: { readonly name: string; readonly text: string } | null = null;
  let current: Family | null = null;
  for (const line of text.split('\n')) {
    const fail = (why: string): never => {
      throw new Error(`${why}: ${line}`);
    };
    if (line === '') continue;
    const [, helpName, helpText] = /^# HELP (\S+) (.+)$/.exec(line) ?? [];
    if (helpName !== undefined) {
      help = { name: helpName, text: helpText ?? '' };
      continue;
    }
    const [, name, type] = /^# TYPE (\S+) (\S+)$/.exec(line) ?? [];
    if (name !== undefined && type !== undefined) {
      if (help?.name !== name) fail('a type without its help');
      if (families.has(name) || !types.has(type)) fail('a family twice, or an unknown type');
      current = { name, type, help: help?.text ?? '', samples: [] };
      families.set(name, current);
      continue;
    }
    const sample = sampleOf(line) ?? fail('not a line of the format');
    if (current === null || !belongs(sample.name, current)) fail('a sample outside its family');
    const key = `${sample.name}{${[...sample.labels].map(String).toSorted().join()}}`;
    if (series.has(key)) fail('a series twice');
    series.add(key);
    current?.samples.push(sample);
  }
  for (const family of families.values()) checkFamily(family);
  return families;
}

function sampleOf(line: string): Sample | null {
  const [, name, labelText = '', number = ''] = sampleLine.exec(line) ?? [];
  if (name === undefined || !numberForm.test(number)) return null;
  const labels = new Map<string, string>();
  for (let at = 0; at < labelText.length; at = labelForm.lastIndex) {
    labelForm.lastIndex = at;
    const [, label, value] = labelForm.exec(labelText) ?? [];
    if (label === undefined || labels.has(label)) return null;
    labels.set(label, value ?? '');
  }
  const infinite = /^([+-])Inf$/i.exec(number)?.[1];
  return { name, labels, value: infinite === undefined ? Number(number) : Number(`${infinite}Infinity`) };
}

function belongs(name: string, { name: family, type }: Family): boolean {
  if (type !== 'histogram') return name === family;
  return [`${family}_bucket`, `${family}_sum`, `${family}_count`].includes(name);
}

/** Counters end in `_total` and nothing else does; buckets grow up to one without a bound, which counts everything. */
function checkFamily({ name, type, samples }: Family): void {
  if (name.endsWith('_total') !== (type === 'counter')) throw new Error(`${name} is a ${type}`);
  if (type === 'counter' && samples.some(({ value }) => !(value >= 0))) throw new Error(`${name} went below 0`);
  if (type !== 'histogram') return;
  const buckets = samples.filter((sample) => sample.name === `${name}_bucket`);
  const bounds = buckets.map(({ labels }) => Number((labels.get('le') ?? '').replace('+Inf', 'Infinity')));
  const counts = buckets.map(({ value }) => value);
  const rises = (values: readonly number[]): boolean => values.every((value, at) => value >= (values[at - 1] ?? 0));
  const total = samples.find((sample) => sample.name === `${name}_count`)?.value;
  if (!rises(bounds) || bounds.at(-1) !== Infinity) throw new Error(`${name}: its bounds do not rise to +Inf`);
  if (!rises(counts) || counts.at(-1) !== total) throw new Error(`${name}: its buckets do not add up`);
}
