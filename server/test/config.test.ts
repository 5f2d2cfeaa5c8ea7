import { type Limits, defaultLimits } from '@tideweave/shared';
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isLoopbackHost } from '../src/config-values.ts';
import { parseConfigFile } from '../src/config-file.ts';
import { configFileSetting, settings } from '../src/config-schema.ts';
import { type Flags, ConfigError, parseConfig } from '../src/config.ts';

type Env = Readonly<Record<string, string>>;

function messageOf(flags: Flags, env: Env): string {
  try {
    parseConfig(flags, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return 'accepted';
}

const limitNames = Object.keys(defaultLimits) as (keyof Limits)[];

/** Another value than the default, within every bound, as a bare number. */
function otherValue(name: keyof Limits): number {
  return name === 'uncommittedBytesMax' ? defaultLimits[name] + 1 : defaultLimits[name] - 1;
}

test('R6 without flags and environment, the defaults hold', () => {
  assert.equal(parseConfig({}, {}), {
    host: '127.0.0.1',
    port: 1234,
    data: './data',
    insecure: false,
    logLevel: 'info',
    allowedOrigins: [],
    playground: null,
    webhooks: null,
    limits: defaultLimits,
  });
});

test('R6 every limit has a setting whose names carry the unit', () => {
  const named = new Map(settings.map((setting) => [setting.name, setting]));
  assert.equal(
    limitNames.filter((name) => !named.has(name)),
    [],
  );
  const setting = named.get('messageBytesMax');
  assert.is(setting?.flag, '--message-bytes-max');
  assert.is(setting?.variable, 'TIDEWEAVE_MESSAGE_BYTES_MAX');
  assert.is(new Set(settings.map(({ flag }) => flag)).size, settings.length);
});

for (const name of limitNames) {
  const variable = settings.find((setting) => setting.name === name)?.variable ?? 'no setting';
  const value = otherValue(name);

  test(`R6 ${name} is set by its flag and nothing else changes`, () => {
    assert.equal(parseConfig({ [name]: String(value) }, {}).limits, { ...defaultLimits, [name]: value });
  });

  test(`R6 ${name} is set by its variable, and the flag beats it`, () => {
    const env = { [variable]: String(value) };
    assert.equal(parseConfig({}, env).limits, { ...defaultLimits, [name]: value });
    assert.is(parseConfig({ [name]: String(defaultLimits[name]) }, env).limits[name], defaultLimits[name]);
  });

  test(`R6 ${name} refuses what is not a number, negative or beyond its bounds`, () => {
    for (const wrong of ['many', '-1', '1.5', '1e3', '0x10', ' 7', '7 ', '999999999999999999999', '5MB', 'KiB']) {
      const message = messageOf({}, { [variable]: wrong });
      assert.ok(message.startsWith(`--${variable.slice(10).toLowerCase().replaceAll('_', '-')} must be `), message);
      assert.ok(message.endsWith(`, got ${JSON.stringify(wrong)} (from ${variable})`), message);
      assert.not.match(message, '\n');
    }
  });
}

test('R6 sizes take binary units', () => {
  for (const [text, bytes] of [
    ['262144', 262_144],
    ['262144B', 262_144],
    ['256KiB', 262_144],
    ['16MiB', 16_777_216],
    ['1GiB', 2 ** 30],
  ] as const) {
    assert.is(parseConfig({ messageBytesMax: text }, {}).limits.messageBytesMax, bytes, text);
  }
});

test('R6 durations take units', () => {
  for (const [text, ms] of [
    ['1500', 1500],
    ['1500ms', 1500],
    ['10s', 10_000],
    ['5m', 300_000],
    ['2h', 7_200_000],
  ] as const) {
    assert.is(parseConfig({ idleUnloadMs: text }, {}).limits.idleUnloadMs, ms, text);
  }
});

test('R6 a unit of another kind is refused', () => {
  assert.match(messageOf({ messageBytesMax: '10s' }, {}), /^--message-bytes-max must be a size/);
  assert.match(messageOf({ drainMs: '10KiB' }, {}), /^--drain-ms must be a duration/);
  assert.match(messageOf({ connectionsMax: '10s' }, {}), /^--connections-max must be a whole number from 1 to/);
});

test('R6 shown defaults parse back to the defaults', () => {
  const shown = Object.fromEntries(settings.filter((s) => s.shownDefault !== '').map((s) => [s.name, s.shownDefault]));
  assert.equal(parseConfig(shown, {}), parseConfig({}, {}));
});

test('R6 the largest update must fit into what may wait for its commit', () => {
  assert.match(
    messageOf({ uncommittedBytesMax: '32MiB' }, {}),
    /--uncommitted-bytes-max \(32MiB\) must be at least --update-bytes-max \(64MiB\)/,
  );
});

test('U3 the port is a whole number from 0 to 65535, and the message says where it came from', () => {
  assert.is(parseConfig({ port: '0' }, {}).port, 0);
  assert.is(parseConfig({}, { TIDEWEAVE_PORT: '65535' }).port, 65_535);
  assert.is(
    messageOf({}, { TIDEWEAVE_PORT: 'x' }),
    '--port must be a whole number from 0 to 65535, got "x" (from TIDEWEAVE_PORT)',
  );
  assert.is(messageOf({ port: '65536' }, {}), '--port must be a whole number from 0 to 65535, got "65536"');
});

test('U3 an empty variable counts as not set', () => {
  assert.is(parseConfig({}, { TIDEWEAVE_PORT: '' }).port, 1234);
});

test('U3 an unknown variable is refused with the nearest known one', () => {
  assert.is(
    messageOf({}, { TIDEWEAVE_MESSAGE_BYTE_MAX: '1' }),
    'the environment variable TIDEWEAVE_MESSAGE_BYTE_MAX is not known; the nearest known one is TIDEWEAVE_MESSAGE_BYTES_MAX',
  );
  assert.match(messageOf({}, { TIDEWEAVE_PROT: '1' }), /TIDEWEAVE_PORT$/);
  assert.is(messageOf({}, { OTHER_PROT: '1', TIDEWEAVE_CHROMIUM: '/usr/bin/chromium' }), 'accepted');
});

test('U3 what Kubernetes injects for a Service is explained', () => {
  assert.match(messageOf({}, { TIDEWEAVE_SERVICE_HOST: '10.0.0.1' }), /enableServiceLinks: false/);
  assert.match(messageOf({}, { TIDEWEAVE_PORT: 'tcp://10.0.0.1:1234' }), /enableServiceLinks: false/);
});

test('U3 other settings are validated and say what they expect', () => {
  assert.match(messageOf({ logLevel: 'loud' }, {}), /^--log-level must be one of trace, .*silent, got "loud"$/);
  assert.match(messageOf({ host: 'http://x' }, {}), /^--host must be an IP address or a host name, got "http:\/\/x"$/);
  assert.match(messageOf({ data: '' }, {}), /^--data must be a folder/);
  assert.match(
    messageOf({}, { TIDEWEAVE_INSECURE: 'maybe' }),
    /^--insecure must be true or false, got "maybe" \(from TIDEWEAVE_INSECURE\)$/,
  );
});

test('A1 origins repeat as flags, are a list with commas in the environment, and are compared as browsers send them', () => {
  const flags = { allowOrigin: ['https://App.example.com:443/', 'http://b.example:8080'] };
  assert.equal(parseConfig(flags, {}).allowedOrigins, ['https://app.example.com', 'http://b.example:8080']);
  const env = { TIDEWEAVE_ALLOW_ORIGIN: 'https://a.example, tauri://localhost,' };
  assert.equal(parseConfig({}, env).allowedOrigins, ['https://a.example', 'tauri://localhost']);
});

test('A1 what is not an origin is refused, and the message quotes that one', () => {
  for (const wrong of [
    '*',
    'example.com',
    'https://a.example/path',
    'https://',
    'https://a b',
    'null',
    'https://a.example?x',
  ]) {
    const message = messageOf({ allowOrigin: ['https://fine.example', wrong] }, {});
    assert.is(
      message,
      `--allow-origin must be an origin such as https://app.example.com, without a path, got ${JSON.stringify(wrong)}`,
    );
  }
});

test('A1 webhooks need a secret that nobody guesses', () => {
  const webhookUrl = 'https://app.example/hook';
  assert.match(messageOf({ webhookUrl }, {}), /--webhook-secret with at least 16 characters/);
  assert.match(messageOf({ webhookUrl: 'app.example' }, {}), /^--webhook-url must be an http or https address/);
  const { webhooks } = parseConfig({ webhookUrl, webhookSecret: '0123456789abcdef' }, {});
  assert.equal(webhooks, { url: webhookUrl, secret: '0123456789abcdef', debounceMs: 2000 });
});

test('A1 an address that others can reach needs --insecure', () => {
  for (const host of ['0.0.0.0', '::', '[::]', '192.168.1.2', 'relay.example.com', '128.0.0.1', '0']) {
    assert.match(messageOf({ host }, {}), /--insecure/, host);
    assert.is(messageOf({ host, insecure: true }, {}), 'accepted', host);
    assert.is(messageOf({}, { TIDEWEAVE_HOST: host, TIDEWEAVE_INSECURE: '1' }), 'accepted', host);
  }
});

test('A1 loopback is 127.0.0.0/8, ::1 and localhost', () => {
  for (const host of [
    '127.0.0.1',
    '127.255.0.3',
    '::1',
    '0:0:0:0:0:0:0:1',
    '::ffff:127.0.0.1',
    'localhost',
    'LOCALHOST',
  ]) {
    assert.ok(isLoopbackHost(host), host);
    assert.is(messageOf({ host }, {}), 'accepted', host);
  }
  for (const host of ['localhost.example.com', '::2', '::ffff:10.0.0.1', '127.1.example', ''])
    assert.not(isLoopbackHost(host), host);
  assert.is(parseConfig({ host: '[::1]' }, {}).host, '::1');
});

function fileMessage(text: string): string {
  try {
    parseConfig({}, {}, { path: 'relay.yaml', content: parseConfigFile(text) });
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return 'accepted';
}

test('U3 every setting can stand in a file, in YAML and in JSON, with the value that its flag takes', () => {
  const values = Object.fromEntries(
    settings.map(({ key, name, shownDefault, placeholder }) => {
      const limit = limitNames.find((candidate) => candidate === name);
      if (limit !== undefined) return [key, String(otherValue(limit))];
      if (placeholder === null) return [key, 'true'];
      return [key, shownDefault === '' ? 'https://a.example' : shownDefault];
    }),
  );
  const flags = Object.fromEntries(
    settings.map(({ name, key, repeatable }) => [name, repeatable ? [values[key] ?? ''] : values[key]]),
  );
  const yaml = Object.entries(values)
    .map(([key, value]) => `${key}: ${value}\n`)
    .join('');
  const wanted = parseConfig(flags, {});
  assert.equal(parseConfig({}, {}, { path: 'x', content: parseConfigFile(yaml) }), wanted);
  assert.equal(parseConfig({}, {}, { path: 'x', content: parseConfigFile(JSON.stringify(values, null, 2)) }), wanted);
  assert.equal(parseConfig({}, {}, { path: 'x', content: parseConfigFile('# nothing yet\n') }), parseConfig({}, {}));
});

test('U3 a mistake in a file is told with the file and its line', () => {
  for (const [text, message] of [
    ['port: 1\n\nlog-level: loud\n', /^relay\.yaml:3: log-level must be one of trace, .*, got "loud"$/],
    ['{\n  "port": 99999\n}', /^relay\.yaml:2: port must be a whole number from 0 to 65535, got "99999"$/],
    ['port: 1\nprot: 2\n', /^relay\.yaml:2: the setting "prot" is not known; the nearest known one is port$/],
    ['host: a\nport: 1\nport: 2\n', /^relay\.yaml:3: .*unique/],
    ['port: 1\n  bad\n\tworse: [', /^relay\.yaml:[23]: /],
    ['- port', /^relay\.yaml:1: expected lines such as "port: 8080"$/],
    ['allow-origin:\n  - https://a.example\n  - {}\n', /^relay\.yaml:1: allow-origin must be a text or a list/],
    ['host: a\nport: [1, 2]\n', /^relay\.yaml:2: port must be a single value$/],
    ['port:\n', /^relay\.yaml:1: port must be /],
  ] as const) {
    assert.match(fileMessage(text), message, text);
    assert.not.match(fileMessage(text), '\n');
  }
});

test('U3 the table of the operating guide is the schema, in both directions', () => {
  const guide = readFileSync(new URL('../../../docs/operating.md', import.meta.url), 'utf8');
  const rows = [...guide.matchAll(/^\| `(--[a-z-]+)` \| `(TIDEWEAVE_[A-Z_]+)` \| (.*) \| (.*) \|$/gm)];
  const wanted = [configFileSetting, ...settings].map(({ flag, variable, shownDefault, placeholder, summary }) => {
    const shown = shownDefault === '' ? (placeholder === null ? 'off' : 'none') : `\`${shownDefault}\``;
    return `| \`${flag}\` | \`${variable}\` | ${shown} | ${summary} |`;
  });
  const missing = wanted.filter((line) => !rows.some(([row]) => row === line));
  assert.equal(missing, [], 'in the schema and not in docs/operating.md');
  const unknown = rows.map(([row]) => row).filter((row) => !wanted.includes(row));
  assert.equal(unknown, [], 'in docs/operating.md and not in the schema');
});

test.run();
