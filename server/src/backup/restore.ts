/**
 * Restores a backup into a data folder: every document with its history, under a new log id, so that clients with cursors
 * from after the backup are noticed and hand back what it lacks (C7). Each is read back and loaded. What is there already
 * is recognised, so an interrupted restore goes on.
 */
import { LoadCheck } from '../cli/load-check.ts';
import { readImage, sameImage } from '../log/document-image.ts';
import type { DocumentLog } from '../log/document-log.ts';
import type { BackupFinding } from './backup.ts';
import { type BackupFolder, FilesDigest } from './backup-folder.ts';

export interface RestoreOutcome {
  readonly restored: number;
  /** There already, with the same content. */
  readonly present: number;
  readonly deleted: number;
  readonly findings: readonly BackupFinding[];
  /** Over the files that were read; that of `backup.json` when they are what was finished. */
  readonly digest: string;
  readonly interrupted: boolean;
}

export interface RestoreOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (done: number) => void;
}

export async function restoreBackup(
  folder: BackupFolder,
  log: DocumentLog,
  { signal, onProgress }: RestoreOptions,
): Promise<RestoreOutcome> {
  const counts = { restored: 0, present: 0, deleted: 0 };
  const findings: BackupFinding[] = [];
  const digest = new FilesDigest();
  const loads = new LoadCheck();
  try {
    for (const [at, file] of (await folder.files()).entries()) {
      if (signal.aborted) break;
      let document = file;
      try {
        const { image, sha256 } = await folder.read(file);
        digest.add(file, sha256);
        document = image.head.name;
        const before = await readImage(log, document);
        if (before === null) await log.restore(image);
        const stored = before ?? (await readImage(log, document));
        const problem =
          stored === null || !sameImage(stored, image)
            ? before === null
              ? 'what was stored is not what the backup has'
              : 'there is another document under this name; it was left as it is'
            : await loads.problemOf(image);
        if (problem !== null) findings.push({ document, what: problem });
        else counts[before === null ? 'restored' : 'present'] += 1;
        if (image.head.deletedAt !== null) counts.deleted += 1;
      } catch (error) {
        findings.push({ document, what: error instanceof Error ? error.message : 'it cannot be restored' });
      }
      onProgress(at + 1);
    }
  } finally {
    await loads.close();
  }
  return { ...counts, findings, digest: digest.result(), interrupted: signal.aborted };
}
