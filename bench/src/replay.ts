/** `npm run replay -w @tideweave/bench`: see `--help`. */
import { Presets, SingleBar } from 'cli-progress';
import { castFor, help, parseArguments, traceFor } from './replay/arguments.ts';
import { ReplayError, UsageError } from './replay/errors.ts';
import { hottestFunctions } from './replay/profile.ts';
import { count, describeClients, formatReport } from './replay/report.ts';
import { type RunReport, run } from './replay/run.ts';

async function main(args: readonly string[]): Promise<void> {
  // npm runs scripts in the package's folder; paths are meant from where they were typed.
  const parsed = parseArguments(args, process.env['INIT_CWD'] ?? process.cwd());
  if (parsed.help) {
    process.stdout.write(help);
    return;
  }
  const trace = await traceFor(parsed);
  const reports: RunReport[] = [];
  for (const clients of castFor(parsed.client, trace)) {
    const title = `${trace.name}: ${describeClients(trace.kind, clients)}`;
    const bar = process.stderr.isTTY ? startBar(title, trace.transactions.length) : null;
    if (bar === null) process.stderr.write(`replaying ${title}, ${count(trace.transactions.length)} edits\n`);
    try {
      const report = await run({
        trace,
        clients,
        relayUrl: parsed.relay,
        profileFolder: parsed.profile,
        onProgress: (done) => bar?.update(done),
      });
      reports.push(report);
      bar?.stop();
      if (!parsed.json) process.stdout.write(`${formatReport(report)}\n\n`);
    } finally {
      bar?.stop();
    }
  }
  if (parsed.json) process.stdout.write(`${JSON.stringify(reports, null, 2)}\n`);
  if (parsed.profile !== null) {
    const lines = await hottestFunctions(parsed.profile);
    process.stderr.write(`Where the relay spent its time, by function:\n${lines.join('\n')}\n`);
  }
}

function startBar(title: string, total: number): SingleBar {
  const format = `${title} {bar} {percentage}% {value}/{total} {duration_formatted}`;
  const bar = new SingleBar({ format, stream: process.stderr, hideCursor: true }, Presets.shades_classic);
  bar.start(total, 0);
  return bar;
}

// So that the exit handler ends a relay that was started here.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof ReplayError)) throw error;
  process.stderr.write(`replay: ${error.message}\n`);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
