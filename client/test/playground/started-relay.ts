/** The relay as `npm start` leaves it running, on a free port and a data folder of its own. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../editors/browser.ts';

export interface StartedRelay {
  /** `http://…`: where it tells people to look. */
  readonly origin: string;
  end(): Promise<void>;
}

export async function startRelay(): Promise<StartedRelay> {
  const data = await mkdtemp(join(tmpdir(), 'tideweave-playground-'));
  const command = join(root, 'server/bin/tideweave.js');
  const child = spawn(process.execPath, [command, 'serve', '--port', '0', '--data', data], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  let said = '';
  for await (const bytes of child.stdout.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    said += bytes.toString();
    const origin = /open (http:\/\/\S+)\//.exec(said)?.[1];
    if (origin === undefined) continue;
    child.stdout.resume();
    return {
      origin,
      end: async () => {
        child.kill('SIGTERM');
        await ended;
        await rm(data, { recursive: true });
      },
    };
  }
  throw new Error(`the relay ended before it said where its page is: ${said}`);
}
