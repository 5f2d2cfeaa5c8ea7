/** Opens the store of an embedded log, and refuses one that another version of the layout was written to. */
import { formatKey } from './keys.ts';
import { LevelStorage, type StoragePort } from './level-storage.ts';

/** How to open an embedded log. */
export interface LevelLogOptions {
  /** Folder of the database; created when it is not there. */
  readonly path: string;
  /** Milliseconds since 1970. */
  readonly wallTime: () => number;
  /** Source of epochs and log ids, 16 hex digits each; random by default. */
  readonly randomId?: () => string;
  /** What to store in; LevelDB by default. Tests put faults in between. */
  readonly openStorage?: (path: string) => Promise<StoragePort>;
  /** Told what damage was put right in LevelDB's files, and that a document was found damaged when it was opened. */
  readonly onDamage?: (what: string) => void;
}

/** Version of the layout of keys and values; a folder with another one is not opened. */
const format = 'tideweave level log 1';

/** Opens a store and checks its format, which a new one is given. */
export async function openFormatted(
  path: string,
  openStorage: (path: string) => Promise<StoragePort>,
): Promise<StoragePort> {
  const storage = await openStorage(path);
  try {
    const found = await storage.get(formatKey);
    if (found === undefined) {
      await storage.write([{ key: formatKey, value: Buffer.from(format) }], true);
    } else if (Buffer.from(found).toString() !== format) {
      throw new Error(`${path} was written by another version: ${Buffer.from(found).toString()}`);
    }
    return storage;
  } catch (error) {
    await storage.close();
    throw error;
  }
}

/** LevelDB, telling what had to be put right before it could be opened. */
export function openLevelStorage(onDamage: (what: string) => void = () => {}): (path: string) => Promise<StoragePort> {
  return async (path) => {
    const storage = await LevelStorage.open(path);
    for (const what of storage.mended) onDamage(what);
    return storage;
  };
}
