/** `tideweave backup` and `tideweave restore`: what they take, what they say, and how they end. */
import { mkdir, readdir } from 'node:fs/promises';

import { takeBackup } from '../backup/backup.ts';
import { BackupFolder } from '../backup/backup-folder.ts';
import { type BackupSource, LogSource } from '../backup/backup-source.ts';
import { restoreBackup } from '../backup/restore.ts';
import { systemClock } from '../clock.ts';
import { openLevelLog } from '../log/level-log.ts';
import { StorageLockedError } from '../log/storage-errors.ts';
import { counted, exitCodes, type FolderCommandOutput, showFindings, terminal } from './folder-command.ts';
import { interruptible } from './interruptible.ts';
import { Progress } from './progress.ts';
import { RelayClient } from './relay-client.ts';

export interface BackupSettings {
  readonly folder: string;
  /** A running relay, or null. */
  readonly url: string | null;
  readonly token: string;
  /** The data folder of one that is stopped; not used with `url`. */
  readonly data: string;
  readonly json: boolean;
}

/** Returns the exit code. */
export function backup(settings: BackupSettings, output: FolderCommandOutput): Promise<number> {
  const { folder: path, url, data, json } = settings;
  return interruptible(output, describeFailure(url ?? data), async (signal) => {
    const folder = new BackupFolder(path);
    const startedAt = new Date(systemClock.wallTime()).toISOString();
    const outcome = await withSource(settings, async (source) => {
      await folder.begin();
      const progress = new Progress('backing up', null, terminal(json));
      try {
        return await takeBackup(source, folder, { signal, onProgress: (done) => progress.show(done) });
      } finally {
        progress.end();
      }
    });
    const { documents, deleted, digest, findings, interrupted } = outcome;
    const finishedAt = new Date(systemClock.wallTime()).toISOString();
    const source = url ?? data;
    if (!interrupted) await folder.finish({ format: 1, startedAt, finishedAt, source, documents, deleted, digest });
    const report = { folder: path, source, startedAt, finishedAt, ...outcome };
    if (json) output.writeOut(`${JSON.stringify(report)}\n`);
    else {
      const { entries, bytes, read } = outcome;
      output.writeOut(
        `tideweave: ${path} has ${counted(documents, 'document')} with ${entries} entries and ${bytes} bytes` +
          `${deleted > 0 ? `, ${deleted} deleted` : ''}; ${read} read anew, all loaded; digest ${digest}\n${showFindings(findings)}`,
      );
      if (interrupted) output.writeOut('tideweave: interrupted; run the same command again, and it goes on\n');
    }
    return findings.length === 0 ? exitCodes.clean : exitCodes.findings;
  });
}

async function withSource<Value>(
  { url, token, data }: BackupSettings,
  run: (source: BackupSource) => Promise<Value>,
): Promise<Value> {
  if (url !== null) return run(new RelayClient(url, token));
  await readdir(data);
  const log = await openLevelLog({ path: data, wallTime: () => systemClock.wallTime() });
  try {
    return await run(new LogSource(log));
  } finally {
    await log.close();
  }
}

export interface RestoreSettings {
  readonly folder: string;
  readonly data: string;
  /** Take what is there though the backup was never finished, or was changed. */
  readonly unfinished: boolean;
  readonly json: boolean;
}

/** Returns the exit code. */
export function restore(settings: RestoreSettings, output: FolderCommandOutput): Promise<number> {
  const { folder: path, data, unfinished, json } = settings;
  return interruptible(output, describeFailure(data), async (signal) => {
    const folder = new BackupFolder(path);
    const manifest = await folder.manifest();
    if (manifest === null && !unfinished) {
      throw new Error(`no backup was finished in ${path}: take it again, or restore what is there with --unfinished`);
    }
    await mkdir(data, { recursive: true });
    const log = await openLevelLog({ path: data, wallTime: () => systemClock.wallTime() });
    const progress = new Progress('restoring', (await folder.files()).length, terminal(json));
    try {
      const outcome = await restoreBackup(folder, log, { signal, onProgress: (done) => progress.show(done) });
      progress.end();
      const { restored, present, deleted, findings, digest, interrupted } = outcome;
      const isWhole = interrupted || unfinished || digest === manifest?.digest;
      if (json) output.writeOut(`${JSON.stringify({ folder: path, data, ...outcome, isWhole })}\n`);
      else {
        output.writeOut(
          `tideweave: ${counted(restored, 'document')} restored into ${data}` +
            `${present > 0 ? `, ${present} there already` : ''}${deleted > 0 ? ` (${deleted} of them deleted)` : ''}; all read back and loaded\n${showFindings(findings)}`,
        );
        if (!isWhole)
          output.writeOut('tideweave: files of the backup are missing or were changed since it was finished\n');
        if (interrupted) output.writeOut('tideweave: interrupted; run the same command again, and it goes on\n');
      }
      return findings.length === 0 && isWhole ? exitCodes.clean : exitCodes.findings;
    } finally {
      progress.end();
      await log.close();
    }
  });
}

function describeFailure(where: string): (error: unknown) => string {
  return (error) => {
    if (error instanceof StorageLockedError) {
      return `the data folder ${where} is in use by a relay: name its address with --url, or stop it`;
    }
    const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : '';
    return `${where}: ${error instanceof Error ? error.message : 'it failed'}${cause}`;
  };
}
