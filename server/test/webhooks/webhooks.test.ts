// @slow
// A real receiver hears from a real relay what happens to documents, whatever fails in between.
import { once } from 'node:events';
import { randomUUID } from 'node:crypto';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Clock } from '@tideweave/shared';
import { Level } from 'level';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { type WebhookEvent, signatureHeader, signWebhook, verifyWebhook } from '../../src/webhooks/event.ts';
import { systemClock } from '../../src/clock.ts';
import { createLogger } from '../../src/observability/log.ts';
import { Meter } from '../../src/observability/meter.ts';
import { WebhookQueue } from '../../src/webhooks/webhook-queue.ts';
import { WebhookSender } from '../../src/webhooks/webhook-sender.ts';
import { withFolder } from '../support/folders.ts';
import { NativePeer } from '../support/native-peer.ts';
import { withRelay } from '../support/relay.ts';
import { withRelayProcess } from '../support/relay-process.ts';
import { pass, until } from '../support/wait.ts';

const secret = 'sixteen characters';

class Receiver {
  readonly events: WebhookEvent[] = [];
  readonly #server: Server;
  attempts = 0;
  forged = 0;
  /** Attempts from now on that are answered with an error, though their bodies are read. */
  failing = 0;
  /** Events that it takes; what comes beyond is answered with an error. */
  takenMax = Infinity;

  private constructor() {
    this.#server = createServer((request, response) => {
      let body = '';
      request.on('data', (bytes: Buffer) => void (body += bytes.toString()));
      request.on('end', () => {
        this.attempts += 1;
        const signature = String(request.headers[signatureHeader]);
        if (!verifyWebhook(secret, body, signature, Date.now() / 1000)) this.forged += 1;
        const isTaken = this.failing <= 0 && this.events.length < this.takenMax;
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

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook`;
  }

  get args(): readonly string[] {
    return ['--webhook-url', this.url, '--webhook-secret', secret, '--webhook-debounce-ms', '1500ms'];
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

test('O7 whoever was there when the relay was killed and does not come back has left', async () => {
  await withReceiver(async (receiver, folder) => {
    const open = async (url: string, name: string): Promise<void> => {
      await (await NativePeer.connect(url)).open(name);
    };
    await withRelayProcess(folder, { args: receiver.args }, async ({ url }) => {
      await open(url, 'left');
      await open(url, 'back');
      await until('both to be told', () => receiver.count('back', 'presence.joined') > 0, 20_000);
      await until('both to be told', () => receiver.count('left', 'presence.joined') > 0, 20_000);
    });
    await withRelayProcess(folder, { args: receiver.args }, async ({ url }) => {
      await open(url, 'back');
      await until('the leaving to be told', () => receiver.count('left', 'presence.left') > 0, 20_000);
      // Before the first look it is as if nobody had been away; after it they left and joined.
      await until('who is back to be there', () => receiver.types('back').at(-1) === 'presence.joined', 20_000);
    });
    // What was told stays told.
    await withRelayProcess(folder, { args: receiver.args }, async () => {
      await until('the second leaving', () => receiver.types('back').at(-1) === 'presence.left', 20_000);
    });
    // The relay may be killed before it knows that one was taken: that comes twice.
    const distinct = new Map(receiver.events.map((event) => [event.id, event]));
    const types = [...distinct.values()].filter(({ document }) => document === 'left').map(({ type }) => type);
    assert.equal(types, ['presence.joined', 'presence.left']);
  });
});

const queueMax = 100_000;

/** Lets as many events wait as may. */
async function fillQueue(path: string): Promise<void> {
  const queue = await WebhookQueue.open(path);
  const none = { epoch: '', seq: 0, user: '', time: '' };
  const add = (count: number): Promise<boolean> => {
    const events = Array.from({ length: count }, () => ({ ...none, ...filler, id: randomUUID() }));
    return queue.add(events, filler.document, { told: { epoch: '', seq: 0, deleted: true } });
  };
  for (let count = 0; count < queueMax; count += 10_000) assert.ok(await add(10_000));
  assert.not.ok(await add(1), 'it is full');
  await queue.begin();
  await queue.close();
}
const filler = { type: 'document.deleted', document: 'filler' } as const;

test('O7 when too much waits, who joined or left is told later, as far as it is still true', async () => {
  await withReceiver(async (receiver, folder) => {
    const path = join(folder, 'webhooks');
    await fillQueue(path);
    receiver.takenMax = 0;
    const authorize = ({ document }: { document: string | null }) =>
      ({ access: 'write', user: document === 'stays' ? 'ada' : 'bob' }) as const;
    const webhooks = { url: receiver.url, secret, debounceMs: 100 };
    await withRelay({ data: folder, authorize, webhooks }, async ({ url, http }) => {
      const waiting = async (): Promise<number> => {
        const metrics = await (await fetch(`${http}/metrics`)).text();
        return Number(/^tideweave_waiting_webhooks (\d+)$/m.exec(metrics)?.[1]);
      };
      const [ada, bob] = [await NativePeer.connect(url), await NativePeer.connect(url)];
      await ada.open('stays');
      await bob.open('goes');
      // Long enough to be looked at.
      await pass(1500);
      assert.is(await waiting(), queueMax);
      bob.end();
      await until('the end of the session', async () =>
        /^tideweave_sessions 1$/m.test(await (await fetch(`${http}/metrics`)).text()),
      );
      const refused = (): number => receiver.attempts - receiver.events.length;
      const refusedBefore = refused();
      receiver.takenMax = 10;
      // With the next attempt the relay knows of all ten.
      await until('ten to be sent', () => refused() > refusedBefore, 20_000);
      await until('the joining to wait', async () => (await waiting()) === queueMax - 9);
      ada.end();
    });
    const db = new Level<string, WebhookEvent>(path, { valueEncoding: 'json' });
    const last = await db.values({ gte: 'e', lt: 'f', reverse: true, limit: 3 }).all();
    await db.close();
    assert.equal(
      last.toReversed().map(({ type, document, user }) => [type, document, user]),
      [
        [filler.type, filler.document, ''],
        ['presence.joined', 'stays', 'ada'],
        ['presence.left', 'stays', 'ada'],
      ],
    );
  });
});

test('O7 an event that is not received is tried again after up to a second, then twice as long, up to five minutes', async () => {
  for (const [chance, first] of [
    [0, 500],
    [1, 1000],
  ] as const) {
    await withReceiver(async (receiver, folder) => {
      receiver.failing = Infinity;
      const queue = await WebhookQueue.open(folder);
      const event = { ...filler, id: randomUUID(), time: '', epoch: '', seq: 0, user: '' };
      await queue.add([event], filler.document, { told: { epoch: '', seq: 0, deleted: true } });
      const pauses: number[] = [];
      const planned: (() => void)[] = [];
      const clock: Clock = {
        ...systemClock,
        after: (ms, run) => {
          pauses.push(ms);
          planned.push(run);
          return () => undefined;
        },
      };
      const parts = {
        queue,
        clock,
        random: () => chance,
        logger: createLogger({ level: 'silent' }),
        meter: new Meter(),
      };
      const sender = new WebhookSender({ url: receiver.url, secret, ...parts });
      sender.wake();
      for (let attempt = 1; attempt <= 11; attempt += 1) {
        const run = await until('the next pause', () => planned.shift());
        await pass(1);
        run();
      }
      await sender.close();
      await queue.close();
      const expected = Array.from({ length: 11 }, (_, at) => first * Math.min(2 ** at, 300));
      assert.equal(pauses.slice(0, 11), expected);
    });
  }
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
