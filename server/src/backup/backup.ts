/**
 * Takes a backup: reads every document of a source as of one moment each, after the backup began, into a folder, and
 * proves each file by loading it. What the folder has already and did not change is not read again, so a backup that was
 * interrupted goes on, and one of yesterday becomes one of today.
 */
import { cpus } from 'node:os';

import { LoadCheck } from '../cli/load-check.ts';
import type { Head } from '../log/document-log.ts';
import { type BackupFolder, FilesDigest } from './backup-folder.ts';
import type { BackupSource, Listed } from './backup-source.ts';

/** A document that somebody should look at. */
export interface BackupFinding {
  readonly document: string;
  readonly what: string;
}

export interface BackupOutcome {
  readonly documents: number;
  readonly deleted: number;
  /** Read anew; the others were there as they are now. */
  readonly read: number;
  readonly entries: number;
  readonly bytes: number;
  readonly digest: string;
  readonly findings: readonly BackupFinding[];
  readonly interrupted: boolean;
}

export interface BackupOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (done: number) => void;
}

const namesPerPage = 500;
/** Documents that are read at a time. */
const readsAtOnce = Math.max(2, Math.min(8, cpus().length));

export async function takeBackup(
  source: BackupSource,
  folder: BackupFolder,
  { signal, onProgress }: BackupOptions,
): Promise<BackupOutcome> {
  const findings: BackupFinding[] = [];
  const loads = new LoadCheck();
  let done = 0;
  let read = 0;
  const one = async (listed: Listed): Promise<void> => {
    const { name } = listed;
    try {
      if ('refused' in listed) throw new Error(`the relay refuses it: ${listed.refused}`);
      const before = await folder.imageOf(name);
      if (before === null || !sameContent(before.head, listed.head)) {
        const lines = await source.read(name);
        if (lines === null) return;
        await folder.write(name, lines);
        read += 1;
      }
      const image = before !== null && sameContent(before.head, listed.head) ? before : await folder.imageOf(name);
      const problem = image === null ? 'its file cannot be read back' : await loads.problemOf(image);
      if (problem !== null) findings.push({ document: name, what: problem });
    } catch (error) {
      if (isFatal(error)) throw error;
      findings.push({ document: name, what: error instanceof Error ? error.message : 'it cannot be read' });
    }
    done += 1;
    onProgress(done);
  };
  try {
    let page = await source.list(null, namesPerPage);
    while (page.length > 0 && !signal.aborted) {
      for (let at = 0; at < page.length && !signal.aborted; at += readsAtOnce) {
        await Promise.all(page.slice(at, at + readsAtOnce).map(one));
      }
      page = await source.list(page.at(-1)?.name ?? null, namesPerPage);
    }
  } finally {
    await loads.close();
  }
  return { ...(await countFiles(folder)), read, findings, interrupted: signal.aborted };
}

async function countFiles(
  folder: BackupFolder,
): Promise<Pick<BackupOutcome, 'documents' | 'deleted' | 'entries' | 'bytes' | 'digest'>> {
  const counts = { documents: 0, deleted: 0, entries: 0, bytes: 0 };
  const digest = new FilesDigest();
  for (const file of await folder.files()) {
    // One that cannot be read has been told of.
    const found = await folder.read(file).catch(() => null);
    if (found === null) continue;
    const { image, sha256 } = found;
    const { deletedAt, lastSeq, snapshotBytes, tailBytes } = image.head;
    counts[deletedAt === null ? 'documents' : 'deleted'] += 1;
    counts.entries += lastSeq;
    counts.bytes += snapshotBytes + tailBytes;
    digest.add(file, sha256);
  }
  return { ...counts, digest: digest.result() };
}

/** Whether a file with head `a` has what a log with head `b` has. */
function sameContent(a: Head, b: Head): boolean {
  return (
    a.logId === b.logId &&
    a.epoch === b.epoch &&
    a.lastSeq === b.lastSeq &&
    a.snapshotSeq === b.snapshotSeq &&
    a.firstSeq === b.firstSeq &&
    a.deletedAt === b.deletedAt
  );
}

/** A relay that is gone and a disk that is full end a backup; one document's trouble does not. */
function isFatal(error: unknown): boolean {
  return error instanceof TypeError || (error instanceof Error && 'code' in error && typeof error.code === 'string');
}
