/** Where documents are imported to: a data folder that no relay has, or a relay that runs. */
import type { Prepared } from './import-task.ts';

export interface Target {
  /** The updates that make a document, or null when there is none. Throws when it cannot be read, or was deleted. */
  read(name: string): Promise<readonly Uint8Array[] | null>;
  /** Puts a document where there is none, or an empty one. Resolves when it is durable; throws when it is refused. */
  put(name: string, document: Prepared): Promise<void>;
  /** Adds what a document lacks. Resolves when it is durable; throws when it is refused. */
  add(name: string, update: Uint8Array): Promise<void>;
  close(): Promise<void>;
}
