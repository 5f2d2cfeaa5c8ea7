// @slow
// The commands that ask a running relay, and the page that describes all commands.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { runProgram } from '../../src/cli/program.ts';
import { withFolder } from '../support/folders.ts';
import { NativePeer } from '../support/native-peer.ts';
import { type TestRelay, withRelay } from '../support/relay.ts';
import { until } from '../support/wait.ts';

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly error: string;
}

async function run(
  args: readonly string[],
  {
    env = {},
    onOut = () => undefined,
  }: { env?: Readonly<Record<string, string>>; onOut?: (text: string) => void } = {},
): Promise<Outcome> {
  let out = '';
  let error = '';
  const code = await runProgram(args, {
    env,
    version: '1.2.3',
    writeOut: (text) => {
      out += text;
      onOut(text);
    },
    writeError: (text) => void (error += text),
    serve: () => Promise.reject(new Error('not serving')),
  });
  return { code, out, error };
}

function rich(): Y.Doc {
  const document = new Y.Doc();
  document.getText('text').insert(0, 'words', { bold: true });
  document.getMap('map').set('key', [1, { deep: true }]);
  document.getArray('array').push(['one', 2]);
  const element = new Y.XmlElement('p');
  element.insert(0, [new Y.XmlText('inside')]);
  document.getXmlFragment('xml').insert(0, [element]);
  return document;
}

async function withNotes(use: (relay: TestRelay & { peer: NativePeer; doc: number }) => Promise<void>): Promise<void> {
  await withFolder((data) =>
    withRelay({ data }, async (relay) => {
      const peer = await NativePeer.connect(relay.url);
      const { doc } = await peer.open('notes/1', { device: 'laptop' });
      await peer.save(doc, 1, Y.encodeStateAsUpdate(rich()));
      await use({ ...relay, peer, doc });
      peer.end();
    }),
  );
}

test('U3 docs, inspect and log say what there is, without content', async () => {
  await withNotes(async ({ http, peer, doc }) => {
    const url = ['--url', http];
    const listed = await run(['docs', ...url]);
    assert.match(listed.out, /^"notes\/1" {2}1 entries {2}\d+ bytes {2}1 sessions {2}\d{4}-.*\n$/);
    const inspected = JSON.parse((await run(['inspect', 'notes/1', '--json', ...url])).out) as {
      head: { lastSeq: number };
      sessions: unknown[];
    };
    assert.is(inspected.head.lastSeq, 1);
    const session = { user: '', device: 'laptop', dialect: 'tideweave', flow: 'live', behind: 0, bufferedBytes: 0 };
    assert.equal(inspected.sessions, [session]);
    assert.match((await run(['inspect', 'notes/1', ...url])).out, /^sessions {3}1$/m);

    let seen = '';
    const following = run(['log', 'notes/1', '--follow', ...url], { onOut: (text) => void (seen += text) });
    await until('the first entry', () => seen.includes('\n'));
    const change = new Y.Doc();
    change.getArray('secret').push(['written later']);
    await peer.save(doc, 2, Y.encodeStateAsUpdate(change));
    await until('the second entry', () => seen.split('\n').length === 3);
    process.emit('SIGINT');
    assert.is((await following).code, 130);
    const [first = '', second = ''] = seen.split('\n');
    assert.match(first, /^1 {2}\d{4}-.* "" "laptop" {2}\d+ bytes {2}\+\d+:0-\d+/);
    assert.match(second, new RegExp(`^2 .*\\+${change.clientID}:0-0$`));
    assert.not.match(seen, /written later/);
    const after = await run(['log', 'notes/1', '--after', '1', '--json', ...url]);
    assert.is((JSON.parse(after.out) as { seq: number }).seq, 2);
  });
});

test('O10 docs finds by a part of the name, inspect shows content, top a line a second', async () => {
  await withNotes(async ({ http }) => {
    const at = ['--url', http];
    assert.match((await run(['docs', '--search', 'NOTE', ...at])).out, /^"notes\/1" /);
    assert.is((await run(['docs', '--search', 'none', ...at])).out, '');
    const shown = JSON.parse((await run(['inspect', 'notes/1', '--content', ...at])).out) as Record<string, unknown>;
    assert.is(shown['text'], 'words');
    const { out } = await run(['top', '--count', '2', ...at]);
    const [head = '', ...lines] = out.trimEnd().split('\n');
    assert.match(head, /^time +updates\/s/);
    assert.is(lines.length, 2);
    for (const line of lines) assert.is(line.length, head.length);
    assert.is(
      (JSON.parse((await run(['top', '--count', '1', '--json', ...at])).out) as { sessions: number }).sessions,
      1,
    );
    assert.is((await run(['top', '--count', '0', ...at])).code, 2);
  });
});

