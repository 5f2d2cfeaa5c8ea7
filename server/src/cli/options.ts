/** Options that several commands have, so that they are the same everywhere. */
import { readFile } from 'node:fs/promises';
import { Option } from 'commander';
import type { Config, SettingInfo } from '../config-schema.ts';
import { ConfigError, type Flags, configFilePath, parseConfig } from '../config.ts';
import type { Surroundings } from './program.ts';

/** What commands work with that end by themselves and say with which exit code. */
export interface CommandSurroundings extends Surroundings {
  readonly onExitCode: (code: number) => void;
}

type Env = Surroundings['env'];

/** Where a relay listens when nobody says otherwise. */
export const defaultUrl = 'http://127.0.0.1:1234';

/** Defaults from the environment, where an empty variable counts as not set, as it does for serve. */
export function relayOptions(env: Env): { readonly defaultData: string; readonly url: () => Option } {
  const shown = env['TIDEWEAVE_URL'] || defaultUrl;
  return {
    defaultData: env['TIDEWEAVE_DATA'] || './data',
    url: () => new Option('--url <url>', `address of a running relay (TIDEWEAVE_URL; default: ${shown})`),
  };
}

export function dataOption(defaultData: string): Option {
  return new Option('--data <folder>', `folder of the stored documents (default: ${defaultData})`);
}

export function jsonOption(): Option {
  return new Option('--json', 'print one JSON object');
}

/** What the relay's authorizer is shown. */
export function tokenOf(flags: { readonly token?: string }, env: Env): string {
  return flags.token ?? env['TIDEWEAVE_TOKEN'] ?? '';
}

/** A setting of the relay as an option. */
export function settingOption(setting: Omit<SettingInfo, 'key'>): Option {
  const flags = setting.placeholder === null ? setting.flag : `${setting.flag} ${setting.placeholder}`;
  const shownDefault = setting.shownDefault === '' ? '' : ` (default: ${setting.shownDefault})`;
  const option = new Option(flags, setting.summary + shownDefault).helpGroup(`${setting.group}:`);
  if (setting.repeatable)
    option.argParser((value: string, earlier: readonly string[] | undefined) => [...(earlier ?? []), value]);
  return option;
}

/** What a relay would run with, of these flags, the environment and the file that they name. Throws ConfigError. */
export async function readConfig(flags: Flags, env: Env): Promise<Config> {
  const path = configFilePath(flags, env);
  if (path === null) return parseConfig(flags, env);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    const why = error instanceof Error ? error.message : 'it failed';
    throw new ConfigError(`the configuration file ${path} cannot be read: ${why}`);
  });
  const { parseConfigFile } = await import('../config-file.ts');
  return parseConfig(flags, env, { path, content: parseConfigFile(text) });
}
