import * as Y from 'yjs';
import { IdsOf, type UpdateRanges, rangesOf } from './update-ranges.ts';

/**
 * Whether there is anything to report: both sides bring something. Decodes updates one by one without building a
 * document; false is certain, true may still give an empty report. `stateVector` of the base, when at hand, leaves out
 * insertions that the base has already.
 */
export function hasBothSides(sides: {
  readonly mine: readonly Uint8Array[];
  readonly theirs: readonly Uint8Array[];
  readonly stateVector?: Uint8Array;
}): boolean {
  if (sides.mine.length === 0 || sides.theirs.length === 0) return false;
  const known = sides.stateVector === undefined ? null : Y.decodeStateVector(sides.stateVector);
  const mine = sides.mine.map(rangesOf);
  if (!mine.some((update) => brings(update, known))) return false;
  const ids = new IdsOf(mine);
  return sides.theirs.some((update) => {
    const ranges = rangesOf(update);
    return brings(ranges, known) && !ids.echo(ranges);
  });
}

function brings({ inserts, deletes }: UpdateRanges, known: ReadonlyMap<number, number> | null): boolean {
  return deletes.length > 0 || inserts.some(([client, , end]) => end > (known?.get(client) ?? 0));
}
