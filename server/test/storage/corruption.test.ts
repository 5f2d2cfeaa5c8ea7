// @slow
// @timeout 240s
// Two hundred times LevelDB's own files are damaged: each document is intact or refused, and a repair brings back what is there.
import { execFile } from 'node:child_process';
import { copyFile, link, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { seededRandom } from '@tideweave/shared';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

import { withFolder } from '../support/folders.ts';
import { printSummary } from '../support/summary.ts';
import type { Checked } from './corruption.child.ts';
import { damage, faults, type FileKind, fileKinds } from './damage.ts';
import { documents } from './stored-documents.ts';

const perCombination = 10;
const atOnce = 2;
const outputBytesMax = 64 * 1024 * 1024;
const child = fileURLToPath(new URL('corruption.child.js', import.meta.url));

interface Run {
  readonly path: string;
  /** What was damaged. */
  readonly what: string;
}

interface Combination {
  readonly key: string;
  readonly runs: readonly Run[];
}

interface Tally {
  readonly runs: number;
  readonly startRefused: number;
  readonly intactBefore: number;
  readonly intactAfter: number;
  readonly allIntactAfter: number;
  readonly problems: readonly string[];
}

/** What the child printed, line by line, and how it ended when that was not in good order. */
async function inChild(...args: readonly string[]): Promise<{ lines: unknown[]; failure: string | null }> {
  const ended = await promisify(execFile)(process.execPath, [child, ...args], { maxBuffer: outputBytesMax }).catch(
    (error: Error & { stdout: string; stderr: string }) => error,
  );
  const lines = ended.stdout.split('\n').filter(Boolean);
  const failure = ended instanceof Error ? `${ended.message.slice(0, 200)} ${ended.stderr.slice(0, 600)}` : null;
  return { lines: lines.map((line): unknown => JSON.parse(line)), failure };
}

async function copyTo(from: string, to: string): Promise<void> {
  await mkdir(to);
  for (const name of await readdir(from)) {
    await (name.endsWith('.ldb') ? link : copyFile)(join(from, name), join(to, name));
  }
}

/** What must hold of one run. */
function problemsOf({ refusal, before, after, repaired, again }: Checked): string[] {
  const problems: string[] = [];
  const short = (outcomes: Readonly<Record<string, string>>): string =>
    Object.entries(outcomes)
      .flatMap(([name, outcome]) => (outcome === 'short' ? [name] : []))
      .join(', ');
  if (refusal !== null && !refusal.includes('tideweave repair')) problems.push(`the start failed with: ${refusal}`);
  if (before !== null && short(before) !== '') problems.push(`silently shorter: ${short(before)}`);
  if (short(after) !== '') problems.push(`silently shorter after the repair: ${short(after)}`);
  for (const [name, outcome] of Object.entries(before ?? {})) {
    if (outcome === 'intact' && after[name] !== 'intact') problems.push(`the repair lost ${name}`);
  }
  const names = (report: typeof repaired): string => JSON.stringify(report.aside.map(({ document }) => document));
  if (again.files.length + again.restored.length > 0 || names(again) !== names(repaired)) {
    problems.push(`a second repair did something: ${JSON.stringify(again)}`);
  }
  if (repaired.aside.length !== Object.values(after).filter((outcome) => outcome === 'refused').length) {
    problems.push('what is set aside is not what is refused');
  }
  return problems;
}

function tallyOf(runs: readonly Run[], lines: readonly Checked[], failure: string | null): Tally {
  const tally = {
    runs: runs.length,
    startRefused: 0,
    intactBefore: 0,
    intactAfter: 0,
    allIntactAfter: 0,
    problems: [] as string[],
  };
  for (const [index, { what }] of runs.entries()) {
    const checked = lines[index];
    if (checked === undefined) {
      tally.problems.push(`${what}: the process ended: ${failure}`);
      break;
    }
    if (checked.before === null) tally.startRefused += 1;
    tally.intactBefore += count(checked.before);
    tally.intactAfter += count(checked.after);
    if (count(checked.after) === documents) tally.allIntactAfter += 1;
    tally.problems.push(...problemsOf(checked).map((problem) => `${what}: ${problem}`));
  }
  return tally;
}

const count = (outcomes: Readonly<Record<string, string>> | null): number =>
  Object.values(outcomes ?? {}).filter((outcome) => outcome === 'intact').length;

test('D4 S24 two hundred damages to LevelDB’s files: intact or refused, never silently shorter, and others are served', async () => {
  const seed = Number(process.env['TIDEWEAVE_SEED'] ?? Date.now() % 1_000_000);
  console.log(`seed ${seed}`);
  const random = seededRandom(seed);
  await withFolder(async (folder) => {
    const base = join(folder, 'base');
    const { lines: written } = await inChild('write', base, String(seed));
    const truthFile = join(folder, 'truths.json');
    await writeFile(truthFile, JSON.stringify(written[0]));

    const queue: Combination[] = [];
    for (const kind of Object.keys(fileKinds) as FileKind[]) {
      for (const fault of faults) {
        const runs: Run[] = [];
        for (let round = 0; round < perCombination; round += 1) {
          const path = join(folder, `${kind} ${fault} ${round}`);
          await copyTo(base, path);
          runs.push({ path, what: await damage(path, kind, fault, random) });
        }
        queue.push({ key: `${kind.padEnd(8)} ${fault.padEnd(12)}`, runs });
      }
    }
    const tallies = new Map<string, Tally>();
    const worker = async (): Promise<void> => {
      for (let each = queue.shift(); each !== undefined; each = queue.shift()) {
        const { key, runs } = each;
        const { lines, failure } = await inChild('check', truthFile, ...runs.map(({ path }) => path));
        tallies.set(key, tallyOf(runs, lines as Checked[], failure));
        for (const { path } of runs) await rm(path, { recursive: true });
      }
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
    let total = 0;
    for (const [key, { startRefused, runs, intactBefore, intactAfter, allIntactAfter }] of tallies) {
      total += runs;
      const started = (runs - startRefused) * documents;
      console.log(
        `${key} start refused ${startRefused} of ${runs}, intact at once ${intactBefore} of ${started}, ` +
          `after repair ${intactAfter} of ${runs * documents}, everything in ${allIntactAfter}`,
      );
    }
    assert.is(total, 200);
    printSummary({
      what: 'damage to LevelDB’s files, start, repair',
      runs: total,
      faults: total,
      violations: [...tallies.values()].reduce((sum, tally) => sum + tally.problems.length, 0),
    });
    const problems = [...tallies.values()].flatMap((tally) => tally.problems);
    assert.equal(problems, []);
    for (const [key, { intactAfter, runs: made }] of tallies) {
      if (key.includes('flipped'))
        assert.is(intactAfter, made * documents, `${key}: a single flipped bit is put right`);
      assert.ok(intactAfter > 0, `${key}: others are served`);
    }
  });
});

test.run();
