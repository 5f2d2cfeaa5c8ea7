/**
 * The sparse index beside a snapshot: where each client's structs are and, about every kilobyte of them, which clock is
 * at which offset. It makes a slice cost what is missing, not what the document weighs.
 *
 * Wire form: version byte, then varUints: bytes of the snapshot · offset of its delete set · clients · per client, in the
 * snapshot's (descending) order: client · end clock · structs · bytes of the section's head · bytes of its structs ·
 * marks · per mark the differences to the one before (or to the section's first struct): clock · offset · ordinal.
 */
import { assert } from '../base/assert.ts';
import { ByteCursor, readCount, readVarUint } from './byte-cursor.ts';
import { ByteWriter } from './byte-writer.ts';
import { Kind } from './struct-format.ts';
import { StructReader } from './struct-reader.ts';

/** The only version so far; an index of another is to be made anew. */
const indexVersion = 1;
/** A mark is set at the first struct after this many bytes. */
const markBytes = 1024;

const reader = new StructReader();
const writer = new ByteWriter();

/** Makes the index of a snapshot, which must be what `Y.encodeStateAsUpdate` gives: every client from clock 0, no gaps. */
export function indexSnapshot(update: Uint8Array): Uint8Array {
  writer.restart();
  reader.open(update);
  const clients = reader.varUint();
  const sections = new ByteWriter();
  for (let i = 0; i < clients; i++) indexSection(sections);
  writer.byte(indexVersion);
  writer.varUint(update.length);
  writer.varUint(reader.offset);
  writer.varUint(clients);
  writer.copy(sections.bytes, 0, sections.at);
  reader.close();
  return writer.take();
}

function indexSection(into: ByteWriter): void {
  const headStart = reader.offset;
  const structs = reader.varUint();
  const client = reader.varUint();
  assert(reader.varUint() === 0, 'a snapshot has each client from clock 0');
  const first = reader.offset;
  const marks = new ByteWriter();
  let markCount = 0;
  let clock = 0;
  let markClock = 0;
  let markOffset = first;
  let markOrdinal = 0;
  for (let ordinal = 0; ordinal < structs; ordinal++) {
    if (reader.offset - markOffset >= markBytes) {
      marks.varUint(clock - markClock);
      marks.varUint(reader.offset - markOffset);
      marks.varUint(ordinal - markOrdinal);
      markCount++;
      markClock = clock;
      markOffset = reader.offset;
      markOrdinal = ordinal;
    }
    reader.next();
    assert(reader.kind !== Kind.skip, 'a snapshot has no gaps');
    clock += reader.length;
  }
  into.varUint(client);
  into.varUint(clock);
  into.varUint(structs);
  into.varUint(first - headStart);
  into.varUint(reader.offset - first);
  into.varUint(markCount);
  into.copy(marks.bytes, 0, marks.at);
}

/** Walks an index, section by section. */
export class SnapshotIndex {
  /** Bytes of the snapshot, and the offset of its delete set. */
  updateBytes = 0;
  deleteSetOffset = 0;
  clients = 0;

  /** The section that `nextSection` came to. */
  client = 0;
  endClock = 0;
  structs = 0;
  /** Where its head begins, where its structs begin, and where they end. */
  headOffset = 0;
  structsOffset = 0;
  endOffset = 0;

  /** The last mark at or before the clock that `nextSection` was asked for. */
  markClock = 0;
  markOffset = 0;
  markOrdinal = 0;

  readonly #cursor = new ByteCursor();
  #section = 0;

  constructor(index: Uint8Array) {
    assert(index[0] === indexVersion, 'the index has a version that this code knows');
    this.#cursor.open(index, 1);
    this.updateBytes = this.#number();
    this.deleteSetOffset = this.#number();
    this.clients = this.#number();
    let firstHead = 1;
    // The sections begin behind their number in the snapshot.
    for (let rest = this.clients; rest > 127; rest = Math.floor(rest / 128)) firstHead++;
    this.endOffset = firstHead;
  }

  /** Goes to the next section and in it to the mark for what is known of its client; false when there is none. */
  nextSection(known: ReadonlyMap<number, number>): boolean {
    if (this.#section === this.clients) return false;
    this.#section++;
    this.client = this.#number();
    this.endClock = this.#number();
    this.structs = this.#number();
    this.headOffset = this.endOffset;
    this.structsOffset = this.headOffset + this.#number();
    this.endOffset = this.structsOffset + this.#number();
    this.markClock = 0;
    this.markOffset = this.structsOffset;
    this.markOrdinal = 0;
    const clock = known.get(this.client) ?? 0;
    let markClock = 0;
    let markOffset = this.structsOffset;
    let markOrdinal = 0;
    for (let marks = readCount(this.#cursor); marks > 0; marks--) {
      markClock += this.#number();
      markOffset += this.#number();
      markOrdinal += this.#number();
      if (markClock <= clock) {
        this.markClock = markClock;
        this.markOffset = markOffset;
        this.markOrdinal = markOrdinal;
      }
    }
    return true;
  }

  #number(): number {
    const value = readVarUint(this.#cursor);
    assert(value >= 0, 'an index can be read');
    return value;
  }
}
