/**
 * The difference between a snapshot and a state vector, by copying byte ranges: V1 structs are self-contained and ordered
 * by client and clock, so only the struct that the state vector cuts through is written anew. The result is what
 * `Y.encodeStateAsUpdate(document, stateVector)` gives, byte for byte, without the document.
 */
import { assert } from '../base/assert.ts';
import { ByteWriter } from './byte-writer.ts';
import { DocumentState } from './document-state.ts';
import { SnapshotIndex } from './snapshot-index.ts';
import type { StateVector } from './state-vector.ts';
import { Kind } from './struct-format.ts';
import { StructReader } from './struct-reader.ts';
import { tailBytes, tailOffset, writeTail, writeTailHead } from './struct-tail.ts';

/** Bytes that the head of a section and the rewritten head of a struct take at most. */
const headBytesMax = 64;

const nothingKnown: ReadonlyMap<number, number> = new Map();
const reader = new StructReader();
const writer = new ByteWriter();

/**
 * What `update`, a snapshot with its `index`, has beyond `known`; its whole delete set always goes along. The snapshot
 * itself, not a copy, when `known` has nothing of it.
 */
export function sliceSnapshot(update: Uint8Array, index: Uint8Array, known: StateVector): Uint8Array {
  const sections = new SnapshotIndex(index);
  assert(sections.updateBytes === update.length, 'the index belongs to the snapshot');
  let wanted = 0;
  let overlap = false;
  while (sections.nextSection(known)) {
    const clock = known.get(sections.client) ?? 0;
    if (clock > 0) overlap = true;
    if (clock < sections.endClock) wanted++;
  }
  if (!overlap) return update;
  writer.restart();
  writer.varUint(wanted);
  const walk = new SnapshotIndex(index);
  while (walk.nextSection(known)) {
    const clock = known.get(walk.client) ?? 0;
    if (clock === 0) writer.copy(update, walk.headOffset, walk.endOffset);
    else if (clock < walk.endClock) writeSectionFrom(update, walk, clock);
  }
  writer.copy(update, sections.deleteSetOffset, update.length);
  return writer.take();
}

/** Writes the part of a section from `clock` on. */
function writeSectionFrom(update: Uint8Array, section: SnapshotIndex, clock: number): void {
  let structClock = section.markClock;
  let ordinal = section.markOrdinal;
  reader.open(update, section.markOffset);
  reader.next();
  while (structClock + reader.length <= clock) {
    structClock += reader.length;
    ordinal++;
    reader.next();
  }
  writer.varUint(section.structs - ordinal);
  writer.varUint(section.client);
  writer.varUint(clock);
  if (clock === structClock) {
    writer.copy(update, reader.start, section.endOffset);
  } else {
    writeCut(update, section.client, clock, clock - structClock);
    writer.copy(update, reader.end, section.endOffset);
  }
  reader.close();
}

/** Writes the struct in the reader without its first clocks. */
function writeCut(update: Uint8Array, client: number, clock: number, skipped: number): void {
  const { kind, length, bodyStart, end } = reader;
  if (kind === Kind.gc) {
    writer.byte(Kind.gc);
  } else {
    writeTailHead(writer, reader.info, client, clock, reader.rightClient, reader.rightClock);
  }
  if (kind === Kind.gc || kind === Kind.deleted) {
    writer.varUint(length - skipped);
    return;
  }
  const tail = tailOffset(update, kind, bodyStart, skipped);
  writer.varUint(kind === Kind.text ? tailBytes(tail, end) : length - skipped);
  writeTail(writer, update, tail, end);
}

/** A cheap upper bound of the bytes that `sliceSnapshot` gives, from the index alone. */
export function sliceBytesEstimate(index: Uint8Array, known: StateVector): number {
  const sections = new SnapshotIndex(index);
  let bytes = headBytesMax + sections.updateBytes - sections.deleteSetOffset;
  while (sections.nextSection(known)) {
    const clock = known.get(sections.client) ?? 0;
    if (clock < sections.endClock) bytes += headBytesMax + sections.endOffset - sections.markOffset;
  }
  return Math.max(bytes, 0);
}

/** What the relay knows of a document of which it has this snapshot: the state vector out of the index, and the deletions. */
export function snapshotState(update: Uint8Array, index: Uint8Array): DocumentState {
  const sections = new SnapshotIndex(index);
  const stateVector: StateVector = new Map();
  while (sections.nextSection(nothingKnown)) stateVector.set(sections.client, sections.endClock);
  return new DocumentState(stateVector, update.slice(sections.deleteSetOffset));
}
