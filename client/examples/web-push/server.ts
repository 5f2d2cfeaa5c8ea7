/**
 * The application's server: a relay, the receiver of its webhooks, and the sender of Web Push to the devices that do
 * not have a document open when it changes.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import { type WebhookEvent, createRelay, signatureHeader, verifyWebhook } from '@tideweave/server';
import webpush, { type PushSubscription, WebPushError } from 'web-push';

interface Device {
  readonly device: string;
  readonly documents: readonly string[];
  readonly subscription: PushSubscription;
}

const { PORT = '8080', RELAY_PORT = '1234', DATA = './data', SUBJECT = 'mailto:admin@example.com' } = process.env;
const secret = randomBytes(32).toString('hex');
const startedAt = Date.now();
const bodyBytesMax = 65_536;
const pages: Readonly<Record<string, string>> = { '/': 'index.html', '/main.js': 'main.js', '/sw.js': 'sw.js' };

mkdirSync(DATA, { recursive: true });
/** Browsers tie a subscription to the key it was made with, so it is made once. */
const keys = stored('vapid.json', webpush.generateVAPIDKeys);
store('vapid.json', keys);
const devices = new Map(stored<Device[]>('devices.json', () => []).map((each) => [each.device, each]));
/** Who has a document open, as the relay tells. */
const present = new Map<string, Set<string>>();
let newestId = '';

function stored<T>(name: string, first: () => T): T {
  try {
    return JSON.parse(readFileSync(`${DATA}/${name}`, 'utf8')) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return first();
  }
}

function store(name: string, value: unknown): void {
  writeFileSync(`${DATA}/${name}`, JSON.stringify(value), { mode: 0o600 });
}

async function tell({ id, type, time, document, seq, user }: WebhookEvent): Promise<void> {
  // Sent again because our answer was lost.
  if (id === newestId) return;
  if (type === 'document.updated') {
    const away = [...devices.values()].filter(
      (each) => each.documents.includes(document) && present.get(document)?.has(each.device) !== true,
    );
    await Promise.all(away.map((each) => wake(each, document, seq)));
  } else if (type.startsWith('presence.') && Date.parse(time) >= startedAt) {
    // What waited from before a restart is about connections that are gone.
    const users = present.get(document) ?? new Set();
    if (type === 'presence.joined') users.add(user);
    else users.delete(user);
    present.set(document, users);
  }
  newestId = id;
}

async function wake({ device, subscription }: Device, document: string, seq: number): Promise<void> {
  // A device that is off gets the newest push of a document only.
  const topic = createHash('sha256').update(document).digest('base64url').slice(0, 32);
  const vapidDetails = { subject: SUBJECT, ...keys };
  try {
    await webpush.sendNotification(subscription, JSON.stringify({ document, seq }), {
      vapidDetails,
      topic,
      TTL: 86_400,
      timeout: 5000,
    });
  } catch (error) {
    const isGone = error instanceof WebPushError && [404, 410].includes(error.statusCode);
    console.error(`${device}: ${isGone ? 'the subscription is gone' : String(error)}`);
    if (!isGone || devices.get(device)?.subscription !== subscription) return;
    devices.delete(device);
    store('devices.json', [...devices.values()]);
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > bodyBytesMax) throw new Error('the body is too large');
    parts.push(part);
  }
  return Buffer.concat(parts).toString();
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url?.split('?')[0] ?? '/';
  const page = pages[path];
  if (request.method === 'POST' && path === '/webhooks') {
    const body = await textOf(request);
    const signature = String(request.headers[signatureHeader]);
    if (!verifyWebhook(secret, body, signature, Date.now() / 1000)) return void response.writeHead(401).end();
    await tell(JSON.parse(body) as WebhookEvent);
    response.writeHead(204).end();
  } else if (request.method === 'POST' && path === '/devices') {
    // An application knows from the session which device this is, and takes endpoints of push services only.
    const asked = JSON.parse(await textOf(request)) as Device;
    devices.set(asked.device, asked);
    store('devices.json', [...devices.values()]);
    response.writeHead(204).end();
  } else if (path === '/settings') {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ key: keys.publicKey, relayPort: relay.address.port }));
  } else if (page !== undefined) {
    response.setHeader('content-type', page.endsWith('.js') ? 'text/javascript' : 'text/html');
    response.end(readFileSync(page));
  } else response.writeHead(404).end();
}

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) => {
    console.error(String(error));
    response.writeHead(400).end();
  });
});
await new Promise<void>((resolve) => void server.listen(Number(PORT), '127.0.0.1', resolve));
const address = server.address();
const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : PORT}`;
const relay = await createRelay({
  port: Number(RELAY_PORT),
  data: `${DATA}/documents`,
  // An application checks a token of its own here; in this example it is the name of the device.
  authorize: ({ token }) => ({ access: 'write', user: token }),
  webhooks: { url: `${url}/webhooks`, secret, debounceMs: 2000 },
});
console.log(`${url}/ relay ws://127.0.0.1:${relay.address.port}`);

process.once('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
  void relay.close();
});
