/** Where documents are imported from, seen in one way: their names and the Yjs updates that make them, one after another. */

import type { BuiltFromJson } from './import-task.ts';

/** One document as the other server keeps it. */
export interface SourceDocument {
  readonly name: string;
  /** Yjs V1 updates, in the order in which they were stored. */
  readonly updates: readonly Uint8Array[];
  /** Why it cannot be imported whatever the updates say, or null. */
  readonly problem: string | null;
}

/** Documents to import. */
export interface Source {
  readonly kind: 'y-leveldb' | 'hocuspocus-sqlite' | 'yjs-update' | 'json';
  /** How many documents there are. */
  readonly count: number;
  /** Each document once. */
  documents(): AsyncIterable<SourceDocument>;
}

/** The source cannot be read; the message says what to do. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
}

/** How to open a source. */
export interface SourceOptions {
  /** A folder of y-leveldb, an SQLite file of Hocuspocus, or a file with one document: a Yjs update, or JSON. */
  readonly path: string;
  /** The table of the SQLite file. */
  readonly table: string;
  /**
   * Names of y-leveldb are as they stand in the URL of a client, escaped ("a%20b"), because the y-websocket server takes
   * them so. The relay reads the same URL as "a b"; documents are imported under that name, unless this is set.
   */
  readonly rawNames: boolean;
  /** The name for the document of a file with one; null for that of the file. */
  readonly name: string | null;
  /** A folder for a copy of the source: looking into either changes files, and the source stays as it is. */
  readonly scratch: string;
  /** Makes an update of a document's JSON. */
  readonly buildFromJson: (json: string) => Promise<BuiltFromJson>;
}
