import { crc32 } from 'node:zlib';
import type { Entry } from '../log/document-log.ts';

/**
 * Tells an entry from another with the same number: a log that was restored from a backup goes on with the same numbers
 * and other entries, and a cursor must not be mistaken for one into those (C7). Never 0, which stands for unknown.
 */
export function entryCheck({ seq, time, user, device, update }: Entry): number {
  const head = JSON.stringify([seq, time, user, device]);
  return crc32(update, crc32(head)) || 1;
}
