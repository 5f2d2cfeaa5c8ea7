/**
 * Reading position in bytes that nobody has checked yet. Failures are values, not exceptions: a hostile peer must not
 * be able to buy a stack trace per message (R3), so every reader answers -1 and leaves the reason in the cursor.
 */

import { scanErrors } from './scan-errors.ts';

const nothing = new Uint8Array(0);

/** Continuation bytes beyond this many say nothing that a double could hold; lib0 would compute NaN from them. */
const varUintScaleMax = 2 ** 63;

/** Why and where reading stopped, and how far it came. */
export class ByteCursor {
  bytes: Uint8Array = nothing;
  at = 0;
  end = 0;
  /** Empty while everything could be read. */
  error = '';
  errorOffset = 0;

  /** Begins to read `bytes` at `offset`. */
  open(bytes: Uint8Array, offset = 0): void {
    this.bytes = bytes;
    this.at = offset;
    this.end = bytes.length;
    this.error = '';
    this.errorOffset = 0;
  }

  /** Lets go of the bytes, so that a reusable cursor does not keep the last large message alive. */
  close(): void {
    this.bytes = nothing;
  }

  /** Notes the first failure and answers the -1 that readers hand on. */
  fail(error: string): -1 {
    if (this.error === '') {
      this.error = error;
      this.errorOffset = this.at;
    }
    return -1;
  }

  /** `fail` for readers that answer whether it went well. */
  refuse(error: string): false {
    this.fail(error);
    return false;
  }
}

/**
 * Reads lib0's varUint: seven bits a byte, least significant first. Encodings with needless zero bytes are valid for
 * Yjs and so for us. Answers -1 past the end and above 2^53 - 1.
 */
export function readVarUint(cursor: ByteCursor): number {
  const bytes = cursor.bytes;
  const end = cursor.end;
  let at = cursor.at;
  if (at >= end) return cursor.fail(scanErrors.truncated);
  let byte = bytes[at++]!;
  if (byte < 128) {
    cursor.at = at;
    return byte;
  }
  let value = byte & 127;
  let scale = 128;
  for (;;) {
    if (at >= end) return cursor.fail(scanErrors.truncated);
    byte = bytes[at++]!;
    value += (byte & 127) * scale;
    if (byte < 128) break;
    scale *= 128;
    if (scale > varUintScaleMax) return cursor.fail(scanErrors.integerRange);
  }
  if (value > Number.MAX_SAFE_INTEGER) return cursor.fail(scanErrors.integerRange);
  cursor.at = at;
  return value;
}

/** Reads a count of things that take at least a byte each. */
export function readCount(cursor: ByteCursor): number {
  const count = readVarUint(cursor);
  if (count > cursor.end - cursor.at) return cursor.fail(scanErrors.count);
  return count;
}

/** Reads a length in bytes; the bytes are there. The same check as a count, with the error that fits. */
export function readByteLength(cursor: ByteCursor): number {
  const length = readVarUint(cursor);
  if (length > cursor.end - cursor.at) return cursor.fail(scanErrors.truncated);
  return length;
}
