import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeClientMessages } from '../../src/protocol/codec.ts';
import { encodeCursor } from '../../src/protocol/cursor.ts';
import type { ServerMessage } from '../../src/protocol/message.ts';
import { Bench, letter, none, opened, refuse } from './client-bench.ts';

test('P12 caught-up is said once per opening, under a read-only grant too', () => {
  const bench = new Bench();
  bench.connect();
  bench.session.open('a');
  bench.sent();
  bench.say({ ...opened(1, 1), access: 'read' } as ServerMessage, { type: 'caught-up', doc: 1 });
  bench.type('a', 'x');
  assert.equal(bench.sent(), ['caught-up doc 1']);
  bench.say({ type: 'watermark', doc: 1, epoch: 'e', cursor: none, settled: true });
  bench.say({ type: 'want', doc: 1, stateVector: Uint8Array.of(0) });
  assert.equal(bench.sent(), [], 'P16: nothing is sent, whatever is wanted');
});

test('P18 P12 caught-up waits for a backlog that does not fit what may be under way', () => {
  const bench = new Bench();
  bench.session.open('a');
  for (let edit = 0; edit < 30; edit++) bench.session.edit('a', new Uint8Array(200_000).fill(0), 0);
  bench.connect();
  // Not updates that could be merged, so only one fits a push: what matters here is their size.
  const types = (): string[] => {
    const kinds: string[] = [];
    for (const output of bench.session.drain()) {
      if (output.kind !== 'send') continue;
      for (const message of decodeClientMessages(output.frame, 1e6))
        if (message.type !== 'part') kinds.push(message.type);
    }
    return kinds;
  };
  types();
  bench.say(opened(1, 1), { type: 'caught-up', doc: 1 });
  assert.is(types().filter((type) => type === 'push').length, 21);
  bench.say({ type: 'ack', doc: 1, n: 21 });
  const rest = types();
  assert.is(rest.length, 10);
  assert.is(rest.at(-1), 'caught-up');
});

test('P10 P18 leaving sends everything, whatever is under way', () => {
  const bench = new Bench().live('a');
  for (let edit = 0; edit < 30; edit++) bench.session.edit('a', new Uint8Array(200_000), 0);
  bench.session.close('a');
  let pushes = 0;
  for (const output of bench.session.drain()) {
    if (output.kind !== 'send') continue;
    assert.ok(output.frame.length < 400_000, 'P4: in frames that the relay takes');
    for (const message of decodeClientMessages(output.frame, 1e6)) if (message.type === 'push') pushes++;
  }
  assert.is(pushes, 30);
});

test('P21 U1 an acknowledgement of what was never sent ends the connection', () => {
  const bench = new Bench().live('a');
  bench.type('a', 'x');
  bench.sent();
  bench.say({ type: 'ack', doc: 1, n: 2 });
  assert.is(bench.session.connection, 'stopped');
  assert.is(bench.session.error?.code, 'TW_UNEXPECTED_MESSAGE');
  assert.is(bench.session.status('a').pending.updates, 1);
});

test('P58 R1 a relay that breaks the protocol is left, and the documents say why', () => {
  const broken: ServerMessage[] = [
    { type: 'caught-up', doc: 1 },
    { type: 'ack', doc: 1, n: 5 },
  ];
  for (const message of broken) {
    const bench = new Bench().live('a');
    bench.say(message);
    assert.is(bench.session.status('a').error?.code, 'TW_UNEXPECTED_MESSAGE', message.type);
  }
  for (const doc of [0, 1]) {
    const bench = new Bench().live('a');
    bench.session.open('b');
    bench.sent();
    bench.say(opened(2, doc));
    assert.is(bench.session.error?.code, 'TW_UNEXPECTED_MESSAGE', `number ${doc} for a second document`);
  }
  const bench = new Bench().live('a');
  bench.session.receive(Uint8Array.of(99), 0);
  assert.is(bench.session.error?.code, 'TW_MALFORMED_MESSAGE');
});

