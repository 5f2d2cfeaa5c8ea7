// Tabs that share a connection, in virtual time: who leads, what each shows, and what becomes of edits.
import type { DocumentHandle } from '@tideweave/client';
import { shareTabs } from '@tideweave/client/tabs';
import { SyncClient } from '@tideweave/client/testing';
import { RefusedError, seededRandom } from '@tideweave/shared';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Awareness, applyAwarenessUpdate, encodeAwarenessUpdate } from 'y-protocols/awareness';
import * as Y from 'yjs';
import { SharedPresence } from '../../src/tabs/shared-presence.ts';
import { canShareTabs } from '../../src/transport/tabs-support.ts';
import { type Page, TabsWorld } from './tabs-world.ts';

const settleMs = 10_000;

interface Tab {
  readonly page: Page;
  readonly handle: DocumentHandle;
  readonly type: (text: string) => void;
  readonly text: string;
}

/** Whose presence keeps a timer until it is destroyed: closed pages do not do it. */
const opened: DocumentHandle[] = [];

function tab(world: TabsWorld, options: Parameters<TabsWorld['client']>[1] = {}): Tab {
  const page = world.page();
  const handle = world.client(page, options).open('document');
  opened.push(handle);
  const text = handle.doc.getText('text');
  return {
    page,
    handle,
    type: (more) => text.insert(text.length, more),
    get text() {
      return text.toString();
    },
  };
}

const durable = (world: TabsWorld): string => world.relay.durable('document').getText('text').toString();
const world = (seed = 1): TabsWorld => new TabsWorld({ random: seededRandom(seed) });

test.after(() => {
  for (const { awareness } of opened) awareness.destroy();
});

test('U1 four tabs have one connection, see what the others type, and show the same status', async () => {
  const browser = world();
  const tabs = [tab(browser), tab(browser), tab(browser), tab(browser)];
  await browser.time.pass(settleMs);
  assert.is(browser.relay.connections, 1);
  assert.is(browser.leaders.length, 1);
  for (const [index, { type }] of tabs.entries()) type(`${index}`);
  await browser.time.pass(settleMs);
  for (const { handle, text } of tabs) {
    assert.is(text.length, 4);
    assert.is(text, durable(browser));
    assert.is(handle.status.safe, 'server');
    assert.ok(handle.status.synced);
    assert.is(handle.status.access, 'write');
    assert.is(handle.status.pending.updates, 0);
  }
  assert.is(browser.relay.connections, 1);
});

test('U1 U2 an edit is in memory, then on the device, then on the server, in every tab', async () => {
  const browser = world(2);
  const [first, second] = [tab(browser, { kept: true }), tab(browser, { kept: true })];
  await browser.time.pass(settleMs);
  browser.relay.isReachable = false;
  browser.relay.cut();
  await browser.time.pass(100);
  for (const [writer, reader] of [
    [first, second],
    [second, first],
  ] as const) {
    writer.type('x');
    assert.is(writer.handle.status.safe, 'memory');
    const saved = writer.handle.whenSaved({ tier: 'device' });
    await browser.time.pass(100);
    await saved;
    assert.is(reader.text, writer.text);
    for (const { handle } of [writer, reader]) {
      assert.is(handle.status.safe, 'device');
      assert.not(handle.status.synced);
      assert.ok(handle.status.pending.updates > 0);
    }
  }
  assert.equal(first.handle.status.pending.updates, second.handle.status.pending.updates);
  browser.relay.isReachable = true;
  const saved = Promise.all([first, second].map(({ handle }) => handle.whenSaved({ tier: 'server' })));
  await browser.time.pass(60_000);
  await saved;
  assert.is(durable(browser), 'xx');
  for (const { handle } of [first, second]) assert.is(handle.status.safe, 'server');
});

