/** Merge reports in the simulator: computed by the client's own code, without its worker, and held against brute force. */
import {
  type EntriesSource,
  MergeDesk,
  type MergeReport,
  type MergeReportInput,
  checkByBruteForce,
  computeMergeReport,
  hasBothSides,
} from '@tideweave/client/testing';
import * as Y from 'yjs';
import { Coverage } from './coverage.ts';
import type { Planting } from './planting.ts';
import type { ProcessClock } from './timeline.ts';
import type { Report } from './violation.ts';

/** Merges of both sides, and those of them that were compared with brute force. */
export interface MergeCounts {
  made: number;
  compared: number;
}

export interface CheckedDeskOptions {
  /** The device that the reports are for. */
  readonly name: string;
  readonly clock: ProcessClock;
  readonly planting: Planting;
  readonly counts: MergeCounts;
  readonly report: Report;
}

/** What of a document is in `edits.ts`. */
const roots = { text: 'text', map: 'map', array: 'array' } as const;
/** Reading a document unit by unit takes long: merges of more bytes are computed and not compared. */
const comparedBytesMax = 20_000;

export class CheckedDesk extends MergeDesk {
  readonly #options: CheckedDeskOptions;

  constructor(options: CheckedDeskOptions) {
    super(options.clock, {});
    this.#options = options;
  }

  override async compute(sides: MergeReportInput, entries: EntriesSource): Promise<MergeReport | null> {
    if (!hasBothSides(sides)) return null;
    const input = { ...sides, entries: await entries() };
    const { planting, counts } = this.#options;
    const report = planting.merged(computeMergeReport(input));
    counts.made++;
    this.#check(input, report);
    return report;
  }

  /** U4: what is told is what a comparison of the whole documents finds, no more and no less. */
  #check(input: MergeReportInput, report: MergeReport): void {
    const { counts, name } = this.#options;
    const bytes = [input.base, input.mine, input.theirs].flat().reduce((sum, { length }) => sum + length, 0);
    const sides = apart(input);
    // A report that had to be cut says so, and is not all there is to tell.
    if (bytes > comparedBytesMax || sides === null || !report.complete || report.truncated) return;
    try {
      if (checkByBruteForce(sides, report, roots)) counts.compared++;
    } catch (error) {
      this.#options.report('U4', `${name} was told wrongly what a merge did: ${String(error)}`);
    }
  }
}

/**
 * The two sides without what of mine came back; null when they are mixed, so that nobody can say whose is what. What only
 * deletes is theirs: that I deleted the same does not show who it was.
 */
function apart({ base, mine, theirs }: MergeReportInput): MergeReportInput | null {
  const own = new Coverage();
  for (const update of mine) own.add(Coverage.ofUpdate(update));
  const others = theirs
    .map((update) => ({ update, coverage: Coverage.ofUpdate(update) }))
    .filter(({ coverage }) => coverage.inserted.size === 0 || own.lacks(coverage) !== null)
    .map(({ update }) => update);
  const first = new Map<number, number>();
  for (const { id } of mine.flatMap(structsOf))
    first.set(id.client, Math.min(id.clock, first.get(id.client) ?? Infinity));
  const isOwn = ({ id, length }: Struct): boolean => id.clock + length > (first.get(id.client) ?? Infinity);
  return [...base, ...others].flatMap(structsOf).some(isOwn) ? null : { base, mine, theirs: others };
}

type Struct = Y.Item | Y.GC;

/** What an update inserts. */
function structsOf(update: Uint8Array): Struct[] {
  return Y.decodeUpdate(update).structs.filter((struct): struct is Struct => struct.constructor !== Y.Skip);
}
