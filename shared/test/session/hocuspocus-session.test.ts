// The relay's half of a connection of Hocuspocus providers, without a relay.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as encoding from 'lib0/encoding';
import * as Y from 'yjs';
import { RefusedError } from '../../src/base/errors.ts';
import { defaultLimits, earlyMessagesMax } from '../../src/protocol/limits.ts';
import type { HocuspocusChannel, HocuspocusOutput, HocuspocusReceipt } from '../../src/session/hocuspocus-outputs.ts';
import { HocuspocusSession } from '../../src/session/hocuspocus-session.ts';

const test = suite('the hocuspocus session');
const limits = { ...defaultLimits, connectionTimeoutMs: 60_000, messageBytesMax: 10_000, documentsPerConnectionMax: 3 };
const nothing: Uint8Array = Uint8Array.of(0, 0);
const stateVector = Uint8Array.of(0);

function frame(address: string, ...rest: (number | string | Uint8Array)[]): Uint8Array {
  const encoder = encoding.createEncoder();
  encoding.writeVarString(encoder, address);
  for (const part of rest) {
    if (typeof part === 'number') encoding.writeVarUint(encoder, part);
    else if (typeof part === 'string') encoding.writeVarString(encoder, part);
    else encoding.writeVarUint8Array(encoder, part);
  }
  return encoding.toUint8Array(encoder);
}

const token = (address: string, text: string, ...version: string[]): Uint8Array =>
  frame(address, 2, 0, text, ...version);
const step1 = (address: string): Uint8Array => frame(address, 0, 0, stateVector);
const step2 = (address: string, update = nothing): Uint8Array => frame(address, 0, 1, update);
const edit = (address: string, update = nothing): Uint8Array => frame(address, 0, 2, update);

/** One insertion of a client of its own. */
function insertion(): Uint8Array {
  const doc = new Y.Doc();
  doc.getText('text').insert(0, 'x');
  return Y.encodeStateAsUpdate(doc);
}

/** Feeds a session and reads what it asks for. */
class Rig {
  readonly session: HocuspocusSession;
  now = 1000;

  constructor(urlToken = '') {
    this.session = new HocuspocusSession(limits, urlToken, this.now);
  }

  receive(...frames: Uint8Array[]): HocuspocusOutput[] {
    for (const bytes of frames) this.session.receive(bytes, this.now);
    return this.outputs();
  }

  outputs(): HocuspocusOutput[] {
    const outputs = [...this.session.drain()];
    if (outputs.some(({ kind }) => kind === 'send')) this.session.sent(this.now);
    return outputs;
  }

  wait(ms: number): HocuspocusOutput[] {
    this.now += ms;
    this.session.tick(this.now);
    return this.outputs();
  }

  /** Authorized, synced, a member of its room. */
  open(address = 'd', access: 'read' | 'write' = 'write', version = ''): HocuspocusChannel {
    const asked = this.receive(token(address, 't', ...(version === '' ? [] : [version])), step1(address));
    const channel = one(asked, 'authorize').channel;
    this.session.granted(channel, access);
    this.outputs();
    assert.is(this.session.serve(channel, stateVector, []), true);
    this.session.joined(channel);
    this.outputs();
    return channel;
  }

  /** What is to be stored of these frames. */
  stored(...frames: Uint8Array[]): HocuspocusReceipt[] {
    return this.receive(...frames).flatMap((output) => (output.kind === 'store' ? [output.receipt] : []));
  }
}

function one<Kind extends HocuspocusOutput['kind']>(
  outputs: readonly HocuspocusOutput[],
  kind: Kind,
): Extract<HocuspocusOutput, { kind: Kind }> {
  const found = outputs.filter((output) => output.kind === kind);
  assert.is(found.length, 1, `one ${kind} among ${JSON.stringify(outputs)}`);
  return found[0] as Extract<HocuspocusOutput, { kind: Kind }>;
}

/** Types of the messages that are sent, with what matters of each. */
function sent(outputs: readonly HocuspocusOutput[]): string[] {
  return outputs.flatMap((output) => {
    if (output.kind === 'close') return [`close ${output.closeCode} ${output.error.code}`];
    if (output.kind !== 'send') return [];
    const { message } = output;
    if (message.type === 'pong') return ['pong'];
    const detail =
      message.type === 'granted' ? ` ${message.scope}` : 'reason' in message ? ` ${message.reason.split(':')[0]}` : '';
    return [`${message.address.replace('\0', '|')} ${message.type}${detail}`];
  });
}

