/**
 * A document as JSON lines: its head, its snapshot in parts, its entries, those set aside, and an end with a checksum over
 * all of it. This is what a relay gives out for a backup and what a file of a backup holds. Pure.
 */
import { createHash } from 'node:crypto';

import type { DocumentImage, Entry, Head, QuarantinedEntry } from '../log/document-log.ts';

/** Raw bytes of a snapshot per line. */
const partBytes = 1024 * 1024;
const formatVersion = 1;

/** A file of a backup is not what was written. */
class ImageDamagedError extends Error {
  override readonly name = 'ImageDamagedError';
}

/** The lines, with their ends. */
export function* imageLines({ head, snapshot, entries, quarantined }: DocumentImage): Generator<string> {
  const hash = createHash('sha256');
  const line = (value: object): string => {
    const text = `${JSON.stringify(value)}\n`;
    hash.update(text);
    return text;
  };
  yield line({ format: formatVersion, head });
  if (snapshot !== null) {
    const { seq, update, index } = snapshot;
    yield line({ snapshot: { seq, updateBytes: update.byteLength, indexBytes: index.byteLength } });
    for (const [of, bytes] of [
      ['update', update],
      ['index', index],
    ] as const) {
      for (let at = 0; at < bytes.byteLength; at += partBytes) {
        yield line({ part: of, at, bytes: base64(bytes.subarray(at, at + partBytes)) });
      }
    }
  }
  for (const entry of entries) yield line({ entry: { ...entry, update: base64(entry.update) } });
  for (const entry of quarantined) yield line({ aside: { ...entry, update: base64(entry.update) } });
  yield `${JSON.stringify({ end: hash.digest('hex') })}\n`;
}

type Stored<Kind extends Entry> = Omit<Kind, 'update'> & { readonly update: string };

interface Line {
  readonly format?: number;
  readonly head?: Head;
  readonly snapshot?: { readonly seq: number; readonly updateBytes: number; readonly indexBytes: number };
  readonly part?: 'update' | 'index';
  readonly at?: number;
  readonly bytes?: string;
  readonly entry?: Stored<Entry>;
  readonly aside?: Stored<QuarantinedEntry>;
}

/** Reads a whole file. Throws `ImageDamagedError` when it is cut off, changed, incomplete, or of another version. */
export function parseImage(file: Buffer): DocumentImage {
  const endAt = file.lastIndexOf('\n', file.length - 2) + 1;
  const hash = createHash('sha256').update(file.subarray(0, endAt)).digest('hex');
  if (file.toString('latin1', endAt) !== `${JSON.stringify({ end: hash })}\n`) {
    throw new ImageDamagedError('it is cut off or was changed: its checksum is another');
  }
  let head: Head | null = null;
  let snapshot: DocumentImage['snapshot'] = null;
  const entries: Entry[] = [];
  const quarantined: QuarantinedEntry[] = [];
  for (let at = 0; at < endAt;) {
    const next = file.indexOf('\n', at) + 1;
    const line = JSON.parse(file.toString('utf8', at, next)) as Line;
    at = next;
    if (line.head !== undefined) {
      if (line.format !== formatVersion) throw new ImageDamagedError('another version of Tideweave wrote it');
      head = line.head;
    } else if (line.snapshot !== undefined) {
      const { seq, updateBytes, indexBytes } = line.snapshot;
      snapshot = { seq, update: new Uint8Array(updateBytes), index: new Uint8Array(indexBytes) };
    } else if (line.part !== undefined) {
      snapshot?.[line.part].set(bytesOf(line.bytes ?? ''), line.at ?? 0);
    } else if (line.entry !== undefined) {
      entries.push({ ...line.entry, update: bytesOf(line.entry.update) });
    } else if (line.aside !== undefined) {
      quarantined.push({ ...line.aside, update: bytesOf(line.aside.update) });
    }
  }
  if (head === null) throw new ImageDamagedError('it has no head');
  const image = { head, snapshot, entries, quarantined };
  if (!isComplete(image)) throw new ImageDamagedError('it lacks what its head promises');
  return image;
}

function isComplete({ head, snapshot, entries }: DocumentImage): boolean {
  if ((snapshot?.seq ?? 0) !== head.snapshotSeq) return false;
  if (entries.length !== head.lastSeq - head.firstSeq + 1) return false;
  return entries.every(({ seq }, at) => seq === head.firstSeq + at);
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'));
}
