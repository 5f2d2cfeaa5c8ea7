/**
 * A compact set of ids, as merged ranges of clocks per client: what has been deleted in a document. Its wire form is the
 * delete set of Yjs's V1 updates.
 */
import { RefusedError } from '../base/errors.ts';
import { updateLimits } from '../protocol/limits.ts';
import { ByteCursor, readCount, readVarUint } from './byte-cursor.ts';
import { ByteWriter } from './byte-writer.ts';
import { RangeList } from './range-list.ts';
import { descending } from './state-vector.ts';
import type { UpdateScan } from './update-scan.ts';

const cursor = new ByteCursor();
const writer = new ByteWriter();

/** The range that `readRange` read last. */
let rangeStart = 0;
let rangeEnd = 0;

function readRange(): boolean {
  const start = readVarUint(cursor);
  const length = start < 0 ? -1 : readVarUint(cursor);
  if (length < 0) return false;
  if (length === 0 || start + length > updateLimits.clockMax) return cursor.refuse('a range is out of bounds');
  rangeStart = start;
  rangeEnd = start + length;
  return true;
}

export class IdRanges {
  readonly #clients = new Map<number, RangeList>();

  /**
   * Reads a V1 delete set.
   * @throws RefusedError `TW_MALFORMED_UPDATE` when the bytes are not one, and nothing but one
   */
  static decode(bytes: Uint8Array): IdRanges {
    const ranges = new IdRanges();
    ranges.addDeleteSet(bytes);
    return ranges;
  }

  /** Ranges in all. */
  get size(): number {
    let size = 0;
    for (const list of this.#clients.values()) size += list.starts.length;
    return size;
  }

  /** Whether all of [start, end) of `client` is in the set. */
  has(client: number, start: number, end: number): boolean {
    return this.#clients.get(client)?.has(start, end) === true;
  }

  /** Adds [start, end) of `client`; `end` must be beyond `start`. */
  add(client: number, start: number, end: number): void {
    this.#list(client).add(start, end);
  }

  /** Adds what an update deletes. */
  addScan(scan: UpdateScan): void {
    forEachClient(scan, (client, from, to) => this.addRows(client, scan.deleteClock, scan.deleteLength, from, to));
  }

  /** Adds rows [from, to) of columns, all of `client`, in any order: work stays linear for a hostile order too. */
  addRows(client: number, clocks: Float64Array, lengths: Float64Array, from: number, to: number): void {
    const list = this.#list(client);
    if (to - from === 1) {
      list.add(clocks[from]!, clocks[from]! + lengths[from]!);
      return;
    }
    const starts: number[] = [];
    const ends: number[] = [];
    forEachMissing(list, clocks, lengths, from, to, (start, end) => {
      starts.push(start);
      ends.push(end);
    });
    list.addSorted(starts, ends);
  }

  /** What an update deletes and is not in this set. */
  missingOf(scan: UpdateScan): IdRanges {
    const missing = new IdRanges();
    forEachClient(scan, (client, from, to) => {
      const list = this.#clients.get(client) ?? nothing;
      forEachMissing(list, scan.deleteClock, scan.deleteLength, from, to, (start, end) =>
        missing.add(client, start, end),
      );
    });
    return missing;
  }

  /** Visits the ranges, clients descending and clocks ascending, as the wire has them. */
  forEach(visit: (client: number, start: number, end: number) => void): void {
    for (const client of descending(this.#clients.keys())) {
      const { starts, ends } = this.#clients.get(client)!;
      for (let i = 0; i < starts.length; i++) visit(client, starts[i]!, ends[i]!);
    }
  }

  /** The set as a V1 delete set; equal sets are equal bytes. */
  encode(): Uint8Array {
    this.writeTo(writer);
    return writer.take();
  }

  /** Appends the set as a V1 delete set to `into`. */
  writeTo(into: ByteWriter): void {
    into.varUint(this.#clients.size);
    for (const client of descending(this.#clients.keys())) {
      const { starts, ends } = this.#clients.get(client)!;
      into.varUint(client);
      into.varUint(starts.length);
      for (let i = 0; i < starts.length; i++) {
        into.varUint(starts[i]!);
        into.varUint(ends[i]! - starts[i]!);
      }
    }
  }

  /**
   * Adds a V1 delete set that begins at `offset` and ends with the bytes.
   * @throws RefusedError `TW_MALFORMED_UPDATE` when the bytes are not one, and nothing but one
   */
  addDeleteSet(bytes: Uint8Array, offset = 0): void {
    cursor.open(bytes, offset);
    const clients = readCount(cursor);
    for (let i = 0; i < clients && cursor.error === ''; i++) this.#addClient();
    if (cursor.at < cursor.end) cursor.fail('bytes follow it');
    cursor.close();
    if (cursor.error !== '') throw new RefusedError('TW_MALFORMED_UPDATE', `not a delete set: ${cursor.error}`);
  }

  #addClient(): void {
    const client = readVarUint(cursor);
    const ranges = client < 0 ? -1 : readCount(cursor);
    if (ranges <= 0) return;
    if (ranges === 1) {
      if (readRange()) this.#list(client).add(rangeStart, rangeEnd);
      return;
    }
    const clocks = new Float64Array(ranges);
    const lengths = new Float64Array(ranges);
    for (let row = 0; row < ranges; row++) {
      if (!readRange()) return;
      clocks[row] = rangeStart;
      lengths[row] = rangeEnd - rangeStart;
    }
    this.addRows(client, clocks, lengths, 0, ranges);
  }

  #list(client: number): RangeList {
    let list = this.#clients.get(client);
    if (list === undefined) {
      list = new RangeList();
      this.#clients.set(client, list);
    }
    return list;
  }
}

const nothing = new RangeList();

/** The rows of the delete set that are of one client. One that comes more than once is visited as often. */
function forEachClient(scan: UpdateScan, visit: (client: number, from: number, to: number) => void): void {
  for (let from = 0; from < scan.deleteCount;) {
    const client = scan.deleteClient[from]!;
    let to = from + 1;
    while (to < scan.deleteCount && scan.deleteClient[to] === client) to++;
    visit(client, from, to);
    from = to;
  }
}

/** Yjs writes ranges in the order of their clocks; others need not. */
function forEachMissing(
  list: RangeList,
  clocks: Float64Array,
  lengths: Float64Array,
  from: number,
  to: number,
  visit: (start: number, end: number) => void,
): void {
  let sorted = from + 1;
  while (sorted < to && clocks[sorted - 1]! <= clocks[sorted]!) sorted++;
  if (sorted >= to) {
    list.forEachMissing(clocks, lengths, from, to, visit);
    return;
  }
  const rows = Array.from({ length: to - from }, (_, i) => from + i).sort((a, b) => clocks[a]! - clocks[b]!);
  const inOrder = (column: Float64Array): Float64Array => Float64Array.from(rows, (row) => column[row]!);
  list.forEachMissing(inOrder(clocks), inOrder(lengths), 0, rows.length, visit);
}
