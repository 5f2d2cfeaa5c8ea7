/**
 * The merge report: what a merge did after both sides had changed a document without hearing of each other. Yjs decides
 * who wins by client id, silently; here it is said. Pure: temporary documents only, never the live one.
 */
import type { EntryAuthor } from '@tideweave/shared';
import { AuthorIndex } from './authors.ts';
import { Budget } from './budget.ts';
import { findAll } from './findings.ts';
import { Places, comparePaths } from './places.ts';
import { type MergeReport, type MergeReportInput, mergeReportLimits } from './report-types.ts';
import { IdsOf, rangesOf } from './update-ranges.ts';
import { type World, inMergedDocument } from './views.ts';

/**
 * Compares what both sides did since `base`; nothing is reported that only one of them changed. Equal input gives an
 * equal report. Takes time and memory of about three loads of the document: meant for a worker (`MergeRunner`), after
 * `hasBothSides`. Throws what Yjs throws when an update cannot be applied.
 */
export function computeMergeReport(input: MergeReportInput): MergeReport {
  const mine = new IdsOf(input.mine.map(rangesOf));
  const brought = input.theirs.map((update) => ({ update, ranges: rangesOf(update) }));
  const theirs = brought.filter(({ ranges }) => !mine.echo(ranges));
  const authors = new AuthorIndex(
    theirs.map(({ ranges }) => ranges),
    entriesOfOthers(input, mine),
    input.names,
  );
  const budget = new Budget({ ...mergeReportLimits, ...input.limits });
  const nothing: MergeReport = {
    version: 1,
    entries: [],
    conflicts: 0,
    agreed: 0,
    authors: budget.some(authors.authors, budget.limits.entriesMax),
    truncated: budget.truncated,
    complete: true,
  };
  if (input.mine.length === 0 || theirs.length === 0) return nothing;
  const compare = (updates: typeof theirs): MergeReport => {
    const sides = { base: input.base, mine: input.mine, theirs: updates.map(({ update }) => update) };
    return inMergedDocument(sides, (world) =>
      // Half of an update would be told as something that nobody did.
      world.complete ? tell(world) : { ...nothing, complete: false },
    );
  };
  const tell = (world: World): MergeReport => {
    const findings = findAll({ world, places: new Places(world.doc, world.base), authors });
    findings.sort((a, b) => comparePaths(a.path, b.path) || (a.id < b.id ? -1 : 1));
    const entries = budget.some(findings, budget.limits.entriesMax).map((finding) => finding.tell(budget));
    const agreed = findings.filter((finding) => finding.agreed).length;
    return {
      ...nothing,
      entries,
      conflicts: findings.length - agreed,
      agreed,
      truncated: budget.truncated,
    };
  };
  const report = compare(theirs);
  // What came back of mine is needed where they built on it.
  return report.complete || theirs.length === brought.length ? report : compare(brought);
}

/** The log's entries without what was mine, or in the base already: an update of others may tell of old deletions again. */
function entriesOfOthers({ base, entries = [] }: MergeReportInput, mine: IdsOf): EntryAuthor[] {
  if (entries.length === 0) return [];
  const before = new IdsOf(base.map(rangesOf));
  return entries
    .filter((entry) => !mine.echo(entry))
    .map((entry) => ({
      ...entry,
      inserts: entry.inserts.filter(([client, start, end]) => !before.inserts.has(client, start, end)),
      deletes: entry.deletes.filter(([client, start, end]) => !before.deletes.has(client, start, end)),
    }));
}
