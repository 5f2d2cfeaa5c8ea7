import type { Clock } from '@tideweave/shared';
import type { LinkedDocument } from '../document-client.ts';
import type { AuthorsDriver } from './authors-question.ts';
import { DocumentMerges } from './document-merges.ts';
import { type MergeOptions, defaultHistoryBytesMax } from './merge-options.ts';
import type { EntriesSource, MergeRunner } from './merge-runner.ts';
import type { MergeReport, MergeReportInput } from './report-types.ts';

/** Made by `mergeReports`. */
export type MergeReporting = (clock: Clock) => MergeDesk;

/** Where a client has its merge reports computed, one after another; what does it is loaded with the first. */
export class MergeDesk {
  readonly clock: Clock;
  readonly historyBytesMax: number;
  readonly #worker: MergeOptions['worker'];
  #runner: Promise<MergeRunner> | null = null;
  #closed = false;

  constructor(clock: Clock, options: MergeOptions) {
    this.clock = clock;
    this.historyBytesMax = options.historyBytesMax ?? defaultHistoryBytesMax;
    this.#worker = options.worker;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Reports of a document's merges, from here on. The relay is asked over `driver` who the others were. */
  follow(document: LinkedDocument, driver: AuthorsDriver): DocumentMerges {
    return new DocumentMerges(this, document, driver);
  }

  /** As `MergeRunner.compute`. */
  async compute(input: MergeReportInput, entries: EntriesSource): Promise<MergeReport | null> {
    this.#runner ??= this.#start();
    return (await this.#runner).compute(input, entries);
  }

  close(): void {
    this.#closed = true;
    this.#runner?.then((runner) => runner.close()).catch(() => undefined);
  }

  async #start(): Promise<MergeRunner> {
    try {
      const { createMergeRunner } = await import('./merge-runner.ts');
      const runner = createMergeRunner({ clock: this.clock, worker: this.#worker });
      if (this.#closed) runner.close();
      return runner;
    } catch (error) {
      // Offline before it was ever loaded: the next report may have more luck.
      this.#runner = null;
      throw error;
    }
  }
}
