import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { UsageError, parseArguments } from '../../src/runner/arguments.ts';

const parse = (...args: string[]): ReturnType<typeof parseArguments> => parseArguments(args, '/from', ['w1', 'w2']);

function refused(...args: string[]): UsageError {
  try {
    parse(...args);
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
  throw new Error(`${args.join(' ')} was accepted`);
}

test('W0 without options the bench runs everything against every peer, within 45 minutes', () => {
  const args = parse();
  assert.is(args.workloads, null);
  assert.equal([...args.peers], ['tideweave', 'bare', 'hocuspocus', 'y-websocket', 'automerge']);
  assert.is(args.rounds, 3);
  assert.ok(args.minutes < 45);
});

test('W0 --quick is one round within 5 minutes', () => {
  const args = parse('--quick');
  assert.is(args.rounds, 1);
  assert.ok(args.minutes < 5);
  assert.is(parse('--quick', '--rounds', '2').rounds, 2);
});

test('W0 workloads, peers and a file can be chosen', () => {
  const args = parse('--workload', 'w1', 'w2', '--peers', 'tideweave', 'bare', '--json', 'out.json', '--no-charts');
  assert.equal(args.workloads, ['w1', 'w2']);
  assert.equal(args.peers, ['tideweave', 'bare']);
  assert.is(args.json, '/from/out.json');
  assert.is(args.charts, false);
});

test('W0 what there is not is refused with a sentence and exit code 2', () => {
  assert.match(refused('--workload', 'w77').message, /w1, w2/);
  assert.match(refused('--peers', 'nobody').message, /tideweave/);
  assert.match(refused('--rounds', '0').message, /number from 1/);
  assert.match(refused('--fast').message, /unknown option/);
  assert.is(refused('--fast').exitCode, 2);
});

test('W0 --help says how to use it and is no mistake', () => {
  const help = refused('--help');
  assert.is(help.exitCode, 0);
  assert.match(help.message, /--workload/);
  assert.match(help.message, /Exit codes/);
});

test.run();
