// Bytes on the TCP connection that are no WebSocket, or none that RFC 6455 allows.
import { SyncClient } from '@tideweave/client';
import { subprotocol } from '@tideweave/shared';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RawSocket, claim, clientFrame, handshake } from '../support/raw-socket.ts';
import { readers } from '../support/readers.ts';
import { withRelay } from '../support/relay.ts';
import { until } from '../support/wait.ts';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const binary = 0x82;

interface Violation {
  readonly what: string;
  readonly bytes: Uint8Array;
  readonly code: number;
  readonly reason: RegExp;
}

const notAFrame = { code: 1002, reason: /^TW_MALFORMED_MESSAGE: / };
const notUtf8 = { code: 1007, reason: /^TW_MALFORMED_MESSAGE: / };
const tooLarge = { code: 1009, reason: /^TW_TOO_LARGE: / };

const violations: readonly Violation[] = [
  { what: 'RSV1 without an extension', bytes: clientFrame(0xc2, text('x')), ...notAFrame },
  { what: 'RSV2', bytes: clientFrame(0xa2, text('x')), ...notAFrame },
  { what: 'opcode 0xF', bytes: clientFrame(0x8f, text('x')), ...notAFrame },
  { what: 'opcode 3', bytes: clientFrame(0x83, text('x')), ...notAFrame },
  { what: 'an unmasked frame', bytes: Uint8Array.of(binary, 1, 0), ...notAFrame },
  { what: 'a length of 2^62', bytes: claim(binary, 2n ** 62n), ...tooLarge },
  { what: 'a length of 2^63', bytes: claim(binary, 2n ** 63n), ...tooLarge },
  { what: 'a claim of 200 MiB', bytes: claim(binary, 200n * 1024n * 1024n), ...tooLarge },
  { what: 'a continuation of nothing', bytes: clientFrame(0x80, text('x')), ...notAFrame },
  { what: 'a ping in fragments', bytes: clientFrame(0x09, text('x')), ...notAFrame },
  { what: 'a ping of 126 bytes', bytes: clientFrame(0x89, new Uint8Array(126)), ...notAFrame },
  {
    what: 'a new message within another',
    bytes: Buffer.concat([clientFrame(2, text('x')), clientFrame(2, text('y'))]),
    ...notAFrame,
  },
  { what: 'a text that is not UTF-8', bytes: clientFrame(0x81, Uint8Array.of(0xc3, 0x28)), ...notUtf8 },
  {
    what: 'a close with a reason that is not UTF-8',
    bytes: clientFrame(0x88, Uint8Array.of(3, 232, 0xc3, 0x28)),
    ...notUtf8,
  },
  { what: 'a close of one byte', bytes: clientFrame(0x88, Uint8Array.of(3)), ...notAFrame },
  { what: 'a close with the code 1005', bytes: clientFrame(0x88, Uint8Array.of(3, 237)), ...notAFrame },
];

test('R1 WebSocket protocol errors end their own connection with a code and a reason, in both dialects', async () => {
  await withRelay({}, async ({ url, port, relay, logged }) => {
    const bystander = new SyncClient({ url });
    const handle = bystander.open('document');
    await handle.whenSynced();
    for (const [path, protocol] of [
      ['/', subprotocol],
      ['/document', ''],
    ] as const) {
      for (const { what, bytes, code, reason } of violations) {
        const raw = await RawSocket.upgrade(port, path, protocol);
        raw.write(bytes);
        const closed = await raw.closed();
        assert.is(closed.code, code, what);
        assert.match(closed.reason, reason, what);
        await raw.end();
      }
    }
    handle.doc.getText('text').insert(0, 'fine');
    await handle.whenSaved({ tier: 'server' });
    await until('the connections to be gone', () => relay.stats.connections === 1);
    assert.equal(logged, []);
    bystander.destroy();
  });
});

test('R1 frames of one byte at a time, pings and an orderly close are no offence', async () => {
  await withRelay({}, async ({ port }) => {
    const raw = await RawSocket.upgrade(port, '/document', '');
    const frames = Buffer.concat([clientFrame(0x89, text('ping')), clientFrame(binary, Uint8Array.of(3))]);
    for (const byte of frames) raw.write(Uint8Array.of(byte));
    await until('the pong', () => raw.received.includes(Buffer.from([0x8a, 4, ...text('ping')])));
    raw.write(clientFrame(0x88, Uint8Array.of(3, 232)));
    assert.is((await raw.closed()).code, 1000);
    await raw.end();
  });
});

test('R1 half a handshake, no handshake and a bad one hurt nobody, and do not hold up the end', async () => {
  await withRelay({}, async ({ url, port }) => {
    const starts = [
      '',
      'GET /docu',
      handshake('/document', '').slice(0, -10),
      'POST /api/docs/x/update HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc',
    ];
    const silent = await Promise.all(
      starts.map(async (start) => {
        const raw = await RawSocket.connect(port);
        raw.write(start);
        return raw;
      }),
    );
    const bad = [
      ['no HTTP', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n', /^HTTP\/1.1 400/],
      ['another version', handshake('/d', '').replace('Version: 13', 'Version: 7'), /^HTTP\/1.1 4\d\d/],
      ['no key', handshake('/d', '').replace(/Sec-WebSocket-Key: .*\r\n/, ''), /^HTTP\/1.1 400/],
      ['a bad subprotocol list', handshake('/d', ',,'), /^HTTP\/1.1 400/],
      ['POST', handshake('/d', '').replace('GET', 'POST'), /^HTTP\/1.1 405/],
      ['h2c', handshake('/d', '').replace('Upgrade: websocket', 'Upgrade: h2c'), /^HTTP\/1.1 4\d\d/],
    ] as const;
    for (const [what, bytes, answer] of bad) {
      const raw = await RawSocket.connect(port);
      raw.write(Buffer.from(bytes, 'latin1'));
      await until(`an answer to ${what}`, () => raw.received.includes('\r\n\r\n'));
      assert.match(raw.received.toString(), answer, what);
      await until(`the end of ${what}`, () => raw.ended);
    }
    await readers.native(url, 'document');
    await readers.stock(url, 'document');
    // The relay ends with these still open: withRelay closes it now.
    assert.ok(silent.every(({ ended }) => !ended));
  });
});

test('R1 a connection that is cut off in the middle of a message leaves nothing behind', async () => {
  await withRelay({}, async ({ port, relay }) => {
    for (const [path, protocol] of [
      ['/', subprotocol],
      ['/document', ''],
    ] as const) {
      const raw = await RawSocket.upgrade(port, path, protocol);
      raw.write(claim(binary, 1000n));
      raw.write(new Uint8Array(500));
      await raw.end();
    }
    await until('the connections to be gone', () => relay.stats.connections === 0);
  });
});

test.run();
