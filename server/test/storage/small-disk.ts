/** A disk that can be filled and emptied: a small tmpfs where that may be mounted, otherwise a limit on the size of files. */
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, open, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const diskMiB = 32;
const ballastBytes = 64 * 1024;

export interface SmallDisk {
  readonly kind: 'tmpfs' | 'RLIMIT_FSIZE';
  readonly path: string;
  /** From now on nothing more can be written. */
  fill(): Promise<void>;
  /** There is room again. */
  free(): Promise<void>;
}

/** Runs with a small disk, which is gone afterwards. */
export async function withSmallDisk(run: (disk: SmallDisk) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tideweave-disk-'));
  const mounted = mount(folder);
  const path = join(folder, 'data');
  await mkdir(path);
  try {
    await run(mounted ? tmpfsDisk(folder, path) : limitedDisk(path));
  } finally {
    if (mounted) execFileSync('umount', ['-l', folder]);
    await rm(folder, { recursive: true, force: true });
  }
}

function mount(folder: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${diskMiB}m`, 'tmpfs', folder], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function tmpfsDisk(folder: string, path: string): SmallDisk {
  const ballast = join(folder, 'ballast');
  return {
    kind: 'tmpfs',
    path,
    fill: async () => {
      const file = await open(ballast, 'a');
      try {
        for (let bytes = ballastBytes; bytes >= 1;) {
          try {
            await file.writeFile(Buffer.alloc(bytes, 'x'));
          } catch {
            bytes = Math.floor(bytes / 2);
          }
        }
      } finally {
        await file.close();
      }
    },
    free: () => rm(ballast),
  };
}

/** What the relay may write to one file is limited while it runs, from outside. */
function limitedDisk(path: string): SmallDisk {
  const limit = async (bytes: string): Promise<void> => {
    for (const pid of await processesWith(path)) execFileSync('prlimit', ['--pid', pid, `--fsize=${bytes}:unlimited`]);
  };
  return { kind: 'RLIMIT_FSIZE', path, fill: () => limit('1'), free: () => limit('unlimited') };
}

async function processesWith(argument: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (command.split('\0').includes(argument)) found.push(pid);
  }
  return found;
}
