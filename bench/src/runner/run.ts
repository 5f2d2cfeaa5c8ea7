/** One run, from the outside: starts the load generator, and ends it when it takes too long. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { PeerName } from '../peers/peers.ts';
import type { MicroResult } from './results.ts';
import type { Measures } from '../workloads/workload.ts';

export interface Run {
  readonly workload: string;
  readonly variant: string;
  readonly peer: PeerName;
  readonly quick: boolean;
  readonly scale: number;
  readonly corpus: string;
}

export type RunOutcome = { readonly measures: Measures } | { readonly failure: string };

const endMsMax = 3000;
const microMsMax = 90_000;

/** Never rejects: what goes wrong is the outcome. */
export function execute(run: Run, timeoutMs: number): Promise<RunOutcome> {
  return inChild<RunOutcome>('run.child.js', [JSON.stringify(run)], timeoutMs);
}

/** The micro benchmarks; `scale` shortens them for a test. Never rejects. */
export function runMicro(
  corpus: string,
  scale: number,
): Promise<readonly MicroResult[] | { readonly failure: string }> {
  return inChild('../micro/micro.child.js', [corpus, String(scale)], microMsMax);
}

function inChild<Outcome>(
  file: string,
  args: readonly string[],
  timeoutMs: number,
): Promise<Outcome | { readonly failure: string }> {
  return new Promise((resolve) => {
    const child = fork(fileURLToPath(new URL(file, import.meta.url)), args, {
      // A group of its own: whatever it has started ends with it.
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    let errors = '';
    let outcome: Outcome | { readonly failure: string } | null = null;
    let late: NodeJS.Timeout | undefined;
    const killGroup = (): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has gone.
      }
    };
    process.once('exit', killGroup);
    const timer = setTimeout(() => {
      outcome ??= { failure: `took longer than ${timeoutMs / 1000} s` };
      killGroup();
    }, timeoutMs);
    child.stderr?.on('data', (bytes: Buffer) => (errors = (errors + bytes.toString()).slice(-2000)));
    child.on('message', (message) => {
      outcome ??= message as Outcome;
      late = setTimeout(killGroup, endMsMax);
    });
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      clearTimeout(late);
      killGroup();
      process.off('exit', killGroup);
      resolve(outcome ?? { failure: `the load generator ended with ${signal ?? `code ${code}`}: ${errors.trim()}` });
    });
  });
}
