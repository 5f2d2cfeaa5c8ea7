/** Where a backup is taken from: a data folder that no relay has, or a relay that runs. */
import { RefusedError } from '@tideweave/shared';

import type { DocumentLog, Head } from '../log/document-log.ts';
import { readImage } from '../log/document-image.ts';
import { imageLines } from './image-lines.ts';

/** A name that was ever used: what is there now, or why it cannot be read. */
export type Listed = { readonly name: string } & ({ readonly head: Head } | { readonly refused: string });

/** A page of a search. */
export interface Found {
  readonly documents: readonly Listed[];
  readonly next: string | null;
}

const namesPerRead = 1000;
const namesPerFind = 50_000;

export interface BackupSource {
  /** The next names in order, after `after`; none at the end. */
  list(after: string | null, limit: number): Promise<readonly Listed[]>;
  /** The lines of the document's image; null when it is not there any more. Throws when it cannot be read. */
  read(name: string): Promise<Iterable<string> | AsyncIterable<Uint8Array> | null>;
}

export class LogSource implements BackupSource {
  readonly #log: DocumentLog;

  constructor(log: DocumentLog) {
    this.#log = log;
  }

  async list(after: string | null, limit: number): Promise<readonly Listed[]> {
    return (await this.find('', after, limit)).documents;
  }

  /**
   * The next documents in order whose names have `text` in them, in whatever case; `next` goes on after them, and is null
   * at the end. A page may be short, or empty, and not the last: so many names at most are looked at for one.
   */
  async find(text: string, after: string | null, limit: number): Promise<Found> {
    const wanted = text.toLowerCase();
    const documents: Listed[] = [];
    let last = after;
    for (let seen = 0; seen < namesPerFind; seen += namesPerRead) {
      const names = await this.#log.names({ after: last, limit: namesPerRead });
      const fitting = names.filter((name) => name.toLowerCase().includes(wanted));
      const taken = fitting.slice(0, limit - documents.length);
      const listed = await Promise.all(taken.map((name) => this.#listed(name)));
      documents.push(...listed.filter((one) => one !== null));
      if (taken.length < fitting.length || documents.length === limit) return { documents, next: taken.at(-1) ?? last };
      if (names.length < namesPerRead) return { documents, next: null };
      last = names.at(-1) ?? last;
    }
    return { documents, next: last };
  }

  async read(name: string): Promise<Iterable<string> | null> {
    const image = await readImage(this.#log, name);
    return image === null ? null : imageLines(image);
  }

  async #listed(name: string): Promise<Listed | null> {
    try {
      const head = await this.#log.head(name);
      return head === null ? null : { name, head };
    } catch (error) {
      if (error instanceof RefusedError && error.code !== 'TW_STORAGE_FAILED') return { name, refused: error.code };
      throw error;
    }
  }
}
