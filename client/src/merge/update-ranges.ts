/** What updates insert and delete, read with Yjs's own decoder, which the client carries anyway. */
import { type IdRange, IdRanges } from '@tideweave/shared';
import * as Y from 'yjs';

/** The ids of an update. */
export interface UpdateRanges {
  readonly inserts: readonly IdRange[];
  readonly deletes: readonly IdRange[];
}

export function rangesOf(update: Uint8Array): UpdateRanges {
  const { structs, ds } = Y.decodeUpdate(update);
  const inserts: [number, number, number][] = [];
  for (const struct of structs) {
    if (struct instanceof Y.Skip) continue;
    const { client, clock } = struct.id;
    const last = inserts.at(-1);
    if (last !== undefined && last[0] === client && last[2] === clock) last[2] += struct.length;
    else inserts.push([client, clock, clock + struct.length]);
  }
  const deletes: IdRange[] = [];
  for (const [client, ranges] of ds.clients) {
    for (const { clock, len } of ranges) deletes.push([client, clock, clock + len]);
  }
  return { inserts, deletes };
}

/** Ids that several updates insert and delete. */
export class IdsOf {
  readonly inserts: IdRanges = new IdRanges();
  readonly deletes: IdRanges = new IdRanges();

  constructor(updates: readonly UpdateRanges[]) {
    for (const update of updates) {
      for (const [client, start, end] of update.inserts) this.inserts.add(client, start, end);
      for (const [client, start, end] of update.deletes) this.deletes.add(client, start, end);
    }
  }

  /**
   * Whether an update is one of these come back, alone or merged with others. One that only deletes never is: two people
   * who delete the same make the same bytes.
   */
  echo({ inserts, deletes }: UpdateRanges): boolean {
    return (
      inserts.length > 0 &&
      inserts.every(([client, start, end]) => this.inserts.has(client, start, end)) &&
      deletes.every(([client, start, end]) => this.deletes.has(client, start, end))
    );
  }
}
