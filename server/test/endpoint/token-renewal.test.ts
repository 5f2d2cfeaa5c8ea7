// @waits
// Tokens that end while somebody works: our client and stock ones against a relay whose grants are short.
import { SyncClient } from '@tideweave/client';
import { RefusedError } from '@tideweave/shared';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { WebSocket } from 'ws';
import * as Y from 'yjs';
import type { Authorizer } from '../../src/auth/authorizer.ts';
import { Reauthorization } from '../../src/endpoint/reauthorization.ts';
import { NativePeer } from '../support/native-peer.ts';
import { endProvider, stockProvider, whenSynced } from '../support/readers.ts';
import { withRelay } from '../support/relay.ts';
import { pass, until, within } from '../support/wait.ts';
import { VirtualClock } from '../virtual-clock.ts';

/** Each token says what it grants: access, when that ends (ms since 1970, or `never`) and to whom; for one document only, if it names one. */
const authorizerOf =
  (tokens: string[] = []): Authorizer =>
  ({ token, document }) => {
    tokens.push(token);
    const [access, end, user = '', only] = token.split(' ');
    if (
      (access !== 'write' && access !== 'read') ||
      (only !== undefined && only !== document) ||
      Number(end) <= Date.now()
    )
      throw new RefusedError('TW_UNAUTHORIZED', 'the token is no good');
    return { access, user, ...(end === 'never' ? {} : { expiresAt: Number(end) }) };
  };

const lasting = (ms: number): string => `write ${Date.now() + ms} ada`;

/** A client that counts its sockets. */
function countingClient(
  url: string,
  token: () => string | Promise<string>,
): { client: SyncClient; sockets: WebSocket[] } {
  const sockets: WebSocket[] = [];
  class CountedWebSocket extends WebSocket {
    constructor(...args: ConstructorParameters<typeof WebSocket>) {
      super(...args);
      sockets.push(this);
    }
  }
  return { client: new SyncClient({ url, token, WebSocket: CountedWebSocket }), sockets };
}

test('A1 P95 P96 P98 one socket serves for 8 s under grants of 2 s, and edits go through all the time', async () => {
  const authorized: string[] = [];
  await withRelay({ authorize: authorizerOf(authorized) }, async ({ url }) => {
    const ends: number[] = [];
    let late = 0;
    const { client, sockets } = countingClient(url, () => {
      const token = lasting(2000);
      if (Date.now() >= (ends.at(-1) ?? Infinity)) late += 1;
      ends.push(Date.now() + 2000);
      return Promise.resolve(token);
    });
    const handle = client.open('document');
    const beside = client.open('beside');
    const refused: string[] = [];
    for (const each of [handle, beside]) each.on('refused', ({ code }) => refused.push(code));
    const from = performance.now();
    let edits = 0;
    while (performance.now() - from < 8000) {
      handle.doc.getText('text').insert(0, 'x');
      edits += 1;
      await handle.whenSaved({ tier: 'server' });
      await pass(50);
    }
    assert.equal([sockets.length, late, refused], [1, 0, []]);
    assert.ok(ends.length >= 4, `${ends.length} tokens`);
    assert.ok(edits > 20, `${edits} edits`);
    assert.equal([beside.status.synced, beside.status.error], [true, null]);
    assert.is(new Set(authorized).size, ends.length, 'each of them reached the authorizer');
    client.destroy();
  });
});

test('A1 P99 U3 a grant that is not renewed ends for its document alone, which goes on with the next good token', async () => {
  await withRelay({ authorize: authorizerOf() }, async ({ url }) => {
    let next: (() => string | Promise<string>) | null = null;
    let asked = 0;
    const endsAt = Date.now() + 1500;
    const { client, sockets } = countingClient(url, () => {
      asked += 1;
      return next === null ? `write ${endsAt} ada short` : next();
    });
    // A connection of one user may hold grants of several kinds; here the other document is opened with another token.
    const handle = client.open('short');
    await handle.whenSynced();
    next = (): Promise<string> => new Promise(() => undefined);
    const long = await NativePeer.connect(url);
    const { doc } = await long.open('long', { token: 'write never ada' });
    await long.open('short', { token: `write ${endsAt} ada` });
    const refusals: unknown[] = [];
    handle.on('refused', (error) => refusals.push(error));
    const refused = await long.take('refuse');
    assert.equal([refused.scope, refused.code, refused.action], ['document', 'TW_UNAUTHORIZED', 'reauth']);
    await until('the refusal of our client', () => handle.status.error !== null);
    assert.ok(Date.now() - endsAt < 5000, 'within 5 s');
    assert.ok(Date.now() >= endsAt, 'and not before');
    const expected = {
      code: 'TW_UNAUTHORIZED',
      reason: 'the grant has ended',
      retryable: true,
      action: 'reauth',
      retryAfterMs: 0,
    };
    assert.equal([handle.status.error, handle.status.phase, refusals], [expected, 'ready', [expected]]);
    await long.save(doc, 1, Y.encodeStateAsUpdate(new Y.Doc()));
    assert.ok(long.isOpen);
    handle.doc.getText('text').insert(0, 'meanwhile');
    next = (): string => 'write never ada';
    // The function hangs: it is asked once more after 10 s.
    await within('the edit to be saved', handle.whenSaved({ tier: 'server' }));
    assert.equal([sockets.length, handle.status.error], [1, null]);
    assert.ok(asked >= 3, `asked ${asked} times`);
    client.destroy();
    long.end();
  });
});

