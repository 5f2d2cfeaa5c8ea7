// The hocuspocus dialect byte by byte, as the shipped providers write and read it.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { RefusedError } from '../../src/base/errors.ts';
import { type RefusalCode, refusalRules } from '../../src/protocol/close.ts';
import {
  type HocuspocusServerMessage,
  decodeHocuspocus,
  encodeHocuspocus,
  hocuspocusCloseCode,
  hocuspocusDocument,
} from '../../src/protocol/dialects/hocuspocus.ts';
import { hocuspocusAddressBytesMax, statelessBytesMax, tokenBytesMax } from '../../src/protocol/limits.ts';

const test = suite('the hocuspocus dialect');
const updateBytesMax = 1000;
const d = 'd'.charCodeAt(0);

function bytesOf(text: string): number[] {
  return [...new TextEncoder().encode(text)];
}

function refusalOf(frame: readonly number[]): RefusalCode | null {
  try {
    decodeHocuspocus(Uint8Array.from(frame), updateBytesMax);
    return null;
  } catch (error) {
    if (error instanceof RefusedError) return error.code;
    throw error;
  }
}

const written: readonly (readonly [HocuspocusServerMessage, readonly number[]])[] = [
  [{ type: 'step-1', address: 'd', stateVector: Uint8Array.of(0) }, [1, d, 0, 0, 1, 0]],
  [{ type: 'step-2', address: 'd', update: Uint8Array.of(0, 0) }, [1, d, 0, 1, 2, 0, 0]],
  [{ type: 'update', address: 'd', update: Uint8Array.of(7) }, [1, d, 0, 2, 1, 7]],
  [{ type: 'awareness', address: '', update: Uint8Array.of(0) }, [0, 1, 1, 0]],
  [{ type: 'denied', address: 'd', reason: 'no' }, [1, d, 2, 1, 2, ...bytesOf('no')]],
  [{ type: 'granted', address: 'd', scope: 'read-write' }, [1, d, 2, 2, 10, ...bytesOf('read-write')]],
  [{ type: 'granted', address: 'd', scope: 'readonly' }, [1, d, 2, 2, 8, ...bytesOf('readonly')]],
  [{ type: 'stateless', address: 'd', payload: 'ä' }, [1, d, 5, 2, ...bytesOf('ä')]],
  [{ type: 'close', address: 'd\0s', reason: '' }, [3, d, 0, 's'.charCodeAt(0), 7, 0]],
  [{ type: 'sync-status', address: 'd', applied: true }, [1, d, 8, 1]],
  [{ type: 'sync-status', address: 'd', applied: false }, [1, d, 8, 0]],
  [{ type: 'pong' }, [10]],
];

for (const [message, bytes] of written) {
  const what = message.type === 'pong' ? message.type : `${message.type} ${JSON.stringify(message.address)}`;
  test(`P1 the relay writes ${what} ${bytes.length}`, () => {
    assert.equal([...encodeHocuspocus(message)], bytes);
  });
}

const read: readonly (readonly [readonly number[], object])[] = [
  [[1, d, 0, 0, 1, 0], { address: 'd', type: 'step-1', stateVector: Uint8Array.of(0) }],
  [[1, d, 0, 1, 2, 0, 0], { address: 'd', type: 'step-2', update: Uint8Array.of(0, 0) }],
  [[1, d, 0, 2, 1, 7], { address: 'd', type: 'update', update: Uint8Array.of(7) }],
  [[1, d, 1, 1, 0], { address: 'd', type: 'awareness', update: Uint8Array.of(0) }],
  [[1, d, 2, 0, 1, 116], { address: 'd', type: 'token', token: 't', version: '' }],
  [[1, d, 2, 0, 0, 5, ...bytesOf('4.8.0')], { address: 'd', type: 'token', token: '', version: '4.8.0' }],
  [[1, d, 3], { address: 'd', type: 'query-awareness' }],
  [[1, d, 5, 2, ...bytesOf('ä')], { address: 'd', type: 'stateless', payload: 'ä' }],
  [[3, d, 0, 120, 7], { address: 'd\0x', type: 'close' }],
  [[9], { type: 'ping' }],
  [[10], { type: 'pong' }],
  // Majors have appended to messages before.
  [[1, d, 7, 1, 2, 3], { address: 'd', type: 'close' }],
];

