/**
 * What an operator may set, in one schema: each field of it is a flag (`--message-bytes-max`), an environment variable
 * (`TIDEWEAVE_MESSAGE_BYTES_MAX`) and a line of `--help`. Flags beat the environment, which beats the defaults.
 * Nothing here reads `process`: flags and environment are arguments.
 */
import { type Limits, defaultLimits } from '@tideweave/shared';
import { z } from 'zod';
import {
  GiB,
  KiB,
  MiB,
  byteUnits,
  dayMs,
  durationUnits,
  editDistance,
  isHost,
  isLoopbackHost,
  normalizeOrigin,
  parseMeasure,
  secondMs,
  showMeasure,
} from './config-values.ts';

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Everything `tideweave serve` runs with. */
export interface Config {
  readonly host: string;
  /** 0 lets the system choose a free one. */
  readonly port: number;
  /** Folder of the stored documents. */
  readonly data: string;
  readonly insecure: boolean;
  readonly logLevel: LogLevel;
  readonly allowedOrigins: readonly string[];
  readonly limits: Limits;
}

/** A mistake in flags or environment; the message is one line that says what to change. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Flags as the command line gave them, by the camel-case name of the setting; absent ones were not given. */
export type Flags = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** One setting, as help and documentation show it. */
export interface SettingInfo {
  /** Key in the schema, camel case. */
  readonly name: string;
  /** `--message-bytes-max` */
  readonly flag: string;
  /** `TIDEWEAVE_MESSAGE_BYTES_MAX` */
  readonly variable: string;
  /** What stands for the value in help; null for a switch, which takes none. */
  readonly placeholder: string | null;
  /** Whether the flag may be given several times (and the variable takes a list with commas). */
  readonly repeatable: boolean;
  readonly group: string;
  readonly summary: string;
  /** What holds when it is not set, as one would type it; empty when there is nothing to type. */
  readonly shownDefault: string;
}

interface SettingMeta {
  readonly group: string;
  readonly summary: string;
  readonly placeholder: string | null;
  readonly shownDefault: string;
  /** Completes "--port must be …". */
  readonly expects: string;
}

const registry = z.registry<SettingMeta>();

interface NumberSetting {
  readonly group: string;
  readonly summary: string;
  readonly default: number;
  readonly min: number;
  readonly max: number;
}

type NumberSchema = z.ZodType<number, string | undefined>;

function measure(
  setting: NumberSetting,
  units: ReadonlyMap<string, number>,
  placeholder: string,
  kind: string,
): NumberSchema {
  const show = (value: number): string => showMeasure(value, units);
  const expects = `${kind} from ${show(setting.min)} to ${show(setting.max)}`;
  return z
    .string()
    .transform((text) => parseMeasure(text, units))
    .pipe(z.number().int().min(setting.min).max(setting.max))
    .default(setting.default)
    .register(registry, { ...setting, placeholder, expects, shownDefault: show(setting.default) });
}

function count(setting: NumberSetting): NumberSchema {
  return measure(setting, new Map(), '<number>', 'a whole number');
}

const limitsGroup = 'Limits';

function countLimit(name: keyof Limits, min: number, max: number, summary: string): NumberSchema {
  return count({ group: limitsGroup, summary, default: defaultLimits[name], min, max });
}

function bytesLimit(name: keyof Limits, min: number, max: number, summary: string): NumberSchema {
  const setting = { group: limitsGroup, summary, default: defaultLimits[name], min, max };
  return measure(setting, byteUnits, '<size>', 'a size in bytes, or such as 64KiB or 16MiB,');
}

function durationLimit(name: keyof Limits, min: number, max: number, summary: string): NumberSchema {
  const setting = { group: limitsGroup, summary, default: defaultLimits[name], min, max };
  return measure(setting, durationUnits, '<duration>', 'a duration in milliseconds, or such as 500ms or 10s,');
}

