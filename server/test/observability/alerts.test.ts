// Metrics, their documentation, alerts and dashboard agree with each other, and are what Prometheus takes.
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parse as parseYaml } from 'yaml';
import { Meter } from '../../src/observability/meter.ts';
import { Metrics } from '../../src/observability/metrics.ts';
import { type Family, parseExposition } from '../support/exposition.ts';
import { lintMetrics } from '../support/metric-lint.ts';
import { readQuery } from '../support/promql.ts';
import { pass } from '../support/wait.ts';

const file = (path: string): string => readFileSync(new URL(`../../../../${path}`, import.meta.url), 'utf8');

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: Readonly<Record<string, string>>;
}
const alerts = (parseYaml(file('deploy/alerts.yml')) as { groups: { rules: Alert[] }[] }).groups.flatMap(
  ({ rules }) => rules,
);
const dashboard = JSON.parse(file('deploy/grafana/tideweave.json')) as {
  panels: { title: string; targets: { expr: string }[] }[];
};

/** Every expression that Prometheus or an operator is given, with where it stands. Grafana puts its variables in itself. */
const expressions: (readonly [string, string])[] = [
  ...alerts.map(({ alert, expr }) => [alert, expr] as const),
  ...dashboard.panels.flatMap(({ title, targets }) =>
    targets.map(({ expr }) => [title, expr.replaceAll('$__rate_interval', '5m')] as const),
  ),
  ...['docs/metrics.md', 'docs/operating.md'].flatMap((page) =>
    [...file(page).matchAll(/`([^`\n]*\btideweave_[^`\n]*)`/g)].map(([, expr = '']) => [page, expr] as const),
  ),
];
/** Labels that Prometheus adds to whatever it scrapes. */
const targetLabels = ['instance', 'job'];

/** The metrics as the code registers them, with every label in use. */
async function registered(): Promise<Map<string, Family>> {
  const meter = new Meter();
  meter.refused({ code: 'TW_FORBIDDEN', message: 'no' }, 0, 'id');
  const nothing = (): number => 0;
  const metrics = new Metrics({
    meter,
    rooms: nothing,
    sessions: nothing,
    connections: nothing,
    socketBufferBytes: nothing,
    uncommittedBytes: nothing,
    waitingWebhooks: nothing,
    storageWorks: () => true,
    logBytes: () => Promise.resolve(0),
  });
  try {
    // The delay of the event loop is measured from one scrape to the next.
    await metrics.scrape();
    await pass(50);
    return parseExposition(await metrics.scrape());
  } finally {
    metrics.close();
  }
}

/** Names and labels that one can ask Prometheus for. */
async function series(): Promise<Map<string, ReadonlySet<string>>> {
  const known = new Map<string, ReadonlySet<string>>([['up', new Set(targetLabels)]]);
  for (const { samples } of (await registered()).values()) {
    for (const { name, labels } of samples) known.set(name, new Set([...labels.keys(), ...targetLabels]));
  }
  return known;
}

test('O4 docs/metrics.md has every metric as the code registers it, and no other', async () => {
  const rows = [...file('docs/metrics.md').matchAll(/^\| `([a-z_]+)` \| (\w+) \| (.*) \|$/gm)].map((row) =>
    row.slice(1),
  );
  const shown = [...(await registered()).values()].map(({ name, type, help }) => [name, type, help]);
  assert.equal(rows, shown);
});

test('O4 every metric has a name, a unit and a suffix as Prometheus wants them', async () => {
  assert.equal(lintMetrics((await registered()).values()), []);
});

