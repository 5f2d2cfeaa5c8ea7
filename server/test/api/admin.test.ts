// @slow
// What whoever looks after a relay is told by HTTP.
import { once } from 'node:events';
import { type AddressInfo } from 'node:net';
import { createServer } from 'node:http';
import type { DocumentInfo, DocumentsPage, FiguresPage, WebhooksInfo } from '@tideweave/shared';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { withFolder } from '../support/folders.ts';
import { NativePeer } from '../support/native-peer.ts';
import { HocuspocusClient } from '../conformance/hocuspocus-client.ts';
import { type TestRelay, withRelay } from '../support/relay.ts';
import { until } from '../support/wait.ts';

const local = 'http://localhost:5173';

async function json<Value>(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Value> {
  const response = await fetch(url, { headers });
  assert.is(response.status, 200, url);
  return (await response.json()) as Value;
}

async function write({ http }: Pick<TestRelay, 'http'>, name: string, document: Y.Doc): Promise<void> {
  const body = new Uint8Array(Y.encodeStateAsUpdate(document));
  const response = await fetch(`${http}/api/docs/${encodeURIComponent(name)}/update`, { method: 'POST', body });
  assert.is(response.status, 200);
}

function docWith(text: string): Y.Doc {
  const document = new Y.Doc();
  document.getText('text').insert(0, text);
  return document;
}

test('O10 documents are found by a part of their name in whatever case, page by page', async () => {
  await withRelay({}, async (relay) => {
    for (const name of ['Invoice 1', 'invoice 2', 'notes', 'über/INVOICE', 'ÜBERSICHT']) {
      await write(relay, name, docWith('x'));
    }
    const find = (query: Record<string, string>): Promise<DocumentsPage> =>
      json<DocumentsPage>(`${relay.http}/api/admin/docs?${new URLSearchParams(query).toString()}`);
    const names = ({ documents }: DocumentsPage): string[] => documents.map(({ name }) => name);
    const all = await find({ search: 'INVOICE' });
    assert.equal(names(all), ['Invoice 1', 'invoice 2', 'über/INVOICE']);
    assert.is(all.next, null);
    assert.equal(names(await find({ search: 'über' })), ['ÜBERSICHT', 'über/INVOICE']);
    assert.is((await find({})).documents.length, 5);
    const first = await find({ search: 'invoice', limit: '2' });
    assert.equal([names(first), first.next], [['Invoice 1', 'invoice 2'], 'invoice 2']);
    const rest = await find({ search: 'invoice', limit: '2', after: first.next ?? '' });
    assert.equal([names(rest), rest.next], [['über/INVOICE'], null]);
    assert.equal(await find({ search: 'none such' }), { documents: [], next: null });
  });
});

test('O10 a document shows who has it open in which dialect, its state vector, and its content', async () => {
  await withRelay({}, async (relay) => {
    const document = docWith('inside');
    document.getMap('map').set('key', { deep: [1, true] });
    await write(relay, 'notes', document);
    const peer = await NativePeer.connect(relay.url);
    await peer.open('notes', { device: 'laptop' });
    const stock = new HocuspocusClient(4, { url: `${relay.url}/`, name: 'notes' });
    try {
      await until('the stock provider to be in sync', () => stock.isSynced);
      const info = await json<DocumentInfo>(`${relay.http}/api/admin/docs/notes`);
      assert.equal(
        info.sessions.map(({ device, dialect, flow, behind }) => [device, dialect, flow, behind]),
        [
          ['laptop', 'tideweave', 'live', 0],
          ['', 'hocuspocus', 'live', 0],
        ],
      );
      assert.is(info.refused, null);
      assert.is(info.clients, 1);
      assert.equal(info.stateVector, [
        { client: document.clientID, clock: Y.getState(document.store, document.clientID) },
      ]);
      assert.equal(await json(`${relay.http}/api/admin/docs/notes/content`), {
        map: { key: { deep: [1, true] } },
        text: 'inside',
      });
      assert.is((await fetch(`${relay.http}/api/admin/docs/none/content`)).status, 404);
    } finally {
      stock.destroy();
      peer.end();
    }
  });
});

test('O10 a reader that stops reading is shown with what it lacks and what waits for it', async () => {
  await withRelay({ limits: { socketBufferBytesMax: 16 << 10 } }, async (relay) => {
    const peer = await NativePeer.connect(relay.url);
    await peer.open('notes');
    peer.webSocket.pause();
    const document = new Y.Doc();
    const info = (): Promise<DocumentInfo> => json<DocumentInfo>(`${relay.http}/api/admin/docs/notes`);
    try {
      await until('it to be behind', async () => {
        const before = Y.encodeStateVector(document);
        document.getText('text').insert(0, 'x'.repeat(500_000));
        const body = new Uint8Array(Y.encodeStateAsUpdate(document, before));
        await fetch(`${relay.http}/api/docs/notes/update`, { method: 'POST', body });
        return (await info()).sessions[0]?.flow === 'behind';
      });
      const [session] = (await info()).sessions;
      assert.ok((session?.bufferedBytes ?? 0) > 16 << 10, String(session?.bufferedBytes));
      assert.ok((session?.behind ?? 0) > 0);
    } finally {
      peer.webSocket.resume();
      peer.end();
    }
  });
});

test('O10 a deleted document says so, and that it cannot be opened', async () => {
  await withRelay({}, async (relay) => {
    await write(relay, 'gone', docWith('x'));
    await fetch(`${relay.http}/api/docs/gone`, { method: 'DELETE' });
    const info = await json<DocumentInfo>(`${relay.http}/api/admin/docs/gone`);
    assert.equal([info.refused, info.stateVector, info.sessions], ['TW_DOCUMENT_DELETED', null, []]);
    assert.is((await fetch(`${relay.http}/api/admin/docs/gone/content`)).status, 410);
  });
});

test('O10 figures are taken each second from the first look on, and count what happened', async () => {
  await withRelay({}, async (relay) => {
    const look = (after: number): Promise<FiguresPage> =>
      json<FiguresPage>(`${relay.http}/api/admin/figures?after=${after}`);
    assert.equal((await look(0)).samples, []);
    const peer = await NativePeer.connect(relay.url);
    const { doc } = await peer.open('notes');
    for (let n = 1; n <= 5; n += 1) await peer.save(doc, n, Y.encodeStateAsUpdate(docWith(String(n))));
    assert.is((await fetch(`${relay.http}/api/docs/none`)).status, 404);
    await until('the first sample', async () => (await look(0)).samples.length > 0);
    const { samples } = await look(0);
    const [first] = samples;
    assert.ok(first !== undefined);
    const { perSecond, refusals, ackMs, rooms, sessions, connections, residentBytes, cpu, eventLoopMs } = first;
    assert.ok(perSecond.updates > 3 && perSecond.updates <= 5.1, String(perSecond.updates));
    assert.equal(refusals, { TW_NOT_FOUND: 1 });
    assert.ok((ackMs.p50 ?? 0) > 0 && (ackMs.p99 ?? 0) >= (ackMs.p50 ?? 0));
    assert.equal([rooms, sessions, connections], [1, 1, 1]);
    assert.ok(residentBytes > 20e6 && cpu > 0 && (eventLoopMs?.max ?? -1) >= 0);
    assert.equal((await look(samples.at(-1)?.time ?? 0)).samples.length < 2, true, 'only what is new');
    peer.end();
  });
});

test('O10 webhooks show what waits, and why, and keep what is secret in the address', async () => {
  await withRelay({}, async ({ http }) => assert.equal(await json(`${http}/api/admin/webhooks`), { receiver: null }));
  const receiver = createServer((_request, response) => response.writeHead(500).end());
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
  await withFolder((data) =>
    withRelay(
      { data, webhooks: { url: `${url}?key=hidden`, secret: 'a secret of some length', debounceMs: 10 } },
      async (relay) => {
        await write(relay, 'notes', docWith('x'));
        const look = (): Promise<WebhooksInfo> => json<WebhooksInfo>(`${relay.http}/api/admin/webhooks`);
        await until('an attempt to fail', async () => (await look()).trouble !== null);
        const shown = await look();
        assert.is(shown.receiver, url);
        assert.match(shown.trouble?.error ?? '', 'HTTP 500');
        assert.ok((shown.trouble?.nextAt ?? 0) > Date.now() - 1000);
        assert.ok(shown.waiting > 0);
        assert.equal([shown.oldest[0]?.type, shown.oldest[0]?.document], ['document.created', 'notes']);
      },
    ),
  );
  receiver.close();
});

test('A1 all of it is for who looks after the relay, and pages of other origins read nothing', async () => {
  await withRelay({}, async (relay) => {
    await write(relay, 'notes', docWith('x'));
    for (const path of [
      'docs',
      'docs/notes',
      'docs/notes/content',
      'docs/notes/log',
      'figures',
      'webhooks',
      'refusals',
    ]) {
      const url = `${relay.http}/api/admin/${path}`;
      const fromElsewhere = await fetch(url, { headers: { 'x-forwarded-for': '203.0.113.7' } });
      assert.is(fromElsewhere.status, 403, path);
      const foreign = await fetch(url, { headers: { origin: 'https://evil.example' } });
      assert.is(foreign.status, 403, path);
      assert.is(foreign.headers.get('access-control-allow-origin'), null, path);
      const own = await fetch(url, { headers: { origin: local } });
      assert.is(own.status, 200, path);
      assert.is(own.headers.get('access-control-allow-origin'), local, path);
    }
  });
});

test('A1 a page of an allowed origin may ask with a token, and reads refusals too', async () => {
  const app = 'https://app.example';
  await withRelay({ allowedOrigins: [app] }, async ({ http }) => {
    const asked = {
      origin: app,
      'access-control-request-method': 'GET',
      'access-control-request-headers': 'authorization',
    };
    const preflight = await fetch(`${http}/api/admin/docs`, { method: 'OPTIONS', headers: asked });
    assert.is(preflight.status, 204);
    assert.is(preflight.headers.get('access-control-allow-origin'), app);
    assert.match(preflight.headers.get('access-control-allow-headers') ?? '', /authorization/i);
    const refused = await fetch(`${http}/api/admin/docs/none`, { headers: { origin: app } });
    assert.is(refused.status, 404);
    assert.is(refused.headers.get('access-control-allow-origin'), app);
    const foreign = { ...asked, origin: 'https://evil.example' };
    const other = await fetch(`${http}/api/admin/docs`, { method: 'OPTIONS', headers: foreign });
    assert.is(other.headers.get('access-control-allow-origin'), null);
  });
});

test.run();
