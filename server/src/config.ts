/**
 * Puts together what an operator has set: flags beat the environment, which beats the configuration file, which beats
 * the defaults. Nothing here reads `process` or a disk: flags, environment and file are arguments.
 */
import type { ConfigFile, FileSettings } from './config-file.ts';
import {
  type Config,
  type SettingInfo,
  type SettingIssue,
  configFileSetting,
  readSettings,
  settings,
} from './config-schema.ts';
import { byteUnits, editDistance, isLoopbackHost, showMeasure } from './config-values.ts';

/** A mistake in flags, environment or file; the message is one line that says what to change. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Flags as the command line gave them, by the camel-case name of the setting; absent ones were not given. */
export type Flags = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** Variables with our prefix that mean something to other programs of the project. */
const foreignVariables = new Set([
  'TIDEWEAVE_URL',
  'TIDEWEAVE_TOKEN',
  'TIDEWEAVE_CHROMIUM',
  'TIDEWEAVE_SEED',
  'TIDEWEAVE_FUZZ_RUNS',
]);

const kubernetesHint = 'Kubernetes sets it for a Service named tideweave: put enableServiceLinks: false into the pod';

function refuseUnknownVariables(env: Readonly<Record<string, string | undefined>>): void {
  const known = [configFileSetting, ...settings].map((setting) => setting.variable);
  for (const variable of Object.keys(env).toSorted()) {
    if (!variable.startsWith('TIDEWEAVE_') || known.includes(variable) || foreignVariables.has(variable)) continue;
    const isServiceLink = /^TIDEWEAVE_(?:SERVICE_|PORT_\d)/.test(variable);
    const nearest = known.toSorted((a, b) => editDistance(a, variable) - editDistance(b, variable))[0];
    const hint = isServiceLink ? kubernetesHint : `the nearest known one is ${nearest}`;
    throw new ConfigError(`the environment variable ${variable} is not known; ${hint}`);
  }
}

/** The value as the schema takes it: texts, and lists of texts. */
function rawValue(setting: SettingInfo, value: string | boolean | readonly string[]): string | readonly string[] {
  if (typeof value === 'boolean') return String(value);
  if (!setting.repeatable || typeof value !== 'string') return value;
  return value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** Where a value that is not the default comes from. */
interface Origin {
  readonly kind: 'flag' | 'variable' | 'file';
  readonly line: number;
}

function describeIssue({ setting, expects, got }: SettingIssue, origin: Origin | undefined, file: string): string {
  const must = `must be ${expects}, got ${JSON.stringify(got)}`;
  if (origin?.kind === 'file') return `${file}:${origin.line}: ${setting.key} ${must}`;
  if (origin?.kind !== 'variable') return `${setting.flag} ${must}`;
  const hint = /^(?:tcp|udp):\/\//.test(got) ? `; ${kubernetesHint}` : '';
  return `${setting.flag} ${must} (from ${setting.variable})${hint}`;
}

/** The configuration file that flags or environment name, or null. */
export function configFilePath(flags: Flags, env: Readonly<Record<string, string | undefined>>): string | null {
  const flag = flags[configFileSetting.name];
  return (typeof flag === 'string' ? flag : env[configFileSetting.variable]) || null;
}

/**
 * Puts flags, environment, file and defaults together. An empty variable counts as not set, as container tools write it.
 * Throws ConfigError; of a mistake in the file it says the line.
 */
export function parseConfig(
  flags: Flags,
  env: Readonly<Record<string, string | undefined>>,
  file: ConfigFile | null = null,
): Config {
  refuseUnknownVariables(env);
  const inFile: FileSettings = file?.content ?? new Map();
  const path = file?.path ?? '';
  if ('mistake' in inFile) throw new ConfigError(`${path}:${inFile.line}: ${inFile.mistake}`);
  const raw: Record<string, unknown> = {};
  const origins = new Map<string, Origin>();
  const take = (setting: SettingInfo, value: string | boolean | readonly string[], origin: Origin): void => {
    raw[setting.name] = rawValue(setting, value);
    origins.set(setting.name, origin);
  };
  for (const setting of settings) {
    const flag = flags[setting.name];
    const variable = env[setting.variable];
    const line = inFile.get(setting.name);
    if (flag !== undefined) take(setting, flag, { kind: 'flag', line: 0 });
    else if (variable !== undefined && variable !== '') take(setting, variable, { kind: 'variable', line: 0 });
    else if (line !== undefined) take(setting, line.value, { kind: 'file', line: line.line });
  }
  const config = readSettings(raw);
  if ('issue' in config) {
    throw new ConfigError(describeIssue(config.issue, origins.get(config.issue.setting.name), path));
  }
  refuseContradictions(config);
  return config;
}

const secretCharactersMin = 16;

function refuseContradictions({ host, insecure, limits, webhooks }: Config): void {
  if (webhooks !== null && webhooks.secret.length < secretCharactersMin) {
    throw new ConfigError(
      `--webhook-url needs --webhook-secret with at least ${secretCharactersMin} characters, or whoever finds the receiver could forge events`,
    );
  }
  if (!insecure && !isLoopbackHost(host)) {
    throw new ConfigError(
      `--host ${host} can be reached from other machines, and nobody has to authenticate: ` +
        'listen on 127.0.0.1 behind a proxy that does, or add --insecure if everyone who can connect may read and write everything',
    );
  }
  if (limits.uncommittedBytesMax < limits.updateBytesMax) {
    const [uncommitted, update] = [limits.uncommittedBytesMax, limits.updateBytesMax].map((value) =>
      showMeasure(value, byteUnits),
    );
    throw new ConfigError(
      `--uncommitted-bytes-max (${uncommitted}) must be at least --update-bytes-max (${update}), or the largest updates could never be stored`,
    );
  }
}
