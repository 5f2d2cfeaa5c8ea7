// @slow
// The HTTP interface as a program meets it: every route, on a relay of its own.
import { SyncClient } from '@tideweave/client';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { withFolder } from '../support/folders.ts';
import { NativePeer } from '../support/native-peer.ts';
import { readers } from '../support/readers.ts';
import { RelayProcess } from '../support/relay-process.ts';
import { memoryLog, withRelay } from '../support/relay.ts';
import { until, within } from '../support/wait.ts';
import { YPeer } from '../support/y-peer.ts';

const updateOf = (text: string): Uint8Array<ArrayBuffer> => {
  const doc = new Y.Doc();
  doc.getText('text').insert(0, text);
  return new Uint8Array(Y.encodeStateAsUpdate(doc));
};

const textOf = async (response: Response): Promise<string> => {
  const doc = new Y.Doc();
  Y.applyUpdate(doc, new Uint8Array(await response.arrayBuffer()));
  return doc.getText('text').toString();
};

interface Listing {
  readonly documents: readonly { name: string; seq: number; bytes: number; connections: number }[];
  readonly next: string | null;
}

async function json<Value>(url: string): Promise<Value> {
  const response = await fetch(url);
  assert.is(response.status, 200, url);
  assert.match(response.headers.get('content-type') ?? '', /^application\/json/);
  return (await response.json()) as Value;
}

async function codeOf(response: Response): Promise<[number, string]> {
  assert.match(response.headers.get('content-type') ?? '', /^application\/json/);
  const { error } = (await response.json()) as { error: { code: string; message: string; action: string } };
  assert.ok(error.message !== '' && error.action !== '');
  return [response.status, error.code];
}

const odd = [
  '__proto__',
  'constructor',
  '../x',
  '../../etc/passwd',
  'a/b',
  ' spaces in it ',
  '%',
  '100%25',
  '%2e%2e',
  '?q=1#f',
  '👩‍👩‍👧 emoji',
  '\u0000',
  '\n',
  '\u00e9 composed',
  'e\u0301 composed',
  'x'.repeat(512),
  'ü'.repeat(256),
];

test('D1 every route, for documents with any name', async () => {
  await withRelay({ log: memoryLog() }, async ({ url, http }) => {
    for (const name of odd) {
      const path = `${http}/api/docs/${encodeURIComponent(name)}`;
      assert.equal(await codeOf(await fetch(path)), [404, 'TW_NOT_FOUND'], name);
      assert.equal(await codeOf(await fetch(`${path}/update`)), [404, 'TW_NOT_FOUND'], name);
      assert.equal(await codeOf(await fetch(path, { method: 'DELETE' })), [404, 'TW_NOT_FOUND'], name);
      const stored = await fetch(`${path}/update`, { method: 'POST', body: updateOf(name) });
      assert.equal([stored.status, await stored.json()], [200, { name, durable: true }]);
      const about = await json<Record<string, unknown>>(path);
      assert.equal([about['name'], about['seq'], about['connections']], [name, 1, 0]);
      assert.match(String(about['epoch']), /^[0-9a-f]{16}$/);
      assert.ok(Number(about['bytes']) > 0);
      assert.match(String(about['created']), /^\d{4}-\d\d-\d\dT/);
      assert.match(String(about['updated']), /^\d{4}-\d\d-\d\dT/);
      for (const read of Object.values(readers)) {
        assert.is((await read(url, name)).getText('text').toString(), name, 'each reader finds the same document');
      }
    }
    // In pages, in the order of their UTF-8 bytes, each once.
    const names: string[] = [];
    let after: string | null = null;
    do {
      const query: string = after === null ? '' : `&after=${encodeURIComponent(after)}`;
      const page: Listing = await json<Listing>(`${http}/api/docs?limit=5${query}`);
      assert.ok(page.documents.length <= 5);
      names.push(...page.documents.map(({ name }) => name));
      after = page.next;
    } while (after !== null);
    assert.equal(
      names,
      odd.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
    );
    for (const name of odd) {
      const path = `${http}/api/docs/${encodeURIComponent(name)}`;
      const deleted = await fetch(path, { method: 'DELETE' });
      assert.equal([deleted.status, await deleted.json()], [200, { name, deleted: true }]);
      assert.equal(await codeOf(await fetch(path)), [410, 'TW_DOCUMENT_DELETED'], name);
      assert.equal(await codeOf(await fetch(`${path}/update`)), [410, 'TW_DOCUMENT_DELETED']);
      const again = await fetch(`${path}/update`, { method: 'POST', body: updateOf('back') });
      assert.equal(await codeOf(again), [410, 'TW_DOCUMENT_DELETED'], 'not resurrected');
    }
    assert.equal((await json<Listing>(`${http}/api/docs`)).documents, []);
  });
});