test('O4 what promtool refuses of a metric is found', () => {
  const metric = (name: string, type: string = 'gauge', label: string = 'code'): Family => ({
    name,
    type,
    help: 'Something.',
    samples: [{ name, labels: new Map([[label, 'x']]), value: 1 }],
  });
  assert.equal(lintMetrics([metric('tideweave_waiting_bytes'), metric('tideweave_x_total', 'counter')]), []);
  const wrong: readonly (readonly [Family, RegExp])[] = [
    [metric('tideweave_waitingBytes'), /lower case/],
    [metric('tideweave:waiting'), /lower case/],
    [metric('tideweave__waiting'), /lower case/],
    [{ ...metric('tideweave_waiting'), help: ' ' }, /no help/],
    [metric('tideweave_waiting', 'untyped'), /no type/],
    [metric('tideweave_updates', 'counter'), /a counter ends in _total/],
    [metric('tideweave_waiting_total'), /only a counter/],
    [metric('tideweave_waiting_bucket'), /_bucket/],
    [metric('tideweave_waiting_count'), /_count/],
    [metric('tideweave_bytes_sum'), /_sum/],
    [metric('tideweave_commit_ms'), /"ms" is no base unit: seconds/],
    [metric('tideweave_commit_milliseconds'), /seconds/],
    [metric('tideweave_log_kb'), /bytes/],
    [metric('tideweave_rooms_gauge'), /says its type/],
    [metric('tideweave_rooms', 'gauge', 'le'), /label le/],
    [metric('tideweave_rooms', 'histogram', 'le'), /label le/],
    [metric('tideweave_rooms', 'gauge', 'quantile'), /quantile/],
    [metric('tideweave_rooms', 'gauge', 'errorCode'), /"errorCode" is not snake case/],
  ];
  for (const [family, why] of wrong) {
    const found = lintMetrics([family]);
    assert.is(found.length, 1, `${family.name}: ${found.join('; ')}`);
    assert.match(found[0] ?? '', why);
  }
});

test('O4 every expression is PromQL over metrics and labels that exist', async () => {
  const known = await series();
  assert.ok(expressions.length > 40, `only ${expressions.length}`);
  for (const [where, expression] of expressions) {
    const { selectors, groupedBy } = readQuery(expression);
    const all = new Set<string>();
    for (const { metric, labels } of selectors) {
      // A histogram as a whole is spoken of, but never asked for.
      const inDocs = where.startsWith('docs/') && known.has(`${metric}_bucket`);
      const has = known.get(metric) ?? (inDocs ? known.get(`${metric}_bucket`) : undefined);
      assert.ok(has !== undefined, `${where}: there is no ${metric}`);
      for (const label of labels) assert.ok(has?.has(label), `${where}: ${metric} has no label ${label}`);
      for (const label of has ?? []) all.add(label);
    }
    for (const label of groupedBy) assert.ok(all.has(label), `${where}: nothing in it has the label ${label}`);
  }
});

test('O4 a mistake in PromQL is found', () => {
  for (const wrong of [
    'sum by (le (rate(tideweave_ack_seconds_bucket[5m])))',
    'sum(rate(tideweave_updates_total[5m])',
    'tideweave_storage_up ==',
    'tideweave_storage_up = 0',
    'tideweave_refusals_total{code=TW_OVERLOADED}',
    'rate(tideweave_updates_total[5 minutes])',
    'average(tideweave_rooms)',
    'tideweave_rooms tideweave_sessions',
    'rate(tideweave_updates_total)',
    'abs(tideweave_rooms[5m])',
    '1 > 0',
  ]) {
    assert.throws(() => readQuery(wrong), /:/, wrong);
  }
  assert.equal(readQuery('sum by (code) (rate(tideweave_refusals_total{code=~"TW_.*"}[5m])) > 0'), {
    selectors: [{ metric: 'tideweave_refusals_total', labels: ['code'] }],
    groupedBy: ['code'],
  });
});

test('O4 every alert has a row that says what it means and what to do, and leads there', () => {
  const page = 'docs/operating.md';
  const heading = 'What you see, what it means, what to do';
  const section = file(page).split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| '));
  const named = rows.flatMap((row) => [...row.matchAll(/`(Tideweave\w+)`/g)].map(([, name = '']) => name));
  assert.equal(named.toSorted(), alerts.map(({ alert }) => alert).toSorted());
  for (const row of rows) {
    const cells = row.split(/(?<!\\)\|/).map((cell) => cell.trim());
    assert.is(cells.length, 5, row);
    assert.ok(
      cells.slice(1, -1).every((cell) => cell !== ''),
      row,
    );
  }
  const anchor = heading.toLowerCase().replaceAll(',', '').replaceAll(' ', '-');
  for (const { alert, annotations } of alerts) {
    assert.is(annotations['runbook'], `${page}#${anchor}`, alert);
    for (const text of Object.values(annotations)) {
      for (const [, label = ''] of text.matchAll(/\$labels\.(\w+)/g)) assert.ok(targetLabels.includes(label), alert);
    }
  }
});

test.run();
