/** What was measured, as it is kept. */
import { execFileSync } from 'node:child_process';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { cpus, release, totalmem } from 'node:os';
import { dirname } from 'node:path';
import type { PeerName } from '../peers/peers.ts';
import type { Measures } from '../workloads/workload.ts';

export interface Measured {
  readonly workload: string;
  readonly variant: string;
  readonly peer: PeerName;
  readonly round: number;
  /** Null for a run that failed. */
  readonly measures: Measures | null;
  readonly failure: string | null;
}

export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly memoryGb: number;
  readonly kernel: string;
  readonly node: string;
}

export interface MicroResult {
  readonly name: string;
  readonly input: string;
  readonly oursNs: number;
  /** The Yjs function that ours replaces. */
  readonly against: string;
  readonly yjsNs: number;
  readonly bytes: number;
}

export interface Results {
  readonly started: string;
  readonly commit: string;
  readonly machine: Machine;
  readonly quick: boolean;
  readonly rounds: number;
  readonly runs: Measured[];
  micro: readonly MicroResult[];
}

export function emptyResults(quick: boolean, rounds: number): Results {
  return {
    started: new Date().toISOString(),
    commit: commitId(),
    machine: {
      cores: cpus().length,
      cpu: cpus()[0]?.model.trim() ?? '',
      memoryGb: Math.round(totalmem() / 2 ** 30),
      kernel: release(),
      node: process.version,
    },
    quick,
    rounds,
    runs: [],
    micro: [],
  };
}

/** Whole or not at all, so that an interrupted bench leaves what it had. */
export async function writeResults(path: string, results: Results): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.part`, `${JSON.stringify(results, null, 1)}\n`);
  await rename(`${path}.part`, path);
}

function commitId(): string {
  try {
    const id = execFileSync('git', ['rev-parse', '--short=12', 'HEAD'], { encoding: 'utf8' }).trim();
    const changed = execFileSync('git', ['status', '--porcelain', '--untracked-files=no'], { encoding: 'utf8' });
    return changed.trim() === '' ? id : `${id} with changes`;
  } catch {
    return 'unknown';
  }
}