test('C4 C3 another tab takes over when the leader closes or crashes, with all that was not saved', async () => {
  for (const how of ['close', 'crash'] as const) {
    const browser = world(3);
    const tabs = [tab(browser), tab(browser), tab(browser)];
    await browser.time.pass(settleMs);
    let expected = '';
    for (let round = 0; round < 2; round += 1) {
      for (const { page, type } of tabs) if (page.state === 'running') type('a');
      expected += 'a'.repeat(3 - round);
      await browser.time.pass(3);
      const [leader] = browser.leaders;
      await leader?.[how]();
      for (const { page, type } of tabs) if (page.state === 'running') type('b');
      expected += 'b'.repeat(2 - round);
      await browser.time.pass(settleMs);
      assert.is(browser.relay.connections, 1);
    }
    const last = tabs.find(({ page }) => page.state === 'running');
    assert.is(last?.text, durable(browser));
    // What the tab that ended had not got to anybody in those 3 ms may be gone with it.
    assert.ok(last !== undefined && last.text.length >= expected.length - 2, last?.text);
    assert.is(last.handle.status.safe, 'server');
  }
});

test('C4 a store is opened where the last leader left it, and edits of closed tabs are pushed', async () => {
  const browser = world(4);
  const [first, second] = [tab(browser, { kept: true }), tab(browser, { kept: true })];
  await browser.time.pass(settleMs);
  browser.relay.isReachable = false;
  browser.relay.cut();
  first.type('first ');
  second.type('second ');
  await browser.time.pass(1000);
  await first.page.close();
  await browser.time.pass(1000);
  assert.is(second.text.length, 13);
  assert.is(second.handle.status.safe, 'device');
  await second.page.close();
  const third = tab(browser, { kept: true });
  await browser.time.pass(1000);
  assert.is(third.text, second.text);
  assert.is(third.handle.status.phase, 'ready');
  assert.is(third.handle.status.safe, 'device');
  browser.relay.isReachable = true;
  await browser.time.pass(60_000);
  assert.is(durable(browser), second.text);
  assert.is(third.handle.status.safe, 'server');
});

test('R6 a leader that hangs is robbed of the lead within a bounded time, and follows when it goes on', async () => {
  const browser = world(5);
  const tabs = [tab(browser), tab(browser)];
  await browser.time.pass(settleMs);
  const [hung] = browser.leaders;
  hung?.hang();
  const awake = tabs.find(({ page }) => page !== hung);
  awake?.type('while it hung');
  await browser.time.pass(40_000);
  assert.is(durable(browser), 'while it hung');
  assert.is.not(browser.leaders[0], hung);
  hung?.goOn();
  await browser.time.pass(settleMs);
  assert.is(browser.relay.connections, 1);
  for (const { text } of tabs) assert.is(text, 'while it hung');
});

test('R6 a tab that is put aside gives up the lead, and follows when it is shown again', async () => {
  const browser = world(6);
  const tabs = [tab(browser), tab(browser)];
  await browser.time.pass(settleMs);
  const [leader] = browser.leaders;
  leader?.hide();
  await browser.time.pass(1000);
  assert.is.not(browser.leaders[0], leader);
  const other = tabs.find(({ page }) => page !== leader);
  other?.type('meanwhile');
  await browser.time.pass(1000);
  leader?.show();
  await browser.time.pass(settleMs);
  for (const { text, handle } of tabs) {
    assert.is(text, 'meanwhile');
    assert.ok(handle.status.synced);
  }
  assert.is(browser.relay.connections, 1);
});

test('A1 tabs of different users, or that cannot say whose they are, never share a connection', async () => {
  const browser = world(7);
  const own = [
    tab(browser, { token: 'ada' }),
    tab(browser, { token: 'bob' }),
    tab(browser),
    tab(browser, { token: () => 'ada', tabs: shareTabs({ identity: 'ada' }) }),
  ];
  await browser.time.pass(settleMs);
  assert.is(browser.relay.connections, own.length);
  const shared = tab(browser, { token: () => 'another', tabs: shareTabs({ identity: 'ada' }) });
  await browser.time.pass(settleMs);
  assert.is(browser.relay.connections, own.length);
  assert.ok(shared.handle.status.synced);
  assert.throws(() => tab(browser, { token: () => 'ada' }), TypeError);
});

