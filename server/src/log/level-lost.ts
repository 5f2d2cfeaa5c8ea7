/**
 * Whose are the bytes that a store lost? Heads carry names; records and parts of snapshots carry the id of a log, which
 * the heads that are left lead back to names.
 */
import {
  headKey,
  headRange,
  isHeadKey,
  type KeyRange,
  logRanges,
  nameKey,
  nameOfHeadKey,
  nameRange,
  nameToBytes,
  swapTraces,
} from './keys.ts';
import type { Lost, StoragePort, WriteOperation } from './level-storage.ts';
import { decodeHead, headBytes } from './record.ts';

/** What a document lost; the words that people read, and that repair knows a mark by. */
export const losses = {
  log: 'entries were lost from the write-ahead log',
  head: 'its newest entries may be missing, a table was damaged',
  entries: 'entries or parts of its snapshot were lost from a table',
  behind: 'it ends before what was acknowledged',
} as const;

const logIdBytes = 8;
/** Lengths of the keys of records and of parts of snapshots. */
const keyLengths = new Map([
  ['r'.charCodeAt(0), 17],
  ['s'.charCodeAt(0), 25],
]);

/** The documents that lost something, with what, as far as it can be told. */
export async function documentsThatLost(lost: Lost, storage: StoragePort): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  if (lost.batches.length > 0) {
    for (const name of await documentsInBytes(lost.batches, storage)) found.set(name, losses.log);
  }
  for (const [name, what] of await documentsInRanges(lost.ranges, storage)) {
    if (!found.has(name)) found.set(name, what);
  }
  for (const name of lost.behind) if (!found.has(name)) found.set(name, losses.behind);
  return found;
}

/** Writes second traces of documents that may have been in these ranges. */
export async function missingTraces(ranges: readonly KeyRange[], storage: StoragePort): Promise<WriteOperation[]> {
  const batch: WriteOperation[] = [];
  for (const range of ranges) {
    const names = overlap(range, nameRange);
    if (names === null) continue;
    for (const key of await storage.keys({ from: swapTraces(names.from), to: headEnd(names.to) })) {
      const name = nameOfHeadKey(key);
      if (name !== null) batch.push({ key: nameKey(name), value: new Uint8Array(0) });
    }
  }
  return batch;
}

/** Names whose heads, records or snapshots are in these bytes of LevelDB's log. */
async function documentsInBytes(regions: readonly Uint8Array[], storage: StoragePort): Promise<Set<string>> {
  const names = new Set<string>();
  const logIds = new Set<string>();
  for (const region of regions) {
    const bytes = Buffer.from(region.buffer, region.byteOffset, region.byteLength);
    for (let at = 1; at < bytes.byteLength; at += 1) {
      const name = headNameAt(bytes, at);
      if (name !== null) names.add(name);
      const length = keyLengths.get(bytes[at] ?? 0);
      if (length !== undefined && bytes[at - 1] === length)
        logIds.add(bytes.toString('hex', at + 1, at + 1 + logIdBytes));
    }
  }
  // A head in which the very bit was flipped is not recognised, but its records are: whose are they?
  for (const { name, logId } of await livingLogs(storage)) if (logIds.has(logId)) names.add(name);
  return names;
}

async function documentsInRanges(ranges: readonly KeyRange[], storage: StoragePort): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  if (ranges.length === 0) return found;
  const logs = await livingLogs(storage);
  for (const range of ranges) {
    for (const { name, logId } of logs) {
      if (logRanges(logId).some((each) => overlap(range, each) !== null)) found.set(name, losses.entries);
    }
  }
  for (const range of ranges) {
    const heads = overlap(range, headRange(null));
    if (heads === null) continue;
    const traces = { from: swapTraces(heads.from), to: traceEnd(heads.to) };
    for (const key of [...(await storage.keys(heads)), ...(await storage.keys(traces))]) {
      const name = nameOfHeadKey(key);
      if (name !== null) found.set(name, losses.head);
    }
  }
  return found;
}

async function livingLogs(storage: StoragePort): Promise<{ readonly name: string; readonly logId: string }[]> {
  return (await storage.pairs(headRange(null))).flatMap(({ key, value }) => {
    const name = nameOfHeadKey(key);
    const logId = name === null ? undefined : decodeHead(key, name, value)?.head.logId;
    return name === null || logId === undefined ? [] : [{ name, logId }];
  });
}

/** What two ranges have in common, or null. */
function overlap(a: KeyRange, b: KeyRange): KeyRange | null {
  const from = Buffer.compare(a.from, b.from) > 0 ? a.from : b.from;
  const to = Buffer.compare(a.to, b.to) < 0 ? a.to : b.to;
  return Buffer.compare(from, to) < 0 ? { from, to } : null;
}

/** The end of a range of heads as an end of a range of second traces. */
function traceEnd(to: Uint8Array): Uint8Array {
  return isHeadKey(to) ? swapTraces(to) : nameRange.to;
}

function headEnd(to: Uint8Array): Uint8Array {
  return to[0] === nameRange.from[0] ? swapTraces(to) : headRange(null).to;
}

/** The name in a head's key at this place of a batch: its length is in front of it, that of a head's value behind. */
function headNameAt(bytes: Buffer, at: number): string | null {
  if (bytes[at] !== headKey('x')[0]) return null;
  const one = bytes[at - 1] ?? 0;
  const lengths = [one, ((bytes[at - 2] ?? 0) & 0x7f) | (one << 7)];
  for (const length of lengths) {
    if (length < 2 || bytes[at + length] !== headBytes) continue;
    const name = nameOfHeadKey(bytes.subarray(at, at + length));
    if (name === null) continue;
    try {
      nameToBytes(name);
      return name;
    } catch {
      continue;
    }
  }
  return null;
}
