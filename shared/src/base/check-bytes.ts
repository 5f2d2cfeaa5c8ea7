import { utf8ByteLength } from 'lib0/string';
import { RefusedError } from './errors.ts';

/** Throws `RefusedError` with `code` when `text` is longer than `bytesMax` in UTF-8. */
export function checkBytes(
  code: 'TW_TOO_LARGE' | 'TW_INVALID_NAME',
  what: string,
  text: string,
  bytesMax: number,
): void {
  const bytes = utf8ByteLength(text);
  if (bytes > bytesMax)
    throw new RefusedError(code, `${what} has ${bytes} bytes where at most ${bytesMax} are allowed`);
}
