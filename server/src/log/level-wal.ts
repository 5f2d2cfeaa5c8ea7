/**
 * LevelDB's own log, checked before LevelDB reads it. On a flipped bit LevelDB drops the rest of a 32 KiB block without a
 * word: acknowledged entries, and whole documents, would silently be missing (D4). This finds what it is about to drop.
 * The format is LevelDB's doc/log_format.md: blocks of records, each with a masked CRC-32C, its length and its type.
 */

import { fragmentAt, logBlockBytes as blockBytes, logHeaderBytes as headerBytes } from './leveldb/log-file.ts';

/**
 * The parts of a log file that LevelDB drops although they were written completely, without the headers of blocks. Empty
 * when the file is intact or, as the newest log may, ends in a write that the loss of power cut off or tore: each write
 * is synced before the next begins, so that only the last can be torn, and nobody was told about that one.
 */
export function lostRegions(file: Uint8Array, isNewest: boolean): Uint8Array[] {
  const lost: Uint8Array[] = [];
  /** Where the record begins that the fragment at hand belongs to. */
  let recordStart = 0;
  let lostFrom: number | null = null;
  /** Where the newest damage is. */
  let damageAt = 0;
  for (let at = 0; at + headerBytes <= file.byteLength;) {
    const blockEnd = at - (at % blockBytes) + blockBytes;
    if (blockEnd - at < headerBytes) {
      at = blockEnd;
      continue;
    }
    const fragment = fragmentAt(file, at, Math.min(blockEnd, file.byteLength));
    if (fragment !== null) {
      if (fragment.begins) {
        if (lostFrom !== null) lost.push(withoutHeaders(file, lostFrom, at));
        lostFrom = null;
        recordStart = at;
      }
      at = fragment.end;
    } else {
      lostFrom ??= mayBegin(file, at) ? at : recordStart;
      damageAt = at;
      at = blockEnd;
    }
  }
  if (lostFrom !== null && !(isNewest && isTornWrite(file, damageAt, lost.length))) {
    lost.push(withoutHeaders(file, lostFrom, file.byteLength));
  }
  return lost;
}

/** Whether what is damaged up to the end of the file is one write: no other begins behind the damage. */
function isTornWrite(file: Uint8Array, damageAt: number, lostBefore: number): boolean {
  if (lostBefore > 0) return false;
  for (let at = damageAt + 1; at + headerBytes <= file.byteLength; at += 1) {
    const blockEnd = at - (at % blockBytes) + blockBytes;
    if (fragmentAt(file, at, Math.min(blockEnd, file.byteLength))?.begins === true) return false;
  }
  return true;
}

/** A record's fragments fill their blocks, so that without the headers at the blocks' starts they are in one piece. */
function withoutHeaders(file: Uint8Array, from: number, to: number): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let at = from; at < to;) {
    const blockStart = at - (at % blockBytes);
    const start = at === blockStart ? at + headerBytes : at;
    at = Math.min(blockStart + blockBytes, to);
    parts.push(file.subarray(start, Math.max(start, at)));
  }
  return new Uint8Array(Buffer.concat(parts));
}

function mayBegin(file: Uint8Array, at: number): boolean {
  const type = file[at + 6];
  return type === 1 || type === 2;
}
