/**
 * The structs of many updates as columns of numbers, chained per client in the order of their clocks: what `mergeUpdates`
 * works on. Reused, so that merging a batch of keystrokes allocates next to nothing.
 */
import { hasParentSub, Kind, kindBits } from './struct-format.ts';
import { StructReader } from './struct-reader.ts';

const rowsAtStart = 256;
/** Tables that one large merge blew up beyond this are given back. */
const rowsKeptMax = 65_536;

const reader = new StructReader();

/** The structs of one client. */
export interface ClientStructs {
  readonly client: number;
  first: number;
  last: number;
  rows: number;
  /** Whether the rows came in the order of their clocks. */
  sorted: boolean;
}

export class StructTable {
  #capacity = 0;
  #count = 0;

  /** Which update a struct is in, and its byte range there. */
  update!: Int32Array;
  start!: Int32Array;
  end!: Int32Array;
  /** Where its content begins, and where it goes on behind its length or count. */
  content!: Int32Array;
  body!: Int32Array;
  info!: Uint8Array;
  clock!: Float64Array;
  clockEnd!: Float64Array;
  rightClient!: Float64Array;
  rightClock!: Float64Array;
  /** 1 when its origin is the clock before it, so that it may continue the struct there. */
  continues!: Uint8Array;
  /** The client's next row, or -1. */
  next!: Int32Array;

  readonly clients: Map<number, ClientStructs> = new Map();

  constructor() {
    this.#allocate(rowsAtStart);
  }

  /** Forgets everything. */
  reset(): void {
    this.#count = 0;
    this.clients.clear();
    if (this.#capacity > rowsKeptMax) this.#allocate(rowsAtStart);
  }

  /** Adds the structs of `update`, the batch's number `index`; answers the offset of its delete set. */
  read(update: Uint8Array, index: number): number {
    reader.open(update);
    for (let sections = reader.varUint(); sections > 0; sections--) {
      let structs = reader.varUint();
      const client = reader.varUint();
      let clock = reader.varUint();
      if (structs === 0) continue;
      let group = this.clients.get(client);
      if (group === undefined) {
        group = { client, first: -1, last: -1, rows: 0, sorted: true };
        this.clients.set(client, group);
      }
      for (; structs > 0; structs--) {
        reader.next();
        if (reader.kind !== Kind.skip) this.#add(group, index, clock);
        clock += reader.length;
      }
    }
    const deleteSet = reader.offset;
    reader.close();
    return deleteSet;
  }

  #add(group: ClientStructs, update: number, clock: number): void {
    const row = this.#count++;
    if (row === this.#capacity) this.#allocate(row * 2);
    this.update[row] = update;
    this.start[row] = reader.start;
    this.end[row] = reader.end;
    this.content[row] = reader.contentStart;
    this.body[row] = reader.bodyStart;
    this.info[row] = reader.info;
    this.clock[row] = clock;
    this.clockEnd[row] = clock + reader.length;
    this.rightClient[row] = reader.rightClient;
    this.rightClock[row] = reader.rightClock;
    this.continues[row] = reader.originClock === clock - 1 && reader.originClient === group.client ? 1 : 0;
    this.next[row] = -1;
    if (group.last < 0) {
      group.first = row;
    } else {
      this.next[group.last] = row;
      if (clock < this.clock[group.last]!) group.sorted = false;
    }
    group.last = row;
    group.rows++;
  }

  /** Brings a client's rows into the order of their clocks; of equal ones the first that came stays first. */
  sort(group: ClientStructs): void {
    if (group.sorted) return;
    const rows: number[] = [];
    for (let row = group.first; row >= 0; row = this.next[row]!) rows.push(row);
    const { clock, next } = this;
    rows.sort((a, b) => clock[a]! - clock[b]! || a - b);
    for (let i = 0; i + 1 < rows.length; i++) next[rows[i]!] = rows[i + 1]!;
    group.first = rows[0]!;
    group.last = rows.at(-1)!;
    next[group.last] = -1;
    group.sorted = true;
  }

  /**
   * Whether `row` may be appended to the struct that `head` begins and that ends where `row` does: then Yjs itself, given
   * the joined struct and asked to split it there, gets `row` back. `cut` says that the front of `row` is left out.
   */
  joins(head: number, row: number, cut: boolean): boolean {
    const info = this.info[row]!;
    const kind = info & kindBits;
    if ((this.info[head]! & kindBits) !== kind) return false;
    if (kind === Kind.gc) return true;
    if (kind !== Kind.deleted) {
      if (cut || (kind !== Kind.text && kind !== Kind.any && kind !== Kind.json)) return false;
      // Of a map's entries only the last is alive; joined, their deletion would depend on the delete set alone.
      if ((info & hasParentSub) !== 0) return false;
    }
    return (
      (cut || this.continues[row] === 1) &&
      ((info ^ this.info[head]!) & hasParentSub) === 0 &&
      this.rightClock[row] === this.rightClock[head] &&
      (this.rightClock[row] === -1 || this.rightClient[row] === this.rightClient[head])
    );
  }

  #allocate(rows: number): void {
    const keep = Math.min(this.#count, rows);
    const grown = <Column extends Int32Array | Float64Array | Uint8Array>(
      column: Column,
      old: Column | undefined,
    ): Column => {
      if (old !== undefined && keep > 0) column.set(old.subarray(0, keep));
      return column;
    };
    this.update = grown(new Int32Array(rows), this.update);
    this.start = grown(new Int32Array(rows), this.start);
    this.end = grown(new Int32Array(rows), this.end);
    this.content = grown(new Int32Array(rows), this.content);
    this.body = grown(new Int32Array(rows), this.body);
    this.info = grown(new Uint8Array(rows), this.info);
    this.clock = grown(new Float64Array(rows), this.clock);
    this.clockEnd = grown(new Float64Array(rows), this.clockEnd);
    this.rightClient = grown(new Float64Array(rows), this.rightClient);
    this.rightClock = grown(new Float64Array(rows), this.rightClock);
    this.continues = grown(new Uint8Array(rows), this.continues);
    this.next = grown(new Int32Array(rows), this.next);
    this.#capacity = rows;
  }
}
