import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { RefusedError } from '../../src/base/errors.ts';
import { Conversation } from './conversation.ts';

/** A client that is connected and has `documents` open. */
function arriveAloud(talk: Conversation, name: string, clientId: number, ...documents: readonly string[]): void {
  talk.join(name, clientId);
  talk.act(name, `opens ${documents.join(' and ')} and starts`, (session, now) => {
    for (const document of documents) session.open(document);
    session.start(now);
  });
  talk.accept(name);
}

function arrive(talk: Conversation, name: string, clientId: number, ...documents: readonly string[]): void {
  const what = `${name} is client ${clientId}, connected, with ${documents.join(' and ')} open`;
  talk.briefly(what, () => arriveAloud(talk, name, clientId, ...documents));
}

function commit(talk: Conversation, document: string): void {
  talk.relay(`commits ${document}`, () => talk.room(document).commit());
  talk.relay('tells how far everybody may resume', () => talk.room(document).tellWatermark());
}

function reconnect(talk: Conversation, name: string): void {
  talk.act(name, 'is woken', (session, now) => session.wake(now));
  talk.accept(name);
}

test('D2 U1 P23 an edit is saved only after the commit', () => {
  const talk = new Conversation('Connect, type, and hear "saved" only after the commit (D2)');
  arriveAloud(talk, 'anna', 1, 'notes');
  arrive(talk, 'ben', 2, 'notes');
  talk.edit('anna', 'notes', 'types "hello"', (text) => text.insert(0, 'hello'));
  assert.is(talk.text('ben', 'notes'), 'hello', 'ben sees it before it is durable');
  assert.is(talk.status('anna', 'notes').safe, 'memory');
  commit(talk, 'notes');
  assert.is(talk.status('anna', 'notes').safe, 'server');
  talk.check('save');
});

test('C4 P31 a lost connection is resumed by cursor', () => {
  const talk = new Conversation('Resume by cursor: only what was missed travels (C4)');
  arrive(talk, 'anna', 1, 'notes');
  arrive(talk, 'ben', 2, 'notes');
  talk.edit('anna', 'notes', 'types a long text', (text) => text.insert(0, 'x'.repeat(1000)));
  commit(talk, 'notes');
  talk.cut('ben');
  talk.edit('anna', 'notes', 'types "!"', (text) => text.insert(1000, '!'));
  commit(talk, 'notes');
  talk.wait(200);
  talk.accept('ben');
  assert.is(talk.text('ben', 'notes'), talk.text('anna', 'notes'));
  talk.check('resume');
});

test('C4 P17 edits made offline are merged into few pushes', () => {
  const talk = new Conversation('Edits made offline travel as few pushes, and are saved together');
  arrive(talk, 'anna', 1, 'notes');
  talk.cut('anna');
  for (const letter of 'offline') talk.type('anna', 'notes', letter);
  talk.settle();
  reconnect(talk, 'anna');
  commit(talk, 'notes');
  assert.is(talk.status('anna', 'notes').pending.updates, 0);
  talk.check('offline-edits');
});

test('C5 P26 a push that builds on what the relay lacks is answered with want, and healed by resync', () => {
  const talk = new Conversation('A gap: want, resync, and one acknowledgement for both (C5)');
  talk.join('anna', 1);
  talk.preload('anna', 'notes', 'from a file. ');
  talk.act('anna', 'opens notes and starts', (session, now) => {
    session.open('notes');
    session.start(now);
  });
  talk.type('anna', 'notes', 'more');
  talk.accept('anna');
  commit(talk, 'notes');
  assert.is(talk.room('notes').state.stateVector.get(1), 17);
  assert.is(talk.status('anna', 'notes').safe, 'server');
  talk.check('gap');
});

test('C1 P25 a client that is ahead of the relay is asked for what it has', () => {
  const talk = new Conversation('A client ahead of the relay, without an edit of its own');
  talk.join('anna', 1);
  talk.preload('anna', 'notes', 'from a file. ');
  talk.act('anna', 'opens notes and starts', (session, now) => {
    session.open('notes');
    session.start(now);
  });
  talk.accept('anna');
  assert.is(talk.status('anna', 'notes').safe, 'memory', 'what the relay lacks is not safe there');
  commit(talk, 'notes');
  assert.is(talk.status('anna', 'notes').safe, 'server');
  assert.is(talk.room('notes').state.stateVector.get(1), 13);
  talk.check('client-ahead');
});

