/**
 * Who wrote which entries of a log, as `authors` carries it: entries one after another, each with who it was, when, and
 * the ids that it inserts and deletes. People and clients are written out where they come first, and counted from then on.
 */
import * as encoding from 'lib0/encoding';
import { RefusedError } from '../base/errors.ts';
import { Reader } from '../base/reader.ts';
import { authorBytesMax } from './limits.ts';

/** Ids of one client: clocks from `start` up to `end`, which is exclusive. */
export type IdRange = readonly [client: number, start: number, end: number];

/** One entry of a log without its content. */
export interface EntryAuthor {
  /** Identity from the grant; empty when there was none. */
  readonly user: string;
  /** Device as it names itself; may be empty. */
  readonly device: string;
  /** When the relay accepted it, milliseconds since 1970. */
  readonly time: number;
  readonly inserts: readonly IdRange[];
  readonly deletes: readonly IdRange[];
}

/** As many of `entries`, from the first on, as fit in `bytesMax`. */
export function encodeEntryAuthors(entries: Iterable<EntryAuthor>, bytesMax: number): Uint8Array {
  const people = new Map<string, number>();
  const clients = new Map<number, number>();
  const whole = encoding.createEncoder();
  for (const entry of entries) {
    const encoder = encoding.createEncoder();
    writeEntry(encoder, entry, people, clients);
    if (encoding.length(whole) + encoding.length(encoder) > bytesMax) break;
    encoding.writeUint8Array(whole, encoding.toUint8Array(encoder));
  }
  return encoding.toUint8Array(whole);
}

function writeEntry(
  encoder: encoding.Encoder,
  { user, device, time, inserts, deletes }: EntryAuthor,
  people: Map<string, number>,
  clients: Map<number, number>,
): void {
  if (isNew(encoder, people, JSON.stringify([user, device]))) {
    encoding.writeVarString(encoder, user);
    encoding.writeVarString(encoder, device);
  }
  encoding.writeVarUint(encoder, time);
  for (const ranges of [inserts, deletes]) {
    encoding.writeVarUint(encoder, ranges.length);
    for (const [client, start, end] of ranges) {
      if (isNew(encoder, clients, client)) encoding.writeVarUint(encoder, client);
      encoding.writeVarUint(encoder, start);
      encoding.writeVarUint(encoder, end - start);
    }
  }
}

/** Writes which of those written before it is; true when it is none of them, and follows. */
function isNew<Key>(encoder: encoding.Encoder, known: Map<Key, number>, key: Key): boolean {
  const at = known.get(key);
  encoding.writeVarUint(encoder, at ?? known.size);
  if (at === undefined) known.set(key, known.size);
  return at === undefined;
}

/** Throws `RefusedError` TW_MALFORMED_MESSAGE. */
export function decodeEntryAuthors(bytes: Uint8Array): EntryAuthor[] {
  const reader = new Reader(bytes);
  const people: { readonly user: string; readonly device: string }[] = [];
  const clients: number[] = [];
  const entries: EntryAuthor[] = [];
  const readRanges = (): IdRange[] => {
    const ranges: IdRange[] = [];
    for (let left = reader.varUint(); left > 0; left--) {
      const client = readKnown(reader, clients, () => reader.varUint());
      const start = reader.varUint();
      ranges.push([client, start, start + reader.varUint()]);
    }
    return ranges;
  };
  while (!reader.done) {
    const who = readKnown(reader, people, () => ({
      user: reader.varString(authorBytesMax),
      device: reader.varString(authorBytesMax),
    }));
    entries.push({ ...who, time: reader.varUint(), inserts: readRanges(), deletes: readRanges() });
  }
  return entries;
}

function readKnown<Value>(reader: Reader, known: Value[], read: () => Value): Value {
  const at = reader.varUint();
  if (at === known.length) known.push(read());
  const value = known[at];
  if (value === undefined) throw new RefusedError('TW_MALFORMED_MESSAGE', `${at} was not told before`);
  return value;
}
