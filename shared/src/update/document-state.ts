/**
 * What the relay knows of a document without holding it: its state vector and what is deleted. That is enough to tell
 * whether an update is new, and whether Yjs could integrate it: one that it would keep pending must never be stored (C5).
 */
import { IdRanges } from './id-ranges.ts';
import { clockAfter, foresee } from './readiness.ts';
import type { StateVector } from './state-vector.ts';
import type { UpdateScan } from './update-scan.ts';

/** An update brings something, nothing, or builds upon what is not there. */
export type Admission = 'new' | 'known' | 'missing';

export class DocumentState {
  readonly stateVector: StateVector;
  #deletes: IdRanges | Uint8Array;

  /** `deletes`: ranges, or a V1 delete set that is read when it is needed first: who only reads need not wait for it. */
  constructor(stateVector: StateVector = new Map(), deletes: IdRanges | Uint8Array = new IdRanges()) {
    this.stateVector = stateVector;
    this.#deletes = deletes;
  }

  /**
   * What updates have said to be deleted. Yjs deletes more by itself when it integrates (a map entry that loses, content
   * put into something deleted), so this may lack what the delete set of a Y.Doc has.
   */
  get deletes(): IdRanges {
    if (this.#deletes instanceof Uint8Array) this.#deletes = IdRanges.decode(this.#deletes);
    return this.#deletes;
  }

  /**
   * Judges a scanned update; changes nothing. 'missing': applied to this document, Yjs would keep structs or deletions
   * pending. 'known': it has nothing that is not here (C3). 'new' otherwise, also if only a part of it is.
   */
  admit(scan: UpdateScan): Admission {
    const outcome = foresee(scan, this.stateVector);
    if (outcome === 'stalls') return 'missing';
    let known = outcome === 'repeats';
    for (let row = 0; row < scan.deleteCount; row++) {
      const client = scan.deleteClient[row]!;
      const clock = scan.deleteClock[row]!;
      const end = clock + scan.deleteLength[row]!;
      if (end > (this.stateVector.get(client) ?? 0) && end > clockAfter(client)) return 'missing';
      if (known && !this.deletes.has(client, clock, end)) known = false;
    }
    return known ? 'known' : 'new';
  }

  /**
   * The bytes of an admitted update without the deletions that are here already. Yjs's difference to a state vector
   * carries every deletion there ever was, and whoever comes back sends them all again.
   */
  withoutKnownDeletes(update: Uint8Array, scan: UpdateScan): Uint8Array {
    if (scan.deleteCount < repeatedDeletesMin) return update;
    const rest = this.deletes.missingOf(scan).encode();
    if (scan.deleteSetOffset + rest.length >= update.length) return update;
    const shorter = new Uint8Array(scan.deleteSetOffset + rest.length);
    shorter.set(update.subarray(0, scan.deleteSetOffset));
    shorter.set(rest, scan.deleteSetOffset);
    return shorter;
  }

  /** Takes over what an admitted update brings. */
  apply(scan: UpdateScan): void {
    const { stateVector } = this;
    // Content that arrives as gone counts only where nothing is yet: Yjs ignores structs for clocks it has.
    for (let row = 0; row < scan.goneCount; row++) {
      const client = scan.goneClient[row]!;
      const clock = Math.max(scan.goneClock[row]!, stateVector.get(client) ?? 0);
      if (clock < scan.goneEnd[row]!) this.deletes.add(client, clock, scan.goneEnd[row]!);
    }
    for (let row = 0; row < scan.runCount; row++) {
      const client = scan.runClient[row]!;
      const end = scan.runEnd[row]!;
      if (end > (stateVector.get(client) ?? 0)) stateVector.set(client, end);
    }
    if (scan.deleteCount > 0) this.deletes.addScan(scan);
  }
}

/** What people type deletes in fewer ranges than this, and deletes what is there. */
const repeatedDeletesMin = 8;