test('C7 P33 a log that went back is noticed through a cursor and heals', () => {
  const talk = new Conversation('The log was restored from a backup: cursors tell, clients heal it (C7)');
  arrive(talk, 'anna', 1, 'notes');
  talk.edit('anna', 'notes', 'types "one"', (text) => text.insert(0, 'one'));
  commit(talk, 'notes');
  talk.edit('anna', 'notes', 'deletes "o"', (text) => text.delete(0, 1));
  commit(talk, 'notes');
  talk.cut('anna');
  talk.relay('gets its backup of the first entry back', () => talk.room('notes').restore(1));
  reconnect(talk, 'anna');
  commit(talk, 'notes');
  arriveAloud(talk, 'ben', 2, 'notes');
  assert.is(talk.text('ben', 'notes'), 'ne', 'the deletion, which no state vector shows, came back too');
  talk.check('log-went-back');
});

test('C6 P34 another history is never merged', () => {
  const talk = new Conversation('Another history under the same name is refused, and nothing is merged (C6)');
  arrive(talk, 'anna', 1, 'notes');
  talk.edit('anna', 'notes', 'types "mine"', (text) => text.insert(0, 'mine'));
  commit(talk, 'notes');
  talk.cut('anna');
  talk.relay('has the document made anew', () => (talk.room('notes').epoch = 'another'));
  talk.type('anna', 'notes', ' offline');
  reconnect(talk, 'anna');
  assert.is(talk.status('anna', 'notes').phase, 'refused');
  assert.is(talk.status('anna', 'notes').pending.updates, 1, 'the edit is kept');
  talk.check('epoch-mismatch');
});

test('U3 P40 a document refused for now is asked for again, by itself', () => {
  const talk = new Conversation('A refusal that asks to come back later (U3)');
  talk.room('notes').refusing = new RefusedError('TW_OVERLOADED', 'busy', { retryAfterMs: 2000 });
  arriveAloud(talk, 'anna', 1, 'notes');
  talk.wait(1000);
  talk.cut('anna');
  reconnect(talk, 'anna');
  assert.is(talk.relaySide('anna').held.length, 0, 'a new connection does not shorten the wait');
  talk.relay('has room again', () => (talk.room('notes').refusing = null));
  talk.wait(1500);
  assert.ok(talk.status('anna', 'notes').synced);
  talk.check('refused-for-now');
});

test('U3 D5 P24 a push refused for now is sent again', () => {
  const talk = new Conversation('The storage fails: nothing is acknowledged, and the edit is sent again (D5)');
  arrive(talk, 'anna', 1, 'notes');
  talk.relay(
    'has a full disk',
    () => (talk.room('notes').refusingPushes = new RefusedError('TW_STORAGE_FAILED', 'full')),
  );
  talk.edit('anna', 'notes', 'types "safe?"', (text) => text.insert(0, 'safe?'));
  assert.is(talk.status('anna', 'notes').pending.updates, 1);
  talk.wait(1000);
  talk.relay('has room again', () => (talk.room('notes').refusingPushes = null));
  talk.wait(4000);
  commit(talk, 'notes');
  assert.is(talk.status('anna', 'notes').safe, 'server');
  talk.check('storage-failed');
});

test('U3 P41 a final refusal ends one document; the other goes on', () => {
  const talk = new Conversation('Two documents on one connection, one of them forbidden');
  talk.room('secret').refusing = new RefusedError('TW_FORBIDDEN', 'not for you');
  arriveAloud(talk, 'anna', 1, 'secret', 'notes');
  talk.edit('anna', 'notes', 'types "still here"', (text) => text.insert(0, 'still here'));
  commit(talk, 'notes');
  talk.cut('anna');
  reconnect(talk, 'anna');
  assert.is(talk.status('anna', 'secret').phase, 'refused');
  talk.check('refused-for-good');
});

test('P16 U3 under a read-only grant edits stay here, and that is said', () => {
  const talk = new Conversation('A read-only grant: what is typed is not sent, and the status says so');
  talk.room('notes').accept(Uint8Array.of(1, 1, 9, 0, 4, 1, 1, 0x74, 2, 0x68, 0x69, 0), null);
  talk.room('notes').commit();
  talk.room('notes').access = 'read';
  arriveAloud(talk, 'anna', 1, 'notes');
  talk.edit('anna', 'notes', 'types "!"', (text) => text.insert(2, '!'));
  assert.is(talk.status('anna', 'notes').error?.code, 'TW_READ_ONLY');
  assert.ok(talk.status('anna', 'notes').synced);
  talk.check('read-only');
});

