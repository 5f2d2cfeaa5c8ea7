/** Between which clocks of which clients an update has structs, without what is in it being kept. */
import { StructTable } from './struct-table.ts';

/** Clocks [start, end) of a client, with gaps perhaps. */
export interface ClientSpan {
  readonly client: number;
  readonly start: number;
  readonly end: number;
}

const table = new StructTable();

/** The spans of an update, which `scanUpdate` must have accepted or `mergeUpdates` made. */
export function spansOf(update: Uint8Array): readonly ClientSpan[] {
  table.reset();
  table.read(update, 0);
  return Array.from(table.clients.values(), ({ client, first, last }) => ({
    client,
    start: table.clock[first]!,
    end: table.clockEnd[last]!,
  }));
}
