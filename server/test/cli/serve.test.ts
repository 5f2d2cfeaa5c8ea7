// @slow
// Starts the compiled command as a process, with a data folder of its own.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocket } from 'ws';

const main = fileURLToPath(new URL('../../src/main.js', import.meta.url));
const readyLine =
  /^tideweave: listening on (ws:\/\/\S+) \(data: (.+)\)\n(?:tideweave: to try it, open http:\/\/\S+\/\n)?$/;

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly error: string;
}

class Command {
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly ended: Promise<Ended>;
  #out = '';
  #error = '';

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('TIDEWEAVE_'));
    const child = spawn(process.execPath, [main, ...args], {
      env: { ...Object.fromEntries(inherited), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    child.stdout.on('data', (bytes: Buffer) => void (this.#out += bytes.toString()));
    child.stderr.on('data', (bytes: Buffer) => void (this.#error += bytes.toString()));
    this.ended = new Promise((resolve) => {
      child.once('close', (code, signal) => resolve({ code, signal, out: this.#out, error: this.#error }));
    });
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  get error(): string {
    return this.#error;
  }

  /** The whole output up to the end of the ready line; fails when the process ends before it. */
  async ready(): Promise<{ line: string; url: string; data: string }> {
    const failed = this.ended.then(({ code, error }) => {
      throw new Error(`ended with ${code} before it was ready: ${error}`);
    });
    while (!this.#out.includes('\n')) await Promise.race([once(this.#child.stdout, 'data'), failed]);
    failed.catch(() => {});
    const match = readyLine.exec(this.#out);
    return { line: this.#out, url: match?.[1] ?? '', data: match?.[2] ?? '' };
  }
}

const test = suite('tideweave serve', { folder: '', commands: [] as Command[] });

function start(
  context: { commands: Command[] },
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Command {
  const command = new Command(args, env);
  context.commands.push(command);
  return command;
}

test.before.each(async (context) => {
  context.folder = await mkdtemp(join(tmpdir(), 'tideweave-cli-'));
  context.commands = [];
});

test.after.each(async (context) => {
  for (const command of context.commands) command.kill('SIGKILL');
  await Promise.all(context.commands.map((command) => command.ended));
  await rm(context.folder, { recursive: true, force: true });
});

test('U3 the compiled command shows its help and its version', async (context) => {
  const help = await start(context, ['--help']).ended;
  assert.is(help.code, 0);
  assert.match(help.out, /Usage: tideweave/);
  const version = await start(context, ['--version']).ended;
  assert.is(version.code, 0);
  assert.match(version.out, /^\d+\.\d+\.\d+\n$/);
});

test('U3 a bad flag, a bad value and a bad variable end with one line and exit code 2', async (context) => {
  const outcomes = await Promise.all([
    start(context, ['serve', '--bogus']).ended,
    start(context, ['serve', '--port', 'x']).ended,
    start(context, ['serve'], { TIDEWEAVE_PORT: 'x' }).ended,
    start(context, ['serve'], { TIDEWEAVE_PROT: '1' }).ended,
    start(context, ['serve', '--host', '0.0.0.0']).ended,
  ]);
  for (const { code, out, error } of outcomes) {
    assert.is(code, 2, error);
    assert.is(out, '');
    assert.match(error, /^tideweave: [^\n]+\n$/);
  }
});

test('R5 it says where it listens once it does, and SIGTERM ends it with exit code 0', async (context) => {
  const relay = start(context, ['serve', '--port', '0', '--data', context.folder]);
  const { line, url, data } = await relay.ready();
  assert.match(line, readyLine);
  assert.match(url, /^ws:\/\/127\.0\.0\.1:[1-9]\d*$/);
  assert.is(data, context.folder);
  const socket = new WebSocket(`${url}/some-document`);
  await once(socket, 'open');
  const closed = once(socket, 'close');
  const asked = performance.now();
  relay.kill('SIGTERM');
  const { code, signal, out } = await relay.ended;
  assert.is(signal, null);
  assert.is(code, 0);
  assert.ok(performance.now() - asked < 10_000, 'drained within 10 s');
  assert.is(out, line, 'nothing but the ready line on stdout');
  await closed;
});

test('R5 SIGINT ends it with exit code 0 too', async (context) => {
  const relay = start(context, ['serve', '--port', '0', '--data', context.folder]);
  await relay.ready();
  relay.kill('SIGINT');
  assert.is((await relay.ended).code, 0);
});

test('R5 a signal while it starts ends it in good order', async (context) => {
  const relay = start(context, ['serve', '--port', '0', '--data', context.folder]);
  relay.kill('SIGTERM');
  const { code, signal } = await relay.ended;
  // Before its handlers are there, the signal ends the process as it ends any.
  assert.ok(code === 0 || signal === 'SIGTERM', `code ${code}, signal ${signal}`);
});

test('R5 an error nobody caught is logged, and the process drains and ends with exit code 1', async (context) => {
  const script = 'process.on("SIGCONT", () => { throw new Error("boom") })';
  const bomb = `data:text/javascript,${encodeURIComponent(script)}`;
  const relay = start(context, ['serve', '--port', '0', '--data', context.folder], {
    NODE_OPTIONS: `--import=${bomb}`,
  });
  await relay.ready();
  relay.kill('SIGCONT');
  const { code, error } = await relay.ended;
  assert.is(code, 1);
  assert.match(error, /"level":"fatal".*boom/);
  assert.match(error, /"msg":"drained"/);
});

test('O1 the log is JSON lines on stderr', async (context) => {
  const relay = start(context, ['serve', '--port', '0', '--data', context.folder, '--log-level', 'debug']);
  await relay.ready();
  relay.kill('SIGTERM');
  const lines = (await relay.ended).error.split('\n').filter(Boolean);
  assert.ok(lines.length > 0);
  for (const line of lines) assert.type(JSON.parse(line), 'object', line);
});

test('U3 --insecure warns in plain words', async (context) => {
  const relay = start(context, ['serve', '--host', '0.0.0.0', '--insecure', '--port', '0', '--data', context.folder]);
  await relay.ready();
  assert.match(relay.error, /^tideweave: WARNING: --insecure: everyone who can reach 0\.0\.0\.0 /);
});

test('U3 IPv6 addresses stand in brackets', async (context) => {
  const relay = start(context, ['serve', '--host', '::1', '--port', '0', '--data', context.folder]);
  const { url } = await relay.ready();
  assert.match(url, /^ws:\/\/\[::1\]:\d+$/);
});

test('D4 a second relay on the same data is refused with one line, and the first goes on', async (context) => {
  const first = start(context, ['serve', '--port', '0', '--data', context.folder]);
  const { url } = await first.ready();
  const second = await start(context, ['serve', '--port', '0', '--data', context.folder]).ended;
  assert.is(second.code, 1);
  assert.is(second.out, '');
  assert.match(second.error, /^tideweave: [^\n]*in use[^\n]*\n$/);
  assert.ok(second.error.includes(context.folder), second.error);
  const socket = new WebSocket(`${url}/some-document`);
  await once(socket, 'open');
  socket.terminate();
});

test('U3 a port in use is named in one line, with what to do', async (context) => {
  const blocker = createServer().listen(0, '127.0.0.1');
  await once(blocker, 'listening');
  const address = blocker.address();
  const port = typeof address === 'object' ? String(address?.port) : '';
  const { code, out, error } = await start(context, ['serve', '--port', port, '--data', context.folder]).ended;
  blocker.close();
  assert.is(code, 1);
  assert.is(out, '');
  assert.match(error, new RegExp(`^tideweave: port ${port} on 127\\.0\\.0\\.1 is in use: [^\\n]*--port[^\\n]*\\n$`));
});

test('U3 a data folder that cannot be one is named in one line', async (context) => {
  const file = join(context.folder, 'file');
  await writeFile(file, '');
  const { code, error } = await start(context, ['serve', '--port', '0', '--data', join(file, 'data')]).ended;
  assert.is(code, 1);
  assert.match(error, /^tideweave: [^\n]+\n$/);
  assert.ok(error.includes(file), error);
});

test.run();