test('O10 refusals and webhooks are told in lines and as JSON', async () => {
  await withFolder((data) =>
    withRelay(
      { data, webhooks: { url: 'http://127.0.0.1:1/hook?key=x', secret: 'a secret of some length', debounceMs: 10 } },
      async ({ http }) => {
        const at = ['--url', http];
        assert.is((await fetch(`${http}/api/docs/none`)).status, 404);
        assert.match(
          (await run(['refusals', ...at])).out,
          /^\d{4}-\S+ {2}TW_NOT_FOUND {2}\S+ {2}there is no document "none"\n$/,
        );
        assert.is(
          (JSON.parse((await run(['refusals', '--json', ...at])).out) as { code: string }).code,
          'TW_NOT_FOUND',
        );
        await fetch(`${http}/api/docs/new`, { method: 'PUT' });
        await until('an attempt to fail', async () => (await run(['webhooks', ...at])).code === 1);
        const { out } = await run(['webhooks', ...at]);
        assert.match(out, /^receiver {3}http:\/\/127\.0\.0\.1:1\/hook$/m);
        assert.match(out, /document\.created "new"$/m);
        assert.match(out, /^trouble {4}\d+ attempts in a row failed: .*; next at \d{4}-/m);
      },
    ),
  );
  await withRelay({}, async ({ http }) => {
    const { code, out } = await run(['webhooks', '--url', http]);
    assert.is(code, 0);
    assert.match(out, '--webhook-url');
  });
});

test('U3 what is exported comes back by import, and JSON has the types as they are', async () => {
  await withFolder((folder) =>
    withNotes(async ({ http }) => {
      const url = ['--url', http];
      const file = join(folder, 'copy.yjs');
      assert.is((await run(['export', 'notes/1', '--output', file, ...url])).code, 0);
      const imported = await run(['import', file, '--name', 'notes/2', ...url]);
      assert.is(imported.code, 0, imported.error + imported.out);
      const json = join(folder, 'notes.json');
      await run(['export', 'notes/2', '--format', 'json', '--output', json, ...url]);
      assert.equal(JSON.parse(await readFile(json, 'utf8')), {
        array: ['one', 2],
        map: { key: [1, { deep: true }] },
        text: 'words',
        xml: { $yjs: 'xml', text: '<p>inside</p>' },
      });
    }),
  );
});

test('U3 compact compacts, and says when there is nothing to do', async () => {
  await withNotes(async ({ http }) => {
    const first = await run(['compact', 'notes/1', '--url', http]);
    assert.match(first.out, /^tideweave: compacted up to entry 1: \d+ bytes\n$/);
    assert.is((await run(['compact', 'notes/1', '--url', http])).out, 'tideweave: there was nothing to compact\n');
  });
});

test('U3 a document that is not there is exit code 1, a relay that is not there 2, each with one line', async () => {
  await withRelay({}, async ({ http }) => {
    for (const command of ['inspect', 'log', 'export', 'compact']) {
      const missing = await run([command, 'gone', '--url', http]);
      assert.is(missing.code, 1, command);
      assert.match(missing.error, /^tideweave: [^\n]*TW_NOT_FOUND[^\n]*\n$/);
      const nobody = await run([command, 'gone', '--url', 'http://127.0.0.1:1']);
      assert.is(nobody.code, 2, command);
      assert.match(nobody.error, /^tideweave: [^\n]+\n$/);
    }
  });
});

interface Check {
  readonly what: string;
  readonly isWell: boolean;
  readonly says: string;
}