/** The compiler refuses this when a limit of the product has no setting. */
const limitFields = {
  messageBytesMax: bytesLimit(
    'messageBytesMax',
    128 * KiB,
    GiB,
    'largest WebSocket message and HTTP body that is read',
  ),
  updateBytesMax: bytesLimit('updateBytesMax', KiB, GiB, 'largest single update, put together from its parts'),
  documentsPerConnectionMax: countLimit(
    'documentsPerConnectionMax',
    1,
    1_000_000,
    'documents open at a time on one connection',
  ),
  connectionsMax: countLimit('connectionsMax', 1, 1_000_000, 'connections accepted at a time'),
  socketBufferBytesMax: bytesLimit(
    'socketBufferBytesMax',
    64 * KiB,
    GiB,
    'bytes waiting in a socket at which its reader counts as slow',
  ),
  awarenessStateBytesMax: bytesLimit(
    'awarenessStateBytesMax',
    1,
    MiB,
    'largest awareness state of one client, as JSON',
  ),
  awarenessClientsPerSessionMax: countLimit(
    'awarenessClientsPerSessionMax',
    1,
    65_536,
    'awareness entries of one connection in one document',
  ),
  awarenessClientsPerDocumentMax: countLimit(
    'awarenessClientsPerDocumentMax',
    1,
    1_000_000,
    'awareness entries in one document',
  ),
  uncommittedBytesMax: bytesLimit(
    'uncommittedBytesMax',
    MiB,
    64 * GiB,
    'bytes of updates that may wait for their commit',
  ),
  snapshotCacheBytesMax: bytesLimit(
    'snapshotCacheBytesMax',
    0,
    64 * GiB,
    'bytes of snapshots kept in memory for joiners',
  ),
  idleUnloadMs: durationLimit('idleUnloadMs', 0, dayMs, 'how long a document without sessions stays loaded'),
  connectionTimeoutMs: durationLimit(
    'connectionTimeoutMs',
    secondMs,
    dayMs,
    'silence after which a connection is closed',
  ),
  authorizeMs: durationLimit('authorizeMs', 1, 3600 * secondMs, 'how long an authorizer may take to answer'),
  drainMs: durationLimit('drainMs', 0, 3600 * secondMs, 'how long a shutdown waits for commits and sockets'),
  rawWindowBytes: bytesLimit('rawWindowBytes', 0, GiB, 'bytes of raw entries kept so that devices resume by cursor'),
} satisfies Record<keyof Limits, NumberSchema>;

const fields = {
  host: z
    .string()
    .transform((text) => text.replace(/^\[(.*)\]$/, '$1'))
    .refine(isHost)
    .default('127.0.0.1')
    .register(registry, {
      group: 'Listening',
      summary: 'address to listen on; other than loopback needs --insecure',
      placeholder: '<address>',
      shownDefault: '127.0.0.1',
      expects: 'an IP address or a host name',
    }),
  port: count({
    group: 'Listening',
    summary: 'port to listen on; 0 picks a free one',
    default: 1234,
    min: 0,
    max: 65_535,
  }),
  allowOrigin: z
    .array(
      z.string().transform((text, context) => {
        const origin = normalizeOrigin(text);
        if (origin === null) context.addIssue('not an origin');
        return origin ?? '';
      }),
    )
    .default([])
    .register(registry, {
      group: 'Listening',
      summary: 'browser origin beyond loopback that may connect; repeatable (a list with commas in the environment)',
      placeholder: '<origin>',
      shownDefault: '',
      expects: 'an origin such as https://app.example.com, without a path',
    }),
  insecure: z
    .stringbool({ truthy: ['1', 'true', 'yes', 'on'], falsy: ['0', 'false', 'no', 'off'] })
    .default(false)
    .register(registry, {
      group: 'Listening',
      summary: 'allow an address that others can reach, though nobody has to authenticate',
      placeholder: null,
      shownDefault: '',
      expects: 'true or false',
    }),
  data: z.string().min(1).default('./data').register(registry, {
    group: 'Storage and logs',
    summary: 'folder of the stored documents; created when it is not there',
    placeholder: '<folder>',
    shownDefault: './data',
    expects: 'a folder',
  }),
  logLevel: z
    .enum(logLevels)
    .default('info')
    .register(registry, {
      group: 'Storage and logs',
      summary: `least important log lines to write: ${logLevels.join(', ')}`,
      placeholder: '<level>',
      shownDefault: 'info',
      expects: `one of ${logLevels.join(', ')}`,
    }),
  ...limitFields,
};

