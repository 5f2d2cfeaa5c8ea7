/**
 * Whether Yjs could integrate every struct of an update into a document of which only the state vector is known.
 * Module state instead of objects: this runs for each keystroke, and never twice at once.
 */
import { updateLimits } from '../protocol/limits.ts';
import type { StateVector } from './state-vector.ts';
import type { UpdateScan } from './update-scan.ts';

/** Sections up to which looking through them beats an index. */
const sectionsSearchedMax = 8;

let scan: UpdateScan;
let vector: StateVector;
/** Section of a client, for updates with many; made when first needed. */
let index: Map<number, number> | undefined;
/** Where each section's client will be when all of its runs are integrated. */
const reached = new Float64Array(updateLimits.clientsMax);

/** Where each section's client is while the order of integration is played through. */
const progress = new Float64Array(updateLimits.clientsMax);
/** The first dependency of each section that is not known to be met. */
const nextDep = new Int32Array(updateLimits.clientsMax);
const onStack = new Uint8Array(updateLimits.clientsMax);
const stackSection = new Int32Array(updateLimits.clientsMax);
/** The clock that whoever waits for a section on the stack needs it to go beyond. */
const stackTarget = new Float64Array(updateLimits.clientsMax);

/** What integrating an update into a document comes to. */
export type Outcome = 'brings' | 'repeats' | 'stalls';

/**
 * Says whether an update's structs can all be integrated ('brings' something, 'repeats' what is there) or Yjs would
 * keep some of them pending ('stalls'). `clockAfter` then tells where clients are afterwards.
 */
export function foresee(of: UpdateScan, at: StateVector): Outcome {
  scan = of;
  vector = at;
  index = undefined;
  let brings = false;
  let run = 0;
  for (let section = 0; section < scan.sectionCount; section++) {
    const runs = section + 1 < scan.sectionCount ? scan.sectionRun[section + 1]! : scan.runCount;
    let clock = vector.get(scan.sectionClient[section]!) ?? 0;
    for (; run < runs; run++) {
      if (scan.runClock[run]! > clock) return 'stalls';
      if (scan.runEnd[run]! > clock) {
        clock = scan.runEnd[run]!;
        brings = true;
      }
    }
    reached[section] = clock;
  }
  return dependenciesMet() ? (brings ? 'brings' : 'repeats') : 'stalls';
}

/** The next clock of `client` after the update that was foreseen last. */
export function clockAfter(client: number): number {
  const section = sectionOf(client);
  return section >= 0 ? reached[section]! : (vector.get(client) ?? 0);
}

function sectionOf(client: number): number {
  if (scan.sectionCount <= sectionsSearchedMax) {
    for (let section = 0; section < scan.sectionCount; section++) {
      if (scan.sectionClient[section] === client) return section;
    }
    return -1;
  }
  if (index === undefined) {
    index = new Map();
    for (let section = 0; section < scan.sectionCount; section++) index.set(scan.sectionClient[section]!, section);
  }
  return index.get(client) ?? -1;
}

function dependenciesMet(): boolean {
  let mutual = false;
  for (let row = 0; row < scan.depCount; row++) {
    const client = scan.depClient[row]!;
    const clock = scan.depClock[row]!;
    if (clock < (vector.get(client) ?? 0)) continue;
    const section = sectionOf(client);
    if (section < 0 || clock >= reached[section]!) return false;
    mutual = true;
  }
  // Only sections that wait for each other can wait in a circle.
  return !mutual || playThrough();
}

/**
 * Integrates as Yjs does: a struct that waits for another client's has that client's structs integrated first, up to
 * the one it needs. A client that is waited for while it waits itself never gets there: what it would have to pass is
 * what it waits for. (Yjs does pass an item that the document has already, whatever it waits for. Only an update that
 * contradicts what the document has can make that differ, and is then asked to resynchronise.) Each dependency is looked
 * at twice at most.
 */
function playThrough(): boolean {
  for (let section = 0; section < scan.sectionCount; section++) {
    progress[section] = vector.get(scan.sectionClient[section]!) ?? 0;
    nextDep[section] = scan.sectionDep[section]!;
    onStack[section] = 0;
  }
  for (let section = 0; section < scan.sectionCount; section++) {
    if (!integrate(section)) return false;
  }
  return true;
}

function integrate(first: number): boolean {
  let depth = 0;
  stackSection[0] = first;
  stackTarget[0] = Infinity;
  onStack[first] = 1;
  while (depth >= 0) {
    const section = stackSection[depth]!;
    const waitsFor = advance(section, stackTarget[depth]!);
    if (waitsFor < 0) {
      onStack[section] = 0;
      depth--;
      continue;
    }
    if (onStack[waitsFor] === 1) return false;
    depth++;
    stackSection[depth] = waitsFor;
    stackTarget[depth] = scan.depClock[nextDep[section]!]!;
    onStack[waitsFor] = 1;
  }
  return true;
}

/** Brings a section beyond `target`, or answers the section it has to wait for. */
function advance(section: number, target: number): number {
  const rows = section + 1 < scan.sectionCount ? scan.sectionDep[section + 1]! : scan.depCount;
  for (let row = nextDep[section]!; row < rows; row++) {
    const at = scan.depAt[row]!;
    nextDep[section] = row;
    if (at > progress[section]!) progress[section] = at;
    if (at > target) return -1;
    const client = scan.depClient[row]!;
    const clock = scan.depClock[row]!;
    if (clock < (vector.get(client) ?? 0)) continue;
    const other = sectionOf(client);
    if (clock >= progress[other]!) return other;
  }
  nextDep[section] = rows;
  progress[section] = reached[section]!;
  return -1;
}
