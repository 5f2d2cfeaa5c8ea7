/** Counts which cells of the session tables are really used: the tables are what the sessions read, so they are watched. */
import { type TransitionTable, clientDocumentTransitions, serverDocumentTransitions } from '@tideweave/shared';

const counts = new Map<string, number>();
/** Every cell that changes or confirms a state: neither "changes nothing" nor "breaks the protocol". */
const cells: string[] = [];

watch('server', serverDocumentTransitions);
watch('client', clientDocumentTransitions);

/** The cells that were never used. */
export function unusedTransitions(): string[] {
  return cells.filter((cell) => !counts.has(cell));
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