test('P10 what comes late for a document that is not open is ignored', () => {
  const bench = new Bench().live('a');
  bench.session.close('a');
  bench.sent();
  bench.say(
    { type: 'update', doc: 1, update: letter(9) },
    { type: 'ack', doc: 1, n: 7 },
    { type: 'caught-up', doc: 1 },
  );
  bench.say({ type: 'want', doc: 1, stateVector: none }, refuse({ id: 1 }), refuse({ scope: 'request', id: 9 }));
  assert.equal(bench.sent(), []);
  assert.equal(bench.told, []);
});

test('P28 U1 the acknowledgement of an earlier push does not pass for one of the resync', () => {
  const bench = new Bench().live('a');
  bench.type('a', 'x');
  bench.sent();
  bench.say({ type: 'want', doc: 1, stateVector: Uint8Array.of(0) });
  assert.equal(bench.sent(), ['resync doc 1 n=2 [1:0"x"]']);
  bench.say({ type: 'ack', doc: 1, n: 1 });
  assert.is(bench.session.status('a').pending.updates, 0);
  assert.is(bench.session.status('a').safe, 'memory');
  bench.say({ type: 'ack', doc: 1, n: 2 });
  assert.is(bench.session.status('a').safe, 'server');
});

test('P29 P41 a resync in vain is final, and keeps the edits', () => {
  const bench = new Bench().live('a');
  bench.type('a', 'x');
  bench.sent();
  bench.say(refuse({ code: 'TW_MISSING_DEPENDENCIES', action: 'reload' }));
  const status = bench.session.status('a');
  assert.is(status.phase, 'refused');
  assert.is(status.pending.updates, 1);
  bench.session.stop();
  bench.connect();
  assert.equal(bench.sent(), [], 'it is not asked for again');
});

test('P30 P35 C6 a relay that goes on with another history is left', () => {
  for (const message of [{ type: 'watermark', doc: 1, epoch: 'other', cursor: none, settled: true }, null] as const) {
    const bench = new Bench().live('a');
    bench.say({ type: 'watermark', doc: 1, epoch: 'mine', cursor: Uint8Array.of(1), settled: true });
    assert.ok(bench.sent());
    assert.equal(bench.told, ['watermark']);
    if (message === null) {
      bench.session.disconnected(0);
      bench.connect();
      assert.equal(
        bench.messages().map((each) => (each.type === 'open' ? each.epoch : '')),
        ['mine'],
      );
      bench.say(opened(2, 1, 'other'));
    } else {
      bench.say(message);
    }
    assert.equal(bench.sent(), ['leave doc 1']);
    assert.equal(bench.told, ['refused']);
    assert.is(bench.session.status('a').error?.code, 'TW_EPOCH_MISMATCH');
    assert.is(bench.session.connection, 'connected', 'the connection goes on');
  }
});

test('P30 C4 a cursor comes from a watermark, never from a delivery', () => {
  const bench = new Bench().live('a');
  const pool = Uint8Array.of(7, 7);
  bench.say({ type: 'watermark', doc: 1, epoch: 'e', cursor: pool, settled: true });
  bench.say({ type: 'update', doc: 1, update: letter(9) });
  bench.session.disconnected(0);
  bench.connect();
  const [open] = bench.messages();
  assert.ok(open?.type === 'open');
  assert.equal(open.cursor, pool);
});

