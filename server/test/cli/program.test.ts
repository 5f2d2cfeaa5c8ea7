import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { runProgram } from '../../src/cli/program.ts';
import { type Config, configFileSetting, settings } from '../../src/config-schema.ts';

interface Outcome {
  readonly exitCode: number | null;
  readonly out: string;
  readonly error: string;
  readonly served: Config | null;
}

/** A configuration file with a mistake in its last line. */
const fileText = 'port: 8080\n# comment\nallow-origin: [https://a.example]\ndrain-ms: soon\n';

let folder = '';
test.before(async () => void (folder = await mkdtemp(join(tmpdir(), 'tideweave-config-'))));
test.after(() => rm(folder, { recursive: true }));

async function written(text: string): Promise<string> {
  const file = join(folder, 'relay.yaml');
  await writeFile(file, text);
  return file;
}

async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  let out = '';
  let error = '';
  let served: Config | null = null;
  const exitCode = await runProgram(args, {
    env,
    version: '1.2.3',
    writeOut: (text) => void (out += text),
    writeError: (text) => void (error += text),
    serve: (config) => {
      served = config;
      return Promise.resolve();
    },
  });
  return { exitCode, out, error, served };
}

test('U3 help of serve names every setting, the environment and examples', async () => {
  const { exitCode, out, error } = await run(['serve', '--help']);
  assert.is(exitCode, 0);
  assert.is(error, '');
  for (const { flag, shownDefault } of [configFileSetting, ...settings]) {
    const line = out.split('\n').find((text) => text.trimStart().startsWith(flag));
    assert.ok(line?.includes(shownDefault), `${flag} in help, with its default`);
  }
  for (const part of ['Listening:', 'Limits:', 'Examples:', 'Environment:', 'TIDEWEAVE_MESSAGE_BYTES_MAX'])
    assert.ok(out.includes(part), part);
});

test('U3 help, version and a call without a command', async () => {
  const help = await run(['--help']);
  assert.is(help.exitCode, 0);
  assert.match(help.out, /Examples:/);
  assert.equal(await run(['--version']), { exitCode: 0, out: '1.2.3\n', error: '', served: null });
  const bare = await run([]);
  assert.is(bare.exitCode, 2);
  assert.match(bare.error, /Usage: tideweave/);
});

test('U3 flags reach the relay as a configuration, and its process decides when it ends', async () => {
  const args = [
    'serve',
    '--port',
    '0',
    '--drain-ms=2s',
    '--allow-origin',
    'https://a.example',
    '--allow-origin',
    'https://b.example',
  ];
  const { exitCode, served } = await run(args, { TIDEWEAVE_DATA: '/tmp/x', TIDEWEAVE_PORT: '99' });
  assert.is(exitCode, null);
  assert.is(served?.port, 0);
  assert.is(served?.data, '/tmp/x');
  assert.is(served?.limits.drainMs, 2000);
  assert.equal(served?.allowedOrigins, ['https://a.example', 'https://b.example']);
});

test('U3 flags beat the environment, which beats the file', async () => {
  const file = await written(fileText);
  const args = ['serve', '--config', file, '--drain-ms', '2s'];
  const { served, error } = await run(args, { TIDEWEAVE_PORT: '99' });
  assert.is(error, '');
  assert.is(served?.port, 99);
  assert.is(served?.limits.drainMs, 2000);
  assert.equal(served?.allowedOrigins, ['https://a.example']);
});

test('U3 each mistake is one line and exit code 2', async () => {
  const file = await written(fileText);
  const mistakes: readonly (readonly [readonly string[], Readonly<Record<string, string>>, string])[] = [
    [['serve', '--port', 'x'], {}, 'tideweave: --port must be a whole number from 0 to 65535, got "x"\n'],
    [
      ['serve'],
      { TIDEWEAVE_PORT: 'x' },
      'tideweave: --port must be a whole number from 0 to 65535, got "x" (from TIDEWEAVE_PORT)\n',
    ],
    [['serve', '--prot', '1'], {}, "tideweave: unknown option '--prot' (Did you mean --port?)\n"],
    [['serve', '--port'], {}, "tideweave: option '--port <number>' argument missing\n"],
    [['serve', 'more'], {}, "tideweave: too many arguments for 'serve'. Expected 0 arguments but got 1.\n"],
    [
      ['serve', '--config', file],
      {},
      `tideweave: ${file}:4: drain-ms must be a duration in milliseconds, or such as 500ms or 10s, from 0 to 1h, got "soon"\n`,
    ],
    [
      ['serve'],
      { TIDEWEAVE_CONFIG: 'gone.yaml' },
      "tideweave: the configuration file gone.yaml cannot be read: ENOENT: no such file or directory, open 'gone.yaml'\n",
    ],
    [['sevre'], {}, "tideweave: unknown command 'sevre' (Did you mean serve?)\n"],
  ];
  for (const [args, env, line] of mistakes) {
    assert.equal(await run(args, env), { exitCode: 2, out: '', error: line, served: null }, args.join(' '));
  }
});

test('U3 a failure of the relay is not taken for a mistake in the options', async () => {
  const around = {
    env: {},
    version: '1',
    writeOut: () => {},
    writeError: () => {},
    serve: () => Promise.reject(new Error('broken')),
  };
  const outcome = await runProgram(['serve'], around).catch((error: unknown) => error);
  assert.instance(outcome, Error);
});

test.run();
