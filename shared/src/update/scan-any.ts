/**
 * lib0's Any inside an update: a tagged value of one of twelve kinds. Walked, never built.
 */
import { updateLimits } from '../protocol/limits.ts';
import { type ByteCursor, readByteLength, readCount, readVarUint } from './byte-cursor.ts';
import { scanErrors } from './scan-errors.ts';
import { scanKey, scanText } from './scan-text.ts';
import { AnyTag } from './struct-format.ts';

/** Reads one Any value with whatever is nested in it. */
export function scanAny(cursor: ByteCursor): boolean {
  return scanValue(cursor, 0);
}

function scanValue(cursor: ByteCursor, depth: number): boolean {
  if (cursor.at >= cursor.end) return cursor.refuse(scanErrors.truncated);
  const tag = cursor.bytes[cursor.at++]!;
  switch (tag) {
    case AnyTag.undefined:
    case AnyTag.null:
    case AnyTag.true:
    case AnyTag.false:
      return true;
    case AnyTag.integer:
      return scanVarInt(cursor);
    case AnyTag.float32:
      return skip(cursor, 4);
    case AnyTag.float64:
    case AnyTag.bigint:
      return skip(cursor, 8);
    case AnyTag.text:
      return scanText(cursor) >= 0;
    case AnyTag.bytes: {
      const length = readByteLength(cursor);
      if (length < 0) return false;
      cursor.at += length;
      return true;
    }
    case AnyTag.array:
      return scanArray(cursor, depth + 1);
    case AnyTag.object:
      return scanObject(cursor, depth + 1);
    default:
      cursor.at--;
      return cursor.refuse(scanErrors.valueTag);
  }
}

function scanArray(cursor: ByteCursor, depth: number): boolean {
  if (depth > updateLimits.valueDepthMax) return cursor.refuse(scanErrors.valueDepth);
  const count = readCount(cursor);
  if (count < 0) return false;
  for (let i = 0; i < count; i++) {
    if (!scanValue(cursor, depth)) return false;
  }
  return true;
}

function scanObject(cursor: ByteCursor, depth: number): boolean {
  if (depth > updateLimits.valueDepthMax) return cursor.refuse(scanErrors.valueDepth);
  const count = readCount(cursor);
  if (count < 0) return false;
  for (let i = 0; i < count; i++) {
    if (scanKey(cursor) < 0 || !scanValue(cursor, depth)) return false;
  }
  return true;
}

/**
 * Reads the options of a subdocument. Yjs spreads them into the constructor of a Doc, where anything but an object
 * throws or means nothing, and where `guid` or `gcFilter` would replace the guid beside them or a function: the first
 * makes every later encode throw, the second every deletion. Yjs itself never writes either.
 */
export function scanDocumentOptions(cursor: ByteCursor): boolean {
  if (cursor.at < cursor.end && cursor.bytes[cursor.at] !== AnyTag.object) {
    return cursor.refuse(scanErrors.documentOptions);
  }
  const start = cursor.at;
  if (!scanValue(cursor, 0)) return false;
  const end = cursor.at;
  cursor.at = start + 1;
  const count = readVarUint(cursor);
  for (let i = 0; i < count; i++) {
    const units = scanText(cursor);
    if (isReservedOption(cursor.bytes, cursor.at - units, cursor.at)) return cursor.refuse(scanErrors.documentOptions);
    scanValue(cursor, 0);
  }
  cursor.at = end;
  return true;
}

function isReservedOption(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from !== 4 && to - from !== 8) return false;
  const name = String.fromCharCode(...bytes.subarray(from, to));
  return name === 'guid' || name === 'gcFilter';
}

function skip(cursor: ByteCursor, length: number): boolean {
  if (length > cursor.end - cursor.at) return cursor.refuse(scanErrors.truncated);
  cursor.at += length;
  return true;
}

/** lib0's varInt: six bits and a sign in the first byte, seven in each that follows. The value itself is not needed. */
function scanVarInt(cursor: ByteCursor): boolean {
  if (cursor.at >= cursor.end) return cursor.refuse(scanErrors.truncated);
  const first = cursor.bytes[cursor.at++]!;
  if (first < 128) return true;
  const rest = readVarUint(cursor);
  if (rest < 0) return false;
  if (rest * 64 + (first & 63) > Number.MAX_SAFE_INTEGER) return cursor.refuse(scanErrors.integerRange);
  return true;
}
