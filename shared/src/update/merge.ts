/**
 * Merges updates at the level of bytes, without a document: one update that does what all of them do. Structs are
 * copied, cut where they overlap and joined where they continue each other, so that a batch of keystrokes becomes one
 * struct, as it would in a Y.Doc. Linear in the bytes; `Y.mergeUpdates` is quadratic in the number of updates.
 */
import { ByteWriter, varUintBytes } from './byte-writer.ts';
import { IdRanges } from './id-ranges.ts';
import { descending, type StateVector } from './state-vector.ts';
import { Kind, kindBits } from './struct-format.ts';
import { type ClientStructs, StructTable } from './struct-table.ts';
import { tailBytes, tailOffset, writeTail, writeTailHead } from './struct-tail.ts';

export interface MergeOptions {
  /** What the receiver has: structs below are left out. Deletions never are. Default: nothing. */
  readonly known?: StateVector;
}

const table = new StructTable();
const writer = new ByteWriter();
const emptyUpdate: readonly number[] = [0, 0];

/**
 * One V1 update that brings what `updates` bring, whatever their order and however they overlap: clients descending,
 * structs by clock, Skips where clocks are missing in between, one merged delete set. The updates must have been accepted
 * by `scanUpdate`. A single update without `known` is returned as it is, not copied.
 */
export function mergeUpdates(updates: readonly Uint8Array[], options?: MergeOptions): Uint8Array {
  const known = options?.known;
  if (updates.length === 1 && known === undefined) return updates[0]!;
  if (updates.length === 0) return Uint8Array.from(emptyUpdate);
  // At the start rather than the end: a merge that throws must not spoil the next.
  batch = updates;
  table.reset();
  writer.restart();
  joined.length = 0;
  let deleteSets = 0;
  let deletingUpdate = 0;
  deleteSetOffsets.length = 0;
  for (let index = 0; index < updates.length; index++) {
    const offset = table.read(updates[index]!, index);
    deleteSetOffsets.push(offset);
    // A delete set of one byte says that there are no clients in it.
    if (updates[index]!.length > offset + 1) {
      deleteSets++;
      deletingUpdate = index;
    }
  }
  writeSections(known);
  if (deleteSets === 0) {
    writer.byte(0);
  } else if (deleteSets === 1) {
    const update = updates[deletingUpdate]!;
    writer.copy(update, deleteSetOffsets[deletingUpdate]!, update.length);
  } else {
    const deletes = new IdRanges();
    for (let index = 0; index < updates.length; index++) {
      deletes.addDeleteSet(updates[index]!, deleteSetOffsets[index]);
    }
    deletes.writeTo(writer);
  }
  batch = noUpdates;
  return writer.take();
}

// The merge in progress. It is never entered twice at once.
const noUpdates: readonly Uint8Array[] = [];
let batch = noUpdates;
const deleteSetOffsets: number[] = [];

function writeSections(known: StateVector | undefined): void {
  let sections = 0;
  writer.byte(0);
  if (table.clients.size === 1) {
    for (const group of table.clients.values()) sections += writeSection(group, known?.get(group.client) ?? 0);
  } else {
    for (const client of descending(table.clients.keys())) {
      sections += writeSection(table.clients.get(client)!, known?.get(client) ?? 0);
    }
  }
  putCount(0, sections);
}

/** Puts a count at `at`, where one byte was left for it. */
function putCount(at: number, count: number): void {
  const more = varUintBytes(count) - 1;
  if (more > 0) {
    writer.reserve(more);
    writer.bytes.copyWithin(at + 1 + more, at + 1, writer.at);
  }
  const end = writer.at + more;
  writer.at = at;
  writer.varUint(count);
  writer.at = end;
}

// The struct being put together: rows from `head` on, joined. Its front may be cut.
let head = -1;
let headClock = 0;
let joinedEnd = 0;
/** Rows joined to `head`, in order; those of GC and deleted content have no bytes and are not listed. */
const joined: number[] = [];

/** Writes the section of one client beyond `from`; answers how many sections that made: one or none. */
function writeSection(group: ClientStructs, from: number): number {
  table.sort(group);
  const countAt = writer.at;
  let structs = 0;
  let clock = from;
  head = -1;
  for (let row = group.first; row >= 0; row = table.next[row]!) {
    const end = table.clockEnd[row]!;
    if (end <= clock) continue;
    const start = table.clock[row]!;
    if (head >= 0) {
      if (start <= clock && table.joins(head, row, start < clock)) {
        const kind = table.info[row]! & kindBits;
        if (kind !== Kind.gc && kind !== Kind.deleted) joined.push(row);
        joinedEnd = end;
        clock = end;
        continue;
      }
      writeJoined(group.client);
      structs++;
      if (start > clock) {
        writer.byte(Kind.skip);
        writer.varUint(start - clock);
        structs++;
      }
    } else {
      writer.byte(0);
      writer.varUint(group.client);
      writer.varUint(Math.max(start, clock));
    }
    head = row;
    headClock = Math.max(start, clock);
    joinedEnd = end;
    clock = end;
  }
  if (head < 0) return 0;
  writeJoined(group.client);
  putCount(countAt, structs + 1);
  return 1;
}

/** Writes the struct that was put together. */
function writeJoined(client: number): void {
  const update = batch[table.update[head]!]!;
  const skipped = headClock - table.clock[head]!;
  const headEnd = table.end[head]!;
  if (skipped === 0 && joinedEnd === table.clockEnd[head]) {
    writer.copy(update, table.start[head]!, headEnd);
    return;
  }
  const info = table.info[head]!;
  const kind = info & kindBits;
  if (skipped > 0 && kind !== Kind.gc) {
    writeTailHead(writer, info, client, headClock, table.rightClient[head]!, table.rightClock[head]!);
  } else {
    writer.copy(update, table.start[head]!, table.content[head]!);
  }
  if (kind === Kind.gc || kind === Kind.deleted) {
    writer.varUint(joinedEnd - headClock);
    return;
  }
  const tail = skipped > 0 ? tailOffset(update, kind, table.body[head]!, skipped) : table.body[head]!;
  let size = joinedEnd - headClock;
  if (kind === Kind.text) {
    size = tailBytes(tail, headEnd);
    for (const row of joined) size += table.end[row]! - table.body[row]!;
  }
  writer.varUint(size);
  writeTail(writer, update, tail, headEnd);
  for (const row of joined) writer.copy(batch[table.update[row]!]!, table.body[row]!, table.end[row]!);
  joined.length = 0;
}
