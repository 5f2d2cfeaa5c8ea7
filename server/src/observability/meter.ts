/**
 * What a relay counts: plain numbers that the hot path adds to, read when somebody asks. Times are taken once per commit or
 * for a sample, never per delivery. metrics.ts makes the public metrics of it, figures.ts the inspector's.
 */
import type { RefusalInfo, RefusedError } from '@tideweave/shared';
import { LatencyHistogram } from './latency-histogram.ts';

/** What is told of a commit. Milliseconds. */
export interface CommitTimes {
  /** From the start of the write to its sync. */
  readonly commitMs: number;
  /** From the acceptance of the oldest edit in it until it is durable. */
  readonly oldestMs: number;
}

export class Meter {
  /** Updates that were accepted and are new; their bytes. */
  updates = 0;
  updateBytes = 0;
  /** Updates that the document had already. */
  knownUpdates = 0;
  /** Updates that built on something that the relay lacks (C5). */
  prematureUpdates = 0;
  /** Batches that rooms sent to their members, and frames that members got of them. */
  batches = 0;
  deliveries = 0;
  /** Readers that fell behind and were brought up to date from the log (R2). */
  catchUps = 0;
  /** Copies that were found to differ from the document (C1). */
  divergences = 0;
  commits = 0;
  failedCommits = 0;
  committedEntries = 0;
  /** Documents that were loaded from the log. */
  loads = 0;
  compactions = 0;
  failedCompactions = 0;
  /** Entries that a compaction set aside (L1). */
  setAside = 0;
  /** Webhooks that were received, and attempts that failed. */
  webhooks = 0;
  failedWebhooks = 0;
  connections = 0;
  requests = 0;
  /** Refusals by code. */
  readonly refusals: Map<string, number> = new Map<string, number>();
  /** The newest refusals, the oldest first. */
  readonly recentRefusals: RefusalInfo[] = [];
  /** From the start of each commit until it was synced. */
  readonly commitTimes: LatencyHistogram = new LatencyHistogram();
  /** From the acceptance of an edit until it was durable; the oldest edit of each commit. */
  readonly ackTimes: LatencyHistogram = new LatencyHistogram();
  /** From the acceptance of the first update of a batch until it was handed to all sockets; a sample of batches. */
  readonly deliveryTimes: LatencyHistogram = new LatencyHistogram();

  /** Counts a refusal that somebody is told of. */
  refused(error: Pick<RefusedError, 'code' | 'message'>, time: number, id: string): void {
    const { code, message: reason } = error;
    this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
    this.recentRefusals.push({ time, code, reason, id });
    if (this.recentRefusals.length > recentRefusalsMax) this.recentRefusals.shift();
  }

  /** An update is new. */
  accepted(bytes: number): void {
    this.updates += 1;
    this.updateBytes += bytes;
  }

  committed(entries: number, { commitMs, oldestMs }: CommitTimes): void {
    this.commits += 1;
    this.committedEntries += entries;
    this.commitTimes.observe(commitMs);
    this.ackTimes.observe(oldestMs);
  }

  /** A batch went to `deliveries` members; its first update was accepted `ms` ago. */
  delivered(deliveries: number, ms: number): void {
    this.batches += 1;
    this.deliveries += deliveries;
    if (this.batches % deliverySampleEvery === 0) this.deliveryTimes.observe(ms);
  }
}

const recentRefusalsMax = 100;
/** Batches of which the time of one is told. */
const deliverySampleEvery = 8;
