/**
 * `tideweave repair`: puts LevelDB's files in order, gives documents back what LevelDB had dropped, and sets aside for
 * good what cannot be made whole. Running it again changes nothing more; a document never becomes shorter by it.
 */
import { withCopy } from '../log/folder-copy.ts';
import { lockFolder } from '../log/folder-lock.ts';
import { checkDocument, DocumentRepair, openChecked } from '../log/level-repair.ts';
import {
  counted,
  exitCodes,
  type Finding,
  type FolderCommandOutput,
  onFolder,
  showFindings,
  terminal,
} from './folder-command.ts';
import { Progress } from './progress.ts';

/** What was done, or would be. */
export interface RepairReport {
  readonly data: string;
  readonly dryRun: boolean;
  readonly documents: number;
  /** What was done to LevelDB's files. */
  readonly files: readonly string[];
  /** Documents that are whole again. */
  readonly restored: readonly Finding[];
  /** Documents that stay refused. */
  readonly aside: readonly Finding[];
}

export interface RepairOptions {
  readonly data: string;
  /** Do it to a copy, and say what was done. */
  readonly dryRun: boolean;
  readonly json: boolean;
}

/** Returns the exit code. */
export function repair({ data, dryRun, json }: RepairOptions, output: FolderCommandOutput): Promise<number> {
  return onFolder(data, output, async () => {
    const run = (path: string): Promise<RepairReport> => repairFolder(path, { data, dryRun }, terminal(json));
    const report = dryRun ? await onCopy(data, run) : await run(data);
    output.writeOut(json ? `${JSON.stringify(report)}\n` : describe(report));
    return report.aside.length === 0 ? exitCodes.clean : exitCodes.findings;
  });
}

async function onCopy(data: string, run: (path: string) => Promise<RepairReport>): Promise<RepairReport> {
  const lock = await lockFolder(data);
  try {
    return await withCopy(data, run);
  } finally {
    await lock.release();
  }
}

async function repairFolder(
  path: string,
  about: { readonly data: string; readonly dryRun: boolean },
  write: ((text: string) => void) | null,
): Promise<RepairReport> {
  const folder = await openChecked(path);
  const progress = new Progress('repairing', folder.names.length, write);
  const restored: Finding[] = [];
  const aside: Finding[] = [];
  try {
    const repairing = await DocumentRepair.start(folder);
    for (const [index, name] of folder.names.entries()) {
      const { state, what } = await repairing.run(await checkDocument(folder, name));
      if (state === 'restored') restored.push({ document: name, what: what ?? '' });
      if (state === 'aside') aside.push({ document: name, what: what ?? '' });
      progress.show(index + 1);
    }
    return { ...about, documents: folder.names.length, files: folder.done, restored, aside };
  } finally {
    progress.end();
    await folder.storage.close();
  }
}

function describe({ data, dryRun, documents, files, restored, aside }: RepairReport): string {
  const lines = [
    `tideweave: ${data}${dryRun ? ' would be repaired, nothing was changed' : ' is repaired'}: ${counted(documents, 'document')}\n`,
  ];
  if (files.length + restored.length + aside.length === 0) lines.push('tideweave: there was nothing to repair\n');
  if (files.length > 0) lines.push('tideweave: files\n', ...files.map((what) => `  ${what}\n`));
  if (restored.length > 0) lines.push(`tideweave: ${restored.length} made whole\n`, showFindings(restored));
  if (aside.length > 0) {
    lines.push(
      `tideweave: ${aside.length} stay refused (TW_DOCUMENT_CORRUPT)\n`,
      showFindings(aside),
      'tideweave: restore them from a backup or a client: DELETE, PUT, then POST the update\n',
    );
  }
  return lines.join('');
}