test('P83 A1 nothing is said before authorization, and then the scope, our step 1 and step 2, in this order', () => {
  const rig = new Rig();
  const asked = rig.receive(token('d\0s', 'secret', '4.8.0'), step1('d\0s'), frame('d\0s', 1, Uint8Array.of(0)));
  assert.equal(
    asked.map(({ kind }) => kind),
    ['authorize'],
  );
  const { channel, token: text } = one(asked, 'authorize');
  assert.equal([channel.address, channel.document, text], ['d\0s', 'd', 'secret']);
  rig.session.granted(channel, 'read');
  const granted = rig.outputs();
  assert.equal(sent(granted), [], 'the document is not loaded yet');
  one(granted, 'catch-up');
  rig.session.serve(channel, stateVector, [Uint8Array.of(1), Uint8Array.of(2)]);
  assert.equal(sent(rig.outputs()), ['d|s granted readonly', 'd|s step-1', 'd|s update', 'd|s step-2']);
  rig.session.joined(channel);
  one(rig.outputs(), 'awareness');
});

test('P82 A1 the token may stand in the address, and one that is sent beats it', () => {
  assert.is(one(new Rig('url').receive(step1('d')), 'authorize').token, 'url');
  assert.is(one(new Rig('url').receive(token('d', '')), 'authorize').token, 'url');
  assert.is(one(new Rig('url').receive(token('d', 'own')), 'authorize').token, 'own');
});

test('A4 of many tokens, one is asked about at a time, and the last counts', () => {
  const rig = new Rig();
  const { channel } = one(rig.receive(token('d', 'a'), token('d', 'b'), token('d', 'c')), 'authorize');
  rig.session.granted(channel, 'write');
  assert.is(one(rig.outputs(), 'authorize').token, 'c');
  rig.session.refused(channel, new RefusedError('TW_FORBIDDEN', 'no'), rig.now);
  assert.equal(sent(rig.outputs()), ['d denied TW_FORBIDDEN']);
});

test('P84 A1 U3 who is refused is told once, and heard again with another token', () => {
  const rig = new Rig();
  const { channel } = one(rig.receive(token('d', 'a'), step1('d')), 'authorize');
  rig.session.refused(channel, new RefusedError('TW_UNAUTHORIZED', 'no'), rig.now);
  assert.equal(sent(rig.outputs()), ['d denied TW_UNAUTHORIZED']);
  assert.equal(rig.receive(edit('d'), frame('d', 5, 'x'), frame('d', 3)), []);
  const again = one(rig.receive(token('d', 'b'), step1('d')), 'authorize').channel;
  rig.session.granted(channel, 'write');
  assert.equal(rig.outputs(), [], 'the answer to the first question is of no use any more');
  rig.session.granted(again, 'write');
  one(rig.outputs(), 'catch-up');
});

test('P84 U3 who is refused may send its step 1 and edits before a token that it has to fetch', () => {
  const rig = new Rig();
  const { channel } = one(rig.receive(token('d', 'a'), step1('d')), 'authorize');
  rig.session.refused(channel, new RefusedError('TW_UNAUTHORIZED', 'no'), rig.now);
  rig.outputs();
  assert.equal(
    rig.receive(edit('d'), step1('d'), edit('d'), step1('d'), edit('d')),
    [],
    'nobody is asked without a token',
  );
  const again = one(rig.receive(token('d', 'b')), 'authorize').channel;
  rig.session.granted(again, 'write');
  one(rig.outputs(), 'catch-up');
  rig.session.serve(again, Uint8Array.of(0), []);
  rig.session.joined(again);
  assert.is(rig.outputs().filter(({ kind }) => kind === 'store').length, 1, 'the edit since the newest step 1');
});

