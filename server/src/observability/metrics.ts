/**
 * What a relay shows to Prometheus; docs/metrics.md describes each. All is read when it is scraped. Nothing is labelled with a document, a user or an address.
 */
import { Counter, Gauge, type Metric, Registry } from 'prom-client';
import { EventLoopDelay } from './event-loop-delay.ts';
import { type LatencyHistogram, latencyBoundsMs } from './latency-histogram.ts';
import type { Meter } from './meter.ts';

/** What is read when somebody scrapes. */
export interface MetricsSources {
  readonly meter: Meter;
  readonly rooms: () => number;
  readonly sessions: () => number;
  readonly connections: () => number;
  readonly socketBufferBytes: () => number;
  readonly uncommittedBytes: () => number;
  /** Null without webhooks. */
  readonly waitingWebhooks: () => number | null;
  readonly storageWorks: () => boolean;
  /** Bytes on the disk, or null where the log is no folder. */
  readonly logBytes: () => Promise<number | null>;
}

export class Metrics {
  readonly #registry = new Registry();
  readonly #eventLoopDelay = new EventLoopDelay();

  constructor(sources: MetricsSources) {
    this.#addCounters(sources.meter);
    this.#addGauges(sources);
    this.#addHistograms(sources.meter);
    this.#addProcess();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Everything in Prometheus's text format. */
  scrape(): Promise<string> {
    return this.#registry.metrics();
  }

  close(): void {
    this.#eventLoopDelay.close();
  }

  #addCounters(meter: Meter): void {
    const counter = (name: string, help: string, read: () => number): void => {
      const collect = function (this: Counter): void {
        this.reset();
        this.inc(read());
      };
      void new Counter({ name, help, registers: [this.#registry], collect });
    };
    counter('tideweave_updates_total', 'Updates that were accepted and new.', () => meter.updates);
    counter('tideweave_update_bytes_total', 'Bytes of these updates.', () => meter.updateBytes);
    counter('tideweave_known_updates_total', 'Updates that the document had already.', () => meter.knownUpdates);
    counter(
      'tideweave_premature_updates_total',
      'Updates that built on something the relay lacks; the client was asked for it.',
      () => meter.prematureUpdates,
    );
    counter('tideweave_batches_total', 'Batches of updates that documents sent on.', () => meter.batches);
    counter('tideweave_deliveries_total', 'Batches as sessions received them.', () => meter.deliveries);
    counter(
      'tideweave_catch_ups_total',
      'Slow readers that were brought up to date from the log.',
      () => meter.catchUps,
    );
    counter(
      'tideweave_divergences_total',
      'Copies that were found to differ from their document.',
      () => meter.divergences,
    );
    counter('tideweave_commits_total', 'Group commits that became durable.', () => meter.commits);
    counter('tideweave_failed_commits_total', 'Attempts to commit that failed.', () => meter.failedCommits);
    counter('tideweave_committed_entries_total', 'Log entries in these commits.', () => meter.committedEntries);
    counter('tideweave_document_loads_total', 'Documents that were loaded from the log.', () => meter.loads);
    counter('tideweave_compactions_total', 'Compactions that were done.', () => meter.compactions);
    counter('tideweave_failed_compactions_total', 'Compactions that failed.', () => meter.failedCompactions);
    counter('tideweave_set_aside_entries_total', 'Log entries that could not be applied.', () => meter.setAside);
    counter('tideweave_webhooks_total', 'Webhooks that their receiver took.', () => meter.webhooks);
    counter('tideweave_failed_webhooks_total', 'Attempts to send a webhook that failed.', () => meter.failedWebhooks);
    counter('tideweave_connections_opened_total', 'WebSocket connections that were opened.', () => meter.connections);
    counter('tideweave_http_requests_total', 'HTTP requests that were answered.', () => meter.requests);
    void new Counter({
      name: 'tideweave_refusals_total',
      help: 'Refusals that clients were told of, by code.',
      labelNames: ['code'],
      registers: [this.#registry],
      collect(): void {
        this.reset();
        for (const [code, count] of meter.refusals) this.inc({ code }, count);
      },
    });
  }

  #gauge(name: string, help: string, read: () => number | null | Promise<number | null>): void {
    const collect = async function (this: Gauge): Promise<void> {
      const value = await read();
      this.reset();
      if (value === null) this.remove();
      else this.set(value);
    };
    void new Gauge({ name, help, registers: [this.#registry], collect });
  }

  #addGauges(sources: MetricsSources): void {
    this.#gauge('tideweave_rooms', 'Documents that are loaded.', sources.rooms);
    this.#gauge('tideweave_sessions', 'Documents that connections have open.', sources.sessions);
    this.#gauge('tideweave_connections', 'Open WebSocket connections.', sources.connections);
    this.#gauge('tideweave_socket_buffer_bytes', 'Bytes that wait in all sockets.', sources.socketBufferBytes);
    this.#gauge('tideweave_uncommitted_bytes', 'Bytes of updates that wait for a commit.', sources.uncommittedBytes);
    this.#gauge('tideweave_log_bytes', 'Bytes of the data folder on the disk.', sources.logBytes);
    this.#gauge('tideweave_waiting_webhooks', 'Webhooks that wait to be sent.', sources.waitingWebhooks);
    this.#gauge('tideweave_storage_up', '1 when the last commit went through, otherwise 0.', () =>
      sources.storageWorks() ? 1 : 0,
    );
  }

  #addHistograms({ commitTimes, ackTimes, deliveryTimes }: Meter): void {
    this.#histogram('tideweave_commit_seconds', 'From the start of a group commit until it was synced.', commitTimes);
    this.#histogram(
      'tideweave_ack_seconds',
      'From the acceptance of an edit until it was durable; the oldest edit of each commit.',
      ackTimes,
    );
    this.#histogram(
      'tideweave_delivery_seconds',
      'From the acceptance of an edit until it was handed to all sockets; one batch in eight.',
      deliveryTimes,
    );
  }

  /** prom-client's own histogram counts by itself; this one shows what the meter has counted. */
  #histogram(name: string, help: string, histogram: LatencyHistogram): void {
    const get = async (): Promise<object> => ({ name, help, type: 'histogram', values: bucketValues(name, histogram) });
    this.#registry.registerMetric({ name, help, type: 'histogram', get } as unknown as Metric);
  }

