/** Commands that ask a running relay, and `doctor`: which options they have, and their help. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { configFileSetting, settings } from '../config-schema.ts';
import type { Flags } from '../config.ts';
import { reachable, showHost } from './listening.ts';
import {
  type CommandSurroundings,
  defaultUrl,
  jsonOption,
  readConfig,
  relayOptions,
  settingOption,
  tokenOf,
} from './options.ts';

const exitHelp = `
Exit codes: 0 done; 1 there is no such document; 2 it could not be done.
The relay's authorizer is asked for a grant with admin right; without one of your own, be on the relay's machine.`;

const docsHelp = `
Examples:
  $ tideweave docs                           all documents: name, entries, bytes, sessions, last edit
  $ tideweave docs --search invoice          those with "invoice" in their name, in whatever case
  $ tideweave docs --deleted --json          tombstones too, one JSON object per line
${exitHelp}`;

const inspectHelp = `
Examples:
  $ tideweave inspect notes                  identity, sizes, who has it open and keeps up, what was set aside
  $ tideweave inspect notes --content        its types as JSON, instead
  $ tideweave inspect notes --json | jq .sessions
${exitHelp}`;

const logHelp = `
Examples:
  $ tideweave log notes                      who wrote when, and which clocks of which clients
  $ tideweave log notes --after 120 --follow goes on until Ctrl-C

Content is not shown. Entries that were compacted away are not there any more (--raw-window-bytes of serve).
Exit codes: 0 done; 1 there is no such document; 2 it could not be done; 130 interrupted.`;

const exportHelp = `
Examples:
  $ tideweave export notes --output notes.yjs           one Yjs update, for "import" or Y.applyUpdate
  $ tideweave export notes --format json | jq .

JSON has the document's root types by name: maps, arrays and texts (without formatting). What JSON does not have is an
object with the key "$yjs", XML {"$yjs": "xml", "text": "<p>…</p>"} for example; "import" takes a document without any. An
update does not say of which kind a root type is; it is told from what is in it.
${exitHelp}`;

const topHelp = `
Examples:
  $ tideweave top                            a line a second, until Ctrl-C
  $ tideweave top --count 1 --json | jq      all figures of one second

ack: from an edit's acceptance until it was durable; loop: how late the event loop was; waiting: bytes in all sockets.
Exit codes: 0 done; 2 it could not be done; 130 interrupted.
The relay's authorizer is asked for a grant with admin right; without one of your own, be on the relay's machine.`;

const benchHelp = `
Examples:
  $ tideweave bench                                 a relay of its own on this machine, ended again
  $ tideweave bench --data /var/lib                 with its documents on the disk that has this folder
  $ tideweave bench --url http://relay:1234 --rate 5000 --documents 100 --readers 20 --seconds 60

People type one character per edit, all together so many per second, each in a document that others read. Times are taken by
this program: from sending an edit until it is told to be durable, and until a reader has it. Its documents are named
tideweave-bench-…, read back at the end, and deleted.

Exit codes: 0 every edit was acknowledged and is there; 1 some were not, or were lost; 2 it could not be done; 130 interrupted.`;

const refusalsHelp = `
Examples:
  $ tideweave refusals                       the last hundred: when, which code, why, and the id to look for in the log

Exit codes: 0 done; 2 it could not be done.
The relay's authorizer is asked for a grant with admin right; without one of your own, be on the relay's machine.`;

const webhooksHelp = `
Examples:
  $ tideweave webhooks                       who is told, what waits, why, and when it is tried again

Exit codes: 0 nothing is in the way; 1 the last attempt failed; 2 it could not be done.
The relay's authorizer is asked for a grant with admin right; without one of your own, be on the relay's machine.`;

const compactHelp = `
Examples:
  $ tideweave compact notes                  merges snapshot and entries now, which the relay does by itself in time
${exitHelp}`;

const doctorHelp = `
Examples:
  $ tideweave doctor --data /var/lib/tideweave
  $ tideweave doctor --config /etc/tideweave.yaml        with the settings that "serve" is started with

Looks at the versions, the data folder, room and speed of its disk (how long a sync takes), how many files the process may
open for the connections that are configured, whether the configured port can be listened on, and whether a relay answers
(there, when no --url is given). Settings come from flags, TIDEWEAVE_ variables and the file, as those of "serve" do.

Exit codes: 0 all is well; 1 something should be seen to, the lines say what; 2 it could not be done.`;

/** Settings of the relay that doctor looks into; the others come from environment and file only. */
const doctorSettings: ReadonlySet<string> = new Set(['host', 'port', 'insecure', 'data', 'connectionsMax']);

interface RelayFlags {
  readonly url?: string;
  readonly token?: string;
  readonly json?: boolean;
}

/** Throws what commander shows. */
function countOf(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('a whole number from 1 on');
  return Number(text);
}

interface BenchFlags {
  readonly data?: string;
  readonly documents: number;
  readonly readers: number;
  readonly rate: number;
  readonly seconds: number;
}

/** What a command that asks a relay was told. */
export interface RelaySettings {
  readonly url: string;
  readonly token: string;
  readonly json: boolean;
}

