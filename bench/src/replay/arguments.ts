/** The command line of the replay: its options, its help, and which trace and clients they mean. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { UsageError } from './errors.ts';
import { generateConcurrent, generateSequential, generatedCounts } from './generate.ts';
import type { ClientKind } from './peer.ts';
import { type Trace, cutTrace, readTrace } from './trace.ts';

export const help: string = `Usage: npm run replay -w @tideweave/bench -- [options]

Types a recorded editing session, keystroke by keystroke, through a running relay, and checks that every replica ends in
exactly the recorded text; then stops the relay, starts it again, and checks what a fresh client reads.

A trace by one author is typed by one client while a second reads along. A trace with several people at once is typed by
one client per person: each types only what follows from what has reached that person's document.

Options:
  --trace FILE     trace in the format of josephg/editing-traces, plain or gzipped
                   (default: ../shared/traces/automerge-paper.json.gz beside the repository; where that is absent, a
                   generated one of the same shape)
  --generate KIND  generate a trace instead: sequential (one author) or concurrent (two people)
  --seed N         seed of a generated trace (default: 1)
  --client KIND    tideweave (ours), y-websocket (the stock WebsocketProvider), mixed (both at once, both ways round) or
                   all, one after the other (default: tideweave)
  --edits N        only the first N transactions (default: all)
  --quick          only as many as the tests take: 15,000 of one author, 3,000 of several people
  --relay URL      a relay that runs already, such as ws://127.0.0.1:1234; it is not restarted, and the document is
                   deleted afterwards (default: start one on a free port and a temporary folder)
  --profile DIR    write CPU profiles of the relay into this folder, and name its hottest functions
  --json           print the reports as JSON, one array
  -h, --help       show this

Examples:
  npm run replay -w @tideweave/bench
  npm run replay -w @tideweave/bench -- --client mixed --edits 20000
  npm run replay -w @tideweave/bench -- --trace ../shared/traces/clownschool.json.gz --client all

Exit codes: 0 everything identical; 1 something diverged, got stuck or could not be read; 2 a mistake in the options.
`;

/** What the tests type. */
export const quickCounts = { sequential: 15_000, concurrent: 3000 } as const;

const clientChoices = ['tideweave', 'y-websocket', 'mixed', 'all'] as const;
export type ClientChoice = (typeof clientChoices)[number];

export interface Arguments {
  readonly help: boolean;
  readonly trace: string | null;
  readonly generate: Trace['kind'] | null;
  readonly seed: number;
  readonly client: ClientChoice;
  readonly edits: number | null;
  readonly quick: boolean;
  readonly relay: string | null;
  readonly profile: string | null;
  readonly json: boolean;
}

/** `from`: the folder that paths are relative to. Throws `UsageError`. */
export function parseArguments(args: readonly string[], from: string): Arguments {
  const { values } = parse(args);
  const { trace, generate, client = 'tideweave', edits, relay, profile, quick = false } = values;
  if (generate !== undefined && generate !== 'sequential' && generate !== 'concurrent') {
    throw new UsageError(`--generate takes sequential or concurrent, not ${JSON.stringify(generate)}`);
  }
  if (generate !== undefined && trace !== undefined) throw new UsageError('--trace and --generate exclude each other');
  if (quick && edits !== undefined) throw new UsageError('--quick and --edits exclude each other');
  const choice = clientChoices.find((known) => known === client);
  if (choice === undefined) {
    throw new UsageError(`--client takes ${clientChoices.join(', ')}, not ${JSON.stringify(client)}`);
  }
  if (relay !== undefined && !/^wss?:\/\//.test(relay)) {
    throw new UsageError(`--relay takes an address such as ws://127.0.0.1:1234, not ${JSON.stringify(relay)}`);
  }
  if (relay !== undefined && profile !== undefined) {
    throw new UsageError('--profile is for a relay that is started here, and --relay names one that runs already');
  }
  return {
    help: values.help ?? false,
    trace: trace === undefined ? null : resolve(from, trace),
    generate: generate ?? null,
    seed: wholeNumber('--seed', values.seed ?? '1', 0),
    client: choice,
    edits: edits === undefined ? null : wholeNumber('--edits', edits, 1),
    quick,
    relay: relay ?? null,
    profile: profile === undefined ? null : resolve(from, profile),
    json: values.json ?? false,
  };
}

