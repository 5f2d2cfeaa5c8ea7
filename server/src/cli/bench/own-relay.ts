import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A relay in a process and a folder of its own, for as long as it is measured. */
export interface OwnRelay {
  /** `http://…` */
  readonly url: string;
  end(): Promise<void>;
}

/** Starts it on a free port, with its documents in a new folder within `parent`. */
export async function startOwnRelay(parent: string): Promise<OwnRelay> {
  const data = await mkdtemp(join(parent, 'tideweave-bench-'));
  const main = fileURLToPath(new URL('../../main.js', import.meta.url));
  // What is set for another relay is not for this one.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('TIDEWEAVE_')));
  const options = ['serve', '--host', '127.0.0.1', '--port', '0', '--data', data, '--log-level', 'error'];
  // In a group of its own: Ctrl-C is for the command, which ends it when it has cleaned up.
  const child = spawn(process.execPath, [main, ...options], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env,
    detached: true,
  });
  const ended = once(child, 'exit');
  const end = async (): Promise<void> => {
    child.kill('SIGTERM');
    await ended;
    await rm(data, { recursive: true, force: true });
  };
  let said = '';
  for await (const bytes of child.stdout.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    said += bytes.toString();
    const url = /ws(:\/\/[\d.]+:\d+)/.exec(said)?.[1];
    if (url === undefined) continue;
    child.stdout.resume();
    return { url: `http${url}`, end };
  }
  await end();
  throw new Error('a relay to measure could not be started');
}
