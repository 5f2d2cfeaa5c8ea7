/** Bugs of merge reports, to be planted one at a time. */
import type { MergeReport } from '@tideweave/client/testing';
import { Planting } from './planting.ts';

/** What I did within something that the others deleted is not told. */
export class LostEditUntold extends Planting {
  override merged(report: MergeReport): MergeReport {
    const entries = report.entries.filter((entry) => entry.kind !== 'lost' || entry.side !== 'mine');
    return { ...report, entries };
  }
}
