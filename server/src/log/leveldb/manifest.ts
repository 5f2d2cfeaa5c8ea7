/**
 * LevelDB's MANIFEST: edits, one after another, that say which tables make up the database and from which write-ahead
 * log on there are writes that are not in them yet (db/version_edit.cc).
 */
import { ByteReader, MalformedError, varint } from './coding.ts';
import { encodeLog } from './log-file.ts';
import type { TableFacts } from './table.ts';

const tags = {
  comparator: 1,
  logNumber: 2,
  nextFile: 3,
  lastSequence: 4,
  compactPointer: 5,
  deletedFile: 6,
  newFile: 7,
  prevLogNumber: 9,
} as const;
const comparator = 'leveldb.BytewiseComparator';

/** What the edits add up to. */
export interface Manifest {
  /** Logs before this one are no longer needed; 0 when nothing has been said. */
  readonly logNumber: number;
  readonly nextFile: number;
  readonly lastSequence: number;
  readonly tables: ReadonlyMap<number, TableFacts>;
}

/** Adds up the edits in a MANIFEST's records; null when there are none or one of them is not an edit. */
export function readManifest(records: readonly Uint8Array[]): Manifest | null {
  const tables = new Map<number, TableFacts>();
  const numbers = { logNumber: 0, nextFile: 0, lastSequence: 0 };
  try {
    for (const record of records) applyEdit(new ByteReader(record), numbers, tables);
  } catch (error) {
    if (error instanceof MalformedError) return null;
    throw error;
  }
  return numbers.nextFile === 0 ? null : { ...numbers, tables };
}

/** A MANIFEST with one edit, in which all tables are on level 0, where they may overlap. */
export function encodeManifest({ logNumber, nextFile, lastSequence, tables }: Manifest): Uint8Array {
  const parts: Uint8Array[] = [];
  const numbers = (...values: readonly number[]): void => void parts.push(...values.map(varint));
  const slice = (bytes: Uint8Array): void => void parts.push(varint(bytes.byteLength), bytes);
  numbers(tags.comparator);
  slice(Buffer.from(comparator));
  numbers(tags.logNumber, logNumber, tags.prevLogNumber, 0, tags.nextFile, nextFile, tags.lastSequence, lastSequence);
  for (const [number, { size, smallest, largest }] of tables) {
    numbers(tags.newFile, 0, number, size);
    slice(smallest);
    slice(largest);
  }
  return encodeLog([new Uint8Array(Buffer.concat(parts))]);
}

function applyEdit(
  reader: ByteReader,
  numbers: { logNumber: number; nextFile: number; lastSequence: number },
  tables: Map<number, TableFacts>,
): void {
  const deleted: number[] = [];
  const added: [number, TableFacts][] = [];
  while (!reader.done) {
    switch (reader.varint()) {
      case tags.comparator:
        reader.slice();
        break;
      case tags.logNumber:
        numbers.logNumber = reader.varint();
        break;
      case tags.prevLogNumber:
        reader.varint();
        break;
      case tags.nextFile:
        numbers.nextFile = reader.varint();
        break;
      case tags.lastSequence:
        numbers.lastSequence = reader.varint();
        break;
      case tags.compactPointer:
        reader.varint();
        reader.slice();
        break;
      case tags.deletedFile:
        reader.varint();
        deleted.push(reader.varint());
        break;
      case tags.newFile: {
        reader.varint();
        const number = reader.varint();
        added.push([number, { size: reader.varint(), smallest: reader.slice(), largest: reader.slice() }]);
        break;
      }
      default:
        throw new MalformedError('an unknown tag');
    }
  }
  // A table that only moves to another level is deleted and added in the same edit.
  for (const number of deleted) tables.delete(number);
  for (const [number, facts] of added) tables.set(number, facts);
}
