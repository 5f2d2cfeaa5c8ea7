/** `tideweave doctor`: whether this machine is fit for a relay, and whether the one on it is well. */
import { mkdtemp, open, readFile, rm, stat, statfs } from 'node:fs/promises';
import { release } from 'node:os';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';

import { systemClock } from '../clock.ts';
import type { Config } from '../config-schema.ts';
import { asError } from '../observability/log.ts';
import { exitCodes, type FolderCommandOutput } from './folder-command.ts';
import { listenFailure, reachable, showHost } from './listening.ts';
import { RelayClient, RelayRefusal } from './relay-client.ts';
import type { RelaySettings } from './relay-commands.ts';

interface Check {
  readonly what: string;
  readonly isWell: boolean;
  readonly says: string;
}

const freeBytesMin = 1024 ** 3;
const syncs = 30;
const syncMsMax = 50;
const answerMsMax = 10_000;
/** Files of LevelDB, of Node, and room. */
const filesBesideSockets = 2000;

/** Returns the exit code. */
export async function doctor(
  settings: RelaySettings & { readonly version: string; readonly config: Config },
  output: FolderCommandOutput,
): Promise<number> {
  const { version, json, config } = settings;
  const checks: Check[] = [
    {
      what: 'versions',
      isWell: isNodeNewEnough(process.versions.node),
      says: `tideweave ${version}, Node ${process.versions.node}, ${process.platform} ${release()}`,
    },
    ...(await checkDisk(config.data)),
    await checkFiles(config.limits.connectionsMax),
    await checkPort(config),
    await checkRelay(settings),
  ];
  const isWell = checks.every((check) => check.isWell);
  if (json) output.writeOut(`${JSON.stringify({ isWell, checks })}\n`);
  else for (const check of checks) output.writeOut(`${check.isWell ? 'ok  ' : 'SEE '}  ${check.what}: ${check.says}\n`);
  return isWell ? exitCodes.clean : exitCodes.findings;
}

function isNodeNewEnough(node: string): boolean {
  const [major = 0, minor = 0] = node.split('.').map(Number);
  return major > 20 || (major === 20 && minor >= 19);
}

/** The data folder, or the nearest folder above it that is there. */
async function placeOf(data: string): Promise<string> {
  for (let path = resolve(data); ; path = dirname(path)) {
    const found = await stat(path).catch(() => null);
    if (found !== null || path === dirname(path)) return path;
  }
}

async function checkDisk(data: string): Promise<readonly Check[]> {
  const place = await placeOf(data);
  const where = place === resolve(data) ? data : `${data} (not there yet; its place is ${place})`;
  try {
    const { bavail, bsize } = await statfs(place);
    const free = bavail * bsize;
    const times = (await syncTimes(place)).toSorted((a, b) => a - b);
    const [median = 0, slowest = 0] = [times[Math.floor(times.length / 2)], times.at(-1)];
    return [
      { what: 'data folder', isWell: true, says: where },
      { what: 'room', isWell: free >= freeBytesMin, says: `${(free / 1024 ** 3).toFixed(1)} GiB free` },
      {
        what: 'sync',
        isWell: median <= syncMsMax,
        says: `${median.toFixed(2)} ms in the middle, ${slowest.toFixed(2)} ms at most, of ${syncs}; an edit is saved after one`,
      },
    ];
  } catch (error) {
    const why = error instanceof Error ? error.message : 'it failed';
    return [{ what: 'data folder', isWell: false, says: `${where} cannot be written to: ${why}` }];
  }
}

/** How long appends of 4 KiB take to be durable (ms). */
async function syncTimes(place: string): Promise<readonly number[]> {
  const folder = await mkdtemp(join(place, 'tideweave-doctor-'));
  const times: number[] = [];
  try {
    const file = await open(join(folder, 'probe'), 'w');
    try {
      for (let count = 0; count < syncs; count += 1) {
        const startedMs = systemClock.now();
        await file.write(Buffer.alloc(4096, count));
        await file.datasync();
        times.push(systemClock.now() - startedMs);
      }
    } finally {
      await file.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return times;
}

async function checkFiles(connectionsMax: number): Promise<Check> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '');
  const [, found] = /^Max open files\s+(\d+|unlimited)/m.exec(limits) ?? [];
  const most = found === undefined || found === 'unlimited' ? Infinity : Number(found);
  const wanted = connectionsMax + filesBesideSockets;
  const says =
    found === undefined
      ? 'this system does not say how many'
      : `${found} may be open; ${connectionsMax} connections (--connections-max) need ${wanted}`;
  return { what: 'open files', isWell: most >= wanted, says };
}

/** Listens for a moment where the relay would. */
async function checkPort({ host, port }: Config): Promise<Check> {
  const what = 'port';
  const place = `${showHost(host)}:${port}`;
  const error = await tryToListen(host, port);
  if (error === null) {
    const says = port === 0 ? `a relay gets a free one on ${showHost(host)}` : `${place} is free for a relay`;
    return { what, isWell: true, says };
  }
  const isTaken = 'code' in error && error.code === 'EADDRINUSE';
  const answer = isTaken ? await askRelay(`http://${showHost(reachable(host))}:${port}`, '') : null;
  if (answer?.isRelay === true) return { what, isWell: true, says: `${place} has a relay already` };
  return {
    what,
    isWell: false,
    says: listenFailure(error, host, port) ?? `${place} cannot be listened on: ${error.message}`,
  };
}

/** Null when it worked. */
function tryToListen(host: string, port: number): Promise<Error | null> {
  return new Promise((settle) => {
    const server = createServer();
    server.once('error', settle);
    server.listen({ host, port }, () => server.close(() => settle(null)));
  });
}

async function checkRelay({ url, token }: RelaySettings): Promise<Check> {
  const { isWell, says } = await askRelay(url, token);
  return { what: 'relay', isWell, says };
}

interface Answer {
  readonly isRelay: boolean;
  readonly isWell: boolean;
  readonly says: string;
}

async function askRelay(url: string, token: string): Promise<Answer> {
  try {
    const signal = AbortSignal.timeout(answerMsMax);
    const { status } = await new RelayClient(url, token).json<{ status?: unknown }>('/readyz', { signal });
    if (status !== 'ok') throw new Error('it has another answer to /readyz');
    return { isRelay: true, isWell: true, says: `${url} answers and takes edits` };
  } catch (error) {
    if (error instanceof RelayRefusal)
      return { isRelay: error.refusal !== '', isWell: false, says: `${url}: ${error.message}` };
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : null;
    if (cause !== null && 'code' in cause && cause.code === 'ECONNREFUSED')
      return { isRelay: false, isWell: true, says: `nobody listens at ${url}` };
    const why = (cause ?? asError(error)).message;
    return { isRelay: false, isWell: false, says: `${url} does not answer as a relay does: ${why}` };
  }
}