interface Values {
  readonly trace?: string;
  readonly generate?: string;
  readonly seed?: string;
  readonly client?: string;
  readonly edits?: string;
  readonly quick?: boolean;
  readonly relay?: string;
  readonly profile?: string;
  readonly json?: boolean;
  readonly help?: boolean;
}

function parse(args: readonly string[]): { readonly values: Values } {
  try {
    return parseArgs({
      args: [...args],
      options: {
        trace: { type: 'string' },
        generate: { type: 'string' },
        seed: { type: 'string' },
        client: { type: 'string' },
        edits: { type: 'string' },
        quick: { type: 'boolean' },
        relay: { type: 'string' },
        profile: { type: 'string' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // Node's advice about "--" after the first sentence is for another kind of program.
    throw new UsageError(`${message.split('. ')[0]}; --help shows the options`, { cause: error });
  }
}

function wholeNumber(flag: string, text: string, min: number): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isSafeInteger(value) && value >= min) return value;
  throw new UsageError(`${flag} takes a whole number from ${min}, not ${JSON.stringify(text)}`);
}

/** Where the recorded traces lie, beside the repository: four folders above dist/src/replay, and one more. */
const tracesFolder = new URL('../../../../../shared/traces/', import.meta.url);

/** The recorded trace of a kind, or one made up where the recordings are absent. Throws `ReplayError`. */
export async function defaultTrace(kind: Trace['kind'], seed = 1): Promise<Trace> {
  const file = kind === 'sequential' ? 'automerge-paper.json.gz' : 'clownschool.json.gz';
  const path = fileURLToPath(new URL(file, tracesFolder));
  return existsSync(path) ? readTrace(path) : generateTrace(kind, seed, null);
}

/** The trace that the arguments ask for. Throws `ReplayError`. */
export async function traceFor({ trace, generate, seed, edits, quick }: Arguments): Promise<Trace> {
  if (generate !== null) return generateTrace(generate, seed, edits ?? (quick ? quickCounts[generate] : null));
  const whole = trace === null ? await defaultTrace('sequential', seed) : await readTrace(trace);
  const limit = edits ?? (quick ? quickCounts[whole.kind] : null);
  return limit === null ? whole : cutTrace(whole, limit);
}

function generateTrace(kind: Trace['kind'], seed: number, transactions: number | null): Trace {
  const length = transactions ?? generatedCounts[kind];
  return kind === 'sequential' ? generateSequential(length, seed) : generateConcurrent(length, seed);
}

/** The runs that a choice of clients means: who each peer is. */
export function castFor(
  choice: ClientChoice,
  { kind, agents }: Pick<Trace, 'kind' | 'agents'>,
): readonly ClientKind[][] {
  const peers = kind === 'sequential' ? 2 : agents;
  const everybody = (client: ClientKind): ClientKind[] => Array.from({ length: peers }, () => client);
  const alternating = (even: ClientKind, odd: ClientKind): ClientKind[] =>
    Array.from({ length: peers }, (_, at) => (at % 2 === 0 ? even : odd));
  const mixed = [alternating('tideweave', 'y-websocket'), alternating('y-websocket', 'tideweave')];
  switch (choice) {
    case 'tideweave':
    case 'y-websocket':
      return [everybody(choice)];
    case 'mixed':
      return mixed;
    case 'all':
      return [everybody('tideweave'), everybody('y-websocket'), ...mixed];
  }
}
