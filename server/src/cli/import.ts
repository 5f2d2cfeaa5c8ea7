/**
 * `tideweave import`: brings the documents of a y-leveldb folder, a Hocuspocus SQLite file, or a file with one document
 * into a data folder, or into a relay that runs.
 */
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { systemClock } from '../clock.ts';
import { findingsShownMax } from '../import/bounds.ts';
import { HttpTarget } from '../import/http-target.ts';
import { Importer, type ImportResult, type OnConflict } from '../import/importer.ts';
import { ImportPool } from '../import/import-pool.ts';
import type { BuiltFromJson } from '../import/import-task.ts';
import { LogTarget } from '../import/log-target.ts';
import { withSource } from '../import/open-source.ts';
import { type Source, SourceError } from '../import/source.ts';
import type { Target } from '../import/target.ts';
import { openLevelLog } from '../log/level-log.ts';
import { StorageLockedError } from '../log/storage-errors.ts';
import { counted, exitCodes, type FolderCommandOutput, showFindings, terminal } from './folder-command.ts';
import { interruptible } from './interruptible.ts';
import { Progress } from './progress.ts';

export interface ImportSettings {
  /** A folder of y-leveldb, a file of SQLite, or one with a document: a Yjs update, or JSON. */
  readonly source: string;
  readonly table: string;
  readonly rawNames: boolean;
  /** For a file with one document. */
  readonly name: string | null;
  /** The data folder; not used with `url`. */
  readonly data: string;
  /** A running relay, or null. */
  readonly url: string | null;
  readonly token: string;
  readonly onConflict: OnConflict;
  readonly salvage: boolean;
  readonly dryRun: boolean;
  readonly json: boolean;
}

/** What was done, or would be. */
export interface ImportReport extends ImportResult {
  readonly source: string;
  readonly kind: Source['kind'];
  readonly target: string;
  readonly dryRun: boolean;
  readonly documents: number;
}

/** Returns the exit code. */
export function importDocuments(settings: ImportSettings, output: FolderCommandOutput): Promise<number> {
  return interruptible(
    output,
    (error) => failure(error, settings),
    async (signal) => {
      const report = await importAll(settings, signal, output);
      output.writeOut(settings.json ? `${JSON.stringify(report)}\n` : describe(report));
      return needsSomebody(report) ? exitCodes.findings : exitCodes.clean;
    },
  );
}

async function importAll(
  settings: ImportSettings,
  signal: AbortSignal,
  output: FolderCommandOutput,
): Promise<ImportReport> {
  const { source: path, table, rawNames, name, data, url, dryRun, json, onConflict, salvage } = settings;
  const place = url === null && !dryRun ? data : await mkdtemp(join(tmpdir(), 'tideweave-import-'));
  if (place === data) await mkdir(data, { recursive: true });
  const scratch = join(place, 'import.tmp');
  const target = await openTarget(settings, place);
  const pool = new ImportPool();
  try {
    const buildFromJson = (text: string): Promise<BuiltFromJson> => pool.fromJson(text);
    return await withSource({ path, table, rawNames, name, scratch, buildFromJson }, async (source) => {
      const progress = progressOf(source.count, json, output);
      const aside = url === null ? join(data, 'aside') : null;
      const onProgress = (done: number): void => progress.show(done);
      const importer = new Importer(target, pool, { onConflict, salvage, dryRun, aside, signal, onProgress });
      try {
        const result = await importer.run(source);
        return { source: path, kind: source.kind, target: url ?? data, dryRun, documents: source.count, ...result };
      } finally {
        progress.end();
      }
    });
  } finally {
    await pool.close();
    await target.close();
    if (place !== data) await rm(place, { recursive: true, force: true });
  }
}

async function openTarget({ data, url, token }: ImportSettings, place: string): Promise<Target> {
  if (url !== null) return new HttpTarget(url, token);
  const isThere = await stat(data).then(
    () => true,
    () => false,
  );
  // A dry run does not even create the folder.
  const path = isThere ? data : join(place, 'log');
  return new LogTarget(await openLevelLog({ path, wallTime: () => systemClock.wallTime() }));
}

function progressOf(total: number, json: boolean, { writeError }: FolderCommandOutput): Progress {
  const write = terminal(json);
  return write === null && !json
    ? new Progress('importing', total, (text) => writeError(`tideweave: ${text}\n`), 'lines')
    : new Progress('importing', total, write);
}

function needsSomebody({ counts }: ImportResult): boolean {
  return counts.conflict + counts.quarantined + counts.failed > 0;
}

function describe(report: ImportReport): string {
  const { source, kind, target, dryRun, documents, counts, digest, findings, interrupted } = report;
  const done = Object.entries(counts).flatMap(([outcome, count]) =>
    count === 0 ? [] : [`${count} ${words[outcome]}`],
  );
  const lines = [
    `tideweave: ${counted(documents, 'document')} in ${source} (${kind}); ${dryRun ? 'would be brought' : 'brought'} into ${target}: ${done.join(', ') || 'none'}\n`,
  ];
  if (!dryRun && counts.imported + counts.merged + counts.present > 0) {
    lines.push(`tideweave: all of these were read back and are what the source has; digest ${digest}\n`);
  }
  lines.push(showFindings(findings.slice(0, findingsShownMax)));
  if (findings.length > findingsShownMax)
    lines.push(`  and ${findings.length - findingsShownMax} more; --json names all\n`);
  if (interrupted) lines.push('tideweave: interrupted; run the same command again, and it goes on\n');
  else if (needsSomebody(report)) lines.push('tideweave: not everything is here; the lines above say why\n');
  return lines.join('');
}

const words: Readonly<Record<string, string>> = {
  imported: 'imported',
  merged: 'completed',
  present: 'there already',
  empty: 'empty and left out',
  conflict: 'in conflict and left as they are',
  quarantined: 'quarantined',
  failed: 'failed',
};

function failure(error: unknown, { data, url }: ImportSettings): string {
  if (error instanceof StorageLockedError) {
    return `the data folder ${data} is in use by a relay: stop it, or import into it with --url`;
  }
  const message = error instanceof Error ? error.message : 'it failed';
  if (error instanceof SourceError) return message;
  return `importing into ${url ?? data} failed: ${message}`;
}
