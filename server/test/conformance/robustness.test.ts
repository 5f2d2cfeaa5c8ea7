// @waits
// What stock clients must not be able to break, and how they take being refused, or a relay with nothing to say.
import { RefusedError } from '@tideweave/shared';
import * as encoding from 'lib0/encoding';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { WebSocket } from 'ws';
import * as Y from 'yjs';
import type { AuthorizationRequest, Grant } from '../../src/auth/authorizer.ts';
import { withRelay } from '../support/relay.ts';
import { pass, until } from '../support/wait.ts';
import { type Client, type ClientKind, YWebsocketClient, clientKinds, clients } from './client.ts';
import { HocuspocusClient } from './hocuspocus-client.ts';
import { Table } from './table.ts';

const table = new Table('bad input, silence');
const test = suite('stock clients');
const stockKinds = clientKinds.filter((kind) => kind !== 'tideweave');

/** Sends an update over the client's own socket, past its document. */
function inject(client: Client, name: string, update: Uint8Array): void {
  const encoder = encoding.createEncoder();
  let socket: WebSocket | null = null;
  if (client instanceof HocuspocusClient) {
    encoding.writeVarString(encoder, name);
    socket = client.socket.webSocket;
  } else if (client instanceof YWebsocketClient) {
    socket = client.provider.ws as unknown as WebSocket;
  }
  encoding.writeVarUint(encoder, 0);
  encoding.writeVarUint(encoder, 2);
  encoding.writeVarUint8Array(encoder, update);
  socket?.send(encoding.toUint8Array(encoder));
}

function text({ doc }: Client): string {
  return doc.getText('text').toJSON();
}

/** An update that is cut off within its delete set: other servers apply and send on its text before they notice. */
function malformedUpdate(): Uint8Array {
  const doc = new Y.Doc();
  doc.getText('text').insert(0, 'poison');
  doc.getText('text').delete(0, 1);
  return Y.encodeStateAsUpdate(doc).slice(0, -1);
}

/** An update whose beginning nobody has. */
function orphanUpdate(): Uint8Array {
  const doc = new Y.Doc();
  doc.getText('text').insert(0, 'begins ');
  const before = Y.encodeStateVector(doc);
  doc.getText('text').insert(7, 'orphan');
  return Y.encodeStateAsUpdate(doc, before);
}

async function allSynced(...all: readonly Client[]): Promise<void> {
  await until('all to be synced', () => all.every(({ isSynced }) => isSynced));
}

for (const kind of stockKinds) {
  test(`R1 U3 a malformed update closes its socket with a reason, and everybody else goes on (${kind})`, () =>
    table.check([kind], 'malformed update', () =>
      withRelay({}, async ({ url }) => {
        const culprit = clients[kind]({ url, name: 'doc' });
        const others = clientKinds.map((other) => clients[other]({ url, name: 'doc' }));
        const elsewhere = clients[kind]({ url, name: 'elsewhere' });
        await allSynced(culprit, elsewhere, ...others);
        others[0]?.doc.getText('text').insert(0, 'before ');
        await until('the text everywhere', () => [culprit, ...others].every((one) => text(one) === 'before '));
        inject(culprit, 'doc', malformedUpdate());
        await until('the reason', () => culprit.refusal.includes('TW_MALFORMED_UPDATE'));
        others.at(-1)?.doc.getText('text').insert(0, 'after ');
        elsewhere.doc.getText('text').insert(0, 'fine');
        await until('the others to go on', () => others.every((one) => text(one) === 'after before '));
        assert.ok([elsewhere, ...others].every(({ isSynced, refusal }) => isSynced && refusal === ''));
        for (const client of [culprit, elsewhere, ...others]) client.destroy();
      }),
    ));

  test(`C5 an update without its beginning is asked for again, and not stored (${kind})`, () =>
    table.check([kind], 'missing dependencies', () =>
      withRelay({}, async ({ url }) => {
        const [culprit, other] = [clients[kind]({ url, name: 'doc' }), clients[kind]({ url, name: 'doc' })];
        await allSynced(culprit, other);
        inject(culprit, 'doc', orphanUpdate());
        culprit.doc.getText('text').insert(0, 'goes on');
        await until('the document to go on', () => text(other) === 'goes on');
        await until('everything to be saved', () => culprit.isSaved !== false);
        assert.is(culprit.refusal, '');
        const fresh = clients[kind]({ url, name: 'doc' });
        await allSynced(fresh);
        assert.is(text(fresh), 'goes on');
        assert.is(fresh.doc.store.pendingStructs, null);
        for (const client of [culprit, other, fresh]) client.destroy();
      }),
    ));

  test(`A4 one who is refused does not come back again and again (${kind})`, () =>
    table.check([kind], 'refused, stays away', () => {
      const requests: AuthorizationRequest[] = [];
      const authorize = (request: AuthorizationRequest): Grant => {
        requests.push(request);
        throw new RefusedError('TW_UNAUTHORIZED', 'the token has expired');
      };
      return withRelay({ authorize }, async ({ url }) => {
        const client = clients[kind]({ url, name: 'doc' });
        await until('it to be told', () => client.refusal.includes('TW_UNAUTHORIZED: the token has expired'));
        await pass(1500);
        // y-websocket 2 knows no code to stay away for: it comes back once, and is held.
        assert.ok(requests.length <= (kind === 'y-websocket 2' ? 2 : 1), `${requests.length} attempts`);
        if (kind === 'y-websocket 3' && client instanceof YWebsocketClient) {
          assert.equal(client.closed, [{ code: 4401, reason: 'TW_UNAUTHORIZED: the token has expired' }]);
        }
        client.destroy();
      });
    }));
}

test('R1 everybody stays connected to a relay with nothing to say, the refused too', async () => {
  const authorize = ({ token }: AuthorizationRequest): Grant => {
    if (token === 'nobody') throw new RefusedError('TW_FORBIDDEN', 'not for you');
    return { access: 'write', user: '' };
  };
  await withRelay({ authorize, limits: { connectionTimeoutMs: 20_000 } }, async ({ url, relay }) => {
    const kinds: ClientKind[] = [...clientKinds];
    const idle = kinds.map((kind) => clients[kind]({ url, name: kind }));
    for (const client of idle) client.awareness.setLocalState(null);
    const refused = new HocuspocusClient(4, { url, name: 'refused', token: 'nobody' });
    await allSynced(...idle);
    await until('the refusal', () => refused.refusal !== '');
    const losses = idle.map((client) => {
      let lost = 0;
      client.onLost(() => void lost++);
      return () => lost;
    });
    // A stock client takes a relay that was silent for 30 s for lost, and looks every 3 s.
    await pass(36_000);
    for (const [at, kind] of kinds.entries()) table.record(kind, 'idle for 36 s', losses[at]?.() === 0);
    assert.equal(
      losses.map((lost) => lost()),
      kinds.map(() => 0),
    );
    assert.equal(refused.events, ['authenticationFailed TW_FORBIDDEN: not for you']);
    assert.is(relay.stats.connections, kinds.length + 1);
    for (const client of [...idle, refused]) client.destroy();
  });
});

test.after(() => table.print());

test.run();