async function doctor(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Map<string, Check>> {
  const { out, error } = await run(['doctor', ...args, '--json'], { env });
  assert.is(error, '');
  return new Map((JSON.parse(out) as { checks: Check[] }).checks.map((check) => [check.what, check]));
}

/** Something that is no relay, on a port of its own. */
async function withStranger(use: (port: number) => Promise<void>): Promise<number> {
  const stranger = createServer((socket) => socket.resume().end('SSH-2.0-something else'));
  stranger.listen(0, '127.0.0.1');
  await once(stranger, 'listening');
  const { port } = stranger.address() as AddressInfo;
  try {
    await use(port);
  } finally {
    stranger.close();
    await once(stranger, 'close');
  }
  return port;
}

test('U3 doctor looks at disk, files, versions, port and relay', async () => {
  await withFolder((folder) =>
    withRelay({}, async ({ http }) => {
      const checks = await doctor(['--data', folder, '--url', http, '--port', '0']);
      assert.equal([...checks.keys()], ['versions', 'data folder', 'room', 'sync', 'open files', 'port', 'relay']);
      assert.match(checks.get('versions')?.says ?? '', /^tideweave 1\.2\.3, Node \d+/);
      assert.match(checks.get('sync')?.says ?? '', /^\d+\.\d\d ms/);
      assert.match(checks.get('relay')?.says ?? '', /answers and takes edits$/);
      await withStranger(async (port) => {
        const taken = `http://127.0.0.1:${port}`;
        const broken = await run(['doctor', '--data', '/proc/nowhere', '--url', taken]);
        assert.is(broken.code, 1);
        assert.match(broken.out, /^SEE {3}data folder: .*cannot be written to/m);
        assert.match(broken.out, /^SEE {3}relay: .* does not answer as a relay does/m);
      });
    }),
  );
});

test('U3 doctor listens on the configured port for a moment, and knows a relay there from something else', async () => {
  await withFolder((folder) =>
    withRelay({}, async ({ http }) => {
      const of = async (...args: string[]): Promise<readonly (Check | undefined)[]> => {
        const checks = await doctor(['--data', folder, ...args]);
        return [checks.get('port'), checks.get('relay')];
      };
      const own = await of('--port', new URL(http).port);
      assert.match(own[0]?.says ?? '', /has a relay already$/);
      assert.match(own[1]?.says ?? '', /answers and takes edits$/, 'asked where the settings say');
      assert.ok(own.every((check) => check?.isWell));
      const port = await withStranger(async (taken) => {
        const [found] = await of('--port', String(taken), '--url', http);
        assert.not.ok(found?.isWell);
        assert.match(found?.says ?? '', /is in use: stop what listens there/);
      });
      const free = await of('--port', String(port));
      assert.is(free[0]?.says, `127.0.0.1:${port} is free for a relay`);
      assert.is(free[1]?.says, `nobody listens at http://127.0.0.1:${port}`);
      assert.ok(free.every((check) => check?.isWell));
      const [foreign] = await of('--host', '192.0.2.1', '--insecure', '--port', String(port));
      assert.not.ok(foreign?.isWell);
      assert.match(foreign?.says ?? '', /^this machine has no address 192\.0\.2\.1/);
    }),
  );
});

test('U3 doctor takes the settings that the relay would: flags, environment, file', async () => {
  await withFolder(async (folder) => {
    const file = join(folder, 'relay.yaml');
    await writeFile(file, `data: ${folder}\nport: 0\nconnections-max: 11\n`);
    const files = async (args: string[], env: Record<string, string> = {}): Promise<Check | undefined> =>
      (await doctor(['--config', file, ...args], env)).get('open files');
    assert.match((await files([]))?.says ?? '', /; 11 connections /);
    assert.match((await files([], { TIDEWEAVE_CONNECTIONS_MAX: '12' }))?.says ?? '', /; 12 connections /);
    const many = await files(['--connections-max', '1000000']);
    assert.match(many?.says ?? '', /; 1000000 connections .* need 1002000/);
    const open = /^(\d+) may be open/.exec(many?.says ?? '')?.[1];
    assert.is(many?.isWell, open === undefined || Number(open) >= 1_002_000);
    const wrong = await run(['doctor', '--config', file, '--port', 'x']);
    assert.is(wrong.code, 2);
    assert.match(wrong.error, /^tideweave: --port must be [^\n]+\n$/);
  });
});

test('U3 docs/cli.md has every command with every option and the exit codes of its help, and no others', async () => {
  const page = readFileSync(new URL('../../../../docs/cli.md', import.meta.url), 'utf8');
  const sections = new Map(
    [...page.matchAll(/^## tideweave (\w+)\n([\s\S]*?)(?=^## |$(?![\s\S]))/gm)].map(([, name = '', text = '']) => [
      name,
      text,
    ]),
  );
  const { out } = await run(['--help']);
  const commands = [...(out.split('Commands:')[1] ?? '').matchAll(/^ {2}(\w+)/gm)].flatMap(([, name]) => name ?? []);
  assert.equal([...sections.keys()].toSorted(), commands.filter((name) => name !== 'help').toSorted());
  for (const [name, text] of sections) {
    const help = (await run([name, '--help'])).out;
    const known = new Set([...help.matchAll(/^ {2}(?:-\w, )?(--[a-z-]+)/gm)].map(([, option]) => option));
    known.delete('--help');
    const told = new Set(text.match(/--[a-z][a-z-]+/g) ?? []);
    for (const option of told) assert.ok(help.includes(option), `${name} has no ${option}`);
    // Those of serve have a table of their own, which another test compares.
    if (name !== 'serve') for (const option of known) assert.ok(told.has(option ?? ''), `${name} ${option}`);
    assert.match(help, /Examples:/, name);
    const codes = (from: string): string[] => [...new Set(from.match(/(?<![\d.])(?:0|1|2|130)(?= [a-z])/g) ?? [])];
    const helpCodes = codes(/(?:Exit codes:|exit codes:)([\s\S]*)/.exec(help)?.[1] ?? '');
    assert.equal(codes(/Exit codes: (.*)/.exec(text)?.[1] ?? ''), helpCodes, `exit codes of ${name}`);
  }
});

test.run();
