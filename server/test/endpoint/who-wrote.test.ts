// @slow
// Who wrote what, asked of a real relay: from its log, for those only who may read the document.
import { type EntryAuthor, RefusedError, decodeCursor, decodeEntryAuthors, encodeCursor } from '@tideweave/shared';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import type { Authorizer } from '../../src/auth/authorizer.ts';
import { NativePeer } from '../support/native-peer.ts';
import { memoryLog, withRelay } from '../support/relay.ts';
import { pass, until } from '../support/wait.ts';

/** A token is the user's name; one of `!` is nobody's. */
const authorize: Authorizer = ({ token }) => {
  if (token === '!') throw new RefusedError('TW_UNAUTHORIZED', 'nobody');
  return { access: token === 'reader' ? 'read' : 'write', user: token };
};

const none = new Uint8Array(0);
/** Longer than what the relay leaves between two answers. */
const paceMs = 1050;

const told = (entries: readonly EntryAuthor[]): unknown =>
  entries.map(({ user, device, inserts, deletes }) => [user, device, inserts, deletes]);

async function who(peer: NativePeer, doc: number, cursor: Uint8Array): Promise<EntryAuthor[]> {
  peer.send({ type: 'who', doc, cursor });
  return decodeEntryAuthors((await peer.take('authors')).entries);
}

/** What somebody types, letter by letter, as updates; then the deletion of the first. */
function typed(clientId: number): { letters: Uint8Array[]; deletion: Uint8Array } {
  const doc = new Y.Doc();
  doc.clientID = clientId;
  const letters: Uint8Array[] = [];
  doc.on('update', (update: Uint8Array) => letters.push(update));
  for (const letter of 'abc') doc.getText('t').insert(doc.getText('t').length, letter);
  doc.getText('t').delete(0, 1);
  const deletion = letters.pop();
  assert.ok(deletion);
  return { letters, deletion };
}

test('P103 P104 entries are told with user, device, time and ids, the newest first, after a cursor or all of them', async () => {
  await withRelay({ authorize }, async ({ url }) => {
    const from = Date.now();
    const [ada, bob] = [await NativePeer.connect(url), await NativePeer.connect(url)];
    const { doc } = await ada.open('document', { token: 'ada', device: 'laptop' });
    await bob.open('document', { token: 'bob', device: 'phone' });
    const { letters, deletion } = typed(5);
    for (const [at, letter] of letters.entries()) await ada.save(doc, at + 1, letter);
    await until('a cursor for all of it', async () => {
      const { cursor } = await bob.take('watermark');
      return decodeCursor(cursor)?.seq === 3;
    });
    const all = [
      ['ada', 'laptop', [[5, 2, 3]], []],
      ['ada', 'laptop', [[5, 1, 2]], []],
      ['ada', 'laptop', [[5, 0, 1]], []],
    ];
    const entries = await who(bob, doc, none);
    assert.equal(told(entries), all);
    for (const { time } of entries) assert.ok(time >= from && time <= Date.now(), `${time}`);
    // Sooner than in a second nobody is told anything.
    assert.equal(await who(bob, doc, none), []);
    await bob.save(doc, 1, deletion);
    await pass(paceMs);
    const { cursor } = await ada.take('watermark');
    const place = decodeCursor(cursor);
    assert.ok(place);
    assert.equal(told(await who(ada, doc, encodeCursor({ ...place, seq: 2 }))), [
      ['bob', 'phone', [], [[5, 0, 1]]],
      ...all.slice(0, 1),
    ]);
    await pass(paceMs);
    // A cursor of another log says nothing about this one.
    const elsewhere = encodeCursor({ ...place, logId: 'another', seq: 2 });
    assert.is((await who(ada, doc, elsewhere)).length, 4);
    for (const peer of [ada, bob]) peer.end();
  });
});

test('P104 who wrote what was compacted away is unknown, and what came since is not', async () => {
  const log = memoryLog();
  await withRelay({ authorize, log, limits: { rawWindowBytes: 1, idleUnloadMs: 50 } }, async ({ url }) => {
    const ada = await NativePeer.connect(url);
    const { doc } = await ada.open('document', { token: 'ada' });
    const { letters, deletion } = typed(5);
    for (const [at, letter] of letters.entries()) await ada.save(doc, at + 1, letter);
    ada.end();
    // A document that nobody has open is compacted.
    await until('the compaction', async () => (await log.head('document'))?.firstSeq === 4);
    const bob = await NativePeer.connect(url);
    const opened = await bob.open('document', { token: 'bob' });
    await bob.save(opened.doc, 1, deletion);
    assert.equal(told(await who(bob, opened.doc, none)), [['bob', '', [], [[5, 0, 1]]]]);
    bob.end();
  });
});

test('A1 P105 nobody is told about a document that is not open on the connection, and a reader is', async () => {
  await withRelay({ authorize }, async ({ url }) => {
    const [ada, eve, reader] = [
      await NativePeer.connect(url),
      await NativePeer.connect(url),
      await NativePeer.connect(url),
    ];
    const { doc } = await ada.open('document', { token: 'ada' });
    const [letter = none] = typed(5).letters;
    await ada.save(doc, 1, letter);
    eve.ask('document', { token: '!' });
    await eve.take('refuse');
    eve.send({ type: 'who', doc, cursor: none }, { type: 'ping' });
    await eve.take('pong');
    await pass(100);
    assert.not(eve.inbox.some(({ type }) => type === 'authors'));
    const opened = await reader.open('document', { token: 'reader' });
    assert.equal(told(await who(reader, opened.doc, none)), [['ada', '', [[5, 0, 1]], []]]);
    await pass(paceMs);
    // Asked, and left before the log was read.
    reader.send({ type: 'who', doc: opened.doc, cursor: none }, { type: 'leave', doc: opened.doc }, { type: 'ping' });
    await reader.take('pong');
    await pass(100);
    assert.not(reader.inbox.some(({ type }) => type === 'authors'));
    for (const peer of [ada, eve, reader]) peer.end();
  });
});

test('P32 a cursor that is none ends the connection', async () => {
  await withRelay({ authorize }, async ({ url }) => {
    const ada = await NativePeer.connect(url);
    const { doc } = await ada.open('document', { token: 'ada' });
    ada.send({ type: 'who', doc, cursor: Uint8Array.of(255, 255) });
    assert.is((await ada.take('refuse')).code, 'TW_MALFORMED_MESSAGE');
    await ada.closed;
  });
});

test.run();