for (const [bytes, message] of read) {
  test(`P1 the relay reads ${JSON.stringify(message)}`, () => {
    assert.equal(decodeHocuspocus(Uint8Array.from(bytes), updateBytesMax), message);
  });
}

test('R1 what is cut off, unknown or only for clients is malformed', () => {
  for (const [bytes] of read) {
    if (bytes.length === 1) continue;
    const whole = bytes.length - (bytes[2] === 7 || bytes[4] === 7 ? 3 : 0);
    for (let length = 1; length < whole; length++) {
      const cut = bytes.slice(0, length);
      // A cut in front of the version, which not all majors send, leaves a whole message.
      if (cut.length === 5 && cut[2] === 2 && cut[4] === 0) continue;
      if (cut.length === 1 && (cut[0] === 9 || cut[0] === 10)) continue;
      if (cut.at(-1) === 7 || cut.length === 3) continue;
      assert.is(refusalOf(cut), 'TW_MALFORMED_MESSAGE', `${bytes.join(' ')} cut to ${length}`);
    }
  }
  for (const frame of [
    [],
    [1, d],
    [1, d, 4],
    [1, d, 8, 1],
    [1, d, 99],
    [1, d, 2, 1, 0],
    [1, d, 0, 3, 0],
    [1, 255, 3],
  ]) {
    assert.is(refusalOf(frame), 'TW_MALFORMED_MESSAGE', frame.join(' '));
  }
});

test('R3 R6 addresses, tokens, updates and stateless messages are bounded', () => {
  const long = (length: number): number[] => [(length & 0x7f) | 0x80, length >>> 7, ...Array<number>(length).fill(d)];
  assert.is(refusalOf([...long(hocuspocusAddressBytesMax), 3]), null);
  assert.is(refusalOf([...long(hocuspocusAddressBytesMax + 1), 3]), 'TW_TOO_LARGE');
  assert.is(refusalOf([1, d, 2, 0, ...long(tokenBytesMax)]), null);
  assert.is(refusalOf([1, d, 2, 0, ...long(tokenBytesMax + 1)]), 'TW_TOO_LARGE');
  assert.is(refusalOf([1, d, 0, 2, ...long(updateBytesMax)]), null);
  assert.is(refusalOf([1, d, 0, 2, ...long(updateBytesMax + 1)]), 'TW_TOO_LARGE');
  const [low, middle, high] = [
    ((statelessBytesMax + 1) & 0x7f) | 0x80,
    ((statelessBytesMax >>> 7) & 0x7f) | 0x80,
    statelessBytesMax >>> 14,
  ];
  assert.is(refusalOf([1, d, 5, low, middle, high]), 'TW_TOO_LARGE');
});

test('P80 an address names its document up to the first zero', () => {
  assert.is(hocuspocusDocument('a/b'), 'a/b');
  assert.is(hocuspocusDocument('a/b\0x\0y'), 'a/b');
  assert.is(hocuspocusDocument('\0x'), '');
});

test('U3 every refusal has a close code, and only what may succeed later has one after which major 2 comes back', () => {
  const codes = Object.keys(refusalRules) as RefusalCode[];
  for (const code of codes) {
    const closeCode = hocuspocusCloseCode(code);
    const staysAway = [4401, 4403, 1009].includes(closeCode);
    const isFinal = refusalRules[code].action !== 'retry' && code !== 'TW_READ_ONLY';
    assert.is(staysAway, isFinal, `${code} ${closeCode}`);
  }
});

test.run();
