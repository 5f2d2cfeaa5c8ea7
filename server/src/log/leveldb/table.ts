/**
 * LevelDB's table files, checked before LevelDB reads them: it trusts the blocks it maps into memory, takes entries for
 * absent that a flipped bit hides, and ends the process when an index leads it astray. A table with a damaged block is
 * written again without it, in the same number of bytes, and what may be missing is told as ranges of keys.
 */
import type { KeyRange } from '../keys.ts';
import { type BlockHandle, encodeBlock, findBlock, isIntact, mendBlock, readBlock, trailerBytes } from './block.ts';
import { ByteReader, MalformedError, varint } from './coding.ts';

const footerBytes = 48;
const magic = Uint8Array.of(0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb);
/** Behind a user key: LevelDB's sequence number and whether it is a put. */
const keySuffixBytes = 8;

/** What the MANIFEST says of a table; keys with their suffix. */
export interface TableFacts {
  readonly size: number;
  readonly smallest: Uint8Array;
  readonly largest: Uint8Array;
}

/** A table whose bytes are in order, or a better version of it with the keys that may be missing from that. */
export type TableState =
  | { readonly intact: true }
  | {
      readonly intact: false;
      /** The bytes to put in place of the file; null when they do not fit into `size`. */
      readonly file: Uint8Array | null;
      readonly lost: readonly KeyRange[];
    };

interface Indexed {
  /** A key at least as large as the block's last. */
  readonly key: Uint8Array;
  readonly handle: BlockHandle;
}

interface Layout {
  readonly index: readonly Indexed[];
  /** Whether metaindex and filter can be used. */
  readonly whole: boolean;
}

/** Whether the parts of a table that lead LevelDB through it are in order; `read` gives bytes of the file, fewer at its end. */
export function isMetadataIntact(read: (at: number, length: number) => Uint8Array, size: number): boolean {
  const footer = readFooter(read(Math.max(0, size - footerBytes), footerBytes));
  if (footer === null) return false;
  const blockAt = ({ offset, size: bytes }: BlockHandle): Uint8Array | null => {
    if (offset + bytes + trailerBytes > size) return null;
    const block = read(offset, bytes + trailerBytes);
    return isIntact(block, { offset: 0, size: bytes }) ? block : null;
  };
  const metaindex = blockAt(footer.metaindex);
  if (metaindex === null || blockAt(footer.index) === null) return false;
  return filtersOf(metaindex, { offset: 0, size: footer.metaindex.size }).every((handle) => blockAt(handle) !== null);
}

/** Whether every block of a table is in order. */
function isIntactTable(file: Uint8Array): boolean {
  const footer = readFooter(file.subarray(Math.max(0, file.byteLength - footerBytes)));
  if (footer === null || !isMetadataIntact((at, length) => file.subarray(at, at + length), file.byteLength))
    return false;
  return indexEntries(file, footer.index)?.every(({ handle }) => isIntact(file, handle)) ?? false;
}

/** Checks all blocks of a table. Without `facts` the file's own length counts. A table may get another size when `resize`. */
export function examineTable(file: Uint8Array, facts: TableFacts | null, resize: boolean = facts === null): TableState {
  const size = facts?.size ?? file.byteLength;
  if (file.byteLength === size && isIntactTable(file)) return { intact: true };
  const mended = new Uint8Array(file.subarray(0, size));
  const layout = readLayout(mended);
  const index = layout?.index ?? scan(mended);
  const lost: KeyRange[] = [];
  const kept: Indexed[] = [];
  let before = facts?.smallest ?? new Uint8Array(0);
  for (const each of index) {
    if (isIntact(mended, each.handle) || mendBlock(mended, each.handle)) {
      kept.push(each);
    } else {
      lost.push(between(before, each.key));
    }
    before = each.key;
  }
  const largest = facts?.largest;
  if (layout === null && !reaches(before, largest)) lost.push(between(before, largest));
  if (layout !== null && layout.whole && lost.length === 0 && mended.byteLength === size) {
    return { intact: false, file: mended, lost };
  }
  return { intact: false, file: rebuilt(mended, kept, resize ? null : size), lost };
}

/** The first and the last key of a table that is in order, and the highest of LevelDB's sequence numbers in it; null when it is empty. */
export function tableSummary(file: Uint8Array): (TableFacts & { readonly lastSequence: number }) | null {
  let smallest: Uint8Array | null = null;
  let largest: Uint8Array | null = null;
  let lastSequence = 0;
  for (const { handle } of readLayout(file)?.index ?? []) {
    for (const { key } of readBlock(file, handle)) {
      smallest ??= key;
      largest = key;
      lastSequence = Math.max(lastSequence, sequenceOf(key));
    }
  }
  return smallest === null || largest === null ? null : { size: file.byteLength, smallest, largest, lastSequence };
}

/** A key without LevelDB's suffix. */
export function userKey(key: Uint8Array): Uint8Array {
  return key.subarray(0, Math.max(0, key.byteLength - keySuffixBytes));
}

