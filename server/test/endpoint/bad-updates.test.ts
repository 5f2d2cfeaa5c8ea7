// Updates that hurt other Yjs servers, each as a push, as a stock client's update and as a POST: refused, never stored.
import { SyncClient } from '@tideweave/client';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import { genuineUpdates } from '../compaction/poison.ts';
import { NativePeer } from '../support/native-peer.ts';
import { readers } from '../support/readers.ts';
import { memoryLog, withRelay } from '../support/relay.ts';
import { within } from '../support/wait.ts';
import { YPeer } from '../support/y-peer.ts';

/** lib0's varUint. */
function varUint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push(128 + (rest % 128));
  return [...bytes, rest];
}

const text = (value: string): number[] => [...varUint(Buffer.byteLength(value)), ...Buffer.from(value)];
const bytes = (...parts: readonly number[][]): Uint8Array<ArrayBuffer> => Uint8Array.from(parts.flat());
const key = text('m');
/** One struct of client 7 at clock 0, and no deletions. */
const single = (...struct: readonly number[][]): Uint8Array<ArrayBuffer> => bytes([1, 1, 7, 0], ...struct, [0]);
/** An item with content of type Any in the root map `m`. */
const anyItem = (value: readonly number[]): Uint8Array<ArrayBuffer> =>
  single([8 | 32, 1], key, text('key'), [1], [...value]);

const whole = new Y.Doc();
whole.getText('text').insert(0, 'text');
whole.getText('text').delete(1, 2);
const [genuine] = [Y.encodeStateAsUpdate(whole)];
const nested = (depth: number): number[] => [...Array.from({ length: depth }, () => [117, 1]).flat(), 126];

const inputs: readonly (readonly [string, Uint8Array<ArrayBuffer>])[] = [
  ['nothing at all', new Uint8Array(0)],
  ['a V2 update', new Uint8Array(Y.encodeStateAsUpdateV2(whole))],
  ['2^25 structs in 8 bytes', bytes([1], varUint(2 ** 25), [7, 0, 0])],
  ['2^25 clients', bytes(varUint(2 ** 25), [1, 7, 0, 0])],
  ['GC of 2^52', single([0], varUint(2 ** 52))],
  ['Skip of 2^52', single([10], varUint(2 ** 52))],
  ['a clock of 2^52', bytes([1, 1, 7], varUint(2 ** 52), [0, 1, 0])],
  ['GC of length 0', single([0, 0])],
  [
    'a million GCs of length 0',
    bytes(
      [1],
      varUint(1e6),
      [7, 0],
      Array.from({ length: 2e6 }, () => 0),
      [0],
    ),
  ],
  ['Any nested 100,000 deep', anyItem(nested(100_000))],
  ['JSON nested 100,000 deep', single([2, 1], key, [1], text('['.repeat(1e5) + ']'.repeat(1e5)))],
  ['an embed that is not JSON', single([5, 1], key, text('{"'))],
  ['__proto__ as a map key', single([4 | 32, 1], key, text('__proto__'), text('x'))],
  ['__proto__ inside Any', anyItem([118, 1, ...text('__proto__'), 126])],
  [
    '20,000 clients',
    bytes(varUint(20_000), Array.from({ length: 20_000 }, (_, at) => [1, ...varUint(at + 1), 0, 0, 1]).flat(), [0]),
  ],
  [
    '100,000 root names',
    bytes(
      [1],
      varUint(1e5),
      [7, 0],
      Array.from({ length: 1e5 }, (_, at) => [4, 1, ...text(`root ${at}`), ...text('x')]).flat(),
      [0],
    ),
  ],
  ['400,000 delete ranges', bytes([0, 1, 7], varUint(4e5), Array.from({ length: 4e5 }, () => [1, 1]).flat())],
  ['a delete range of 2^52', bytes([0, 1, 7, 1, 0], varUint(2 ** 52))],
  ['an unknown content type', single([11, 1], key, [0])],
  ['text that is not UTF-8', single([4, 1], key, [2, 0xc3, 0x28])],
  ['bytes after the end', Uint8Array.from([...genuine, 0])],
  ...Array.from(genuine, (_, at) => [`a genuine update cut at byte ${at}`, genuine.slice(0, at)] as const),
];

test('R1 R3 updates that hurt Yjs are refused with a reason by every way in; nothing of them is stored', async () => {
  const log = memoryLog();
  await withRelay({ log }, async ({ url, http, logged }) => {
    const client = new SyncClient({ url });
    const handle = client.open('document');
    for (const update of genuineUpdates(1, 20, 5)) Y.applyUpdate(handle.doc, update);
    await handle.whenSaved({ tier: 'server' });
    const before = await log.head('document');
    let slowest = { what: '', ms: 0 };
    for (const [what, update] of inputs) {
      const started = performance.now();
      const native = await NativePeer.connect(url);
      const { doc } = await native.open('document');
      native.push(doc, 1, update);
      const closed = await within(`the close for ${what}`, native.closed);
      assert.is(closed.code, 4422, what);
      assert.match(closed.reason, /^TW_MALFORMED_UPDATE: ./, what);
      assert.ok(native.inbox.some((message) => message.type === 'refuse' && message.code === 'TW_MALFORMED_UPDATE'));
      assert.is(
        native.inbox.some(({ type }) => type === 'ack'),
        false,
      );

      const stock = await YPeer.connect(url, 'document');
      stock.begin(new Y.Doc());
      stock.send({ type: 'update', update });
      const end = await within(`the close for ${what}`, stock.closed);
      assert.is(end.code, 4422, what);
      assert.match(end.reason, /^TW_MALFORMED_UPDATE: ./, what);

      const response = await fetch(`${http}/api/docs/document/update`, { method: 'POST', body: update });
      assert.is(response.status, 422, what);
      await response.arrayBuffer();
      const ms = performance.now() - started;
      if (ms > slowest.ms) slowest = { what, ms };
    }
    assert.equal(await log.head('document'), before);
    handle.doc.getText('text').insert(0, 'on');
    await handle.whenSaved({ tier: 'server' });
    await readers.stock(url, 'document');
    assert.equal(logged, []);
    console.log(
      `${inputs.length} inputs, three ways each; the slowest took ${slowest.ms.toFixed(0)} ms for all three: ${slowest.what}`,
    );
    client.destroy();
  });
});

test('C5 R3 deletions in the future and thousands of updates without their origins are answered, not stored', async () => {
  const log = memoryLog();
  await withRelay({ log }, async ({ url }) => {
    const future = bytes([0, 1, 7, 1, 100, 5]);
    const peer = await NativePeer.connect(url);
    const { doc } = await peer.open('document');
    peer.push(doc, 1, future);
    await peer.take('want');
    const orphan = (client: number): Uint8Array => bytes([1, 1], varUint(client), [0, 0x84, 9, 9], text('x'), [0]);
    for (let at = 0; at < 5000; at += 1) peer.push(doc, at + 2, orphan(1000 + at));
    peer.send({ type: 'ping' });
    await peer.take('pong');
    assert.equal(peer.inbox.filter(({ type }) => type === 'want' || type === 'ack').length, 0, 'asked once');
    assert.is(await log.head('document'), null);
    const stock = await YPeer.connect(url, 'document');
    stock.begin(new Y.Doc());
    await stock.take('step-2');
    await stock.take('step-1');
    stock.send({ type: 'update', update: future });
    await stock.take('step-1');
    stock.send({ type: 'step-2', update: future });
    assert.is((await within('the close', stock.closed)).code, 4424);
    assert.is(await log.head('document'), null);
    peer.end();
  });
});

test.run();