test('R1 what is not allowed is JSON with a code', async () => {
  await withRelay({ log: memoryLog(), limits: { updateBytesMax: 100_000 } }, async ({ http, logged }) => {
    await fetch(`${http}/api/docs/d/update`, { method: 'POST', body: updateOf('x') });
    const post = (body: Uint8Array<ArrayBuffer>): Promise<Response> =>
      fetch(`${http}/api/docs/d/update`, { method: 'POST', body });
    const ahead = new Y.Doc();
    ahead.getText('text').insert(0, 'first');
    const stateVector = Y.encodeStateVector(ahead);
    ahead.getText('text').insert(5, 'second');
    const chunked = new ReadableStream({
      start(controller) {
        for (let at = 0; at < 200; at += 1) controller.enqueue(new Uint8Array(1000));
        controller.close();
      },
    });
    const cases: readonly (readonly [string, Promise<Response>, number, string])[] = [
      ['no such address', fetch(`${http}/nope`), 404, 'TW_NOT_FOUND'],
      ['no such method', fetch(`${http}/api/docs/d`, { method: 'PATCH' }), 405, 'TW_METHOD_NOT_ALLOWED'],
      ['a name of 513 bytes', fetch(`${http}/api/docs/${'x'.repeat(513)}`), 400, 'TW_INVALID_NAME'],
      ['a name of 171 umlauts', fetch(`${http}/api/docs/${'€'.repeat(171)}/update`), 400, 'TW_INVALID_NAME'],
      ['a limit that is none', fetch(`${http}/api/docs?limit=x`), 400, 'TW_BAD_REQUEST'],
      ['a limit of 0', fetch(`${http}/api/docs?limit=0`), 400, 'TW_BAD_REQUEST'],
      ['a state vector that is none', fetch(`${http}/api/docs/d/update?sv=!!`), 400, 'TW_BAD_REQUEST'],
      ['a state vector cut off', fetch(`${http}/api/docs/d/update?sv=AQ`), 400, 'TW_MALFORMED_MESSAGE'],
      ['an empty body', post(new Uint8Array(0)), 422, 'TW_MALFORMED_UPDATE'],
      ['garbage', post(Uint8Array.of(1, 2, 3)), 422, 'TW_MALFORMED_UPDATE'],
      ['a V2 update', post(new Uint8Array(Y.encodeStateAsUpdateV2(ahead))), 422, 'TW_MALFORMED_UPDATE'],
      [
        'an update without what it builds on',
        post(new Uint8Array(Y.encodeStateAsUpdate(ahead, stateVector))),
        409,
        'TW_MISSING_DEPENDENCIES',
      ],
      ['a body over the limit', post(new Uint8Array(100_001)), 413, 'TW_TOO_LARGE'],
      [
        'a body over the limit, of unknown length',
        fetch(`${http}/api/docs/d/update`, { method: 'POST', body: chunked, duplex: 'half' } as RequestInit),
        413,
        'TW_TOO_LARGE',
      ],
      ['creating what exists', fetch(`${http}/api/docs/d`, { method: 'PUT' }), 409, 'TW_DOCUMENT_EXISTS'],
    ];
    for (const [what, answer, status, code] of cases) assert.equal(await codeOf(await answer), [status, code], what);
    assert.is(await textOf(await fetch(`${http}/api/docs/d/update`)), 'x');
    assert.equal(logged, [], 'none of it is the relay’s failure');
  });
});

test('C4 ?sv= gives the difference only, before and after compaction', async () => {
  const log = memoryLog();
  await withRelay({ log, limits: { idleUnloadMs: 0 } }, async ({ http }) => {
    const doc = new Y.Doc();
    const text = doc.getText('text');
    text.insert(0, 'x'.repeat(10_000));
    const path = `${http}/api/docs/d/update`;
    await fetch(path, { method: 'POST', body: new Uint8Array(Y.encodeStateAsUpdate(doc)) });
    const known = Y.encodeStateVector(doc);
    text.insert(0, 'new');
    await fetch(path, { method: 'POST', body: new Uint8Array(Y.encodeStateAsUpdate(doc, known)) });
    for (const compacted of [false, true]) {
      while (compacted && (await log.head('d'))?.snapshotSeq !== 2) await new Promise(setImmediate);
      const sv = Buffer.from(known).toString('base64url');
      const difference = new Uint8Array(await (await fetch(`${path}?sv=${sv}`)).arrayBuffer());
      assert.ok(difference.length < 100, `${difference.length} bytes`);
      const copy = new Y.Doc();
      Y.applyUpdate(copy, Y.encodeStateAsUpdate(doc));
      Y.applyUpdate(copy, difference);
      assert.is(copy.getText('text').toString(), text.toString());
      assert.is(await textOf(await fetch(path)), text.toString());
      const all = Buffer.from(Y.encodeStateVector(doc)).toString('base64url');
      const nothing = new Uint8Array(await (await fetch(`${path}?sv=${all}`)).arrayBuffer());
      assert.ok(nothing.length <= 12, `${nothing.length} bytes`);
      Y.applyUpdate(new Y.Doc(), nothing);
    }
  });
});