test('U3 what the relay refuses reaches every tab, and opening again asks again', async () => {
  const browser = world(8);
  browser.relay.refusal = new RefusedError('TW_FORBIDDEN', 'not yours');
  const tabs = [tab(browser), tab(browser)];
  const refusals: string[] = [];
  for (const { handle } of tabs) handle.on('refused', ({ code }) => refusals.push(code));
  await browser.time.pass(settleMs);
  assert.equal(refusals, ['TW_FORBIDDEN', 'TW_FORBIDDEN']);
  for (const { handle } of tabs) assert.is(handle.status.phase, 'refused');
  browser.relay.refusal = null;
  const again = tab(browser);
  again.type('mine');
  await browser.time.pass(settleMs);
  assert.is(durable(browser), 'mine');
});

for (const kept of [false, true]) {
  test(`C6 another history on the relay stops every tab, later ones and the next leader, ${kept ? 'with' : 'without'} a store`, async () => {
    const browser = world(12);
    const tabs = [tab(browser, { kept }), tab(browser, { kept }), tab(browser, { kept })];
    await browser.time.pass(settleMs);
    tabs[0]?.type('mine');
    await browser.time.pass(settleMs);
    assert.is(durable(browser), 'mine');
    browser.relay.beginAnew();
    await browser.time.pass(settleMs);
    const stopped = ({ handle }: Tab): void => {
      assert.is(handle.status.phase, 'refused');
      assert.is(handle.status.error?.code, 'TW_EPOCH_MISMATCH');
      assert.is(handle.status.error?.action, 'reload');
    };
    for (const each of tabs) {
      stopped(each);
      assert.is(each.text, 'mine', 'what is here stays whole');
    }
    await browser.leaders[0]?.close();
    await browser.time.pass(settleMs);
    const left = tabs.filter(({ page }) => page.state === 'running');
    assert.is(left.length, 2);
    for (const each of left) {
      each.type(' too');
      await browser.time.pass(settleMs);
      stopped(each);
      assert.is(each.handle.status.safe === 'server', false, 'an edit that the relay does not take is not saved there');
    }
    if (kept) {
      const later = tab(browser, { kept });
      await browser.time.pass(settleMs);
      stopped(later);
      assert.match(later.text, /^mine/);
    }
    assert.is(durable(browser), '', 'nothing of one history gets into the other');
  });
}

test('U1 where tabs cannot find each other each has a connection of its own, and they meet at the relay', async () => {
  const browser = world(13);
  const tabs = [1, 2].map(() => {
    const { environment } = browser.page();
    const { tabs: _none, ...withoutTabs } = environment;
    const handle = new SyncClient({ url: 'ws://relay', tabs: shareTabs() }, withoutTabs).open('document');
    opened.push(handle);
    return handle;
  });
  await browser.time.pass(settleMs);
  assert.is(browser.relay.connections, 2);
  for (const { doc } of tabs) doc.getText('text').insert(0, 'x');
  await browser.time.pass(settleMs);
  for (const { doc, status } of tabs) {
    assert.is(doc.getText('text').toString(), 'xx');
    assert.is(status.safe, 'server');
  }
  assert.is(browser.channels.length, 0);
});

test('U1 tabs are not shared without Web Locks, without BroadcastChannel, and outside of pages', () => {
  const names = ['navigator', 'BroadcastChannel', 'document'] as const;
  const before = names.map((name) => Object.getOwnPropertyDescriptor(globalThis, name));
  const channel = (): void => undefined;
  const has = (navigator: object, channels: unknown, document: unknown): boolean => {
    const values = [navigator, channels, document];
    for (const [at, name] of names.entries())
      Object.defineProperty(globalThis, name, { value: values[at], configurable: true, writable: true });
    return canShareTabs();
  };
  try {
    assert.ok(has({ locks: {} }, channel, {}));
    assert.not(has({}, channel, {}), 'a page that is not secure has no Web Locks');
    assert.not(has({ locks: {} }, undefined, {}));
    assert.not(has({ locks: {} }, channel, undefined), 'a worker is no tab');
  } finally {
    for (const [at, name] of names.entries()) {
      const descriptor = before[at];
      if (descriptor === undefined) Reflect.deleteProperty(globalThis, name);
      else Object.defineProperty(globalThis, name, descriptor);
    }
  }
});

