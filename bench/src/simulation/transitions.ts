/** Counts which cells of the session tables are really used: the tables are what the sessions read, so they are watched. */
import { type TransitionTable, clientDocumentTransitions, serverDocumentTransitions } from '@tideweave/shared';

const counts = new Map<string, number>();
/** Every cell that changes or confirms a state: neither "changes nothing" nor "breaks the protocol". */
const cells: string[] = [];

watch('server', serverDocumentTransitions);
watch('client', clientDocumentTransitions);

/** How often each cell was looked up since this process began. */
export function transitionCounts(): ReadonlyMap<string, number> {
  return counts;
}

/** The cells that should be used: by name, in the order of the tables. */
export function transitionCells(): readonly string[] {
  return cells;
}

function watch(side: string, table: TransitionTable<string, string>): void {
  for (const [state, row] of Object.entries(table)) {
    for (const [event, next] of Object.entries(row)) {
      if (next === '-' || next === '!') continue;
      const cell = `${side}: ${state} + ${event} -> ${next}`;
      cells.push(cell);
      Object.defineProperty(row, event, {
        enumerable: true,
        configurable: true,
        get: () => {
          counts.set(cell, (counts.get(cell) ?? 0) + 1);
          return next;
        },
      });
    }
  }
}
