/**
 * What the scanner finds in an update, as columns of numbers that are filled anew by every scan: a keystroke then
 * allocates nothing. Only the first `…Count` rows of a column mean anything, and only until the next scan.
 */

/** Rows a table begins with; a keystroke needs one. */
const rowsAtStart = 16;
/** Tables that one large update blew up beyond this are given back before the next scan. */
const rowsKeptMax = 65_536;
/** Rows of dependencies that a new one is compared with. */
const repetitionsLookedBack = 4;

function twice(column: Float64Array): Float64Array {
  const wider = new Float64Array(column.length * 2);
  wider.set(column);
  return wider;
}

/** The reusable result of `scanUpdate`. Clocks count UTF-16 units and elements as Yjs does; `end` is exclusive. */
export class UpdateScan {
  /** Why the update was refused; empty when it was accepted. */
  error = '';
  /** Where in the bytes that showed. */
  errorOffset = 0;

  /** Client sections in the order of the update, each client once. */
  sectionCount = 0;
  sectionClient: Float64Array = new Float64Array(rowsAtStart);
  /** The clock of the section's first struct. */
  sectionClock: Float64Array = new Float64Array(rowsAtStart);
  /** Byte offset of the section's first struct, behind the section's head. */
  sectionOffset: Float64Array = new Float64Array(rowsAtStart);
  sectionStructs: Float64Array = new Float64Array(rowsAtStart);
  /** The section's first row among the runs; its last is before the next section's first. */
  sectionRun: Float64Array = new Float64Array(rowsAtStart);
  /** The section's first row among the dependencies. */
  sectionDep: Float64Array = new Float64Array(rowsAtStart);

  /** Contiguous stretches of clocks that the update inserts. A Skip ends one and inserts nothing. */
  runCount = 0;
  runClient: Float64Array = new Float64Array(rowsAtStart);
  runClock: Float64Array = new Float64Array(rowsAtStart);
  runEnd: Float64Array = new Float64Array(rowsAtStart);

  /** Ranges of the delete set as written: any order, perhaps overlapping. */
  deleteCount = 0;
  deleteClient: Float64Array = new Float64Array(rowsAtStart);
  deleteClock: Float64Array = new Float64Array(rowsAtStart);
  deleteLength: Float64Array = new Float64Array(rowsAtStart);

  /** Inserted ranges whose content is gone already (GC and ContentDeleted): deleted if they are new. */
  goneCount = 0;
  goneClient: Float64Array = new Float64Array(rowsAtStart);
  goneClock: Float64Array = new Float64Array(rowsAtStart);
  goneEnd: Float64Array = new Float64Array(rowsAtStart);

  /**
   * What must exist before a struct can be integrated: the struct at `depAt` of its section's client needs
   * `depClient` to have gone beyond `depClock`. References within one client are not listed (they point backwards,
   * or the update is refused), nor what an earlier struct of the section needed already.
   */
  depCount = 0;
  depAt: Float64Array = new Float64Array(rowsAtStart);
  depClient: Float64Array = new Float64Array(rowsAtStart);
  depClock: Float64Array = new Float64Array(rowsAtStart);

  /** Byte offset of the delete set. */
  deleteSetOffset = 0;

  /** Forgets the previous update. */
  reset(): void {
    this.error = '';
    this.errorOffset = 0;
    this.deleteSetOffset = 0;
    this.clear();
    if (this.runClock.length > rowsKeptMax) {
      this.runClient = new Float64Array(rowsAtStart);
      this.runClock = new Float64Array(rowsAtStart);
      this.runEnd = new Float64Array(rowsAtStart);
    }
    if (this.deleteClock.length > rowsKeptMax) {
      this.deleteClient = new Float64Array(rowsAtStart);
      this.deleteClock = new Float64Array(rowsAtStart);
      this.deleteLength = new Float64Array(rowsAtStart);
    }
    if (this.goneClock.length > rowsKeptMax) {
      this.goneClient = new Float64Array(rowsAtStart);
      this.goneClock = new Float64Array(rowsAtStart);
      this.goneEnd = new Float64Array(rowsAtStart);
    }
    if (this.depClock.length > rowsKeptMax) {
      this.depAt = new Float64Array(rowsAtStart);
      this.depClient = new Float64Array(rowsAtStart);
      this.depClock = new Float64Array(rowsAtStart);
    }
  }

  /** Empties the tables, so that nobody acts upon half of a refused update. */
  clear(): void {
    this.sectionCount = 0;
    this.runCount = 0;
    this.deleteCount = 0;
    this.goneCount = 0;
    this.depCount = 0;
  }

  addSection(client: number, clock: number, offset: number, structs: number): void {
    const row = this.sectionCount++;
    if (row === this.sectionClient.length) {
      this.sectionClient = twice(this.sectionClient);
      this.sectionClock = twice(this.sectionClock);
      this.sectionOffset = twice(this.sectionOffset);
      this.sectionStructs = twice(this.sectionStructs);
      this.sectionRun = twice(this.sectionRun);
      this.sectionDep = twice(this.sectionDep);
    }
    this.sectionClient[row] = client;
    this.sectionClock[row] = clock;
    this.sectionOffset[row] = offset;
    this.sectionStructs[row] = structs;
    this.sectionRun[row] = this.runCount;
    this.sectionDep[row] = this.depCount;
  }

  addRun(client: number, clock: number, end: number): void {
    const row = this.runCount++;
    if (row === this.runClient.length) {
      this.runClient = twice(this.runClient);
      this.runClock = twice(this.runClock);
      this.runEnd = twice(this.runEnd);
    }
    this.runClient[row] = client;
    this.runClock[row] = clock;
    this.runEnd[row] = end;
  }

  addDelete(client: number, clock: number, length: number): void {
    const row = this.deleteCount++;
    if (row === this.deleteClient.length) {
      this.deleteClient = twice(this.deleteClient);
      this.deleteClock = twice(this.deleteClock);
      this.deleteLength = twice(this.deleteLength);
    }
    this.deleteClient[row] = client;
    this.deleteClock[row] = clock;
    this.deleteLength[row] = length;
  }

  addGone(client: number, clock: number, end: number): void {
    const last = this.goneCount - 1;
    if (last >= 0 && this.goneClient[last] === client && this.goneEnd[last] === clock) {
      this.goneEnd[last] = end;
      return;
    }
    const row = this.goneCount++;
    if (row === this.goneClient.length) {
      this.goneClient = twice(this.goneClient);
      this.goneClock = twice(this.goneClock);
      this.goneEnd = twice(this.goneEnd);
    }
    this.goneClient[row] = client;
    this.goneClock[row] = clock;
    this.goneEnd[row] = end;
  }

  addDep(at: number, client: number, clock: number): void {
    // Looking back over a few rows finds nearly every repetition; one that escapes costs a row, not correctness.
    const first = Math.max(this.sectionDep[this.sectionCount - 1]!, this.depCount - repetitionsLookedBack);
    for (let row = this.depCount - 1; row >= first; row--) {
      if (this.depClient[row] === client) {
        if (this.depClock[row]! >= clock) return;
        break;
      }
    }
    const row = this.depCount++;
    if (row === this.depClient.length) {
      this.depAt = twice(this.depAt);
      this.depClient = twice(this.depClient);
      this.depClock = twice(this.depClock);
    }
    this.depAt[row] = at;
    this.depClient[row] = client;
    this.depClock[row] = clock;
  }
}
