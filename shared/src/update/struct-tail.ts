/**
 * Cutting into a struct: what is left of it when its first clocks are known already. The rules are those of Yjs's own
 * encoder (Item.write with an offset) and of ContentString.splice.
 */
import type { ByteWriter } from './byte-writer.ts';
import { hasOrigin, hasRightOrigin, Kind } from './struct-format.ts';
import { StructReader } from './struct-reader.ts';

const reader = new StructReader();

/** U+FFFD in UTF-8: what Yjs leaves of a surrogate pair that a cut goes through. */
const replacement: readonly number[] = [0xef, 0xbf, 0xbd];

/** Writes the head of an item of `client` cut at `clock`: it hangs on the clock before, and so needs no parent. */
export function writeTailHead(
  into: ByteWriter,
  info: number,
  client: number,
  clock: number,
  rightClient: number,
  rightClock: number,
): void {
  into.byte(info | hasOrigin);
  into.varUint(client);
  into.varUint(clock - 1);
  if ((info & hasRightOrigin) === 0) return;
  into.varUint(rightClient);
  into.varUint(rightClock);
}

/**
 * Finds where content goes on behind its first `skipped` clocks; `from` is where its body begins in `update`. A negative
 * answer is the complement of an offset behind a surrogate pair of which the second half is still wanted.
 */
export function tailOffset(update: Uint8Array, kind: number, from: number, skipped: number): number {
  if (kind === Kind.text) {
    let at = from;
    let units = 0;
    while (units < skipped) {
      const byte = update[at]!;
      units += byte >= 0xf0 ? 2 : 1;
      at += byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    }
    return units > skipped ? ~at : at;
  }
  reader.open(update, from);
  reader.skipValues(kind, skipped);
  const at = reader.offset;
  reader.close();
  return at;
}

/** Bytes of a body that begins at what `tailOffset` found and ends at `to`. */
export function tailBytes(tail: number, to: number): number {
  return tail < 0 ? to - ~tail + replacement.length : to - tail;
}

/** Writes that body. */
export function writeTail(into: ByteWriter, update: Uint8Array, tail: number, to: number): void {
  if (tail < 0) for (const byte of replacement) into.byte(byte);
  into.copy(update, tail < 0 ? ~tail : tail, to);
}