test('P85 A1 an open document takes a new token: a lesser grant is told, a refusal ends it', () => {
  const rig = new Rig();
  const channel = rig.open('d', 'write', '4.8.0');
  one(rig.receive(token('d', 'b', '4.8.0')), 'authorize');
  rig.session.granted(channel, 'read');
  assert.equal(sent(rig.outputs()), ['d granted readonly']);
  one(rig.receive(token('d', 'c', '4.8.0')), 'authorize');
  rig.session.refused(channel, new RefusedError('TW_UNAUTHORIZED', 'no'), rig.now);
  const ended = rig.outputs();
  one(ended, 'leave');
  assert.equal(sent(ended), ['d denied TW_UNAUTHORIZED', 'd close TW_UNAUTHORIZED']);
  assert.equal(rig.receive(edit('d')), []);
});

test('P93 U3 a Close goes to major 4 only: major 2 throws at it', () => {
  const rig = new Rig();
  const channel = rig.open();
  rig.session.ended(channel, new RefusedError('TW_DOCUMENT_DELETED', 'gone'));
  assert.equal(sent(rig.outputs()), ['d denied TW_DOCUMENT_DELETED']);
});

test('R1 an authorizer that cannot answer is asked again later', () => {
  const rig = new Rig();
  const { channel } = one(rig.receive(token('d', 'a'), step1('d')), 'authorize');
  rig.session.refused(channel, new RefusedError('TW_INTERNAL', 'down'), rig.now);
  assert.equal(rig.outputs(), []);
  assert.equal(rig.wait(4000), []);
  one(rig.wait(1000), 'authorize');
  rig.session.granted(channel, 'write');
  one(rig.outputs(), 'catch-up');
});

test('P86 U1 D2 a SyncStatus follows each step 2 and each update, after the commit and not before', () => {
  const rig = new Rig();
  const channel = rig.open();
  const receipts = rig.stored(step2('d'), edit('d', insertion()), edit('d', insertion()));
  assert.equal(
    receipts.map(({ acks, everything }) => [acks, everything]),
    [
      [1, true],
      [1, false],
      [1, false],
    ],
  );
  for (const [at, receipt] of receipts.entries()) rig.session.stored(receipt, at + 1);
  assert.equal(rig.outputs(), []);
  rig.session.committed(channel, 1);
  assert.equal(sent(rig.outputs()), ['d sync-status']);
  rig.session.committed(channel, 3);
  assert.equal(sent(rig.outputs()), ['d sync-status', 'd sync-status']);
  rig.session.committed(channel, 4);
  assert.equal(rig.outputs(), []);
});

test('P89 C5 missing dependencies are asked for once, and refused when the answer lacks them too', () => {
  const rig = new Rig();
  const channel = rig.open();
  rig.stored(step2('d'));
  const [first, second] = rig.stored(edit('d', insertion()), edit('d', insertion()));
  assert.ok(first !== undefined && second !== undefined);
  rig.session.missing(first, stateVector);
  rig.session.missing(second, stateVector);
  assert.equal(sent(rig.outputs()), ['d step-1']);
  const [answer] = rig.stored(step2('d', insertion()));
  assert.ok(answer !== undefined);
  assert.equal([answer.acks, answer.everything], [2, true]);
  rig.session.stored(answer, 7);
  rig.session.committed(channel, 7);
  assert.equal(sent(rig.outputs()), ['d sync-status', 'd sync-status']);
  const [third] = rig.stored(edit('d', insertion()));
  assert.ok(third !== undefined);
  rig.session.missing(third, stateVector);
  const [hopeless] = rig.stored(step2('d', insertion()));
  assert.ok(hopeless !== undefined);
  rig.outputs();
  rig.session.missing(hopeless, stateVector);
  assert.equal(sent(rig.outputs()), ['close 4403 TW_MISSING_DEPENDENCIES']);
});

test('P89 D5 what cannot be stored now is not acknowledged, and asked for again', () => {
  const rig = new Rig();
  const channel = rig.open();
  const [handshake] = rig.stored(step2('d'));
  assert.ok(handshake !== undefined);
  rig.session.putOff(handshake, rig.now);
  assert.equal(rig.wait(4000), []);
  one(rig.wait(1000), 'ask');
  rig.session.ask(channel, stateVector);
  assert.equal(sent(rig.outputs()), ['d step-1']);
  const [answer] = rig.stored(step2('d', insertion()));
  assert.is(answer?.acks, 1);
});