test('D1 D2 a POST that was answered survives kill -9 right after, every time', async () => {
  await withFolder(async (folder) => {
    for (let round = 0; round < 5; round += 1) {
      const relay = await RelayProcess.start(folder);
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, at) =>
          fetch(`${relay.http}/api/docs/round-${round}-${at}/update`, {
            method: 'POST',
            body: updateOf(`${round} ${at}`),
          }),
        ),
      );
      await relay.kill();
      assert.ok(answers.every(({ status }) => status === 200));
    }
    const relay = await RelayProcess.start(folder);
    try {
      for (let round = 0; round < 5; round += 1) {
        for (let at = 0; at < 10; at += 1) {
          const response = await fetch(`${relay.http}/api/docs/round-${round}-${at}/update`);
          assert.is(await textOf(response), `${round} ${at}`);
        }
      }
    } finally {
      await relay.kill();
    }
  });
});

test('U3 deleting a document ends its sessions with a reason, and only those', async () => {
  await withRelay({ log: memoryLog() }, async ({ url, http }) => {
    const client = new SyncClient({ url });
    const [doomed, other] = [client.open('doomed'), client.open('other')];
    doomed.doc.getText('text').insert(0, 'mine');
    await Promise.all([doomed.whenSaved({ tier: 'server' }), other.whenSynced()]);
    const stock = await YPeer.connect(url, 'doomed');
    stock.begin(new Y.Doc());
    await stock.take('step-2');
    assert.is((await json<{ connections: number }>(`${http}/api/docs/doomed`)).connections, 2);
    const refused = new Promise<{ code: string; action: string }>((resolve) => void doomed.on('refused', resolve));
    assert.is((await fetch(`${http}/api/docs/doomed`, { method: 'DELETE' })).status, 200);
    const { code, action } = await within('the refusal', refused);
    assert.equal([code, action], ['TW_DOCUMENT_DELETED', 'contact']);
    assert.is(doomed.status.phase, 'refused');
    assert.is(doomed.doc.getText('text').toString(), 'mine', 'the copy here is kept');
    const closed = await within('the close', stock.closed);
    assert.is(closed.code, 4410);
    assert.match(closed.reason, /^TW_DOCUMENT_DELETED: /);
    other.doc.getText('text').insert(0, 'goes on');
    await other.whenSaved({ tier: 'server' });

    // Whoever comes is refused too, until it is created again: then it is another document.
    const peer = await NativePeer.connect(url);
    peer.ask('doomed');
    assert.is((await peer.take('refuse')).code, 'TW_DOCUMENT_DELETED');
    assert.is((await fetch(`${http}/api/docs/doomed`, { method: 'PUT' })).status, 201);
    await peer.open('doomed');
    assert.is(await textOf(await fetch(`${http}/api/docs/doomed/update`)), '');
    peer.end();
    client.destroy();
  });
});

test('D5 healthz and readyz tell a live process from one that can store', async () => {
  const log = memoryLog();
  await withRelay({ log }, async ({ http }) => {
    assert.equal(await json(`${http}/healthz`), { status: 'ok' });
    assert.equal(await json(`${http}/readyz`), { status: 'ok' });
    log.faults.beforeAppend = () => Promise.reject(new Error('no space left on device'));
    assert.equal(await json(`${http}/healthz`), { status: 'ok' });
    const failing = await fetch(`${http}/readyz`);
    assert.ok(Number(failing.headers.get('retry-after')) >= 1);
    assert.equal(await codeOf(failing), [503, 'TW_STORAGE_FAILED']);
    delete log.faults.beforeAppend;
    assert.equal(await json(`${http}/readyz`), { status: 'ok' });
  });
});

test('R5 while it drains it says that it is not ready, takes nothing new, and answers what it took', async () => {
  const log = memoryLog();
  await withRelay({ log }, async ({ http, relay }) => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    log.faults.beforeAppend = () => held;
    const post = (): Promise<Response> =>
      fetch(`${http}/api/docs/notes/update`, { method: 'POST', body: updateOf('taken') });
    const taken = post();
    await until('the edit to wait for its commit', async () => /uncommitted_bytes [1-9]/.test(await metricsOf(http)));
    const closed = relay.close();
    assert.equal(await codeOf(await fetch(`${http}/readyz`)), [503, 'TW_SHUTTING_DOWN']);
    assert.equal(await json(`${http}/healthz`), { status: 'ok' });
    assert.equal(await codeOf(await post()), [503, 'TW_SHUTTING_DOWN']);
    release();
    assert.is((await taken).status, 200);
    await closed;
  });
});

async function metricsOf(http: string): Promise<string> {
  return (await fetch(`${http}/metrics`)).text();
}

test.run();
