import * as encoding from 'lib0/encoding';
import { RefusedError } from '../base/errors.ts';
import { Reader } from '../base/reader.ts';

/**
 * A place in a log: which log, and the newest entry that has been seen of it. Opaque to clients, who only keep the
 * bytes of the last watermark and bring them back.
 */
export interface Cursor {
  /** `Head.logId`: a restored log has another one, so that its cursors cannot be mistaken for these (C7). */
  readonly logId: string;
  readonly seq: number;
  /** Which entry has that number: a log that was put back in time gives it to another one. 0 when it is not known. */
  readonly check: number;
}

const logIdBytesMax = 32;

export function encodeCursor(cursor: Cursor): Uint8Array {
  const encoder = encoding.createEncoder();
  encoding.writeVarString(encoder, cursor.logId);
  encoding.writeVarUint(encoder, cursor.seq);
  encoding.writeVarUint(encoder, cursor.check);
  return encoding.toUint8Array(encoder);
}

/** The cursor in `bytes`, or null for none (empty). Throws `RefusedError` TW_MALFORMED_MESSAGE. */
export function decodeCursor(bytes: Uint8Array): Cursor | null {
  if (bytes.length === 0) return null;
  const reader = new Reader(bytes);
  const cursor = { logId: reader.varString(logIdBytesMax), seq: reader.varUint(), check: reader.varUint() };
  if (!reader.done) throw new RefusedError('TW_MALFORMED_MESSAGE', 'bytes follow the cursor');
  return cursor;
}