test('P90 A1 U3 a reader hears of its edit at the socket, and not of what it sends by itself', () => {
  const rig = new Rig();
  rig.open('d', 'read');
  const [own, mine] = rig.stored(step2('d', insertion()), edit('d', insertion()));
  assert.ok(own !== undefined && mine !== undefined);
  rig.session.readOnly(own);
  assert.equal(sent(rig.outputs()), ['d sync-status']);
  rig.session.readOnly(mine);
  assert.equal(sent(rig.outputs()), ['close 4205 TW_READ_ONLY']);
});

test('P81 R1 documents are apart, and one that is closed may be opened again', () => {
  const rig = new Rig();
  const [a, b] = [rig.open('a'), rig.open('b')];
  one(rig.receive(frame('a', 7)), 'leave');
  assert.is(rig.session.serve(a, stateVector, []), false);
  assert.is(rig.session.serve(b, stateVector, []), true);
  rig.outputs();
  assert.is(rig.open('a').address, 'a');
});

test('P82 A4 R6 what comes before the document is open is bounded in bytes and in number', () => {
  const big = new Rig();
  big.receive(token('d', ''));
  assert.equal(sent(big.receive(edit('d', new Uint8Array(limits.messageBytesMax)))), ['close 1009 TW_TOO_LARGE']);
  const many = new Rig();
  for (let at = 0; at < limits.messageBytesMax; at++) many.session.receive(frame('d', 3), 0);
  assert.equal(sent(many.outputs()), ['close 1009 TW_TOO_LARGE']);
  assert.ok(earlyMessagesMax < limits.messageBytesMax);
  const wide = new Rig();
  assert.equal(sent(wide.receive(...['a', 'b', 'c', 'd'].map((name) => frame(name, 3)))), [
    'close 4403 TW_TOO_MANY_DOCUMENTS',
  ]);
});

test('P91 R1 malformed messages and an empty name end the connection with a reason, and then it is deaf', () => {
  for (const [bytes, expected] of [
    [Uint8Array.of(1), 'close 4403 TW_MALFORMED_MESSAGE'],
    [Uint8Array.of(0, 0, 0, 1, 0), 'close 4403 TW_INVALID_NAME'],
  ] as const) {
    const rig = new Rig();
    assert.equal(sent(rig.receive(bytes)), [expected]);
    assert.equal(rig.receive(token('d', '')), []);
    assert.is(rig.session.deadline, Infinity);
  }
});

test('P94 R1 a client hears something every 20 s once it has heard anything, and is asked for a sign of life', () => {
  const rig = new Rig();
  assert.equal(rig.wait(25_000), [], 'a provider waits for the first message without a limit');
  rig.open();
  assert.equal(rig.wait(19_000), []);
  assert.equal(sent(rig.wait(1000)), [' awareness']);
  one(rig.wait(10_000), 'ping');
  assert.equal(sent(rig.wait(10_000)), [' awareness']);
  rig.session.heard(rig.now);
  one(rig.wait(30_000), 'ping');
  assert.equal(sent(rig.wait(30_000)), ['close 4408 TW_TIMEOUT']);
});

test('P94 a Ping is answered, a Pong is taken', () => {
  const rig = new Rig();
  assert.equal(sent(rig.receive(Uint8Array.of(9), Uint8Array.of(10))), ['pong']);
});

test('P87 U1 a provider whose count is unsure is made to count anew when it is quiet', () => {
  const doc = new Y.Doc();
  doc.getText('text').insert(0, 'abc');
  let deletion = nothing;
  doc.on('update', (update: Uint8Array) => (deletion = update));
  doc.getText('text').delete(0, 1);
  const rig = new Rig();
  const channel = rig.open();
  const [queued, answer] = rig.stored(edit('d', deletion), step2('d'));
  assert.ok(queued !== undefined && answer !== undefined);
  assert.is(queued.acks, 0);
  rig.session.stored(answer, 1);
  rig.session.committed(channel, 1);
  rig.outputs();
  assert.equal(rig.wait(9000), []);
  assert.equal(sent(rig.wait(1000)), ['close 4408 TW_TIMEOUT']);
});

test.run();
