/**
 * LevelDB's own log, checked before LevelDB reads it. On a flipped bit LevelDB drops the rest of a 32 KiB block without a
 * word: acknowledged entries, and whole documents, would silently be missing (D4). This finds what it is about to drop.
 * The format is LevelDB's doc/log_format.md: blocks of records, each with a masked CRC-32C, its length and its type.
 */

const blockBytes = 32 * 1024;
const headerBytes = 7;
const recordTypes = { full: 1, first: 2, last: 4 } as const;
const maskDelta = 0xa2_82_ea_d8;

/**
 * The parts of a log file that LevelDB drops although they were written completely, without the headers of blocks. Empty
 * when the file is intact or ends in a write that the loss of power cut off, which nobody was told about.
 */
export function lostRegions(file: Uint8Array): Uint8Array[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const lost: Uint8Array[] = [];
  /** Where the record begins that the fragment at hand belongs to. */
  let recordStart = 0;
  let lostFrom: number | null = null;
  for (let at = 0; at + headerBytes <= file.byteLength;) {
    const blockEnd = at - (at % blockBytes) + blockBytes;
    if (blockEnd - at < headerBytes) {
      at = blockEnd;
      continue;
    }
    const length = view.getUint16(at + 4, true);
    const type = view.getUint8(at + 6);
    const end = at + headerBytes + length;
    const begins = type === recordTypes.full || type === recordTypes.first;
    const valid =
      end <= Math.min(blockEnd, file.byteLength) &&
      unmasked(view.getUint32(at, true)) === crc32c(file.subarray(at + 6, end));
    if (valid && type >= recordTypes.full && type <= recordTypes.last) {
      if (begins) {
        if (lostFrom !== null) lost.push(withoutHeaders(file, lostFrom, at));
        lostFrom = null;
        recordStart = at;
      }
      at = end;
    } else {
      lostFrom ??= begins ? at : recordStart;
      if (endsCutOff(file, at, end, blockEnd)) return lost;
      at = blockEnd;
    }
  }
  if (lostFrom !== null) lost.push(withoutHeaders(file, lostFrom, file.byteLength));
  return lost;
}

/** Whether what begins at `at` is the end of a file whose last write did not get to the disk completely. */
function endsCutOff(file: Uint8Array, at: number, end: number, blockEnd: number): boolean {
  if (end > file.byteLength && file.byteLength <= blockEnd) return true;
  // A file that was made longer before its bytes came has zeros instead; what we write ends in a checksum.
  return file.byteLength <= blockEnd && file.subarray(Math.max(at, file.byteLength - 4)).every((byte) => byte === 0);
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

function unmasked(masked: number): number {
  const rotated = (masked - maskDelta) >>> 0;
  return ((rotated >>> 17) | (rotated << 15)) >>> 0;
}

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0x82_f6_3b_78 : value >>> 1;
  return value;
});

/** CRC-32C (Castagnoli), which zlib does not have. */
function crc32c(bytes: Uint8Array): number {
  let crc = 0xff_ff_ff_ff;
  for (const byte of bytes) crc = (table[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  return (crc ^ 0xff_ff_ff_ff) >>> 0;
}
