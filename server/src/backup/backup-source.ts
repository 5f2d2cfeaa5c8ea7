/** Where a backup is taken from: a data folder that no relay has, or a relay that runs. */
import { RefusedError } from '@tideweave/shared';

import type { DocumentLog, Head } from '../log/document-log.ts';
import { readImage } from '../log/document-image.ts';
import { imageLines } from './image-lines.ts';

/** A name that was ever used: what is there now, or why it cannot be read. */
export type Listed = { readonly name: string } & ({ readonly head: Head } | { readonly refused: string });

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
    const names = await this.#log.names({ after, limit });
    const listed = await Promise.all(names.map((name) => this.#listed(name)));
    return listed.filter((one) => one !== null);
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
