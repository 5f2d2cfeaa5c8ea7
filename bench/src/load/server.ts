/** A server under test, as a child process with a data folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { BenchError } from '../errors.ts';
import type { Peer } from '../peers/peers.ts';

const startMsMax = 20_000;
const stopMsMax = 20_000;
const lookMs = 20;
const outputCharsMax = 2000;

export interface ServerOptions {
  /** Node's own flags, as for a profile. */
  readonly nodeFlags?: readonly string[];
  /** Settings of our own relay that a preparation needs; never of a server that is measured. */
  readonly env?: Readonly<Record<string, string>>;
}

export class Server {
  readonly url: string;
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #isProfiled: boolean;

  private constructor(child: ChildProcess, port: number, exited: Promise<unknown>, isProfiled: boolean) {
    this.#isProfiled = isProfiled;
    this.#child = child;
    this.pid = child.pid ?? 0;
    this.url = `ws://127.0.0.1:${port}`;
    this.#exited = exited;
  }

  /** Resolves when it takes connections. Rejects with `BenchError`. */
  static async start(peer: Peer, folder: string, options: ServerOptions = {}): Promise<Server> {
    const port = await freePort();
    const { args, env = {} } = peer.launch(port, folder);
    // The settings of whoever runs this are for their relay, not for this one.
    const inherited = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !name.startsWith('TIDEWEAVE_') && name !== 'NODE_OPTIONS'),
    );
    const profile = process.env['TIDEWEAVE_BENCH_PROFILE'];
    const profiling = profile === undefined || !peer.isOurs ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
    const child = spawn(process.execPath, [...profiling, ...(options.nodeFlags ?? []), ...args], {
      env: { ...inherited, NODE_ENV: 'production', ...env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const killChild = (): void => void child.kill('SIGKILL');
    process.once('exit', killChild);
    let output = '';
    const keep = (bytes: Buffer): void => void (output = (output + bytes.toString()).slice(-outputCharsMax));
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const exited = once(child, 'exit').catch(() => undefined);
    void exited.then(() => process.off('exit', killChild));
    const deadline = performance.now() + startMsMax;
    while (!(await answers(port))) {
      if (child.exitCode !== null || child.signalCode !== null) {
        throw new BenchError(`${peer.name} ended while starting: ${output.trim()}`);
      }
      if (performance.now() > deadline) {
        child.kill('SIGKILL');
        throw new BenchError(`${peer.name} did not listen within ${startMsMax} ms: ${output.trim()}`);
      }
      await sleep(lookMs);
    }
    return new Server(child, port, exited, profiling.length > 0);
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** SIGTERM, and SIGKILL for one that does not end by it. Returns whether it ended by itself. */
  async stop(): Promise<boolean> {
    this.#child.kill('SIGTERM');
    const inTime = await Promise.race([this.#exited.then(() => true), sleep(stopMsMax, false, { ref: false })]);
    if (!inTime) this.#child.kill('SIGKILL');
    await this.#exited;
    return inTime;
  }

  /** As when the power fails, as far as the process is concerned; a profiled one ends by itself, to write its profile. */
  async kill(): Promise<void> {
    this.#child.kill(this.#isProfiled && !this.hasEnded ? 'SIGTERM' : 'SIGKILL');
    await this.#exited;
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new BenchError('no free port');
  return address.port;
}
