/** The command line of the bench. */
import { resolve } from 'node:path';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { type PeerName, defaultPeers, peerNames, quickPeers } from '../peers/peers.ts';

export interface Arguments {
  readonly quick: boolean;
  /** Identifiers such as `w1`; null for all. */
  readonly workloads: readonly string[] | null;
  /** What the name of a variant has to contain; null for all. */
  readonly variant: string | null;
  readonly peers: readonly PeerName[];
  readonly rounds: number;
  /** No run begins that would probably end later than this. */
  readonly minutes: number;
  readonly json: string | null;
  readonly charts: boolean;
  /** Where our relay leaves CPU profiles; null for none. */
  readonly profile: string | null;
}

export class UsageError extends Error {
  override readonly name: string = 'UsageError';
  readonly exitCode: number;

  constructor(message: string, exitCode: number) {
    super(message);
    this.exitCode = exitCode;
  }
}

const quickRounds = 1;
const fullRounds = 3;
const quickMinutes = 4.5;
const fullMinutes = 43;

const epilog = `
Every figure has durability and validation on, and after each run of ours the server is killed and everything that it
had acknowledged is read back (D1). Runs alternate between the servers; the table shows medians over the rounds and
their ratios. Results are written as they come to bench/results/, with the machine and the commit; charts to
bench/results/charts.

Examples:
  npm run bench                                    everything, three rounds: 45 minutes at most
  npm run bench -- --quick                         the essential, one round: 5 minutes at most
  npm run bench -- --workload w1 w5 --rounds 5
  npm run bench -- --workload w2 --peers tideweave bare
  npm run bench -- --workload w8 --variant "64 devices"

Exit codes: 0 measured; 1 a run of ours failed, or lost what it had acknowledged; 2 a mistake in the options.`;

/** `from`: the folder that paths are relative to. Throws `UsageError`; `--help` is one with exit code 0. */
export function parseArguments(args: readonly string[], from: string, workloadIds: readonly string[]): Arguments {
  const command = new Command('npm run bench --')
    .description('Measures the relay and its peers side by side.')
    .addOption(new Option('--quick', 'the essential variants, shorter, one round').default(false))
    .addOption(new Option('--workload <id...>', 'only these (w1 to w10, growth, micro)').choices(workloadIds))
    .option('--variant <text>', 'only variants whose name contains this')
    .addOption(
      new Option(
        '--peers <name...>',
        'servers to measure (default: all but tideweave-stock; quick: without automerge too)',
      ).choices(peerNames),
    )
    .option('--rounds <n>', `how often each is measured (default: ${fullRounds}, quick ${quickRounds})`, atLeast(1))
    .option('--minutes <n>', `begin no run after this (default: ${fullMinutes}, quick ${quickMinutes})`, atLeast(0.1))
    .option('--json <file>', 'write the results to this file too')
    .option('--profile <folder>', 'our relay leaves CPU profiles there, and is not killed at the end of a run')
    .option('--no-charts', 'draw no charts')
    .addHelpText('after', epilog)
    .exitOverride()
    .configureOutput({ writeOut: () => undefined, writeErr: () => undefined });
  let help = '';
  command.configureOutput({ writeOut: (text) => (help += text), writeErr: () => undefined });
  try {
    command.parse([...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) throw new UsageError(help.trimEnd(), 0);
    throw new UsageError(error.message.replace(/^error: /, ''), 2);
  }
  const options = command.opts<Options>();
  return {
    quick: options.quick,
    workloads: options.workload ?? null,
    variant: options.variant ?? null,
    peers: options.peers ?? (options.quick ? quickPeers : defaultPeers),
    rounds: options.rounds ?? (options.quick ? quickRounds : fullRounds),
    minutes: options.minutes ?? (options.quick ? quickMinutes : fullMinutes),
    json: options.json === undefined ? null : resolve(from, options.json),
    charts: options.charts,
    profile: options.profile === undefined ? null : resolve(from, options.profile),
  };
}

interface Options {
  readonly quick: boolean;
  readonly workload?: string[];
  readonly variant?: string;
  readonly peers?: PeerName[];
  readonly rounds?: number;
  readonly minutes?: number;
  readonly json?: string;
  readonly profile?: string;
  readonly charts: boolean;
}

function atLeast(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isFinite(value) && value >= least) return value;
    throw new InvalidArgumentError(`a number from ${least} is needed.`);
  };
}
