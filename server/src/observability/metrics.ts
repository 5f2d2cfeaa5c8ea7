/**
 * What a relay shows to Prometheus; docs/metrics.md describes each. Counters and gauges are read when they are scraped,
 * histograms are fed once per commit or with a sample. Nothing is labelled with a document, a user or an address.
 */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
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

/** Seconds. An fsync takes from a tenth of a millisecond to whole seconds. */
const latencyBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const eventLoopResolutionMs = 10;
const nanosecondsPerSecond = 1e9;

export class Metrics {
  readonly #registry = new Registry();
  /** Measures from the first scrape on, so that it costs nothing where nobody looks. */
  #eventLoopDelay: IntervalHistogram | null = null;

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
    if (this.#eventLoopDelay === null) {
      this.#eventLoopDelay = monitorEventLoopDelay({ resolution: eventLoopResolutionMs });
      this.#eventLoopDelay.enable();
    }
    return this.#registry.metrics();
  }

  close(): void {
    this.#eventLoopDelay?.disable();
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

  #addHistograms(meter: Meter): void {
    const histogram = (name: string, help: string): Histogram =>
      new Histogram({ name, help, buckets: latencyBuckets, registers: [this.#registry] });
    const commit = histogram('tideweave_commit_seconds', 'From the start of a group commit until it was synced.');
    const ack = histogram(
      'tideweave_ack_seconds',
      'From the acceptance of an edit until it was durable; the oldest edit of each commit.',
    );
    const delivery = histogram(
      'tideweave_delivery_seconds',
      'From the acceptance of an edit until it was handed to all sockets; one batch in eight.',
    );
    meter.onCommit = ({ commitMs, oldestMs }) => {
      commit.observe(commitMs / 1000);
      ack.observe(oldestMs / 1000);
    };
    meter.onDelivery = (ms) => delivery.observe(ms / 1000);
  }

  #addProcess(): void {
    const delay = (): IntervalHistogram | null => this.#eventLoopDelay;
    void new Gauge({
      name: 'tideweave_event_loop_delay_seconds',
      help: 'How late the event loop was since the last scrape.',
      labelNames: ['statistic'],
      registers: [this.#registry],
      collect(): void {
        const measured = delay();
        if (measured === null || measured.count === 0) return;
        // Measured are the distances of a timer's calls.
        const late = (nanoseconds: number): number =>
          Math.max(0, nanoseconds / nanosecondsPerSecond - eventLoopResolutionMs / 1000);
        this.set({ statistic: 'p50' }, late(measured.percentile(50)));
        this.set({ statistic: 'p99' }, late(measured.percentile(99)));
        this.set({ statistic: 'max' }, late(measured.max));
        measured.reset();
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
