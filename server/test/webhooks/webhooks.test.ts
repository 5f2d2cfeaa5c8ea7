// @slow
// A real receiver hears from a real relay what happens to documents, whatever fails in between.
import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { type WebhookEvent, signatureHeader, signWebhook, verifyWebhook } from '../../src/webhooks/event.ts';
import { withFolder } from '../support/folders.ts';
import { NativePeer } from '../support/native-peer.ts';
import { withRelayProcess } from '../support/relay-process.ts';
import { until } from '../support/wait.ts';

const secret = 'sixteen characters';

class Receiver {
  readonly events: WebhookEvent[] = [];
  readonly #server: Server;
  attempts = 0;
  forged = 0;
  /** Attempts from now on that are answered with an error, though their bodies are read. */
  failing = 0;

  private constructor() {
    this.#server = createServer((request, response) => {
      let body = '';
      request.on('data', (bytes: Buffer) => void (body += bytes.toString()));
      request.on('end', () => {
        this.attempts += 1;
        const signature = String(request.headers[signatureHeader]);
        if (!verifyWebhook(secret, body, signature, Date.now() / 1000)) this.forged += 1;
        const isTaken = this.failing <= 0;
        if (isTaken) this.events.push(JSON.parse(body) as WebhookEvent);
        else this.failing -= 1;
        response.writeHead(isTaken ? 200 : 503).end();
      });
    });
  }

  static async start(): Promise<Receiver> {
    const receiver = new Receiver();
    receiver.#server.listen(0, '127.0.0.1');
    await once(receiver.#server, 'listening');
    return receiver;
  }

  get args(): readonly string[] {
    const { port } = this.#server.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}/hook`;
    return ['--webhook-url', url, '--webhook-secret', secret, '--webhook-debounce-ms', '1500ms'];
  }

  types(document: string): string[] {
    return this.events.filter((event) => event.document === document).map(({ type }) => type);
  }

  count(document: string, type: string): number {
    return this.types(document).filter((each) => each === type).length;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

async function edit(peer: NativePeer, doc: number, from: number, count: number, document: Y.Doc): Promise<void> {
  for (let n = from; n < from + count; n += 1) {
    const before = Y.encodeStateVector(document);
    document.getArray('a').push([n]);
    await peer.save(doc, n, Y.encodeStateAsUpdate(document, before));
  }
}

async function withReceiver(run: (receiver: Receiver, folder: string) => Promise<void>): Promise<void> {
  const receiver = await Receiver.start();
  try {
    await withFolder((folder) => run(receiver, folder));
  } finally {
    receiver.close();
  }
}

test('O7 a receiver is told of creation, edits (gathered), people and deletion, signed, also after it failed', async () => {
  await withReceiver(async (receiver, folder) => {
    await withRelayProcess(folder, { args: receiver.args }, async ({ url, http }) => {
      receiver.failing = 2;
      const peer = await NativePeer.connect(url);
      const { doc } = await peer.open('notes');
      await edit(peer, doc, 1, 30, new Y.Doc());
      await until('the edits to be told', () => receiver.count('notes', 'document.updated') > 0, 20_000);
      assert.is(receiver.failing, 0, 'it was tried again');
      peer.end();
      await until('the leaving to be told', () => receiver.count('notes', 'presence.left') > 0, 20_000);
      assert.is((await fetch(`${http}/api/docs/notes`, { method: 'DELETE' })).status, 200);
      await until('the deletion to be told', () => receiver.count('notes', 'document.deleted') > 0, 20_000);
      const metrics = await (await fetch(`${http}/metrics`)).text();
      assert.match(metrics, /^tideweave_failed_webhooks_total 2$/m);
    });
    const types = receiver.types('notes');
    for (const type of ['document.created', 'presence.joined', 'presence.left', 'document.deleted']) {
      assert.is(receiver.count('notes', type), 1, type);
    }
    assert.ok(types.indexOf('document.created') < types.indexOf('document.updated'));
    assert.is(types.at(-1), 'document.deleted');
    assert.ok(receiver.count('notes', 'document.updated') <= 4, `thirty edits are few events: ${types.join()}`);
    const last = receiver.events.findLast(({ type }) => type === 'document.updated');
    assert.is(last?.seq, 30);
    assert.is(receiver.forged, 0);
  });
});

test('O7 what was not told before a kill -9 is told after it, and what was there before webhooks is no news', async () => {
  await withReceiver(async (receiver, folder) => {
    const document = new Y.Doc();
    await withRelayProcess(folder, {}, async ({ url }) => {
      const peer = await NativePeer.connect(url);
      await edit(peer, (await peer.open('old')).doc, 1, 1, new Y.Doc());
      peer.end();
    });
    await withRelayProcess(folder, { args: receiver.args }, async ({ url }) => {
      receiver.failing = Infinity;
      const peer = await NativePeer.connect(url);
      const { doc } = await peer.open('kept');
      await edit(peer, doc, 1, 3, document);
      await until('the receiver to fail', () => receiver.attempts > 0, 20_000);
      // Durable, and perhaps not even looked at.
      await edit(peer, doc, 4, 2, document);
      peer.end();
    });
    receiver.failing = 0;
    await withRelayProcess(folder, { args: receiver.args }, async () => {
      const seqs = (): number[] =>
        receiver.events.filter(({ type }) => type === 'document.updated').map(({ seq }) => seq);
      await until('everything to be told', () => seqs().includes(5), 20_000);
    });
    assert.is(receiver.count('kept', 'document.created'), 1);
    assert.equal(receiver.types('old'), []);
    const ids = receiver.events.map(({ id }) => id);
    assert.is(new Set(ids).size, ids.length, 'each once, as the receiver had none');
  });
});

test('O7 a signature fits one secret, one body and one time', () => {
  const signature = signWebhook(secret, '{"a":1}', 1000);
  assert.ok(verifyWebhook(secret, '{"a":1}', signature, 1200));
  assert.not.ok(verifyWebhook(secret, '{"a":1}', signature, 1301), 'too old');
  assert.not.ok(verifyWebhook(secret, '{"a":2}', signature, 1000));
  assert.not.ok(verifyWebhook('another secret!!', '{"a":1}', signature, 1000));
  assert.not.ok(verifyWebhook(secret, '{"a":1}', signature.replace('t=1000', 't=1001'), 1001));
  assert.not.ok(verifyWebhook(secret, '{"a":1}', 'nonsense', 1000));
});

test.run();
