/**
 * The command line: which commands and options there are, and the help that teaches them. What a setting means is
 * config.ts's business; this shows it and hands over what was typed.
 */
import type { OnConflict } from '../import/importer.ts';
import { Command, CommanderError, Option } from 'commander';
import { type Config, configFileSetting, settings } from '../config-schema.ts';
import { ConfigError, type Flags } from '../config.ts';

import { addBackupCommands } from './backup-commands.ts';
import { addRelayCommands } from './relay-commands.ts';
import {
  type CommandSurroundings,
  dataOption,
  jsonOption,
  readConfig,
  relayOptions,
  settingOption,
  tokenOf,
} from './options.ts';

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
  $ tideweave backup /backups/today          while it runs; "restore" brings it back
  $ tideweave import ./dbDir                 bring in what a y-websocket server or Hocuspocus has stored

A stock y-websocket provider connects to ws://127.0.0.1:1234 as it does to any other server.`;

const serveHelp = `
Examples:
  $ tideweave serve --port 8080 --data /var/lib/tideweave
  $ tideweave serve --allow-origin https://app.example.com --allow-origin https://beta.example.com
  $ TIDEWEAVE_PORT=8080 TIDEWEAVE_MESSAGE_BYTES_MAX=32MiB tideweave serve
  $ tideweave serve --config /etc/tideweave.yaml

Environment:
  Every option is also a variable: --message-bytes-max is TIDEWEAVE_MESSAGE_BYTES_MAX.
  An empty variable counts as not set. A TIDEWEAVE_ variable that is not known is an error, so that a typing mistake
  does not go unnoticed.

Configuration file (YAML or JSON):
  Every option is also a key:                port: 8080
                                             message-bytes-max: 32MiB
                                             allow-origin: [https://app.example.com]
  Flags beat the environment, which beats the file, which beats the defaults. A mistake is told with its line.

Sizes are bytes (65536) or 64KiB, 16MiB, 1GiB; durations are milliseconds (500) or 500ms, 10s, 5m, 1h.

Output and exit codes:
  One line on stdout when the relay listens, and one with the address of the playground; the log, as JSON lines, on stderr.
  0 after SIGTERM or SIGINT, once everything is committed; 1 when it could not start or failed; 2 for a mistake in options.
  A second signal ends the process at once.`;

function buildProgram(around: CommandSurroundings): Command {
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
    .action(async (flags: Flags) => around.serve(await readConfig(flags, around.env)));
  for (const setting of [configFileSetting, ...settings]) serve.addOption(settingOption(setting));
  addFolderCommands(program, around);
  addRelayCommands(program, around);
  addBackupCommands(program, around);
  addImportCommand(program, around);
  return program;
}

const folderHelp = `
Examples:
  $ tideweave verify --data /var/lib/tideweave
  $ tideweave repair --data /var/lib/tideweave --dry-run

Exit codes: 0 everything is in order; 1 something was found, or stays refused; 2 it could not be done.
The relay must be stopped.`;

/** Commands that look after a data folder while no relay runs. */
function addFolderCommands(program: Command, around: CommandSurroundings): void {
  const { defaultData } = relayOptions(around.env);
  program
    .command('verify')
    .description('read everything in a data folder and load every document, without changing anything')
    .addOption(dataOption(defaultData))
    .addOption(jsonOption())
    .addHelpText('after', folderHelp)
    .action(async (flags: { data?: string; json?: boolean }) => {
      const { verify } = await import('./verify.ts');
      around.onExitCode(await verify({ data: flags.data ?? defaultData, json: flags.json === true }, around));
    });
  program
    .command('repair')
    .description('put a damaged data folder right, as far as it can be done without losing anything')
    .addOption(dataOption(defaultData))
    .option('--dry-run', 'say what would be done, and do nothing')
    .addOption(jsonOption())
    .addHelpText('after', folderHelp)
    .action(async (flags: { data?: string; dryRun?: boolean; json?: boolean }) => {
      const { repair } = await import('./repair.ts');
      const options = { data: flags.data ?? defaultData, dryRun: flags.dryRun === true, json: flags.json === true };
      around.onExitCode(await repair(options, around));
    });
}