test('A2 each tab has its own caret, and that of a closed or crashed one goes at once', async () => {
  for (const how of ['close', 'crash'] as const) {
    const browser = world(9);
    const tabs = [tab(browser), tab(browser), tab(browser)];
    for (const [index, { handle }] of tabs.entries()) handle.awareness.setLocalState({ caret: index });
    await browser.time.pass(settleMs);
    for (const { handle } of tabs) {
      const carets = new Set([...handle.awareness.getStates().values()].map(({ caret }) => caret as number));
      assert.equal(carets, new Set([0, 1, 2]));
    }
    const leaderPage = browser.leaders[0];
    const gone = tabs.find(({ page }) => page !== leaderPage);
    await gone?.page[how]();
    await browser.time.pass(100);
    for (const { page, handle } of tabs)
      if (page.state === 'running') assert.is(handle.awareness.getStates().size, 2, how);
    if (how === 'close') {
      await leaderPage?.close();
      await browser.time.pass(1000);
      const last = tabs.find(({ page }) => page.state === 'running');
      assert.is(last?.handle.awareness.getStates().size, 1);
    }
    for (const { handle } of tabs) handle.awareness.destroy();
  }
});

test('R1 what is no message of ours, and a message that was missed, end a link at most', async () => {
  const browser = world(11);
  const tabs = [tab(browser), tab(browser)];
  await browser.time.pass(settleMs);
  const stranger = browser.page();
  for (const name of browser.channels) {
    const channel = browser.openChannel(stranger, name, () => undefined);
    for (const data of [null, 7, 'x', {}, { type: 'hello' }, { seq: 1, message: { type: 'frame', frame: 'x' } }])
      channel.post(data);
    channel.close();
  }
  await browser.time.pass(settleMs);
  for (const { type } of tabs) type('x');
  await browser.time.pass(settleMs);
  assert.is(durable(browser), 'xx');
  for (const { handle } of tabs) assert.is(handle.status.safe, 'server');
  assert.is(browser.relay.connections, 1);
});

test('A2 R6 a relay is told of as many carets as it takes, and of the next when one of them goes', () => {
  const presence = new SharedPresence();
  const docs = Array.from({ length: 18 }, () => new Y.Doc());
  const awarenesses = docs.map((doc) => new Awareness(doc));
  for (const awareness of awarenesses) awareness.setLocalState({});
  const sessions = docs.map(() => ({ user: '' }));
  const told = new Awareness(new Y.Doc());
  told.setLocalState(null);
  const tell = (update: Uint8Array | null): void => {
    if (update !== null) applyAwarenessUpdate(told, update, null);
  };
  for (const [index, awareness] of awarenesses.entries()) {
    const session = sessions[index];
    if (session === undefined) throw new Error('there is one for each');
    const news = presence.fromTab(encodeAwarenessUpdate(awareness, [awareness.clientID]), session, 0);
    assert.ok(news.forTabs !== null);
    tell(news.forRelay);
  }
  assert.is(told.getStates().size, 16);
  const [first] = sessions;
  if (first !== undefined) tell(presence.leave(first, 1).forRelay);
  assert.is(told.getStates().size, 16);
  assert.not(told.getStates().has(docs[0]?.clientID ?? 0));
  assert.ok(told.getStates().has(docs[16]?.clientID ?? 0));
  for (const awareness of [...awarenesses, told]) awareness.destroy();
});

test('R6 nothing is left of tabs that are gone', async () => {
  const browser = world(10);
  const page = browser.page();
  const client = browser.client(page);
  client.open('document');
  await browser.time.pass(settleMs);
  client.destroy();
  await browser.time.pass(settleMs);
  assert.is(browser.relay.connections, 0);
  assert.is(browser.uses, 0);
});

test.run();
