/**
 * Opens damaged folders, looks at every document, repairs, and looks again; in a process of its own, because LevelDB
 * may end it. `node corruption.child.js write FOLDER SEED` prints truths, `… check TRUTHS FOLDER…` a line for each folder.
 */
import { readFile } from 'node:fs/promises';

import { openLevelLog } from '../../src/log/level-log.ts';
import { repair, type RepairReport } from '../../src/cli/repair.ts';
import { goOn, type Outcome, outcomesOf, type Truth, writeDocuments } from './stored-documents.ts';

/** What was seen of a damaged folder. */
export interface Checked {
  /** Why it could not be opened, or null. */
  readonly refusal: string | null;
  readonly before: Readonly<Record<string, Outcome>> | null;
  readonly repaired: RepairReport;
  readonly after: Readonly<Record<string, Outcome>>;
  readonly again: RepairReport;
}

const rounds = 180;

async function look(path: string, truths: readonly Truth[]): Promise<Record<string, Outcome>> {
  const log = await openLevelLog({ path, wallTime: () => 1 });
  try {
    const outcomes = await outcomesOf(log, truths);
    const served = truths.find(({ name, deleted }) => !deleted && outcomes[name] === 'intact');
    if (served !== undefined) await goOn(log, served.name);
    return outcomes;
  } finally {
    await log.close();
  }
}

async function repaired(path: string): Promise<RepairReport> {
  let text = '';
  const output = { writeOut: (more: string) => void (text += more), writeError: (more: string) => void (text += more) };
  await repair({ data: path, dryRun: false, json: true }, output);
  return JSON.parse(text) as RepairReport;
}

async function check(path: string, truths: readonly Truth[]): Promise<Checked> {
  let before: Record<string, Outcome> | null = null;
  let refusal: string | null = null;
  try {
    before = await look(path, truths);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    refusal = error.message;
  }
  const first = await repaired(path);
  const after = await look(path, truths);
  return { refusal, before, repaired: first, after, again: await repaired(path) };
}

function print(result: unknown): Promise<void> {
  return new Promise((resolve) => void process.stdout.write(`${JSON.stringify(result)}\n`, () => resolve()));
}

const [command, first = '', ...rest] = process.argv.slice(2);
if (command === 'write') {
  await print(await writeDocuments(first, Number(rest[0]), rounds));
} else {
  const truths = JSON.parse(await readFile(first, 'utf8')) as Truth[];
  for (const path of rest) await print(await check(path, truths));
}
// The log of `write` stays open, as that of a process that is killed.
process.exit(0);
