/** `npm run resume-bytes -w @tideweave/bench`: see `--help`. */
import { parseArgs } from 'node:util';
import { defaultTrace } from './replay/arguments.ts';
import { ReplayError } from './replay/errors.ts';
import { count } from './replay/report.ts';
import { resumeCosts } from './replay/resume-cost.ts';
import { cutTrace } from './replay/trace.ts';

const help = `Usage: npm run resume-bytes -w @tideweave/bench -- [options]

Prints what a reconnect costs in bytes of messages, both ways, for devices that missed 0, 1, 10 and 1,000 updates of a
document that was typed from a trace (automerge-paper, or a generated one of its shape where that is absent), through a
relay of its own, without presence. At most 1.2 times the missed updates' own bytes + 200 may travel.

Options:
  --edits N     only the first N edits of the trace (default: all)
  --missed LIST numbers of missed updates (default: 0,1,10,1000)
  --json        print JSON
  -h, --help    show this

Exit codes: 0 every reconnect is within its bound; 1 one is not; 2 a mistake in the options.
`;

interface Options {
  readonly edits: number | null;
  readonly missed: readonly number[];
  readonly json: boolean;
}

/** Null for help. Throws what is wrong with the options. */
function parse(): Options | null {
  const { values } = parseArgs({
    options: {
      edits: { type: 'string' },
      missed: { type: 'string', default: '0,1,10,1000' },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return null;
  const whole = (flag: string, text: string, min: number): number => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isSafeInteger(value) && value >= min) return value;
    throw new Error(`${flag} takes whole numbers from ${min}, not ${JSON.stringify(text)}`);
  };
  return {
    edits: values.edits === undefined ? null : whole('--edits', values.edits, 1),
    missed: values.missed.split(',').map((text) => whole('--missed', text, 0)),
    json: values.json,
  };
}

async function main({ edits, missed, json }: Options): Promise<void> {
  const whole = await defaultTrace('sequential');
  const trace = edits === null ? whole : cutTrace(whole, edits);
  const costs = await resumeCosts(trace, missed);
  if (json) process.stdout.write(`${JSON.stringify(costs, null, 2)}\n`);
  else {
    const rows = costs.map(({ missedUpdates, missedBytes, receivedBytes, sentBytes, boundBytes }) =>
      [missedUpdates, missedBytes, receivedBytes, sentBytes, receivedBytes + sentBytes, boundBytes].map(count),
    );
    const documentBytes = Math.max(...costs.map((cost) => cost.documentBytes));
    process.stdout.write(`${trace.name}: a device that knows nothing receives ${count(documentBytes)} B\n\n`);
    const head = ['missed updates', 'their bytes', 'received', 'sent', 'together', 'at most'];
    for (const row of [head, head.map((text) => '-'.repeat(text.length)), ...rows]) {
      process.stdout.write(`| ${row.map((cell, at) => cell.padStart(head[at]?.length ?? 0)).join(' | ')} |\n`);
    }
  }
  if (costs.some(({ receivedBytes, sentBytes, boundBytes }) => receivedBytes + sentBytes > boundBytes)) {
    throw new ReplayError('a reconnect cost more than it may');
  }
}

try {
  const options = parse();
  if (options === null) process.stdout.write(help);
  else {
    try {
      await main(options);
    } catch (error) {
      if (!(error instanceof ReplayError)) throw error;
      process.stderr.write(`resume-bytes: ${error.message}\n`);
      process.exitCode = 1;
    }
  }
} catch (error) {
  process.stderr.write(`resume-bytes: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
