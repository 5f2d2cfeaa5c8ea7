/**
 * A relay as an operator runs it, `tideweave serve` in a process of its own on a data folder of its own, and what can be
 * asked about it: its HTTP interface while it runs, its files when it has stopped.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Head, openLevelLog } from '@tideweave/server';
import { ReplayError } from './errors.ts';

const startMsMax = 20_000;
/** The relay promises to drain within 10 s (R5). */
const stopMsMax = 12_000;
const errorCharsMax = 4000;

/** What a process has used so far; null where the system does not tell. */
export interface ProcessUse {
  readonly cpuMs: number | null;
  readonly peakBytes: number | null;
}

export interface RelayOptions {
  /** Gets its CPU profiles when it stops; default none. */
  readonly profileFolder?: string | null;
  /** Bytes of raw entries kept behind a snapshot; default what relays keep. */
  readonly rawWindowBytes?: number;
}

export class RelayProcess {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<string>;
  /** Ends with the process; says how. */
  #end: string | null = null;

  private constructor(child: ChildProcess, url: string, ended: Promise<string>) {
    this.#child = child;
    this.url = url;
    this.#ended = ended;
    void ended.then((end) => (this.#end = end));
  }

  /** Starts one on a free port. Throws `ReplayError`. */
  static async start(dataFolder: string, options: RelayOptions = {}): Promise<RelayProcess> {
    const { profileFolder = null, rawWindowBytes } = options;
    const main = fileURLToPath(new URL('main.js', import.meta.resolve('@tideweave/server')));
    const profiling = profileFolder === null ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`];
    // When everybody has left it compacts soon instead of after 10 s: nothing else depends on this setting.
    const serve = ['serve', '--port', '0', '--data', dataFolder, '--log-level', 'warn', '--idle-unload-ms', '200ms'];
    if (rawWindowBytes !== undefined) serve.push('--raw-window-bytes', String(rawWindowBytes));
    // The settings of whoever runs this are for their relay, not for this one.
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('TIDEWEAVE_')));
    const child = spawn(process.execPath, [...profiling, main, ...serve], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const killChild = (): void => void child.kill('SIGKILL');
    process.once('exit', killChild);
    let errors = '';
    child.stderr.on('data', (bytes: Buffer) => (errors = (errors + bytes.toString()).slice(-errorCharsMax)));
    const ended = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(`it could not be started: ${error.message}`));
      child.once('close', (code, signal) => resolve(`it ended with ${signal ?? `code ${code}`}: ${errors.trim()}`));
    });
    void ended.then(() => process.off('exit', killChild));
    let out = '';
    const ready = new Promise<string>((resolve) => {
      child.stdout.on('data', (bytes: Buffer) => {
        out += bytes.toString();
        const url = /ws:\/\/\S+/.exec(out)?.[0];
        if (url !== undefined) resolve(url);
      });
    });
    const failed = ended.then((end) => {
      throw new ReplayError(`the relay does not run: ${end}`);
    });
    failed.catch(() => undefined);
    const url = await withinMs(startMsMax, 'the relay to listen', Promise.race([ready, failed]));
    return new RelayProcess(child, url, ended);
  }

  /** Why it does not run any more; null while it does. */
  get end(): string | null {
    return this.#end;
  }

  /** SIGTERM, and the end that is promised after it. Returns the milliseconds it took. Throws `ReplayError`. */
  async stop(): Promise<number> {
    const asked = performance.now();
    this.#child.kill('SIGTERM');
    const end = await withinMs(stopMsMax, 'the relay to end after SIGTERM', this.#ended);
    if (this.#child.exitCode !== 0) throw new ReplayError(`the relay did not end in good order: ${end}`);
    return performance.now() - asked;
  }

  /** Ends it whatever it does; for cleaning up. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  async use(): Promise<ProcessUse> {
    const { pid } = this.#child;
    try {
      const [status, stats] = await Promise.all([
        readFile(`/proc/${pid}/status`, 'utf8'),
        readFile(`/proc/${pid}/stat`, 'utf8'),
      ]);
      // The name in brackets may hold spaces: count from behind it. Fields 14 and 15 of proc(5), in ticks of 10 ms.
      const fields = stats.slice(stats.lastIndexOf(')') + 2).split(' ');
      const peakKiB = /^VmHWM:\s+(\d+) kB/m.exec(status)?.[1];
      return {
        cpuMs: (Number(fields[11]) + Number(fields[12])) * 10,
        peakBytes: peakKiB === undefined ? null : Number(peakKiB) * 1024,
      };
    } catch {
      return { cpuMs: null, peakBytes: null };
    }
  }
}

/** What `GET /api/docs/NAME` says. */
export interface DocumentInfo {
  readonly seq: number;
  readonly bytes: number;
  readonly connections: number;
}

/** The HTTP interface of the relay at a WebSocket address. */
export class RelayApi {
  readonly #base: string;

  constructor(url: string) {
    this.#base = `${url.replace(/^ws/, 'http').replace(/\/$/, '')}/api/docs`;
  }

  /** Rejects when nothing answers at the address: clients would try again for ever. */
  async reachable(): Promise<void> {
    await this.#fetch('GET', '', '?limit=1');
  }

  async info(name: string): Promise<DocumentInfo> {
    return (await (await this.#fetch('GET', name, '')).json()) as DocumentInfo;
  }

  async delete(name: string): Promise<void> {
    await this.#fetch('DELETE', name, '');
  }

  /**
   * Resolves when everything the relay has taken for the document is durable. A stock client is never told, but the
   * relay answers an update only when it is durable, and what it had before is durable with it: so it is given one that
   * it has already.
   */
  async whenDurable(name: string, knownUpdate: Uint8Array): Promise<void> {
    await this.#fetch('POST', name, '/update', Buffer.from(knownUpdate));
  }

  async #fetch(
    method: string,
    name: string,
    route: string,
    body: Buffer<ArrayBuffer> | null = null,
  ): Promise<Response> {
    const url = `${this.#base}${name === '' ? '' : `/${encodeURIComponent(name)}`}${route}`;
    const response = await fetch(url, { method, body }).catch((error: unknown) => {
      const reason = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error);
      throw new ReplayError(`no relay answers at ${this.#base}: ${reason}`, { cause: error });
    });
    if (!response.ok) throw new ReplayError(`${method} ${url}: ${response.status} ${await response.text()}`);
    return response;
  }
}

/** A folder for one relay's documents, and for nothing else. */
export async function makeDataFolder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'tideweave-replay-'));
  // Also when this process is interrupted. The relay may write for another moment until its SIGKILL reaches it.
  process.once('exit', () => rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 }));
  return path;
}

export function removeFolder(path: string): Promise<void> {
  return rm(path, { recursive: true, force: true });
}

export async function folderBytes(path: string): Promise<number> {
  const names = await readdir(path, { recursive: true });
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(path, name)).then(
        (entry) => (entry.isFile() ? entry.size : 0),
        // LevelDB drops files while it works.
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** What the files of a stopped relay say of a document. */
export async function storedHead(dataFolder: string, name: string): Promise<Head | null> {
  const log = await openLevelLog({ path: dataFolder, wallTime: Date.now });
  try {
    return await log.head(name);
  } finally {
    await log.close();
  }
}

/** Rejects with `ReplayError` when it takes longer. */
export async function withinMs<T>(ms: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new ReplayError(`waited ${ms} ms for ${what}`)), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