test('P13 P14 a large update travels in parts, both ways', () => {
  const talk = new Conversation('A large update in parts, there and back, with progress');
  arrive(talk, 'anna', 1, 'notes');
  talk.type('anna', 'notes', 'x'.repeat(200_000));
  talk.settle();
  commit(talk, 'notes');
  arriveAloud(talk, 'ben', 2, 'notes');
  assert.is(talk.text('ben', 'notes').length, 200_000);
  talk.check('parts');
});

test('C4 P36 what no watermark confirmed is handed back to a relay that lost it', () => {
  const talk = new Conversation(
    'The relay crashed before a commit, and the author is gone: who received it hands it back',
  );
  arrive(talk, 'anna', 1, 'notes');
  arrive(talk, 'ben', 2, 'notes');
  talk.edit('anna', 'notes', 'types "one two"', (text) => text.insert(0, 'one two'));
  commit(talk, 'notes');
  talk.edit('anna', 'notes', 'deletes " two"', (text) => text.delete(3, 4));
  talk.crash();
  reconnect(talk, 'ben');
  commit(talk, 'notes');
  arriveAloud(talk, 'carl', 3, 'notes');
  assert.is(talk.text('carl', 'notes'), 'one');
  talk.check('handed-back');
});

/** Anna and ben have a text of which " two" was deleted, in two entries. */
function withDeletion(talk: Conversation): void {
  talk.briefly('anna and ben have notes open, in which "one two" became "one"', () => {
    arriveAloud(talk, 'anna', 1, 'notes');
    arriveAloud(talk, 'ben', 2, 'notes');
    talk.edit('anna', 'notes', 'types "one two"', (text) => text.insert(0, 'one two'));
    commit(talk, 'notes');
    talk.edit('anna', 'notes', 'deletes " two"', (text) => text.delete(3, 4));
    commit(talk, 'notes');
  });
}

test('C1 P71 P72 copies that are the same are found to be the same, once they are quiet', () => {
  const talk = new Conversation('Quiet copies are compared by digest (C1)');
  withDeletion(talk);
  assert.not(talk.status('ben', 'notes').verified);
  talk.wait(6000);
  assert.ok(talk.status('anna', 'notes').verified && talk.status('ben', 'notes').verified);
  talk.wait(8000);
  talk.edit('ben', 'notes', 'types "!"', (text) => text.insert(3, '!'));
  assert.not(talk.status('ben', 'notes').verified);
  commit(talk, 'notes');
  talk.wait(6000);
  assert.ok(talk.status('anna', 'notes').verified && talk.status('ben', 'notes').verified);
  talk.check('compare-same');
});

test('C1 P73 P74 a client that lost a deletion gets it back', () => {
  const talk = new Conversation('A deletion is lost in a client: found by the digest, and made good (C1)');
  withDeletion(talk);
  talk.damage('ben', 'notes', talk.room('notes').entries.slice(0, 1));
  assert.is(talk.text('ben', 'notes'), 'one two');
  talk.wait(6000);
  assert.is(talk.text('ben', 'notes'), 'one');
  talk.wait(6000);
  assert.ok(talk.status('ben', 'notes').verified);
  talk.check('compare-client-lost-deletion');
});

test('C1 P74 a client that lost insertions opens the document again', () => {
  const talk = new Conversation('Insertions are lost in a client: it opens the document again without a cursor (C1)');
  withDeletion(talk);
  talk.damage('ben', 'notes', []);
  talk.wait(6000);
  assert.is(talk.text('ben', 'notes'), 'one');
  talk.wait(6000);
  assert.ok(talk.status('ben', 'notes').verified);
  talk.check('compare-client-lost-insertions');
});

test('C1 P75 U1 a relay that lost a deletion gets it from a client, and nothing counts as safe until it has it', () => {
  const talk = new Conversation('A deletion is lost at the relay: only replicas remember it (C1)');
  withDeletion(talk);
  const [first] = talk.room('notes').entries;
  assert.ok(first);
  talk.room('notes').damage([first, first]);
  talk.wait(4500);
  talk.sleep('ben', 'client');
  talk.wait(1500);
  assert.is(talk.status('anna', 'notes').safe, 'memory');
  commit(talk, 'notes');
  assert.is(talk.status('anna', 'notes').safe, 'server');
  talk.wait(6000);
  assert.ok(talk.status('anna', 'notes').verified);
  arriveAloud(talk, 'carl', 3, 'notes');
  assert.is(talk.text('carl', 'notes'), 'one');
  talk.check('compare-relay-lost-deletion');
});

