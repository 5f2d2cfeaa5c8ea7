/** Why a folder cannot be used, for those who open it and for the command line. */

import { RefusedError } from '@tideweave/shared';

/** Stored bytes exist but fail the store's own checks. */
export class StorageDamagedError extends Error {
  override readonly name = 'StorageDamagedError';
}

/** Another process has the folder open; the CLI tells people by `code`. */
export class StorageLockedError extends Error {
  override readonly name = 'StorageLockedError';
  readonly code = 'TW_STORAGE_LOCKED';

  constructor(path: string, cause: unknown) {
    super(`another relay is using ${path}`, { cause });
  }
}

/** LevelDB's own files are damaged so that opening them would lose documents, or end the process. */
export class StorageBrokenError extends Error {
  override readonly name = 'StorageBrokenError';
  readonly code = 'TW_STORAGE_BROKEN';

  constructor(path: string, what: string) {
    super(`${what}; nothing was changed: stop here, copy ${path} away, and run "tideweave repair --data ${path}"`);
  }
}

/** The code that Node and LevelDB put on their errors. */
export function errorCode(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

/** Throws what a caller of the log is told: its own refusals as they are, the storage's failures as TW_STORAGE_FAILED. */
export function failed(error: unknown): never {
  if (error instanceof RefusedError) throw error;
  throw new RefusedError('TW_STORAGE_FAILED', 'the storage failed', { cause: error });
}
