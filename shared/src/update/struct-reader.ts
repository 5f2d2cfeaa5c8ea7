/**
 * Walks the structs of an update that the scanner has accepted, for whoever copies them: it says where each begins and
 * ends, what it refers to and where its content is, and checks nothing but that the bytes do not end.
 */
import { assert } from '../base/assert.ts';
import { ByteCursor, readVarUint } from './byte-cursor.ts';
import { AnyTag, hasOrigin, hasParentSub, hasRightOrigin, Kind, kindBits, TypeRef } from './struct-format.ts';

export class StructReader {
  readonly #cursor = new ByteCursor();

  /** The struct last read: its info byte and the kind in it. */
  info = 0;
  kind = 0;
  /** Clocks it takes. */
  length = 0;
  /** Byte range of the whole struct. */
  start = 0;
  end = 0;
  /** Left origin; the clock is -1 when there is none. */
  originClient = 0;
  originClock = -1;
  /** Right origin, likewise. */
  rightClient = 0;
  rightClock = -1;
  /** Offset of the content: its length or count comes first where it has one. */
  contentStart = 0;
  /** Offset behind that length or count. */
  bodyStart = 0;

  get offset(): number {
    return this.#cursor.at;
  }

  open(update: Uint8Array, offset = 0): void {
    this.#cursor.open(update, offset);
  }

  close(): void {
    this.#cursor.close();
  }

  /** Reads a number of a section's head or of the delete set. */
  varUint(): number {
    const value = readVarUint(this.#cursor);
    assert(value >= 0, 'a scanned update can be read');
    return value;
  }

  /** Reads the struct at the offset. */
  next(): void {
    const cursor = this.#cursor;
    this.start = cursor.at;
    const info = cursor.bytes[cursor.at++]!;
    const kind = info & kindBits;
    this.info = info;
    this.kind = kind;
    this.originClock = -1;
    this.rightClock = -1;
    if (kind !== Kind.gc && kind !== Kind.skip) this.#references(info);
    this.contentStart = cursor.at;
    this.#content(kind);
    this.end = cursor.at;
    assert(cursor.at <= cursor.end, 'a scanned update ends where its structs do');
  }

  #references(info: number): void {
    if ((info & hasOrigin) !== 0) {
      this.originClient = this.varUint();
      this.originClock = this.varUint();
    }
    if ((info & hasRightOrigin) !== 0) {
      this.rightClient = this.varUint();
      this.rightClock = this.varUint();
    }
    if ((info & (hasOrigin | hasRightOrigin)) !== 0) return;
    if (this.varUint() === 1) {
      this.#skipBytes();
    } else {
      this.varUint();
      this.varUint();
    }
    if ((info & hasParentSub) !== 0) this.#skipBytes();
  }

  #content(kind: number): void {
    const cursor = this.#cursor;
    switch (kind) {
      case Kind.text: {
        const bytes = this.varUint();
        this.bodyStart = cursor.at;
        cursor.at += bytes;
        this.length = utf16Length(cursor.bytes, this.bodyStart, cursor.at);
        return;
      }
      case Kind.gc:
      case Kind.skip:
      case Kind.deleted:
        this.length = this.varUint();
        this.bodyStart = cursor.at;
        return;
      case Kind.any:
      case Kind.json:
        this.length = this.varUint();
        this.bodyStart = cursor.at;
        this.skipValues(kind, this.length);
        return;
      default:
        this.length = 1;
        this.bodyStart = cursor.at;
        this.#single(kind);
    }
  }

  /** Passes the content of an item that takes one clock. */
  #single(kind: number): void {
    switch (kind) {
      case Kind.format:
        this.#skipBytes();
        this.#skipBytes();
        return;
      case Kind.type: {
        const typeRef = this.varUint();
        if (typeRef === TypeRef.xmlElement || typeRef === TypeRef.xmlHook) this.#skipBytes();
        return;
      }
      case Kind.document:
        this.#skipBytes();
        this.#skipAny();
        return;
      default:
        this.#skipBytes();
    }
  }

  /** Passes `count` values of a JSON or Any item. */
  skipValues(kind: number, count: number): void {
    for (let i = 0; i < count; i++) {
      if (kind === Kind.any) this.#skipAny();
      else this.#skipBytes();
    }
  }

  #skipBytes(): void {
    const bytes = this.varUint();
    this.#cursor.at += bytes;
  }

  #skipAny(): void {
    const cursor = this.#cursor;
    assert(cursor.at < cursor.end, 'a scanned update can be read');
    const tag = cursor.bytes[cursor.at++]!;
    switch (tag) {
      case AnyTag.text:
      case AnyTag.bytes:
        this.#skipBytes();
        return;
      case AnyTag.integer:
        while (cursor.bytes[cursor.at++]! >= 128);
        return;
      case AnyTag.float32:
        cursor.at += 4;
        return;
      case AnyTag.float64:
      case AnyTag.bigint:
        cursor.at += 8;
        return;
      case AnyTag.array:
        for (let count = this.varUint(); count > 0; count--) this.#skipAny();
        return;
      case AnyTag.object:
        for (let count = this.varUint(); count > 0; count--) {
          this.#skipBytes();
          this.#skipAny();
        }
    }
  }
}

/** UTF-16 units of valid UTF-8: one per character, two for those of four bytes. */
function utf16Length(bytes: Uint8Array, from: number, to: number): number {
  let units = 0;
  for (let at = from; at < to; at++) {
    const byte = bytes[at]!;
    if ((byte & 0xc0) !== 0x80) units += byte >= 0xf0 ? 2 : 1;
  }
  return units;
}