const importHelp = `
SOURCE is what the old server keeps its documents in:
  a folder of y-leveldb                       what YPERSISTENCE named for y-websocket's server
  an SQLite file of Hocuspocus                extension-sqlite: the table "documents" with name and data
  a file NAME.yjs                             one Yjs update, as "tideweave export" writes it
  a file NAME.json                            its root types by name, as "tideweave export --format json" writes them
Stop the old server first, or name a copy; the source is not changed.

Examples:
  $ tideweave import ./dbDir --dry-run                    what would happen
  $ tideweave import ./dbDir --data /var/lib/tideweave
  $ tideweave import db.sqlite --url http://127.0.0.1:1234 --token "$TOKEN"
  $ tideweave import notes.json --name notes/1

Every document is built, stored, read back from where it was stored and compared with the source: state vector, delete
set and content. One that is there already counts as that, so an import that was interrupted is run again and goes on.

A name that is taken (--on-conflict):
  skip      leave what is here and say so (the default)
  merge     add what it lacks, if both have edits in common; never otherwise, as that would double the content
  rename    import it beside, as "NAME (imported)"

What cannot be decoded or applied is left out with a reason, and its bytes go to aside/ in the data folder;
--salvage imports what can be applied of such a document.

JSON is a new document: an object is a Y.Map, an array a Y.Array, a string a Y.Text where it is a root, and a plain
string within others. XML, bytes and what else JSON lacks is refused; a .yjs file has everything, history too.

Exit codes: 0 everything is here and compared; 1 something was left out, the report says what; 2 it could not be done;
130 interrupted. Without --url no relay may have the data folder.`;

/** The command that brings documents of other servers in. */
function addImportCommand(program: Command, around: CommandSurroundings): void {
  const { defaultData } = relayOptions(around.env);
  program
    .command('import <source>')
    .description(
      'bring in the documents of a y-websocket server (y-leveldb), of Hocuspocus (SQLite), or one as Yjs update or JSON',
    )
    .addOption(new Option('--data <folder>', `folder to import into (default: ${defaultData})`))
    .addOption(new Option('--url <url>', 'a running relay to import into, instead of a folder').conflicts('data'))
    .addOption(new Option('--token <token>', 'what its authorizer is shown (or TIDEWEAVE_TOKEN in the environment)'))
    .addOption(
      new Option('--on-conflict <what>', 'what to do with a name that is taken')
        .choices(['skip', 'merge', 'rename'])
        .default('skip'),
    )
    .option('--salvage', 'import what can be applied of a document that cannot be as a whole')
    .addOption(new Option('--table <name>', 'table of an SQLite file').default('documents'))
    .option('--raw-names', 'keep names of y-leveldb as they are stored: "a%20b" instead of "a b"')
    .option('--name <name>', 'name for the document of a .yjs or .json file (default: that of the file)')
    .option('--dry-run', 'say what would be done, and store nothing')
    .option('--json', 'print one JSON object')
    .addHelpText('after', importHelp)
    .action(async (source: string, flags: ImportFlags) => {
      const { importDocuments } = await import('./import.ts');
      const wanted = {
        source,
        table: flags.table,
        rawNames: flags.rawNames === true,
        name: flags.name ?? null,
        data: flags.data ?? defaultData,
        url: flags.url ?? null,
        token: tokenOf(flags, around.env),
        onConflict: flags.onConflict,
        salvage: flags.salvage === true,
        dryRun: flags.dryRun === true,
        json: flags.json === true,
      };
      around.onExitCode(await importDocuments(wanted, around));
    });
}

/** What commander gives for the options of `import`. */
interface ImportFlags {
  readonly data?: string;
  readonly url?: string;
  readonly token?: string;
  readonly onConflict: OnConflict;
  readonly salvage?: boolean;
  readonly table: string;
  readonly rawNames?: boolean;
  readonly name?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/**
 * Runs what the arguments (without node and script) ask for and gives back the exit code, or null when the relay now
 * runs and decides itself when the process ends.
 */
export async function runProgram(args: readonly string[], around: Surroundings): Promise<number | null> {
  let isServing = false;
  let exitCode = 0;
  const serve = async (config: Config): Promise<void> => {
    isServing = true;
    await around.serve(config);
  };
  try {
    const onExitCode = (code: number): void => void (exitCode = code);
    await buildProgram({ ...around, serve, onExitCode }).parseAsync(args, { from: 'user' });
    return isServing ? null : exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : usageExitCode;
    if (!(error instanceof ConfigError)) throw error;
    around.writeError(`tideweave: ${error.message}\n`);
    return usageExitCode;
  }
}
