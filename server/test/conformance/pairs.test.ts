// @waits
// @timeout 300s
// Every pair of clients, on one document each: what people do together, whichever clients they have.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RefusedError, seededRandom } from '@tideweave/shared';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';
import type { Grant } from '../../src/auth/authorizer.ts';
import { createLogger } from '../../src/observability/log.ts';
import { type Relay, createRelay } from '../../src/relay.ts';
import { stablePort } from '../support/relay-process.ts';
import { pass, until } from '../support/wait.ts';
import { type Client, clients, pairs } from './client.ts';
import { Table } from './table.ts';

interface Pair {
  readonly name: string;
  readonly first: Client;
  readonly second: Client;
}

const table = new Table('with every client');
const document = (name: string): string => `pairs/${name} ä`;
let folder = '';
let port = 0;
let relay: Relay;
let all: Pair[] = [];

/** The token says what is granted. */
function authorize({ token }: { token: string }): Grant {
  if (token === 'nobody') throw new RefusedError('TW_FORBIDDEN', 'not for you');
  return { access: token === 'reader' ? 'read' : 'write', user: token };
}

async function start(): Promise<void> {
  relay = await createRelay({ port, data: folder, authorize, logger: createLogger({ level: 'silent' }) });
}

function whoIs({ first, second }: Pair): readonly string[] {
  return [first.kind, second.kind];
}

function contentOf({ doc }: Client): string {
  const map = Object.entries(doc.getMap('map').toJSON()).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return JSON.stringify([doc.getText('text').toJSON(), map, doc.getXmlFragment('xml').toJSON()]);
}

/** Both have the same content, and neither knows of an insertion that the other lacks. */
function areEqual({ first, second }: Pair): boolean {
  if (contentOf(first) !== contentOf(second)) return false;
  const [one, other] = [Y.decodeStateVector(Y.encodeStateVector(first.doc)), Y.encodeStateVector(second.doc)];
  const rest = Y.decodeStateVector(other);
  return one.size === rest.size && [...one].every(([client, clock]) => rest.get(client) === clock);
}

async function becomeEqual(pair: Pair, having: readonly string[]): Promise<void> {
  await until(
    `${pair.name} to be equal`,
    () => areEqual(pair) && having.every((text) => contentOf(pair.first).includes(text)),
  );
}

test.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tideweave-pairs-'));
  port = await stablePort(seededRandom(process.pid));
  await start();
  const url = `ws://127.0.0.1:${port}`;
  all = pairs.map(([one, other]) => {
    const name = `${one} + ${other}`;
    const options = { url, name: document(name), token: 'writer' };
    return { name, first: clients[one](options), second: clients[other](options) };
  });
});

test.after(async () => {
  for (const { first, second } of all) {
    first.destroy();
    second.destroy();
  }
  await relay.close();
  await rm(folder, { recursive: true, force: true });
  table.print();
});

test('C1 both open the same document and are synced', () =>
  table.checkAll(all, whoIs, 'opens', async ({ name, first, second }) => {
    await until(`${name} to be synced`, () => first.isSynced && second.isSynced);
  }));

test('C1 C2 text that both type at once becomes the same on both sides', () =>
  table.checkAll(all, whoIs, 'text', async (pair) => {
    for (let at = 0; at < 20; at++) {
      pair.first.doc.getText('text').insert(0, `a${at} `);
      pair.second.doc.getText('text').insert(0, `b${at} `);
      if (at % 5 === 4) await pass(2);
    }
    pair.second.doc.getText('text').delete(0, 3);
    pair.second.doc.getText('text').format(0, 2, { bold: true });
    await becomeEqual(pair, ['a0 ', 'b0 ', 'a19 ']);
  }));

test('C1 C2 maps, nested types and keys that both set become the same on both sides', () =>
  table.checkAll(all, whoIs, 'maps', async (pair) => {
    for (const { doc, kind } of [pair.first, pair.second]) {
      doc.transact(() => {
        const map = doc.getMap('map');
        map.set('both', kind);
        map.set('deep', new Y.Map([['list', new Y.Array()]]));
        doc.getXmlFragment('xml').insert(0, [new Y.XmlElement('p')]);
      });
    }
    pair.first.doc.getMap('map').set('first', { any: [1, null, 'x', 2.5] });
    pair.second.doc.getMap('map').set('second', true);
    pair.second.doc.getMap('map').delete('both');
    await becomeEqual(pair, ['"first"', '"second"', '"deep"']);
  }));

