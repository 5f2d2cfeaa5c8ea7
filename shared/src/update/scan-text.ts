/**
 * UTF-8 inside an update. Yjs decodes it with a fatal TextDecoder and counts clocks in UTF-16 units, so text is checked
 * as that decoder judges it and measured in its units, without building a string.
 */
import { type ByteCursor, readByteLength } from './byte-cursor.ts';
import { scanErrors } from './scan-errors.ts';

/** `__proto__`, the one key that plain objects cannot carry. */
const prototypeKey: Uint8Array = Uint8Array.of(95, 95, 112, 114, 111, 116, 111, 95, 95);

/**
 * Measures the text in `bytes[from, to)` in UTF-16 units, or answers -1 - offset at the first byte of a sequence that
 * is not UTF-8 (the well-formed sequences of Unicode 15, table 3-7: no surrogates, nothing overlong or above U+10FFFF).
 */
function utf16Units(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  // Most text is ASCII, and most of it is a keystroke.
  while (at < to && bytes[at]! < 0x80) at++;
  let units = at - from;
  while (at < to) {
    const first = bytes[at]!;
    if (first < 0x80) {
      at++;
      units++;
      continue;
    }
    const second = at + 1 < to ? bytes[at + 1]! : 0;
    if (first < 0xe0) {
      if (first < 0xc2 || (second & 0xc0) !== 0x80) return -1 - at;
      at += 2;
      units++;
      continue;
    }
    const third = at + 2 < to ? bytes[at + 2]! : 0;
    if (first < 0xf0) {
      const lowest = first === 0xe0 ? 0xa0 : 0x80;
      const highest = first === 0xed ? 0x9f : 0xbf;
      if (second < lowest || second > highest || (third & 0xc0) !== 0x80) return -1 - at;
      at += 3;
      units++;
      continue;
    }
    const fourth = at + 3 < to ? bytes[at + 3]! : 0;
    const lowest = first === 0xf0 ? 0x90 : 0x80;
    const highest = first === 0xf4 ? 0x8f : 0xbf;
    if (first > 0xf4 || second < lowest || second > highest) return -1 - at;
    if ((third & 0xc0) !== 0x80 || (fourth & 0xc0) !== 0x80) return -1 - at;
    at += 4;
    units += 2;
  }
  return units;
}

/** Byte length of the text read last; see `lastTextBytes`. */
let textBytes = 0;

/** Bytes of the last text read, without its prefix (which may be written in more bytes than it needs). */
export function lastTextBytes(): number {
  return textBytes;
}

/** Reads a length-prefixed text and answers its length in UTF-16 units, or -1. */
export function scanText(cursor: ByteCursor): number {
  const length = readByteLength(cursor);
  if (length < 0) return -1;
  const from = cursor.at;
  textBytes = length;
  const units = utf16Units(cursor.bytes, from, from + length);
  if (units < 0) {
    cursor.at = -1 - units;
    return cursor.fail(scanErrors.utf8);
  }
  cursor.at = from + length;
  return units;
}

/** Reads a length-prefixed text that becomes a property name somewhere: a map key, a format, an object key. */
export function scanKey(cursor: ByteCursor): number {
  const start = cursor.at;
  const units = scanText(cursor);
  // A text of nine ASCII characters is the only candidate.
  if (units === prototypeKey.length && isPrototypeKey(cursor.bytes, cursor.at - units, cursor.at)) {
    cursor.at = start;
    return cursor.fail(scanErrors.prototypeKey);
  }
  return units;
}

/** Whether `bytes[from, to)` spells `__proto__` as it stands. */
export function isPrototypeKey(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from !== prototypeKey.length) return false;
  for (let i = 0; i < prototypeKey.length; i++) {
    if (bytes[from + i] !== prototypeKey[i]) return false;
  }
  return true;
}

/** Whether `bytes[from, to)`, the inside of a JSON string with escapes, spells `__proto__`. */
export function isEscapedPrototypeKey(bytes: Uint8Array, from: number, to: number): boolean {
  let at = from;
  for (const expected of prototypeKey) {
    if (at >= to) return false;
    if (bytes[at] !== 0x5c) {
      if (bytes[at++] !== expected) return false;
      continue;
    }
    // None of the short escapes stands for a letter of it: only \u can.
    if (bytes[at + 1] !== 0x75) return false;
    const hex = String.fromCharCode(bytes[at + 2]!, bytes[at + 3]!, bytes[at + 4]!, bytes[at + 5]!);
    if (Number.parseInt(hex, 16) !== expected) return false;
    at += 6;
  }
  return at === to;
}
