// What the files in deploy/ name exists: settings, paths, commands, ports. They are run by nobody here but their own programs.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parse as parseYaml } from 'yaml';
import { runProgram } from '../../src/cli/program.ts';
import { parseConfigFile } from '../../src/config-file.ts';
import { configFileSetting, settings } from '../../src/config-schema.ts';
import { parseConfig } from '../../src/config.ts';
import { withFolder } from '../support/folders.ts';

const root = new URL('../../../../', import.meta.url);
const file = (path: string): string => readFileSync(new URL(path, root), 'utf8');
const files = readdirSync(new URL('deploy', root)).filter((name) => name !== 'grafana');

async function helpOf(command: string): Promise<string> {
  let out = '';
  await runProgram(['help', command], {
    env: {},
    version: '1',
    writeOut: (text) => void (out += text),
    writeError: (text) => void (out += text),
    serve: () => Promise.reject(new Error('not serving')),
  });
  return out;
}

test('O6 every variable, flag and command that is named exists', async () => {
  const variables = new Set([configFileSetting, ...settings].map(({ variable }) => variable));
  const flags = new Set([configFileSetting, ...settings].map(({ flag }) => flag));
  const foreign = new Set(['--profile', '--from', '--interval', '--timeout', '--start-period', '--now']);
  foreign.add('--ignore-scripts').add('--omit').add('--workspace').add('--url');
  for (const name of files) {
    const text = file(`deploy/${name}`);
    for (const variable of text.match(/\bTIDEWEAVE_[A-Z_]+/g) ?? [])
      assert.ok(variables.has(variable), `${name}: ${variable}`);
    for (const flag of text.match(/(?<=\s)--[a-z][a-z-]+/g) ?? []) {
      assert.ok(flags.has(flag) || foreign.has(flag), `${name}: ${flag}`);
    }
    for (const [, command = ''] of text.matchAll(/\btideweave (serve|backup|[a-z]+) (?=[-/])/g)) {
      assert.match(await helpOf(command), new RegExp(`^Usage: tideweave ${command}\\b`), `${name}: ${command}`);
    }
  }
});

test('O6 the configuration example is taken as it is', () => {
  const config = parseConfig(
    {},
    {},
    { path: 'tideweave.yaml', content: parseConfigFile(file('deploy/tideweave.yaml')) },
  );
  assert.is(config.data, '/var/lib/tideweave');
  assert.equal(config.allowedOrigins, ['https://app.example.com']);
});

test('O6 the image copies what is there, starts what is built, as somebody without rights, and says how it is', () => {
  const text = file('deploy/Dockerfile');
  const stages = [...text.matchAll(/^FROM \S+(?: AS (\w+))?$/gm)].map(([, stage]) => stage);
  assert.equal(stages, ['build', 'dependencies', undefined]);
  for (const [, from, list = ''] of text.matchAll(/^COPY (?:--from=(\w+) )?(.+)$/gm)) {
    const sources = list.split(' ').slice(0, -1);
    if (from !== undefined) {
      assert.ok(stages.includes(from), from);
      for (const source of sources)
        assert.match(
          source,
          /^\/(?:build\/(?:shared\/dist\/src|server\/dist\/(?:src|pages|workers))|app\/node_modules)$/,
        );
    } else for (const source of sources) assert.ok(existsSync(new URL(source, root)), source);
  }
  const last = text.slice(text.lastIndexOf('FROM '));
  assert.match(last, /^USER node$/m);
  assert.match(last, /^HEALTHCHECK [\s\S]*\/readyz/m);
  const [, command = ''] = /ln -s \/app\/(\S+\.js) /.exec(last) ?? [];
  assert.match(file('deploy/tideweave.service'), new RegExp(`/opt/tideweave/${command} serve --config `));
  assert.match(file(command), /^#!\/usr\/bin\/env node\n/);
  assert.ok(statSync(new URL(command, root)).mode & 0o100, 'a link to it can be run');
  const engines = (JSON.parse(file('package.json')) as { engines: { node: string } }).engines.node;
  assert.match(
    engines,
    new RegExp(`^>=${/FROM node:(\d+)/.exec(text)?.[1]}\\.`),
    'the major that the project asks for',
  );
});

interface Compose {
  readonly services: Readonly<Record<string, { volumes?: string[]; ports?: string[]; build?: Record<string, string> }>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}

test('O6 compose, Prometheus and Grafana find each other and their files', () => {
  const compose = parseYaml(file('deploy/compose.yml')) as Compose;
  assert.equal(Object.keys(compose.services), ['relay', 'prometheus', 'grafana']);
  assert.ok(existsSync(new URL(compose.services['relay']?.build?.['dockerfile'] ?? 'none', root)));
  for (const [name, { volumes = [], ports = [] }] of Object.entries(compose.services)) {
    for (const volume of volumes) {
      const [source = ''] = volume.split(':');
      const isThere = source.startsWith('./')
        ? existsSync(new URL(`deploy/${source}`, root))
        : source in compose.volumes;
      assert.ok(isThere, `${name}: ${volume}`);
    }
    for (const port of ports) assert.match(port, /^127\.0\.0\.1:/, `${name} is for this machine`);
  }
  const prometheus = parseYaml(file('deploy/prometheus.yml')) as {
    rule_files: string[];
    scrape_configs: { job_name: string; static_configs: { targets: string[] }[] }[];
  };
  const port = settings.find(({ name }) => name === 'port')?.shownDefault;
  const [scrape] = prometheus.scrape_configs;
  assert.equal(scrape?.static_configs[0]?.targets, [`relay:${port}`]);
  assert.match(file('deploy/alerts.yml'), new RegExp(`job="${scrape?.job_name}"`));
  for (const rules of prometheus.rule_files) assert.ok(existsSync(new URL(`deploy/${rules}`, root)), rules);
  const source = file('deploy/grafana/provisioning/datasources/prometheus.yml');
  assert.match(source, /url: http:\/\/prometheus:9090$/m);
});

test('A1 proxies pass WebSockets to the port of the relay, tell who came, and keep what is for its operator', () => {
  const nginx = file('deploy/nginx.conf');
  for (const line of [
    'proxy_pass http://127.0.0.1:1234;',
    'proxy_set_header Upgrade $http_upgrade;',
    'proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;',
    'location = /metrics { return 404; }',
    'location /api/admin { return 404; }',
    'location /_/ { return 404; }',
  ]) {
    assert.ok(nginx.includes(line), line);
  }
  assert.is((nginx.match(/\{/g) ?? []).length, (nginx.match(/\}/g) ?? []).length);
  const caddy = file('deploy/Caddyfile');
  assert.match(caddy, /reverse_proxy 127\.0\.0\.1:1234/);
  assert.match(caddy, /@inside path \/metrics \/api\/admin \/api\/admin\/\* \/_\/\*\n\s+respond @inside 404/);
});

test('O6 systemd takes the unit, where it is installed', async () => {
  const unit = file('deploy/tideweave.service');
  assert.match(unit, /^TimeoutStopSec=15$/m);
  assert.match(unit, /^StateDirectory=tideweave$/m);
  const checked = await withFolder(async (folder) => {
    const path = join(folder, 'tideweave.service');
    // It looks whether the program is there, and this machine may have it elsewhere.
    await writeFile(path, unit.replace('/usr/bin/node', process.execPath));
    return spawnSync('systemd-analyze', ['verify', path]);
  });
  if (checked.error !== undefined) {
    console.log('systemd-analyze is not installed: the lines above are all');
    return;
  }
  assert.is(checked.status, 0, checked.stderr.toString());
});

test.run();