const schema = z.object(fields);
const fieldsByName: Readonly<Record<string, z.ZodType>> = fields;

function metaOf(name: string): SettingMeta {
  const field = fieldsByName[name];
  const meta = field && registry.get(field);
  if (!meta) throw new Error(`assertion failed: the setting ${name} describes itself`);
  return meta;
}

function inWords(name: string, separator: string): string {
  return name.replace(/[A-Z]/g, (letter) => separator + letter.toLowerCase());
}

/** All settings, in the order of help. */
export const settings: readonly SettingInfo[] = Object.keys(fields).map((name) => {
  const { group, summary, placeholder, shownDefault } = metaOf(name);
  return {
    name,
    flag: `--${inWords(name, '-')}`,
    variable: `TIDEWEAVE_${inWords(name, '_').toUpperCase()}`,
    placeholder,
    repeatable: name === 'allowOrigin',
    group,
    summary,
    shownDefault,
  };
});

/** Variables with our prefix that mean something to other programs of the project. */
const foreignVariables = new Set(['TIDEWEAVE_CHROMIUM', 'TIDEWEAVE_SEED', 'TIDEWEAVE_FUZZ_RUNS']);

const kubernetesHint = 'Kubernetes sets it for a Service named tideweave: put enableServiceLinks: false into the pod';

function refuseUnknownVariables(env: Readonly<Record<string, string | undefined>>): void {
  const known = settings.map((setting) => setting.variable);
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

function describeIssue(
  issue: z.core.$ZodIssue,
  raw: Readonly<Record<string, unknown>>,
  fromVariable: ReadonlySet<string>,
): string {
  const [name, index] = issue.path;
  const setting = settings.find((candidate) => candidate.name === name);
  if (!setting) throw new Error('assertion failed: an issue belongs to a setting');
  const value = raw[setting.name];
  const got = Array.isArray(value) && typeof index === 'number' ? String(value[index]) : String(value);
  const origin = fromVariable.has(setting.name) ? ` (from ${setting.variable})` : '';
  const hint = origin !== '' && /^(?:tcp|udp):\/\//.test(got) ? `; ${kubernetesHint}` : '';
  return `${setting.flag} must be ${metaOf(setting.name).expects}, got ${JSON.stringify(got)}${origin}${hint}`;
}

/**
 * Puts flags, environment and defaults together. An empty variable counts as not set, as container tools write it.
 * Throws ConfigError.
 */
export function parseConfig(flags: Flags, env: Readonly<Record<string, string | undefined>>): Config {
  refuseUnknownVariables(env);
  const raw: Record<string, unknown> = {};
  const fromVariable = new Set<string>();
  for (const setting of settings) {
    const flag = flags[setting.name];
    const variable = env[setting.variable];
    if (flag !== undefined) raw[setting.name] = rawValue(setting, flag);
    else if (variable !== undefined && variable !== '') {
      raw[setting.name] = rawValue(setting, variable);
      fromVariable.add(setting.name);
    }
  }
  const result = schema.safeParse(raw);
  if (!result.success) {
    const issue = result.error.issues[0];
    throw new ConfigError(issue ? describeIssue(issue, raw, fromVariable) : result.error.message);
  }
  const { host, port, data, insecure, logLevel, allowOrigin, ...limits } = result.data;
  refuseContradictions(host, insecure, limits);
  return { host, port, data, insecure, logLevel, allowedOrigins: allowOrigin, limits };
}

function refuseContradictions(host: string, insecure: boolean, limits: Limits): void {
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
