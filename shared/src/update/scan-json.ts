/**
 * JSON inside an update (old arrays, embeds, formats): the grammar of RFC 8259, exactly what JSON.parse accepts, walked
 * in the bytes. Parsing first would let 100,000 brackets through to the code that re-encodes them recursively.
 */
import { updateLimits } from '../protocol/limits.ts';
import type { ByteCursor } from './byte-cursor.ts';
import { scanErrors } from './scan-errors.ts';
import { isEscapedPrototypeKey, isPrototypeKey, lastTextBytes, scanText } from './scan-text.ts';

/** Yjs writes an undefined element of an old array as this bare word. */
const undefinedWord: readonly number[] = Array.from('undefined', (letter) => letter.charCodeAt(0));
const trueWord: readonly number[] = Array.from('true', (letter) => letter.charCodeAt(0));
const falseWord: readonly number[] = Array.from('false', (letter) => letter.charCodeAt(0));
const nullWord: readonly number[] = Array.from('null', (letter) => letter.charCodeAt(0));

/** Reads a length-prefixed JSON text; `undefinedAllowed` also takes the bare word that only ContentJSON knows. */
export function scanJson(cursor: ByteCursor, undefinedAllowed: boolean): boolean {
  if (scanText(cursor) < 0) return false;
  const to = cursor.at;
  const from = to - lastTextBytes();
  if (undefinedAllowed && wordEnd(cursor.bytes, from, to, undefinedWord) === to) return true;
  source = cursor.bytes;
  limit = to;
  failure = scanErrors.json;
  let at = value(skipSpace(from), 0);
  if (at >= 0) at = skipSpace(at);
  source = nothing;
  if (at === to) return true;
  cursor.at = from;
  return cursor.refuse(failure);
}

// The text being walked: the scanner is single-threaded and never entered twice, and arguments cost more than these.
const nothing = new Uint8Array(0);
let source: Uint8Array = nothing;
let limit = 0;
let failure: string = scanErrors.json;

function skipSpace(from: number): number {
  let at = from;
  while (at < limit) {
    const byte = source[at]!;
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break;
    at++;
  }
  return at;
}

/** Walks the value that starts at `at`; answers the offset behind it, or -1. */
function value(at: number, depth: number): number {
  if (at >= limit) return -1;
  switch (source[at]) {
    case 0x22:
      return stringEnd(at);
    case 0x7b:
      return objectEnd(at, depth + 1);
    case 0x5b:
      return arrayEnd(at, depth + 1);
    case 0x74:
      return wordEnd(source, at, limit, trueWord);
    case 0x66:
      return wordEnd(source, at, limit, falseWord);
    case 0x6e:
      return wordEnd(source, at, limit, nullWord);
    default:
      return numberEnd(at);
  }
}

function tooDeep(depth: number): boolean {
  if (depth <= updateLimits.valueDepthMax) return false;
  failure = scanErrors.valueDepth;
  return true;
}

function arrayEnd(start: number, depth: number): number {
  if (tooDeep(depth)) return -1;
  let at = skipSpace(start + 1);
  if (at < limit && source[at] === 0x5d) return at + 1;
  for (;;) {
    at = value(at, depth);
    if (at < 0) return -1;
    at = skipSpace(at);
    if (at >= limit) return -1;
    if (source[at] === 0x5d) return at + 1;
    if (source[at] !== 0x2c) return -1;
    at = skipSpace(at + 1);
  }
}

function objectEnd(start: number, depth: number): number {
  if (tooDeep(depth)) return -1;
  let at = skipSpace(start + 1);
  if (at < limit && source[at] === 0x7d) return at + 1;
  for (;;) {
    if (at >= limit || source[at] !== 0x22) return -1;
    const keyStart = at + 1;
    at = stringEnd(at);
    if (at < 0) return -1;
    const prototype = stringEscaped
      ? isEscapedPrototypeKey(source, keyStart, at - 1)
      : isPrototypeKey(source, keyStart, at - 1);
    if (prototype) {
      failure = scanErrors.prototypeKey;
      return -1;
    }
    at = skipSpace(at);
    if (at >= limit || source[at] !== 0x3a) return -1;
    at = value(skipSpace(at + 1), depth);
    if (at < 0) return -1;
    at = skipSpace(at);
    if (at >= limit) return -1;
    if (source[at] === 0x7d) return at + 1;
    if (source[at] !== 0x2c) return -1;
    at = skipSpace(at + 1);
  }
}

/** Whether the string that `stringEnd` walked last holds an escape. */
let stringEscaped = false;

/** Walks a string from its opening quote; the bytes are known to be UTF-8. */
function stringEnd(start: number): number {
  let at = start + 1;
  stringEscaped = false;
  while (at < limit) {
    const byte = source[at]!;
    if (byte === 0x22) return at + 1;
    if (byte < 0x20) return -1;
    if (byte !== 0x5c) {
      at++;
      continue;
    }
    stringEscaped = true;
    at = escapeEnd(at);
    if (at < 0) return -1;
  }
  return -1;
}

function escapeEnd(start: number): number {
  if (start + 1 >= limit) return -1;
  switch (source[start + 1]) {
    case 0x22: // "
    case 0x5c: // \
    case 0x2f: // /
    case 0x62: // b
    case 0x66: // f
    case 0x6e: // n
    case 0x72: // r
    case 0x74: // t
      return start + 2;
    case 0x75: {
      if (start + 6 > limit) return -1;
      for (let at = start + 2; at < start + 6; at++) {
        if (!isHexDigit(source[at]!)) return -1;
      }
      return start + 6;
    }
    default:
      return -1;
  }
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}

function isHexDigit(byte: number): boolean {
  return isDigit(byte) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);
}

function digitsEnd(from: number): number {
  let at = from;
  while (at < limit && isDigit(source[at]!)) at++;
  return at;
}

function numberEnd(start: number): number {
  let at = start;
  if (source[at] === 0x2d) at++;
  if (at >= limit) return -1;
  if (source[at] === 0x30) {
    at++;
  } else {
    const digits = at;
    at = digitsEnd(at);
    if (at === digits) return -1;
  }
  if (at < limit && source[at] === 0x2e) {
    const fraction = at + 1;
    at = digitsEnd(fraction);
    if (at === fraction) return -1;
  }
  if (at < limit && (source[at] === 0x65 || source[at] === 0x45)) {
    at++;
    if (at < limit && (source[at] === 0x2b || source[at] === 0x2d)) at++;
    const exponent = at;
    at = digitsEnd(exponent);
    if (at === exponent) return -1;
  }
  return at;
}

/** The offset behind `word` at `at`, or -1 when something else stands there. */
function wordEnd(bytes: Uint8Array, at: number, to: number, word: readonly number[]): number {
  if (at + word.length > to) return -1;
  for (let i = 0; i < word.length; i++) {
    if (bytes[at + i] !== word[i]) return -1;
  }
  return at + word.length;
}
