// @slow
// @timeout 120s
/** The Web Push example as a reader runs it: its server in a process, a push service of ours, and its worker in Chromium. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createECDH, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { cp, mkdir, readFile, rm } from 'node:fs/promises';
import { type Server, createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { SyncClient } from '@tideweave/client';
import { build } from 'esbuild';
import ece from 'http_ece';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { root, startChromium } from '../editors/browser.ts';
import { systemTool } from '../support/system-tool.ts';
import { until } from '../support/wait.ts';

const run = promisify(execFile);
const folder = join(root, 'client/dist/web-push-example');
const example = join(root, 'client/examples/web-push');

/** A browser's part of a subscription, with what decrypts its pushes. */
class Subscriber {
  readonly #ecdh = createECDH('prime256v1');
  readonly #auth = randomBytes(16).toString('base64url');
  readonly #publicKey = this.#ecdh.generateKeys('base64url');

  subscription(endpoint: string): object {
    return { endpoint, keys: { p256dh: this.#publicKey, auth: this.#auth } };
  }

  decrypt(body: Buffer): unknown {
    const params = { version: 'aes128gcm' as const, privateKey: this.#ecdh, authSecret: this.#auth };
    return JSON.parse(ece.decrypt(body, params).toString());
  }
}

interface Push {
  readonly device: string;
  readonly body: Buffer;
  readonly authorization: string;
}

interface World {
  pushService: Server;
  server: ChildProcess;
  url: string;
  relay: string;
  complaints: string;
  readonly pushes: Push[];
}

const test = suite<World>('web push');

test.before(async (world) => {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const certificate = ['-keyout', 'key.pem', '-out', 'cert.pem', '-days', '2', '-subj', '/CN=127.0.0.1'];
  const names = ['-addext', 'subjectAltName=IP:127.0.0.1'];
  await run(await systemTool('openssl'), ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...certificate, ...names], {
    cwd: folder,
  });
  const shared = { bundle: true, format: 'esm', outdir: folder, logLevel: 'error' } as const;
  await build({ ...shared, entryPoints: ['main.ts', 'sw.ts'], absWorkingDir: example });
  await build({
    ...shared,
    entryPoints: [join(example, 'server.ts')],
    platform: 'node',
    packages: 'external',
    outExtension: { '.js': '.mjs' },
  });
  await cp(join(example, 'index.html'), join(folder, 'index.html'));
  const [key, cert] = await Promise.all(['key.pem', 'cert.pem'].map((name) => readFile(join(folder, name))));
  const pushes: Push[] = [];
  world.pushService = createServer({ key: key ?? '', cert: cert ?? '' }, (request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const device = request.url?.slice(1) ?? '';
      pushes.push({ device, body: Buffer.concat(parts), authorization: request.headers.authorization ?? '' });
      response.writeHead(device === 'gone' ? 410 : 201).end();
    });
  });
  world.pushService.listen(0, '127.0.0.1');
  await once(world.pushService, 'listening');
  const env = { ...process.env, PORT: '0', RELAY_PORT: '0', NODE_EXTRA_CA_CERTS: join(folder, 'cert.pem') };
  world.server = spawn(process.execPath, ['server.mjs'], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  world.complaints = '';
  world.server.stderr?.on('data', (text: Buffer) => (world.complaints += text.toString()));
  for await (const line of createInterface({ input: world.server.stdout ?? process.stdin })) {
    const [url = '', , relay = ''] = line.split(' ');
    Object.assign(world, { url, relay, pushes });
    break;
  }
});

test.after(async (world) => {
  world.server.kill();
  await once(world.server, 'exit');
  world.pushService.close();
  world.pushService.closeAllConnections();
  await rm(folder, { recursive: true, force: true });
});

test('O7 a device that is away gets one push, one that is present none, and a subscription that is gone is removed', async (world) => {
  const { url, relay, pushes } = world;
  const endpoint = `https://127.0.0.1:${(world.pushService.address() as AddressInfo).port}`;
  const subscribers = new Map(['away', 'present', 'gone'].map((device) => [device, new Subscriber()]));
  for (const [device, subscriber] of subscribers) {
    const subscription = subscriber.subscription(`${endpoint}/${device}`);
    const body = JSON.stringify({ device, documents: ['notes'], subscription });
    assert.is((await fetch(`${url}devices`, { method: 'POST', body })).status, 204);
  }
  const client = new SyncClient({ url: relay, token: 'present' });
  const handle = client.open('notes');
  const write = async (note: string): Promise<void> => {
    handle.doc.getArray('notes').push([note]);
    await handle.whenSaved({ tier: 'server' });
  };
  try {
    await write('first');
    await until('the pushes', () => pushes.length >= 2);
    assert.equal(pushes.map(({ device }) => device).sort(), ['away', 'gone']);
    const push = pushes.find(({ device }) => device === 'away');
    assert.ok(push !== undefined);
    assert.equal(subscribers.get('away')?.decrypt(push.body), { document: 'notes', seq: 1 });
    const settings = (await (await fetch(`${url}settings`)).json()) as { key: string };
    const [, token = '', key] = /^vapid t=([^,]+), k=(.+)$/.exec(push.authorization) ?? [];
    assert.is(key, settings.key);
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as { aud: string };
    assert.is(claims.aud, endpoint);
    await until('the removal', () => world.complaints.includes('the subscription is gone'));
    await write('second');
    await until('the next push', () => pushes.length >= 3);
    assert.equal(
      pushes.slice(2).map(({ device }) => device),
      ['away'],
    );
  } finally {
    client.destroy();
  }
});

test('O7 webhooks that nobody signed, or somebody else, wake nobody', async ({ url, pushes }) => {
  const before = pushes.length;
  const event = {
    id: 'x',
    type: 'document.updated',
    time: new Date().toISOString(),
    document: 'notes',
    seq: 9,
    user: '',
  };
  const seconds = Math.floor(Date.now() / 1000);
  for (const headers of [{}, { 'tideweave-signature': `t=${seconds},v1=${'0'.repeat(64)}` }]) {
    const response = await fetch(`${url}webhooks`, { method: 'POST', headers, body: JSON.stringify(event) });
    assert.is(response.status, 401);
  }
  assert.is(pushes.length, before);
});

test('C4 a push brings what others wrote to the device while its page is closed, and the page opens offline with it', async ({
  url,
  relay,
}) => {
  const browser = await startChromium();
  const other = new SyncClient({ url: relay, token: 'other' });
  try {
    const context = await browser.newContext({ permissions: ['notifications'] });
    const page = await context.newPage();
    await page.goto(`${url}?device=phone`);
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
    await page.goto('about:blank');
    const handle = other.open('notes');
    handle.doc.getArray('notes').push(['while the page was closed']);
    await handle.whenSaved({ tier: 'server' });

    // The worker's own tools need a page of its origin; this one opens no document.
    const tools = await context.newPage();
    await tools.goto(`${url}settings`);
    const session = await context.newCDPSession(tools);
    let registrationId = '';
    session.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
      registrationId = registrations.find(({ isDeleted }) => !isDeleted)?.registrationId ?? registrationId;
    });
    await session.send('ServiceWorker.enable');
    await until('the registration', () => registrationId !== '');
    const origin = new URL(url).origin;
    const data = JSON.stringify({ document: 'notes', seq: 3 });
    await session.send('ServiceWorker.deliverPushMessage', { origin, registrationId, data });
    await until('the notification', () =>
      tools.evaluate(async () => {
        const registration = await navigator.serviceWorker.getRegistration();
        const shown = (await registration?.getNotifications()) ?? [];
        return shown.some(({ body }) => body.includes('to be read offline'));
      }),
    );
    other.destroy();

    await context.setOffline(true);
    await page.goto(`${url}?device=phone`);
    await page.waitForFunction(() => document.querySelector('ul')?.textContent.includes('while the page was closed'));
  } finally {
    other.destroy();
    await browser.close();
  }
});

test.run();