test('P36 P37 what was handed back is kept until it is acknowledged', () => {
  const bench = new Bench().live('a');
  bench.say({ type: 'update', doc: 1, update: letter(9) });
  for (const request of [2, 3]) {
    bench.session.disconnected(bench.now);
    bench.connect();
    bench.sent();
    // A watermark that comes before the relay can have seen what is handed back.
    bench.say(opened(request, 1, 'e'), { type: 'caught-up', doc: 1 });
    bench.say({ type: 'watermark', doc: 1, epoch: 'e', cursor: none, settled: true });
    assert.equal(bench.sent(), ['push doc 1 n=0 [9:0"a"]', 'caught-up doc 1']);
    assert.is(bench.session.status('a').safe, 'memory');
    bench.say(
      { type: 'update', doc: 1, update: letter(8) },
      { type: 'watermark', doc: 1, epoch: 'e', cursor: none, settled: true },
    );
  }
  bench.say({ type: 'ack', doc: 1, n: 0 });
  assert.is(bench.session.status('a').safe, 'server');
  bench.sent();
  assert.not(bench.told.includes('saved'), 'no edit of this client was');
  bench.session.disconnected(bench.now);
  bench.connect();
  bench.sent();
  bench.say(opened(4, 1, 'e'));
  assert.equal(bench.sent(), ['caught-up doc 1']);
});

test('P36 P68 while commits are under way a watermark confirms what came before the previous one', () => {
  const bench = new Bench().live('a');
  const watermark = { type: 'watermark', doc: 1, epoch: 'e', cursor: none, settled: false } as const;
  bench.say({ type: 'update', doc: 1, update: letter(7) }, watermark);
  bench.say({ type: 'update', doc: 1, update: letter(8) }, watermark);
  bench.say({ type: 'update', doc: 1, update: letter(9) });
  bench.session.disconnected(bench.now);
  bench.connect();
  bench.sent();
  bench.say(opened(2, 1, 'e'));
  assert.equal(bench.sent(), ['push doc 1 n=0 [9:0"a" 8:0"a"]', 'caught-up doc 1']);
});

const cursorAt = (seq: number): Uint8Array => encodeCursor({ logId: 'log', seq, check: 0 });

test('P107 C4 a watermark that comes twice confirms no more than once, on each connection anew', () => {
  const bench = new Bench().live('a');
  const unsettled = { type: 'watermark', doc: 1, epoch: 'e', cursor: cursorAt(7), settled: false } as const;
  const settled = { ...unsettled, cursor: cursorAt(8), settled: true } as const;
  bench.say({ type: 'update', doc: 1, update: letter(7) }, unsettled, unsettled);
  bench.say(settled, { type: 'update', doc: 1, update: letter(8) }, settled);
  for (const [request, handedBack] of [
    [2, 'push doc 1 n=0 [8:0"a"]'],
    [3, null],
  ] as const) {
    bench.session.disconnected(bench.now);
    bench.connect();
    bench.sent();
    bench.say(opened(request, 1, 'e'), { type: 'caught-up', doc: 1 });
    assert.equal(
      bench.sent().filter((sent) => sent.startsWith('push')),
      handedBack === null ? [] : [handedBack],
    );
    bench.say({ type: 'ack', doc: 1, n: 0 }, { type: 'update', doc: 1, update: letter(9) }, settled);
  }
});

test('P36 what is handed back goes before edits, with an acknowledgement for both', () => {
  const bench = new Bench().live('a');
  bench.say({ type: 'update', doc: 1, update: letter(9) }, { type: 'update', doc: 1, update: letter(9, 1) });
  bench.type('a', 'x');
  bench.sent();
  bench.session.disconnected(0);
  bench.connect();
  bench.sent();
  bench.say(opened(2, 1));
  assert.equal(bench.sent(), ['push doc 1 n=0 [9:0"aa"]', 'push doc 1 n=1 [1:0"x"]', 'caught-up doc 1']);
  bench.say({ type: 'ack', doc: 1, n: 1 });
  assert.is(bench.session.status('a').safe, 'server');
});

test('P42 parts that a refusal cut off do not spoil the next update', () => {
  const bench = new Bench().live('a');
  bench.say({ type: 'part', doc: 1, bytes: Uint8Array.of(9, 9) }, refuse({}));
  bench.now = bench.session.deadline;
  bench.session.tick(bench.now);
  bench.sent();
  bench.say(opened(2, 1), { type: 'update', doc: 1, update: letter(9) });
  const applied = bench.session.drain().flatMap((output) => (output.kind === 'apply' ? [output.update] : []));
  assert.equal(applied, [letter(9)]);
});

