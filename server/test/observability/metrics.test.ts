// @slow
// What a running relay shows to those who run it: metrics, and the ids in its log.
import { execFileSync, spawnSync } from 'node:child_process';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RefusedError } from '@tideweave/shared';
import * as Y from 'yjs';
import { type Family, parseExposition } from '../support/exposition.ts';
import { withFolder } from '../support/folders.ts';
import { lintMetrics } from '../support/metric-lint.ts';
import { NativePeer } from '../support/native-peer.ts';
import { type TestRelay, withRelay } from '../support/relay.ts';
import { until } from '../support/wait.ts';

async function scrape(http: string): Promise<Map<string, Family>> {
  const response = await fetch(`${http}/metrics`);
  assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  return parseExposition(await response.text());
}

function valueOf(families: Map<string, Family>, name: string, labels: Readonly<Record<string, string>> = {}): number {
  for (const { samples } of families.values()) {
    const found = samples.find(
      (sample) =>
        sample.name === name && Object.entries(labels).every(([key, text]) => sample.labels.get(key) === text),
    );
    if (found !== undefined) return found.value;
  }
  return Number.NaN;
}

/** Writes twenty edits that a second session reads, and has one open refused. */
async function use({ url }: TestRelay): Promise<void> {
  const [writer, reader] = [await NativePeer.connect(url), await NativePeer.connect(url)];
  const { doc } = await writer.open('notes');
  await reader.open('notes');
  const document = new Y.Doc();
  for (let n = 1; n <= 20; n += 1) {
    const before = Y.encodeStateVector(document);
    document.getText('t').insert(0, `${n} `);
    await writer.save(doc, n, Y.encodeStateAsUpdate(document, before));
  }
  writer.ask('forbidden');
  assert.is((await writer.take('refuse')).code, 'TW_FORBIDDEN');
  await until('the reader to have it', () => reader.inbox.filter(({ type }) => type === 'update').length >= 20);
}

const options = {
  authorize: ({ document }: { document: string | null }) => {
    if (document === 'forbidden') throw new RefusedError('TW_FORBIDDEN', 'not for you');
    return { access: 'write', user: 'ada' } as const;
  },
};

test('O4 the metrics parse strictly, are named as Prometheus wants it, and count what happened', async () => {
  await withFolder(async (data) => {
    await withRelay({ ...options, data }, async (relay) => {
      await scrape(relay.http);
      await use(relay);
      const families = await scrape(relay.http);
      assert.equal(lintMetrics(families.values()), []);
      assert.is(valueOf(families, 'tideweave_updates_total'), 20);
      assert.is(valueOf(families, 'tideweave_committed_entries_total'), 20);
      assert.is(valueOf(families, 'tideweave_deliveries_total'), 20);
      assert.is(valueOf(families, 'tideweave_connections'), 2);
      assert.is(valueOf(families, 'tideweave_sessions'), 2);
      assert.is(valueOf(families, 'tideweave_rooms'), 1);
      assert.is(valueOf(families, 'tideweave_storage_up'), 1);
      assert.is(valueOf(families, 'tideweave_refusals_total', { code: 'TW_FORBIDDEN' }), 1);
      const commits = valueOf(families, 'tideweave_commits_total');
      assert.is(valueOf(families, 'tideweave_commit_seconds_count'), commits, 'one observation per commit');
      assert.is(valueOf(families, 'tideweave_ack_seconds_count'), commits);
      const batches = valueOf(families, 'tideweave_batches_total');
      assert.is(valueOf(families, 'tideweave_delivery_seconds_count'), Math.floor(batches / 8), 'a sample');
      assert.ok(valueOf(families, 'tideweave_log_bytes') > 0);
      assert.ok(valueOf(families, 'tideweave_event_loop_delay_seconds', { statistic: 'max' }) >= 0);
    });
  });
});

test('O4 no label has a document, a user or an address', async () => {
  await withRelay(options, async (relay) => {
    await scrape(relay.http);
    await use(relay);
    const text = await (await fetch(`${relay.http}/metrics`)).text();
    assert.not.match(text, /notes|ada|127\.0\.0\.1/);
    const labels = [...parseExposition(text).values()].flatMap(({ samples }) =>
      samples.flatMap((sample) => [...sample.labels.keys()]),
    );
    assert.equal([...new Set(labels)].toSorted(), ['code', 'le', 'statistic']);
  });
});

test('O4 promtool agrees, where it is installed', async () => {
  const isThere = spawnSync('promtool', ['--version']).status === 0;
  console.log(
    isThere ? 'promtool checks metrics and rules' : 'promtool is not installed: our own parser and rules are all',
  );
  if (!isThere) return;
  await withRelay(options, async (relay) => {
    await use(relay);
    const input = await (await fetch(`${relay.http}/metrics`)).text();
    execFileSync('promtool', ['check', 'metrics'], { input });
  });
  execFileSync('promtool', ['check', 'rules', new URL('../../../../deploy/alerts.yml', import.meta.url).pathname]);
});

test('O3 lines of the log name the session, and an answer carries the id of its request', async () => {
  await withRelay(options, async (relay) => {
    const { http, details } = relay;
    await use(relay);
    const sessions = details.filter(({ message }) => message === 'connected').map(({ fields }) => fields['session']);
    assert.is(new Set(sessions).size, 2);
    const refused = details.find(({ message }) => message === 'refused');
    assert.is(refused?.fields['code'], 'TW_FORBIDDEN');
    assert.is(refused?.fields['session'], sessions[0]);

    const own = await fetch(`${http}/api/docs/gone`, { headers: { 'X-Request-Id': 'front-7' } });
    assert.is(own.headers.get('x-request-id'), 'front-7');
    const [given, odd] = await Promise.all([
      fetch(`${http}/healthz`),
      fetch(`${http}/healthz`, { headers: { 'X-Request-Id': 'no spaces, please' } }),
    ]);
    const ids = [given, odd].map(({ headers }) => headers.get('x-request-id') ?? '');
    assert.is(new Set(ids).size, 2);
    for (const id of ids) assert.match(id, /^[0-9a-f]{6}-[0-9a-z]+$/);
    const answered = details.filter(({ message }) => message === 'answered').map(({ fields }) => fields);
    for (const id of ['front-7', ...ids])
      assert.ok(
        answered.some((fields) => fields['request'] === id),
        id,
      );
    assert.is(answered.find((fields) => fields['request'] === 'front-7')?.['status'], 404);
  });
});

test.run();
