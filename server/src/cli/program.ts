/**
 * The command line: which commands and options there are, and the help that teaches them. What a setting means is
 * config.ts's business; this shows it and hands over what was typed.
 */
import { Command, CommanderError, Option } from 'commander';
import { ConfigError, type Config, type Flags, type SettingInfo, parseConfig, settings } from '../config.ts';

/** What the command line needs of its surroundings. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  readonly writeOut: (text: string) => void;
  readonly writeError: (text: string) => void;
  /** Runs the relay; resolves when it listens. */
  readonly serve: (config: Config) => Promise<void>;
}

/** Exit code of a mistake in flags or environment; 1 is for a relay that could not start or failed. */
const usageExitCode = 2;

const programHelp = `
Examples:
  $ tideweave serve                          listen on ws://127.0.0.1:1234, keep documents in ./data
  $ tideweave serve --port 8080 --data /var/lib/tideweave
  $ tideweave help serve                     every option, grouped

A stock y-websocket provider connects to ws://127.0.0.1:1234 as it does to any other server.`;

const serveHelp = `
Examples:
  $ tideweave serve --port 8080 --data /var/lib/tideweave
  $ tideweave serve --allow-origin https://app.example.com --allow-origin https://beta.example.com
  $ TIDEWEAVE_PORT=8080 TIDEWEAVE_MESSAGE_BYTES_MAX=32MiB tideweave serve

Environment:
  Every option is also a variable: --message-bytes-max is TIDEWEAVE_MESSAGE_BYTES_MAX.
  Flags beat the environment, which beats the defaults; an empty variable counts as not set.
  A TIDEWEAVE_ variable that is not known is an error, so that a typing mistake does not go unnoticed.

Sizes are bytes (65536) or 64KiB, 16MiB, 1GiB; durations are milliseconds (500) or 500ms, 10s, 5m, 1h.

Output and exit codes:
  One line on stdout when the relay listens; the log, as JSON lines, on stderr.
  0 after SIGTERM or SIGINT, once everything is committed; 1 when it could not start or failed; 2 for a mistake in options.
  A second signal ends the process at once.`;

function optionFor(setting: SettingInfo): Option {
  const flags = setting.placeholder === null ? setting.flag : `${setting.flag} ${setting.placeholder}`;
  const shownDefault = setting.shownDefault === '' ? '' : ` (default: ${setting.shownDefault})`;
  const option = new Option(flags, setting.summary + shownDefault).helpGroup(`${setting.group}:`);
  if (setting.repeatable)
    option.argParser((value: string, earlier: readonly string[] | undefined) => [...(earlier ?? []), value]);
  return option;
}

function buildProgram(around: Surroundings): Command {
  const program = new Command('tideweave')
    .description('Tideweave: a sync service for Yjs documents. The relay stores every update before it says "saved".')
    .version(around.version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand('help [command]', 'show help for a command')
    .showSuggestionAfterError(true)
    .configureOutput({
      writeOut: around.writeOut,
      writeErr: around.writeError,
      // One line, ours: commander writes "error: …" and puts its suggestion on a second one.
      outputError: (text, write) =>
        write(
          `tideweave: ${text
            .replace(/^error: /, '')
            .trim()
            .replace(/\s*\n\s*/g, ' ')}\n`,
        ),
    })
    .exitOverride()
    .addHelpText('after', programHelp);
  const serve = program
    .command('serve')
    .description('run the relay until it is told to stop (SIGTERM, SIGINT)')
    .addHelpText('after', serveHelp)
    .action(async (flags: Flags) => around.serve(parseConfig(flags, around.env)));
  for (const setting of settings) serve.addOption(optionFor(setting));
  return program;
}

/**
 * Runs what the arguments (without node and script) ask for and gives back the exit code, or null when the relay now
 * runs and decides itself when the process ends.
 */
export async function runProgram(args: readonly string[], around: Surroundings): Promise<number | null> {
  let isServing = false;
  const serve = async (config: Config): Promise<void> => {
    isServing = true;
    await around.serve(config);
  };
  try {
    await buildProgram({ ...around, serve }).parseAsync(args, { from: 'user' });
    return isServing ? null : 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usageExitCode;
    if (!(error instanceof ConfigError)) throw error;
    around.writeError(`tideweave: ${error.message}\n`);
    return usageExitCode;
  }
}