test('P15 an update that outgrows the limit ends its document only', () => {
  const bench = new Bench().live('a', 'b');
  bench.say({ type: 'part', doc: 1, bytes: new Uint8Array(600) }, { type: 'part', doc: 1, bytes: new Uint8Array(600) });
  assert.is(bench.session.status('a').error?.code, 'TW_TOO_LARGE');
  assert.ok(bench.session.status('b').synced);
  assert.equal(bench.sent(), ['leave doc 1']);
});

test('P46 awareness goes out while the document is open, and is dropped otherwise', () => {
  const bench = new Bench().live('a');
  bench.session.announce('a', none);
  assert.equal(bench.sent(), ['awareness doc 1 0 bytes']);
  bench.session.disconnected(0);
  bench.session.announce('a', none);
  bench.connect();
  assert.match(bench.sent().join(), /^open #2 [^,]*$/);
});

test('P11 U3 progress is shown against what was announced', () => {
  const bench = new Bench();
  bench.connect();
  bench.session.open('a');
  bench.sent();
  bench.say({ ...opened(1, 1), totalBytes: 11 } as ServerMessage, {
    type: 'part',
    doc: 1,
    bytes: letter(9).subarray(0, 4),
  });
  assert.equal(bench.session.status('a').progress, { receivedBytes: 4, totalBytes: 11 });
  bench.say({ type: 'update', doc: 1, update: letter(9).subarray(4) });
  assert.equal(bench.session.status('a').progress, { receivedBytes: 11, totalBytes: 11 });
  bench.say({ type: 'caught-up', doc: 1 });
  assert.is(bench.session.status('a').progress, null);
});

test('U3 U1 an upload shows what is durable of all there was to send, and only what is large', () => {
  const bench = new Bench().live('a');
  const upload = (): unknown => bench.session.status('a').upload;
  bench.session.edit('a', letter(1), 0);
  assert.is(upload(), null, 'a keystroke is no transfer');
  const large = new Uint8Array(64 * 1024);
  bench.session.edit('a', large, 0);
  bench.session.drain();
  const totalBytes = letter(1).length + large.length;
  assert.equal(upload(), { savedBytes: 0, totalBytes }, 'sent is not saved');
  bench.say({ type: 'ack', doc: 1, n: 1 });
  assert.equal(upload(), { savedBytes: letter(1).length, totalBytes });
  bench.session.edit('a', letter(2), 0);
  assert.equal(upload(), { savedBytes: letter(1).length, totalBytes: totalBytes + letter(2).length });
  bench.session.disconnected(0);
  assert.is(upload(), null, 'nothing is under way');
  bench.connect();
  bench.say(opened(2, 1), { type: 'caught-up', doc: 1 });
  bench.session.drain();
  assert.equal(upload(), { savedBytes: letter(1).length, totalBytes: totalBytes + letter(2).length });
  bench.say({ type: 'ack', doc: 1, n: 3 });
  assert.is(upload(), null);
  bench.session.edit('a', letter(3), 0);
  assert.is(upload(), null, 'it begins anew');
});

test('P103 a client asks who wrote what where a document is live, and is told what the relay answers', () => {
  const bench = new Bench();
  bench.session.open('a');
  bench.session.who('a', none);
  bench.connect();
  bench.session.who('a', none);
  bench.say(opened(1, 1));
  bench.session.who('a', none);
  assert.equal(
    bench.sent().filter((message) => message.startsWith('who')),
    [],
  );
  bench.say({ type: 'caught-up', doc: 1 });
  bench.session.who('a', none);
  assert.equal(bench.sent(), ['who doc 1 after none']);
  bench.say({ type: 'authors', doc: 1, entries: Uint8Array.of(1, 2) });
  bench.sent();
  assert.equal(bench.told, ['authors']);
});

test.run();