/** All user keys from that of one table key to that of another, both inclusive; without a second to the end. */
export function between(from: Uint8Array, to: Uint8Array | undefined): KeyRange {
  const end = to === undefined ? Uint8Array.of(0xff) : new Uint8Array([...userKey(to), 0]);
  return { from: userKey(from).slice(), to: end };
}

function sequenceOf(key: Uint8Array): number {
  const view = new DataView(key.buffer, key.byteOffset + key.byteLength - keySuffixBytes, keySuffixBytes);
  // The lowest byte is the kind of operation.
  return Math.floor((view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32) / 256);
}

function reaches(key: Uint8Array, largest: Uint8Array | undefined): boolean {
  return largest !== undefined && Buffer.compare(userKey(key), userKey(largest)) >= 0;
}

function readFooter(bytes: Uint8Array): { readonly metaindex: BlockHandle; readonly index: BlockHandle } | null {
  if (bytes.byteLength !== footerBytes || Buffer.compare(bytes.subarray(-magic.byteLength), magic) !== 0) return null;
  return attempt(() => {
    const reader = new ByteReader(bytes);
    return { metaindex: readHandle(reader), index: readHandle(reader) };
  });
}

function readHandle(reader: ByteReader): BlockHandle {
  return { offset: reader.varint(), size: reader.varint() };
}

/** Follows the footer; null when it or the index cannot be read. Puts flipped bits of the index right in `file`. */
function readLayout(file: Uint8Array): Layout | null {
  const footer = readFooter(file.subarray(Math.max(0, file.byteLength - footerBytes)));
  if (footer === null) return null;
  const isUsable = (handle: BlockHandle): boolean => isIntact(file, handle) || mendBlock(file, handle);
  if (!isUsable(footer.index)) return null;
  const whole = isUsable(footer.metaindex) && filtersOf(file, footer.metaindex).every(isUsable);
  const index = indexEntries(file, footer.index);
  return index === null ? null : { index, whole };
}

function filtersOf(file: Uint8Array, metaindex: BlockHandle): BlockHandle[] {
  return attempt(() => readBlock(file, metaindex).map(({ value }) => readHandle(new ByteReader(value)))) ?? [];
}

function indexEntries(file: Uint8Array, handle: BlockHandle): Indexed[] | null {
  return attempt(() =>
    readBlock(file, handle).map(({ key, value }) => ({ key, handle: readHandle(new ByteReader(value)) })),
  );
}

/** The data blocks from the beginning of a file that does not say where they are, as far as they can be found. */
function scan(file: Uint8Array): Indexed[] {
  const found: Indexed[] = [];
  for (let at = 0; at < file.byteLength;) {
    const handle = findBlock(file, at);
    if (handle === null) break;
    const entries = attempt(() => readBlock(file, handle));
    const last = entries?.at(-1);
    const index = indexEntries(file, handle);
    // The index itself: it knows better which of the blocks hold data.
    if (
      index !== null &&
      found.length > 0 &&
      index.every((each, nth) => each.handle.offset === found[nth]?.handle.offset)
    ) {
      return index;
    }
    if (entries === null || last === undefined || !areInternalKeys(entries)) {
      at = handle.offset + handle.size + trailerBytes;
      continue;
    }
    found.push({ key: last.key, handle });
    at = handle.offset + handle.size + trailerBytes;
  }
  return found;
}

/** Filters and the metaindex do not look like this. */
function areInternalKeys(entries: readonly { readonly key: Uint8Array }[]): boolean {
  return entries.every(
    ({ key }) => key.byteLength > keySuffixBytes && (key[key.byteLength - keySuffixBytes] ?? 2) <= 1,
  );
}

/** A table of these blocks, without a filter; of exactly `size` bytes when that is given, or null when they do not fit. */
function rebuilt(file: Uint8Array, blocks: readonly Indexed[], size: number | null): Uint8Array | null {
  const parts: Uint8Array[] = [];
  let at = 0;
  const put = (bytes: Uint8Array): BlockHandle => {
    const handle = { offset: at, size: bytes.byteLength - trailerBytes };
    parts.push(bytes);
    at += bytes.byteLength;
    return handle;
  };
  const index = blocks.map(({ key, handle }) => ({
    key,
    value: encodeHandle(put(file.subarray(handle.offset, handle.offset + handle.size + trailerBytes))),
  }));
  const handles = Buffer.concat([encodeHandle(put(encodeBlock([]))), encodeHandle(put(encodeBlock(index)))]);
  const padding = size === null ? 0 : size - footerBytes - at;
  if (padding < 0) return null;
  const footer = Buffer.alloc(footerBytes);
  footer.set(handles);
  footer.set(magic, footerBytes - magic.byteLength);
  return new Uint8Array(Buffer.concat([...parts, new Uint8Array(padding), footer]));
}

function encodeHandle({ offset, size }: BlockHandle): Uint8Array {
  return new Uint8Array(Buffer.concat([varint(offset), varint(size)]));
}

function attempt<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof MalformedError) return null;
    throw error;
  }
}