test('C1 P77 one who may only read says what the relay lacks, and does not ask again before something changes', () => {
  const talk = new Conversation('A deletion is lost at the relay, and the only replica may only read');
  withDeletion(talk);
  talk.briefly('anna leaves; ben comes back with a grant to read', () => {
    talk.act('anna', 'closes notes', (session) => session.close('notes'));
    talk.cut('ben');
    talk.room('notes').access = 'read';
    reconnect(talk, 'ben');
  });
  const [first] = talk.room('notes').entries;
  assert.ok(first);
  talk.room('notes').damage([first, first]);
  talk.wait(6000);
  assert.is(talk.status('ben', 'notes').safe, 'memory');
  assert.not(talk.status('ben', 'notes').verified);
  talk.wait(8000);
  talk.check('compare-read-only');
});

test('P50 P51 silence is asked about, then given up on; the next attempt comes with a backoff', () => {
  const talk = new Conversation('The relay falls silent: ping, drop, backoff');
  arrive(talk, 'anna', 1, 'notes');
  talk.sleep('anna', 'relay');
  talk.wait(26_000);
  assert.is(talk.session('anna').connection, 'connecting');
  talk.wait(10_500);
  talk.wait(200);
  assert.ok(['connecting', 'waiting'].includes(talk.session('anna').connection));
  talk.check('silence');
});

test('P52 the relay gives up on a client that does not answer', () => {
  const talk = new Conversation('The client falls silent: the relay asks, then closes');
  arrive(talk, 'anna', 1, 'notes');
  talk.sleep('anna', 'client');
  talk.wait(61_000);
  talk.wakeUp('anna');
  assert.is(talk.session('anna').connection, 'waiting');
  talk.check('relay-timeout');
});

test('P9 a document closed while it is being opened, and opened again, is asked for once more', () => {
  const talk = new Conversation('Closed and opened again while the relay still thinks about the first request');
  talk.join('anna', 1);
  talk.act('anna', 'starts', (session, now) => session.start(now));
  talk.accept('anna');
  talk.relaySide('anna').holding = true;
  talk.act('anna', 'opens notes', (session) => session.open('notes'));
  talk.act('anna', 'closes notes', (session) => session.close('notes'));
  talk.act('anna', 'opens notes again', (session) => session.open('notes'));
  talk.relay('answers', () => talk.relaySide('anna').answerHeld());
  talk.relay('answers', () => talk.relaySide('anna').answerHeld());
  assert.ok(talk.status('anna', 'notes').synced);
  talk.check('open-close-open');
});

test('P10 edits under way when a document is left are stored', () => {
  const talk = new Conversation('Leaving with edits under way');
  arrive(talk, 'anna', 1, 'notes');
  talk.type('anna', 'notes', 'last words');
  talk.act('anna', 'closes notes', (session) => session.close('notes'));
  commit(talk, 'notes');
  assert.is(talk.room('notes').entries.length, 1);
  arrive(talk, 'ben', 2, 'notes');
  assert.is(talk.text('ben', 'notes'), 'last words');
  talk.check('leave');
});

test('P18 R2 what is under way without an acknowledgement is bounded', () => {
  const talk = new Conversation('A backlog larger than what may be under way waits for acknowledgements');
  arrive(talk, 'anna', 1, 'notes');
  for (let edit = 0; edit < 6; edit++) talk.type('anna', 'notes', 'x'.repeat(1_000_000));
  talk.settle();
  assert.is(talk.room('notes').uncommitted.length, 5);
  commit(talk, 'notes');
  commit(talk, 'notes');
  assert.is(talk.status('anna', 'notes').pending.updates, 0);
  talk.check('in-flight-window');
});

test('P43 U3 a refused connection ends everything under way and comes back when it was told to', () => {
  const talk = new Conversation('The relay restarts: every client is told, and comes back with its edits');
  arrive(talk, 'anna', 1, 'notes');
  talk.relay('shuts down', () =>
    talk.relaySide('anna').session.close(new RefusedError('TW_SHUTTING_DOWN', 'restarting', { retryAfterMs: 1000 })),
  );
  talk.type('anna', 'notes', 'meanwhile');
  talk.wait(1500);
  talk.accept('anna');
  commit(talk, 'notes');
  assert.is(talk.status('anna', 'notes').safe, 'server');
  talk.check('shutdown');
});

test.run();
