/** What `verify` and `repair` have in common: their options, what they say when they cannot begin, and how they show a result. */
import { stat } from 'node:fs/promises';

import { StorageLockedError } from '../log/storage-errors.ts';

/** What the commands need of their surroundings. */
export interface FolderCommandOutput {
  readonly writeOut: (text: string) => void;
  readonly writeError: (text: string) => void;
}

/** One thing that somebody should know. */
export interface Finding {
  /** The document, or null when it is about files. */
  readonly document: string | null;
  readonly what: string;
}

/** Exit codes: nothing found or left, something found or left, could not do it. */
export const exitCodes = { clean: 0, findings: 1, failed: 2 } as const;

/** Runs a command on a folder that must be there and that nobody else may have. Returns the exit code. */
export async function onFolder(
  path: string,
  { writeError }: FolderCommandOutput,
  run: () => Promise<number>,
): Promise<number> {
  try {
    if (!(await isFolder(path))) {
      writeError(`tideweave: there is no data folder ${path}: name it with --data\n`);
      return exitCodes.failed;
    }
    return await run();
  } catch (error) {
    const why = error instanceof Error ? error.message : 'it failed';
    const what =
      error instanceof StorageLockedError ? 'is in use by a relay: stop that first' : `cannot be read: ${why}`;
    writeError(`tideweave: the data folder ${path} ${what}\n`);
    return exitCodes.failed;
  }
}

/** Where a progress bar may be drawn, or null. */
export function terminal(json: boolean): ((text: string) => void) | null {
  return process.stderr.isTTY && !json ? (text): void => void process.stderr.write(text) : null;
}

/** Findings as lines. */
export function showFindings(findings: readonly Finding[]): string {
  return findings
    .map(({ document, what }) =>
      document === null ? `  ${what}\n` : `  document ${JSON.stringify(document)}: ${what}\n`,
    )
    .join('');
}

/** `1 document`, `2 documents` */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
