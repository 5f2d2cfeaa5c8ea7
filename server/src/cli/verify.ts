/**
 * `tideweave verify`: reads everything that is stored, loads every document, and changes nothing: it works on a copy in
 * which LevelDB's tables are only linked. What a start or a repair would put right is told as a finding.
 */
import { withCopy } from '../log/folder-copy.ts';
import { lockFolder } from '../log/folder-lock.ts';
import { checkDocument, openChecked } from '../log/level-repair.ts';
import {
  counted,
  exitCodes,
  type Finding,
  type FolderCommandOutput,
  onFolder,
  showFindings,
  terminal,
} from './folder-command.ts';
import { LoadCheck } from './load-check.ts';
import { Progress } from './progress.ts';

/** What was found. */
export interface VerifyReport {
  readonly data: string;
  readonly documents: number;
  readonly deleted: number;
  readonly damaged: number;
  readonly entries: number;
  readonly bytes: number;
  readonly tables: number;
  readonly logs: number;
  readonly findings: readonly Finding[];
}

/** Returns the exit code. */
export function verify(
  options: { readonly data: string; readonly json: boolean },
  output: FolderCommandOutput,
): Promise<number> {
  return onFolder(options.data, output, async () => {
    const lock = await lockFolder(options.data);
    try {
      const report = await withCopy(options.data, (copy) => verifyFolder(copy, options.data, terminal(options.json)));
      output.writeOut(options.json ? `${JSON.stringify(report)}\n` : describe(report));
      return report.findings.length === 0 ? exitCodes.clean : exitCodes.findings;
    } finally {
      await lock.release();
    }
  });
}

async function verifyFolder(copy: string, data: string, write: ((text: string) => void) | null): Promise<VerifyReport> {
  const folder = await openChecked(copy);
  const loads = new LoadCheck();
  const progress = new Progress('verifying', folder.names.length, write);
  const findings: Finding[] = folder.done.map((what) => ({ document: null, what }));
  const counts = { documents: 0, deleted: 0, damaged: 0, entries: 0, bytes: 0 };
  try {
    for (const [index, name] of folder.names.entries()) {
      const { state, what, whole } = await checkDocument(folder, name);
      counts[state === 'deleted' ? 'deleted' : 'documents'] += 1;
      let problem = what;
      if (whole !== null) {
        const { lastSeq, snapshotBytes, tailBytes } = whole.stored.head;
        counts.entries += lastSeq;
        counts.bytes += snapshotBytes + tailBytes;
        problem ??= await loads.problemOf({ ...whole, head: whole.stored.head });
      }
      if (problem !== null) findings.push({ document: name, what: problem });
      if (problem !== null) counts.damaged += 1;
      progress.show(index + 1);
    }
  } finally {
    progress.end();
    await loads.close();
    await folder.storage.close();
  }
  return { data, ...counts, tables: folder.files.tables, logs: folder.files.logs, findings };
}

function describe({ data, documents, deleted, damaged, entries, bytes, tables, logs, findings }: VerifyReport): string {
  const summary =
    `tideweave: ${data} has ${counted(documents, 'document')} with ${entries} entries and ${bytes} bytes` +
    `${deleted > 0 ? `, ${deleted} deleted` : ''}, in ${counted(tables, 'table')} and ${counted(logs, 'log')}\n`;
  if (findings.length === 0) return `${summary}tideweave: everything is in order\n`;
  const advice =
    damaged === 0 && findings.every(({ document }) => document !== null)
      ? ''
      : `tideweave: stop here, copy ${data} away, and run "tideweave repair --data ${data}"\n`;
  return `${summary}tideweave: ${counted(findings.length, 'finding')}, ${counted(damaged, 'document')} damaged\n${showFindings(findings)}${advice}`;
}
