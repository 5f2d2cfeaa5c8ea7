/** The commands `backup` and `restore`, and their help. */
import { type Command, Option } from 'commander';
import { dataOption, jsonOption, type CommandSurroundings, relayOptions, tokenOf } from './options.ts';

const backupHelp = `
Examples:
  $ tideweave backup /backups/today --url http://127.0.0.1:1234     of a relay that goes on running
  $ tideweave backup /backups/today --data /var/lib/tideweave       of one that is stopped

Every edit that was acknowledged before the backup began is in it, with its author and time; each document is read as
of one moment. Every file is read back and loaded into a fresh Y.Doc. What the folder has already and did not change is
not read again: an interrupted backup goes on, and one of yesterday is brought up to date.

Exit codes: 0 everything is there and loads; 1 a document could not be read, the lines say which; 2 it could not be done;
130 interrupted.`;

const restoreHelp = `
Examples:
  $ tideweave restore /backups/today --data /var/lib/tideweave-new

Restores into a folder that no relay has, best an empty one; a document that is there already is left as it is. Histories
stay the same, so clients go on with them; logs get new identities, so clients that have seen more hand it back.
Each document is read back, compared with the backup and loaded. Run it again when it was interrupted.

Exit codes: 0 everything was restored; 1 something was not, the lines say what; 2 it could not be done; 130 interrupted.`;

interface BackupFlags {
  readonly url?: string;
  readonly token?: string;
  readonly data?: string;
  readonly json?: boolean;
}

export function addBackupCommands(program: Command, around: CommandSurroundings): void {
  const { defaultData, url } = relayOptions(around.env);
  program
    .command('backup <folder>')
    .description('take a backup of a relay, running or stopped')
    .addOption(url().conflicts('data'))
    .addOption(new Option('--token <token>', 'what its authorizer is shown (or TIDEWEAVE_TOKEN in the environment)'))
    .addOption(dataOption(defaultData))
    .addOption(jsonOption())
    .addHelpText('after', backupHelp)
    .action(async (folder: string, flags: BackupFlags) => {
      const { backup } = await import('./backup.ts');
      const settings = {
        folder,
        url: flags.url ?? (flags.data === undefined ? around.env['TIDEWEAVE_URL'] || null : null),
        token: tokenOf(flags, around.env),
        data: flags.data ?? defaultData,
        json: flags.json === true,
      };
      around.onExitCode(await backup(settings, around));
    });
  program
    .command('restore <folder>')
    .description('restore a backup into a data folder')
    .addOption(dataOption(defaultData))
    .option('--unfinished', 'take what is there of a backup that was never finished, or was changed')
    .addOption(jsonOption())
    .addHelpText('after', restoreHelp)
    .action(async (folder: string, flags: { data?: string; unfinished?: boolean; json?: boolean }) => {
      const { restore } = await import('./backup.ts');
      const { data = defaultData, unfinished = false, json = false } = flags;
      around.onExitCode(await restore({ folder, data, unfinished, json }, around));
    });
}