export function addRelayCommands(program: Command, around: CommandSurroundings): void {
  const { env } = around;
  const { url } = relayOptions(env);
  const settingsOf = (flags: RelayFlags): RelaySettings => ({
    url: flags.url ?? (env['TIDEWEAVE_URL'] || defaultUrl),
    token: tokenOf(flags, env),
    json: flags.json === true,
  });
  const command = (usage: string, description: string, help: string): Command =>
    program
      .command(usage)
      .description(description)
      .addOption(url())
      .addOption(new Option('--token <token>', 'what its authorizer is shown (or TIDEWEAVE_TOKEN in the environment)'))
      .addOption(jsonOption())
      .addHelpText('after', help);

  command('docs', 'list the documents of a running relay', docsHelp)
    .option('--search <text>', 'only those with this text in their name', '')
    .option('--deleted', 'list deleted ones too')
    .action(async (flags: RelayFlags & { deleted?: boolean; search: string }) => {
      const { docs } = await import('./inspect.ts');
      const asked = { ...settingsOf(flags), deleted: flags.deleted === true, search: flags.search };
      around.onExitCode(await docs(asked, around));
    });
  command('inspect <name>', 'show everything about a document', inspectHelp)
    .option('--content', 'show its types as JSON instead')
    .action(async (name: string, flags: RelayFlags & { content?: boolean }) => {
      const { inspect } = await import('./inspect.ts');
      around.onExitCode(await inspect({ ...settingsOf(flags), name, content: flags.content === true }, around));
    });
  command('top', 'show how a running relay is doing, second by second', topHelp)
    .option('--count <lines>', 'end after so many seconds', countOf)
    .action(async (flags: RelayFlags & { count?: number }) => {
      const { top } = await import('./top.ts');
      around.onExitCode(await top({ ...settingsOf(flags), count: flags.count ?? null }, around));
    });
  command('bench', 'measure a relay: how long edits take to be durable and with others', benchHelp)
    .option(
      '--data <folder>',
      "without --url: folder in which its relay keeps documents meanwhile (default: the system's)",
    )
    .option('--documents <count>', 'documents that are typed in', countOf, 10)
    .option('--readers <count>', 'readers of each', countOf, 10)
    .option('--rate <edits>', 'edits per second, in all documents together', countOf, 1000)
    .option('--seconds <seconds>', 'how long', countOf, 10)
    .action(async (flags: RelayFlags & BenchFlags) => {
      const { bench } = await import('./bench/bench.ts');
      const { documents, readers, rate, seconds } = flags;
      const load = { documents, readers, rate, seconds, data: flags.data ?? null };
      const { token, json } = settingsOf(flags);
      around.onExitCode(
        await bench({ ...load, token, json, url: flags.url ?? (env['TIDEWEAVE_URL'] || null) }, around),
      );
    });
  command('refusals', 'show who was refused what, lately', refusalsHelp).action(async (flags: RelayFlags) => {
    const { refusals } = await import('./watch.ts');
    around.onExitCode(await refusals(settingsOf(flags), around));
  });
  command('webhooks', 'show what an application is told, and what waits to be', webhooksHelp).action(
    async (flags: RelayFlags) => {
      const { webhooks } = await import('./watch.ts');
      around.onExitCode(await webhooks(settingsOf(flags), around));
    },
  );
  command('log <name>', 'show the log of a document: who wrote when', logHelp)
    .option('--after <seq>', 'only entries after this sequence number', '0')
    .option('--follow', 'go on with what is written from now on')
    .action(async (name: string, flags: RelayFlags & { after: string; follow?: boolean }) => {
      const { showLog } = await import('./inspect.ts');
      const wanted = { ...settingsOf(flags), name, after: flags.after, follow: flags.follow === true };
      around.onExitCode(await showLog(wanted, around));
    });
  command('export <name>', 'write a document as a Yjs update or as JSON', exportHelp)
    .addOption(new Option('--format <format>', 'what to write').choices(['yjs', 'json']).default('yjs'))
    .option('--output <file>', 'file to write to (default: stdout)')
    .action(async (name: string, flags: RelayFlags & { format: 'yjs' | 'json'; output?: string }) => {
      const { exportDocument } = await import('./export.ts');
      const wanted = { ...settingsOf(flags), name, format: flags.format, output: flags.output ?? null };
      around.onExitCode(await exportDocument(wanted, around));
    });
  command('compact <name>', 'compact a document now', compactHelp).action(async (name: string, flags: RelayFlags) => {
    const { compact } = await import('./inspect.ts');
    around.onExitCode(await compact({ ...settingsOf(flags), name }, around));
  });
  const doctorCommand = command('doctor', 'see whether this machine and the relay on it are well', doctorHelp).action(
    async (flags: RelayFlags & Flags) => {
      const config = await readConfig(flags, env);
      const { doctor } = await import('./doctor.ts');
      const { host, port } = config;
      const own = port === 0 ? defaultUrl : `http://${showHost(reachable(host))}:${port}`;
      const relay = { ...settingsOf(flags), url: flags.url ?? (env['TIDEWEAVE_URL'] || own) };
      around.onExitCode(await doctor({ ...relay, version: around.version, config }, around));
    },
  );
  for (const setting of [configFileSetting, ...settings.filter(({ name }) => doctorSettings.has(name))]) {
    doctorCommand.addOption(settingOption(setting));
  }
}
