/**
 * What an operator may set, in one schema: each field of it is a flag (`--message-bytes-max`), an environment variable
 * (`TIDEWEAVE_MESSAGE_BYTES_MAX`), a key of the configuration file (`message-bytes-max`) and a line of `--help`.
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
  isHost,
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
  /** Null: where the relay runs from a checkout. */
  readonly playground: boolean | null;
  /** Null when nobody is to be told. */
  readonly webhooks: { readonly url: string; readonly secret: string; readonly debounceMs: number } | null;
  readonly limits: Limits;
}

/** One setting, as help and documentation show it. */
export interface SettingInfo {
  /** Key in the schema, camel case. */
  readonly name: string;
  /** `message-bytes-max`, in the configuration file */
  readonly key: string;
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

function yesOrNo(): z.ZodType<boolean, string> {
  return z.stringbool({ truthy: ['1', 'true', 'yes', 'on'], falsy: ['0', 'false', 'no', 'off'] });
}

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
  insecure: yesOrNo().default(false).register(registry, {
    group: 'Listening',
    summary: 'allow an address that others can reach, though nobody has to authenticate',
    placeholder: null,
    shownDefault: '',
    expects: 'true or false',
  }),
  playground: yesOrNo().optional().register(registry, {
    group: 'Listening',
    summary: 'serve a page with two devices at /, to try the relay with; on by itself in a checkout',
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
  webhookUrl: z
    .string()
    .refine((text) => text === '' || /^https?:\/\/[^\s]+$/.test(text))
    .default('')
    .register(registry, {
      group: 'Webhooks',
      summary: 'address that is told what happens to documents',
      placeholder: '<url>',
      shownDefault: '',
      expects: 'an http or https address',
    }),
  webhookSecret: z.string().default('').register(registry, {
    group: 'Webhooks',
    summary: 'what signs them, at least 16 characters; better set in the environment or the file',
    placeholder: '<secret>',
    shownDefault: '',
    expects: 'a text',
  }),
  webhookDebounceMs: measure(
    {
      group: 'Webhooks',
      summary: 'time from an edit until it is told, with all that came meanwhile',
      default: 2 * secondMs,
      min: 0,
      max: dayMs,
    },
    durationUnits,
    '<duration>',
    'a duration in milliseconds, or such as 500ms or 10s,',
  ),
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
  const key = inWords(name, '-');
  return {
    name,
    key,
    flag: `--${key}`,
    variable: `TIDEWEAVE_${inWords(name, '_').toUpperCase()}`,
    placeholder,
    repeatable: name === 'allowOrigin',
    group,
    summary,
    shownDefault,
  };
});

/** Where the configuration file is; not a setting of its own, as it cannot stand in that file. */
export const configFileSetting: Omit<SettingInfo, 'key'> = {
  name: 'config',
  flag: '--config',
  variable: 'TIDEWEAVE_CONFIG',
  placeholder: '<file>',
  repeatable: false,
  group: 'Configuration',
  summary: 'YAML or JSON file of settings, each under the name of its flag without the dashes',
  shownDefault: '',
};

/** A value that is not what its setting expects. */
export interface SettingIssue {
  readonly setting: SettingInfo;
  /** Completes "… must be". */
  readonly expects: string;
  readonly got: string;
}

/** Reads raw values, by the names of their settings: texts, and lists of texts. What is absent gets its default. */
export function readSettings(raw: Readonly<Record<string, unknown>>): Config | { readonly issue: SettingIssue } {
  const result = schema.safeParse(raw);
  if (result.success) {
    const {
      host,
      port,
      data,
      insecure,
      logLevel,
      allowOrigin,
      playground = null,
      webhookUrl,
      webhookSecret,
      webhookDebounceMs,
      ...limits
    } = result.data;
    const webhooks =
      webhookUrl === '' ? null : { url: webhookUrl, secret: webhookSecret, debounceMs: webhookDebounceMs };
    return { host, port, data, insecure, logLevel, allowedOrigins: allowOrigin, playground, webhooks, limits };
  }
  const issue = result.error.issues[0];
  const setting = settings.find(({ name }) => name === issue?.path[0]);
  if (issue === undefined || setting === undefined) throw new Error('assertion failed: an issue belongs to a setting');
  const value = raw[setting.name];
  const at = issue.path[1];
  const got = Array.isArray(value) && typeof at === 'number' ? String(value[at]) : String(value);
  return { issue: { setting, expects: metaOf(setting.name).expects, got } };
}
