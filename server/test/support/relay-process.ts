/** The compiled command as a process of its own, to be killed. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Random } from '@tideweave/shared';

const main = fileURLToPath(new URL('../../src/main.js', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly error: string;
}

export class RelayProcess {
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  #out = '';
  #error = '';
  #url = '';

  private constructor(data: string, port: number, args: readonly string[]) {
    this.#child = spawn(process.execPath, [main, 'serve', '--port', String(port), '--data', data, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout.on('data', (bytes: Buffer) => void (this.#out += bytes.toString()));
    this.#child.stderr.on('data', (bytes: Buffer) => void (this.#error += bytes.toString()));
    this.ended = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => resolve({ code, signal, error: this.#error }));
    });
  }

  /** Resolves when it listens. */
  static async start(data: string, options: { port?: number; args?: readonly string[] } = {}): Promise<RelayProcess> {
    const relay = new RelayProcess(data, options.port ?? 0, options.args ?? []);
    const failed = relay.ended.then(({ code, error }) => {
      throw new Error(`the relay ended with ${code} before it listened: ${error}`);
    });
    failed.catch(() => undefined);
    while (!relay.#out.includes('\n')) await Promise.race([once(relay.#child.stdout, 'data'), failed]);
    relay.#url = /ws:\/\/\S+/.exec(relay.#out)?.[0] ?? '';
    return relay;
  }

  get url(): string {
    return this.#url;
  }

  get http(): string {
    return this.#url.replace(/^ws/, 'http');
  }

  get error(): string {
    return this.#error;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** `kill -9`; resolves when the process is gone. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }

  /** SIGTERM; resolves with how it ended. */
  async stop(): Promise<Ended> {
    this.#child.kill('SIGTERM');
    return this.ended;
  }

  /** Resident memory in bytes, as the system counts it. */
  async residentBytes(): Promise<number> {
    const status = await readFile(`/proc/${this.#child.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
  }
}

/** Runs with a relay process and kills it afterwards. */
export async function withRelayProcess<Value>(
  data: string,
  options: { port?: number; args?: readonly string[] },
  run: (relay: RelayProcess) => Promise<Value>,
): Promise<Value> {
  const relay = await RelayProcess.start(data, options);
  try {
    return await run(relay);
  } catch (error) {
    console.error(`what the relay wrote:\n${relay.error}`);
    throw error;
  } finally {
    await relay.kill();
  }
}

/**
 * A port that a relay can be started on again and again. Below the range from which the system takes the clients' own
 * ports: a client that tries to reach a dead relay could otherwise connect to itself.
 */
export async function stablePort(random: Random): Promise<number> {
  for (;;) {
    const port = 15_000 + Math.floor(random() * 15_000);
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!free) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}
