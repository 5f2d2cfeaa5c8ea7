/** Messages to test with: arbitrary ones, and a fixed sample of each type. */
import * as fc from 'fast-check';
import { RefusedError } from '../../src/base/errors.ts';
import type { RefusalCode } from '../../src/protocol/close.ts';
import type { ClientMessage, ServerMessage } from '../../src/protocol/message.ts';

/** Ordinary objects, which is what decoding makes. */
export const record = <Value>(model: { [Key in keyof Value]: fc.Arbitrary<Value[Key]> }): fc.Arbitrary<Value> =>
  fc.record<Value>(model, { noNullPrototype: true });

const number = fc.maxSafeNat();
const update = fc.uint8Array({ maxLength: 200 });
/** Text of at most `bytesMax` bytes in UTF-8, whatever the characters. */
const text = (bytesMax: number): fc.Arbitrary<string> =>
  fc.string({ unit: 'binary', maxLength: Math.min(60, Math.floor(bytesMax / 4)) });

const shared = [
  record({ type: fc.constant('ping' as const) }),
  record({ type: fc.constant('pong' as const) }),
  record({ type: fc.constant('part' as const), doc: number, bytes: update }),
  record({ type: fc.constant('caught-up' as const), doc: number }),
  record({ type: fc.constant('awareness' as const), doc: number, update }),
] as const;

export const clientMessage: fc.Arbitrary<ClientMessage> = fc.oneof(
  ...shared,
  record({
    type: fc.constant('open' as const),
    request: number,
    name: text(512),
    token: text(8192),
    device: text(128),
    epoch: text(128),
    cursor: fc.uint8Array({ maxLength: 64 }),
    stateVector: update,
  }),
  record({ type: fc.constant('token' as const), token: text(8192) }),
  record({ type: fc.constant('who' as const), doc: number, cursor: fc.uint8Array({ maxLength: 64 }) }),
  record({ type: fc.constant('leave' as const), doc: number }),
  record({ type: fc.constant('push' as const), doc: number, n: number, update }),
  record({ type: fc.constant('resync' as const), doc: number, n: number, update }),
  record({
    type: fc.constant('compare' as const),
    doc: number,
    cursor: fc.uint8Array({ maxLength: 64 }),
    digest: fc.uint8Array({ maxLength: 16 }),
  }),
);

export const serverMessage: fc.Arbitrary<ServerMessage> = fc.oneof(
  ...shared,
  record({
    type: fc.constant('opened' as const),
    request: number,
    doc: number,
    epoch: text(128),
    access: fc.constantFrom('read' as const, 'write' as const),
    user: text(128),
    totalBytes: number,
  }),
  record({ type: fc.constant('update' as const), doc: number, update }),
  record({ type: fc.constant('grant' as const), doc: number, endsInMs: number }),
  record({ type: fc.constant('authors' as const), doc: number, entries: update }),
  record({ type: fc.constant('want' as const), doc: number, stateVector: update }),
  record({ type: fc.constant('ack' as const), doc: number, n: number }),
  record({
    type: fc.constant('watermark' as const),
    settled: fc.boolean(),
    doc: number,
    epoch: text(128),
    cursor: fc.uint8Array({ maxLength: 64 }),
  }),
  record({
    type: fc.constant('compared' as const),
    doc: number,
    result: fc.constantFrom('same' as const, 'elsewhere' as const, 'differs' as const),
    stateVector: update,
    deletes: update,
  }),
  record({
    type: fc.constant('refuse' as const),
    scope: fc.constantFrom('connection' as const, 'request' as const, 'document' as const),
    id: number,
    code: text(128),
    reason: text(512),
    action: fc.constantFrom(
      'retry' as const,
      'reauth' as const,
      'reload' as const,
      'upgrade' as const,
      'contact' as const,
    ),
    retryAfterMs: number,
  }),
);

const bytes = Uint8Array.of(1, 2, 3);

/** One of each, in every variant of its fields; the compiler asks for each type. */
export const samples: Readonly<
  Record<ClientMessage['type'] | ServerMessage['type'], readonly (ClientMessage | ServerMessage)[]>
> = {
  ping: [{ type: 'ping' }],
  pong: [{ type: 'pong' }],
  open: [
    {
      type: 'open',
      request: 300,
      name: 'Zoë',
      token: 't',
      device: 'd',
      epoch: 'e',
      cursor: bytes,
      stateVector: Uint8Array.of(0),
    },
  ],
  token: [{ type: 'token', token: 't' }],
  grant: [{ type: 'grant', doc: 1, endsInMs: 60_000 }],
  who: [{ type: 'who', doc: 1, cursor: bytes }],
  authors: [{ type: 'authors', doc: 1, entries: bytes }],
  leave: [{ type: 'leave', doc: 1 }],
  push: [{ type: 'push', doc: 1, n: 128, update: bytes }],
  resync: [{ type: 'resync', doc: 1, n: 2, update: bytes }],
  part: [{ type: 'part', doc: 1, bytes }],
  awareness: [{ type: 'awareness', doc: 1, update: bytes }],
  opened: [
    { type: 'opened', request: 1, doc: 2, epoch: 'e', access: 'read', user: 'u', totalBytes: 70_000 },
    { type: 'opened', request: 1, doc: 2, epoch: '', access: 'write', user: '', totalBytes: Number.MAX_SAFE_INTEGER },
  ],
  update: [{ type: 'update', doc: 1, update: bytes }],
  'caught-up': [{ type: 'caught-up', doc: 1 }],
  want: [{ type: 'want', doc: 1, stateVector: bytes }],
  ack: [{ type: 'ack', doc: 1, n: 2 }],
  watermark: [{ type: 'watermark', doc: 1, epoch: 'e', cursor: bytes, settled: true }],
  compare: [{ type: 'compare', doc: 1, cursor: bytes, digest: bytes }],
  compared: (['same', 'elsewhere', 'differs'] as const).map(
    (result) => ({ type: 'compared', doc: 1, result, stateVector: bytes, deletes: bytes }) as const,
  ),
  refuse: (['connection', 'request', 'document'] as const).flatMap((scope) =>
    (['retry', 'reauth', 'reload', 'upgrade', 'contact'] as const).map(
      (action) =>
        ({ type: 'refuse', scope, id: 1, code: 'TW_TIMEOUT', reason: 'r', action, retryAfterMs: 1000 }) as const,
    ),
  ),
};

/** Seed of this run's cases, printed, so that a failure can be run again with SEED. */
export const seed: number = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
export const numRuns: number = Number(process.env['RUNS'] ?? 2000);
console.log(`SEED=${seed}`);

/** For `assert.throws`: a refusal with this code, or with any. */
export function refusedWith(code?: RefusalCode): (error: unknown) => boolean {
  return (error) => error instanceof RefusedError && (code === undefined || error.code === code);
}

/** `bytes` as Node hands frames over: a view into a pool, with something readable before and behind. */
export function pooled(frame: Uint8Array): Uint8Array {
  const pool = Buffer.alloc(frame.length + 64, 0x01);
  pool.set(frame, 32);
  return new Uint8Array(pool.buffer, pool.byteOffset + 32, frame.length);
}
