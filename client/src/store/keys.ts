/**
 * The keys of the store, as texts: `d`, the length of the document's name, the name, what the value is, and the key of
 * the entry. A value only ever moves to a later key (pending or delivered → received → base), so that one look through a
 * document's keys in their order finds each update at least once, even when another tab writes meanwhile; an update found
 * twice is harmless. The size of a value is part of its key: sizes are listed without reading values.
 */
import type { Random } from '@tideweave/shared';

import type { KeyRange } from './backend.ts';
import { type EntryKey, StoreError } from './offline-store.ts';

/** What a value is. The order is that of the keys. */
export const Kind = {
  resume: '0',
  pending: '1',
  delivered: '2',
  received: '3',
  base: '4',
  report: '5',
  aside: '6',
} as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

/** Where the version of the format is; outside all documents. */
export const formatKey = 'format';

const documentTag = 'd';
/** Later than any character of a kind or of an entry's key. */
const afterAll = '~';
const lengthDigits = 3;
const counterDigits = 14;
const writerDigits = 16;
const sizeDigits = 8;
const entryKeyLength = counterDigits + writerDigits + sizeDigits;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** All keys of all documents. */
export const everyDocument: KeyRange = { gte: documentTag, lt: `${documentTag}${afterAll}` };

/** Throws `StoreError` `invalid-name` for what is no Unicode, empty, or longer than a key says: more than a relay takes. */
export function documentPrefix(name: string): string {
  // Lone surrogates all become the same bytes.
  if (name === '' || name.length >= 10 ** lengthDigits || decoder.decode(encoder.encode(name)) !== name) {
    throw new StoreError('invalid-name', `a document name is Unicode, 1 to ${10 ** lengthDigits - 1} characters`);
  }
  return `${documentTag}${String(name.length).padStart(lengthDigits, '0')}${name}`;
}

export function storageKey(prefix: string, kind: Kind, key: EntryKey = ''): string {
  return `${prefix}${kind}${key}`;
}

/** Keys of a document from the first kind to the last, both included. */
export function kindRange(prefix: string, first: Kind, last: Kind = first): KeyRange {
  return { gte: `${prefix}${first}`, lt: `${prefix}${last}${afterAll}` };
}

/** All of the document itself; what was set aside of it is another history. */
export const wholeDocument = (prefix: string): KeyRange => kindRange(prefix, Kind.resume, Kind.report);

export const documentAndAsides = (prefix: string): KeyRange => kindRange(prefix, Kind.resume, Kind.aside);

/** Name of the lock under which a document's stored history is rewritten. */
export const documentLock = (name: string): string => `document ${name}`;

/** What a key says by itself. */
export interface ParsedKey {
  readonly name: string;
  readonly kind: Kind;
  readonly key: EntryKey;
}

const kinds = new Set<string>(Object.values(Kind));

/** Null for a key that is none of ours. */
export function parseStorageKey(text: string): ParsedKey | null {
  const nameStart = documentTag.length + lengthDigits;
  const nameEnd = nameStart + Number(text.slice(documentTag.length, nameStart));
  const kind = text.charAt(nameEnd);
  if (!kinds.has(kind)) return null;
  return { name: text.slice(nameStart, nameEnd), kind: kind as Kind, key: text.slice(nameEnd + 1) };
}

export const isEntryKey = (key: string): boolean => key.length === entryKeyLength && /^[0-9a-f]*$/.test(key);

/** Bytes of the value under the key. */
export const sizeOf = (key: EntryKey): number => Number.parseInt(key.slice(-sizeDigits), 16);

/** When the entry was made, by this device's clock (ms since 1970). */
export const timeOf = (key: EntryKey): number =>
  Math.floor(Number.parseInt(key.slice(0, counterDigits), 16) / counterPerMs);

/** Counted up within a millisecond of wall time. */
const counterPerMs = 1024;
/** What the time may make of it; beyond, it is only counted up. */
const counterMax = 2 ** 52;

/**
 * Makes keys that no other store makes, in the order in which they are made. They begin with the wall time, so that
 * those of two tabs and of two sessions are about in order; a clock that jumps changes the order between sessions at most,
 * and merging does not depend on it (R4).
 */
export class KeyMaker {
  readonly #wallTime: () => number;
  readonly #writer: string;
  #last = 0;

  constructor(wallTime: () => number, random: Random) {
    this.#wallTime = wallTime;
    const half = (): string => hex(Math.floor(random() * 2 ** 32), writerDigits / 2);
    this.#writer = half() + half();
  }

  next(size: number): EntryKey {
    // `|| 0`: a clock may say that it does not know.
    const now = Math.max(0, Math.floor(this.#wallTime()) || 0) * counterPerMs;
    this.#last = Math.max(this.#last + 1, Math.min(now, counterMax));
    return hex(this.#last, counterDigits) + this.#writer + hex(size, sizeDigits);
  }

  /** The next key will be later than this one. */
  saw(key: EntryKey): void {
    const counter = Number.parseInt(key.slice(0, counterDigits), 16);
    if (counter > this.#last && counter < Number.MAX_SAFE_INTEGER) this.#last = counter;
  }
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