test('A2 each sees who is there, and that somebody has left', () =>
  table.checkAll(all, whoIs, 'awareness', async ({ name, first, second }) => {
    const seenBy = (one: Client, other: Client): unknown => one.awareness.getStates().get(other.doc.clientID)?.['user'];
    first.awareness.setLocalStateField('user', { name: 'one' });
    second.awareness.setLocalStateField('user', { name: 'two' });
    await until(
      `${name} to see each other`,
      () => seenBy(first, second) !== undefined && seenBy(second, first) !== undefined,
    );
    assert.equal(seenBy(first, second), { name: 'two' });
    second.awareness.setLocalStateField('user', { name: 'three' });
    await until(`${name} to see the change`, () => (seenBy(first, second) as { name: string }).name === 'three');
    await second.goOffline();
    await until(`${name} to see one leave`, () => seenBy(first, second) === undefined);
    second.goOnline();
    await until(
      `${name} to see one come back`,
      () => seenBy(first, second) !== undefined && seenBy(second, first) !== undefined,
    );
  }));

test('C4 what both edit while one is offline is on both sides afterwards', () =>
  table.checkAll(all, whoIs, 'offline', async (pair) => {
    const { first, second } = pair;
    await second.goOffline();
    for (let at = 0; at < 20; at++) second.doc.getText('text').insert(0, `away${at} `);
    second.doc.getText('text').delete(40, 4);
    second.doc.getMap('map').delete('first');
    first.doc.getText('text').insert(0, 'home ');
    await pass(50);
    assert.not.match(contentOf(first), 'away');
    second.goOnline();
    await becomeEqual(pair, ['away0 ', 'away19 ', 'home ']);
    assert.not.match(contentOf(first), '"first"');
  }));

test('C4 D1 a restart of the relay loses nothing, and what is edited meanwhile arrives', async () => {
  for (const { first, second } of all) {
    first.doc.getText('text').insert(0, 'before ');
    second.doc.getText('text').insert(0, 'also before ');
  }
  await relay.close();
  for (const { first, second } of all) {
    first.doc.getText('text').insert(0, 'meanwhile ');
    second.doc.getText('text').insert(0, 'also meanwhile ');
  }
  await pass(300);
  await start();
  await table.checkAll(all, whoIs, 'restart', async (pair) => {
    await becomeEqual(pair, ['also before ', 'also meanwhile ']);
    await until(`${pair.name} to be synced`, () => pair.first.isSynced && pair.second.isSynced);
  });
});

test('U1 everything is shown as saved in the end', () =>
  table.checkAll(all, whoIs, 'saved', async ({ name, first, second }) => {
    await until(`${name} to be saved`, () => first.isSaved !== false && second.isSaved !== false);
  }));

test('A1 U3 a reader sees everything, changes nothing and is told', () =>
  table.checkAll(
    pairs,
    (pair) => pair,
    'read-only',
    async ([one, other]) => {
      const name = document(`${one} + ${other}`);
      const url = `ws://127.0.0.1:${port}`;
      const writer = clients[one]({ url, name, token: 'writer' });
      const reader = clients[other]({ url, name, token: 'reader' });
      try {
        await until(`${name} to be synced`, () => writer.isSynced && reader.isSynced);
        writer.doc.getText('text').insert(0, 'seen ');
        await until('the reader to see it', () => contentOf(reader).includes('seen '));
        assert.is(reader.refusal, '', 'reading alone is nothing to complain about');
        reader.doc.getText('text').insert(0, 'forged ');
        await until('the reader to be told', () => reader.refusal.includes('TW_READ_ONLY'));
        await pass(100);
        assert.not.match(contentOf(writer), 'forged');
        if (other === 'tideweave') return;
        writer.doc.getText('text').insert(0, 'and more ');
        await until('the reader to read on', () => contentOf(reader).includes('and more '));
        assert.not.match(contentOf(writer), 'forged');
      } finally {
        writer.destroy();
        reader.destroy();
      }
    },
  ));

test('A1 U3 one who is refused gets nothing and is told why', () =>
  table.checkAll(
    pairs,
    (pair) => pair,
    'refusal',
    async ([one, other]) => {
      const name = document(`${one} + ${other}`);
      const url = `ws://127.0.0.1:${port}`;
      const writer = clients[one]({ url, name, token: 'writer' });
      const nobody = clients[other]({ url, name, token: 'nobody' });
      try {
        nobody.doc.getText('text').insert(0, 'forged ');
        await until('it to be told', () => nobody.refusal.includes('TW_FORBIDDEN: not for you'));
        await until('the other to be synced', () => writer.isSynced);
        await pass(100);
        assert.is(nobody.isSynced, false);
        assert.is(nobody.doc.getText('text').toJSON(), 'forged ');
        assert.not.match(contentOf(writer), 'forged');
        assert.is(writer.refusal, '');
      } finally {
        writer.destroy();
        nobody.destroy();
      }
    },
  ));

test.run();
