/**
 * How a relay is doing, second by second: what the inspector draws and `tideweave top` prints. Taken only while somebody
 * looks, and kept for ten minutes.
 */
import type { Cancel, Clock, FiguresSample, Quantiles } from '@tideweave/shared';
import { EventLoopDelay } from './event-loop-delay.ts';
import { type LatencyHistogram, quantileMs } from './latency-histogram.ts';
import type { Meter } from './meter.ts';
import type { MetricsSources } from './metrics.ts';

const sampleMs = 1000;
const samplesMax = 600;
/** Nobody has looked for so long: it ends. */
const unwatchedMs = 60_000;

/** What is counted, as it stood at a sample. */
interface Counted {
  readonly now: number;
  readonly counters: FiguresSample['perSecond'];
  readonly refusals: ReadonlyMap<string, number>;
  readonly commit: readonly number[];
  readonly ack: readonly number[];
  readonly delivery: readonly number[];
  readonly cpuMicros: number;
}

export class Figures {
  readonly #sources: MetricsSources;
  readonly #clock: Clock;
  readonly #eventLoopDelay = new EventLoopDelay();
  #samples: FiguresSample[] = [];
  #last: Counted | null = null;
  #watchedMs = 0;
  #planned: Cancel | null = null;

  constructor(sources: MetricsSources, clock: Clock) {
    this.#sources = sources;
    this.#clock = clock;
  }

  /** The samples after a time (ms since 1970), the oldest first. The first look begins, so there are none at it. */
  read(after: number): readonly FiguresSample[] {
    this.#watchedMs = this.#clock.now();
    if (this.#planned === null) {
      this.#samples = [];
      this.#eventLoopDelay.read();
      this.#last = this.#count();
      this.#plan();
    }
    return this.#samples.filter(({ time }) => time > after);
  }

  close(): void {
    this.#planned?.();
    this.#planned = null;
    this.#eventLoopDelay.close();
  }

  #plan(): void {
    this.#planned = this.#clock.after(sampleMs, () => {
      if (this.#clock.now() - this.#watchedMs > unwatchedMs) {
        this.close();
        return;
      }
      this.#plan();
      this.#sample();
    });
  }

  #sample(): void {
    const before = this.#last;
    const counted = this.#count();
    this.#last = counted;
    if (before === null) return;
    const seconds = Math.max(0.001, (counted.now - before.now) / 1000);
    const rate = (key: keyof Counted['counters']): number => (counted.counters[key] - before.counters[key]) / seconds;
    const { rooms, sessions, connections, socketBufferBytes, uncommittedBytes, waitingWebhooks, storageWorks } =
      this.#sources;
    const { rss, heapUsed } = process.memoryUsage();
    this.#samples.push({
      time: this.#clock.wallTime(),
      perSecond: {
        updates: rate('updates'),
        updateBytes: rate('updateBytes'),
        deliveries: rate('deliveries'),
        commits: rate('commits'),
        requests: rate('requests'),
        refusals: rate('refusals'),
      },
      refusals: Object.fromEntries(
        [...counted.refusals]
          .map(([code, count]) => [code, count - (before.refusals.get(code) ?? 0)] as const)
          .filter(([, count]) => count > 0),
      ),
      commitMs: quantiles(before.commit, counted.commit),
      ackMs: quantiles(before.ack, counted.ack),
      deliveryMs: quantiles(before.delivery, counted.delivery),
      eventLoopMs: this.#eventLoopDelay.read(),
      rooms: rooms(),
      sessions: sessions(),
      connections: connections(),
      socketBufferBytes: socketBufferBytes(),
      uncommittedBytes: uncommittedBytes(),
      waitingWebhooks: waitingWebhooks(),
      storageWorks: storageWorks(),
      residentBytes: rss,
      heapBytes: heapUsed,
      cpu: (counted.cpuMicros - before.cpuMicros) / (seconds * 1e6),
    });
    if (this.#samples.length > samplesMax) this.#samples.shift();
  }

  #count(): Counted {
    const meter: Meter = this.#sources.meter;
    const { updates, updateBytes, deliveries, commits, requests } = meter;
    const { user, system } = process.cpuUsage();
    const countsOf = ({ counts }: LatencyHistogram): readonly number[] => [...counts];
    let refusals = 0;
    for (const count of meter.refusals.values()) refusals += count;
    return {
      now: this.#clock.now(),
      counters: { updates, updateBytes, deliveries, commits, requests, refusals },
      refusals: new Map(meter.refusals),
      commit: countsOf(meter.commitTimes),
      ack: countsOf(meter.ackTimes),
      delivery: countsOf(meter.deliveryTimes),
      cpuMicros: user + system,
    };
  }
}

function quantiles(before: readonly number[], now: readonly number[]): Quantiles {
  const counts = now.map((count, bucket) => count - (before[bucket] ?? 0));
  return { p50: quantileMs(counts, 0.5), p99: quantileMs(counts, 0.99) };
}
