/** Commands that take long: Ctrl-C ends them in good order, and they say so by their exit code. */
import { setTimeout } from 'node:timers/promises';

import { exitCodes, type FolderCommandOutput } from './folder-command.ts';

/** As shells have it for a process that Ctrl-C ended. */
const interruptedExitCode = 130;

/** Runs a command with a signal that Ctrl-C and SIGTERM abort. Returns its exit code, or that of a failure, which is told. */
export async function interruptible(
  { writeError }: FolderCommandOutput,
  describe: (error: unknown) => string,
  run: (signal: AbortSignal) => Promise<number>,
): Promise<number> {
  const interruption = new AbortController();
  const interrupt = (): void => interruption.abort();
  process.once('SIGINT', interrupt);
  process.once('SIGTERM', interrupt);
  try {
    const code = await run(interruption.signal);
    return interruption.signal.aborted ? interruptedExitCode : code;
  } catch (error) {
    writeError(`tideweave: ${describe(error)}\n`);
    return exitCodes.failed;
  } finally {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
  }
}

/** Resolves after so long, or when it is interrupted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await setTimeout(ms, undefined, { signal }).catch(() => undefined);
}