test('A1 P40 U3 a token that is refused is not sent again: the function is asked each time, and less and less often', async () => {
  const authorized: string[] = [];
  await withRelay({ authorize: authorizerOf(authorized) }, async ({ url }) => {
    let asked = 0;
    const { client, sockets } = countingClient(url, () => {
      asked += 1;
      if (asked % 3 === 2) throw new Error('no token at the moment');
      return asked < 6 ? `bad ${asked}` : 'write never ada';
    });
    const handle = client.open('document');
    handle.doc.getText('text').insert(0, 'kept');
    await within('the edit to be saved', handle.whenSaved({ tier: 'server' }));
    assert.is(new Set(authorized).size, authorized.length, authorized.join());
    assert.equal(authorized, ['bad 1', 'bad 3', 'bad 4', 'write never ada']);
    assert.is(sockets.length, 1);
    client.destroy();
  });
});

test('A1 P97 less access by a renewed token reaches the client as its status, and so does more', async () => {
  await withRelay({ authorize: authorizerOf() }, async ({ url }) => {
    let access = 'write';
    const { client, sockets } = countingClient(url, () => `${access} ${Date.now() + 1500} ada`);
    const handle = client.open('document');
    await handle.whenSynced();
    assert.is(handle.status.access, 'write');
    access = 'read';
    await until('the relay to allow reading only', () => handle.status.access === 'read');
    handle.doc.getText('text').insert(0, 'not yet ');
    assert.equal([handle.status.error?.code, handle.status.error?.retryable], ['TW_READ_ONLY', false]);
    access = 'write';
    await within('the edit to be saved', handle.whenSaved({ tier: 'server' }));
    assert.equal([handle.status.access, handle.status.error, sockets.length], ['write', null, 1]);
    client.destroy();
  });
});

test('A1 P96 P97 what a token is good for is decided for each document; of another user none, and a failing authorizer takes nothing back', async () => {
  let failing = false;
  const authorize = authorizerOf();
  await withRelay(
    {
      authorize: (request) => {
        if (failing) throw new Error('the database is down');
        return authorize(request);
      },
    },
    async ({ url }) => {
      const peer = await NativePeer.connect(url);
      const { doc: a } = await peer.open('a', { token: lasting(60_000) });
      const { doc: b } = await peer.open('b', { token: 'write never ada' });
      const first = await peer.take('grant');
      assert.ok(first.doc === a && first.endsInMs > 50_000 && first.endsInMs <= 60_000, `${first.endsInMs}`);
      failing = true;
      peer.send({ type: 'token', token: 'write never ada' });
      const kept = [await peer.take('grant'), await peer.take('grant')].toSorted((x, y) => x.doc - y.doc);
      assert.ok(kept[0]!.endsInMs > 0 && kept[0]!.endsInMs <= 60_000, 'the old end');
      assert.equal(kept[1], { type: 'grant', doc: b, endsInMs: 0 });
      failing = false;
      peer.send({ type: 'token', token: 'write never ada a' });
      assert.equal(await peer.take('grant'), { type: 'grant', doc: a, endsInMs: 0 });
      const other = await peer.take('refuse');
      assert.equal([other.scope, other.id, other.code], ['document', b, 'TW_UNAUTHORIZED']);
      peer.send({ type: 'token', token: 'write never bob' });
      const bob = await peer.take('refuse');
      assert.equal([bob.scope, bob.id, bob.code, bob.action], ['document', a, 'TW_ACCESS_CHANGED', 'retry']);
      assert.ok(peer.isOpen);
      peer.end();
    },
  );
});

test('A4 P100 tokens are put to the authorizer one at a time, the newest next, at most one in 400 ms', async () => {
  const clock = new VirtualClock();
  const taken: string[] = [];
  let done: () => void = () => undefined;
  const reauthorization = new Reauthorization(clock, (token) => {
    taken.push(token);
    return new Promise((resolve) => (done = resolve));
  });
  for (const token of ['1', '2', '3']) reauthorization.take(token);
  assert.equal(taken, ['1']);
  await clock.advance(1000);
  reauthorization.tick();
  assert.equal(taken, ['1'], 'one at a time');
  done();
  await pass(0);
  reauthorization.tick();
  assert.equal(taken, ['1', '3'], 'the newest next');
  done();
  await pass(0);
  reauthorization.take('4');
  await clock.advance(399);
  reauthorization.tick();
  assert.equal(taken, ['1', '3']);
  await clock.advance(1);
  reauthorization.tick();
  assert.equal(taken, ['1', '3', '4']);
});

test('A1 P101 a stock y-websocket client comes back with the token that it has by then, and stays away without a better one', async () => {
  await withRelay({ authorize: authorizerOf() }, async ({ url }) => {
    const doc = new Y.Doc();
    const provider = stockProvider(url, 'document', doc, { params: { token: lasting(1500) } });
    await whenSynced(provider);
    const codes: (number | undefined)[] = [];
    provider.on('connection-close', (event) => codes.push(event?.code));
    provider.params = { token: lasting(4000) };
    await until('the grant to end', () => codes.length === 1);
    doc.getText('text').insert(0, 'meanwhile');
    await whenSynced(provider);
    assert.equal(codes, [4503]);
    // From here on it has no better one.
    const closed = new Promise<{ code: number; reason: string }>((resolve) => provider.once('closed', resolve));
    const { code, reason } = await within('the application to be told', closed);
    assert.equal([code, codes], [4401, [4503, 4503, 4401]]);
    assert.match(reason, /^TW_UNAUTHORIZED: /);
    await pass(1000);
    assert.is(codes.length, 3, 'it stays away');
    const reader = new SyncClient({ url, token: 'read never bob' });
    const handle = reader.open('document');
    await handle.whenSynced();
    assert.is(handle.doc.getText('text').toJSON(), 'meanwhile');
    reader.destroy();
    endProvider(provider);
  });
});

test.run();