  #addProcess(): void {
    const delay = this.#eventLoopDelay;
    void new Gauge({
      name: 'tideweave_event_loop_delay_seconds',
      help: 'How late the event loop was since the last scrape.',
      labelNames: ['statistic'],
      registers: [this.#registry],
      collect(): void {
        const delays = delay.read();
        if (delays === null) return;
        this.set({ statistic: 'p50' }, delays.p50 / 1000);
        this.set({ statistic: 'p99' }, delays.p99 / 1000);
        this.set({ statistic: 'max' }, delays.max / 1000);
      },
    });
    void new Counter({
      name: 'process_cpu_seconds_total',
      help: 'CPU time of the process, its worker threads included.',
      registers: [this.#registry],
      collect(): void {
        const { user, system } = process.cpuUsage();
        this.reset();
        this.inc((user + system) / 1e6);
      },
    });
    this.#gauge('process_resident_memory_bytes', 'Resident memory of the process.', () => process.memoryUsage.rss());
    this.#gauge('nodejs_heap_used_bytes', 'JavaScript heap in use.', () => process.memoryUsage().heapUsed);
    const startedSeconds = Math.round(performance.timeOrigin / 1000);
    this.#gauge('process_start_time_seconds', 'When the process started, since 1970.', () => startedSeconds);
  }
}

/** A histogram's lines: how many times were at most so many seconds, all of them, and their sum. */
function bucketValues(name: string, { counts, sumMs }: LatencyHistogram): object[] {
  let count = 0;
  const buckets = counts.map((inBucket, index) => {
    count += inBucket;
    const bound = latencyBoundsMs[index];
    const le = bound === undefined ? '+Inf' : bound / 1000;
    return { metricName: `${name}_bucket`, labels: { le }, value: count };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels: {}, value: sumMs / 1000 },
    { metricName: `${name}_count`, labels: {}, value: count },
  ];
}
