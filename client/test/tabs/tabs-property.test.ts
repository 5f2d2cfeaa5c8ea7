// @timeout 300s
// Tabs that are opened, closed, crash, hang and are put aside at random, with a relay that is cut off and crashes. TIDEWEAVE_SEED=N replays one run.
import type { DocumentHandle } from '@tideweave/client';
import { type Random, seededRandom } from '@tideweave/shared';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { systemRandom } from '../../src/clock.ts';
import { type Page, TabsWorld } from './tabs-world.ts';

const runs = 60;
const steps = 60;
const tabsMax = 4;

class Tab {
  readonly page: Page;
  readonly handle: DocumentHandle;
  /** What was typed here, and how much of it was promised to be safe somewhere that outlives the tab. */
  readonly typed: string[] = [];
  readonly promised = new Set<string>();

  constructor(world: TabsWorld, kept: boolean) {
    this.page = world.page();
    this.handle = world.client(this.page, { kept }).open('document');
    this.handle.on('status', ({ safe }) => {
      if (safe !== 'server' || this.page.state !== 'running') return;
      const durable = words(world.relay.durable('document').getArray<string>('words').toArray());
      for (const word of this.typed) assert.ok(durable.has(word), `${word} was shown as saved on the server`);
    });
  }

  get running(): boolean {
    return this.page.state === 'running';
  }

  get words(): string[] {
    return this.handle.doc.getArray<string>('words').toArray();
  }

  type(word: string, tier: 'device' | 'server', random: Random): void {
    const array = this.handle.doc.getArray<string>('words');
    array.insert(Math.floor(random() * (array.length + 1)), [word]);
    this.typed.push(word);
    this.handle.whenSaved({ tier }).then(
      () => this.running && this.promised.add(word),
      () => undefined,
    );
  }
}

function words(list: readonly string[]): Set<string> {
  const found = new Set(list);
  assert.is(found.size, list.length, `nothing is there twice: ${list.join(' ')}`);
  return found;
}

async function run(seed: number): Promise<{ takeovers: number; typed: number }> {
  const random = seededRandom(seed);
  const pick = (below: number): number => Math.floor(random() * below);
  const kept = random() < 0.5;
  const world = new TabsWorld({ random, faultRate: random() < 0.3 ? 0.02 : 0 });
  const tabs: Tab[] = [];
  const open = (): void => {
    if (tabs.filter(({ page }) => page.state !== 'closed').length < tabsMax) tabs.push(new Tab(world, kept));
  };
  let takeovers = 0;
  let typed = 0;
  open();
  open();
  for (let step = 0; step < steps; step += 1) {
    const there = tabs.filter(({ page }) => page.state !== 'closed');
    const tab = there[pick(there.length)];
    const [leader] = world.leaders;
    const what = random();
    if (tab === undefined || what < 0.08) open();
    else if (what < 0.6) {
      if (tab.running) tab.type(`${seed}-${(typed += 1)}`, kept && random() < 0.5 ? 'device' : 'server', random);
    } else if (what < 0.68) {
      takeovers += 1;
      if (leader?.state === 'running') await (random() < 0.5 ? leader.close() : leader.crash());
    } else if (what < 0.72) await tab.page.close();
    else if (what < 0.75) tab.page.hang();
    else if (what < 0.78) tab.page.hide();
    else if (what < 0.84) for (const { page } of there) page.goOn();
    else if (what < 0.9) for (const { page } of there) page.show();
    else if (what < 0.93) world.relay.crash();
    else {
      world.relay.isReachable = random() < 0.6;
      if (!world.relay.isReachable) world.relay.cut();
    }
    await world.time.pass(random() < 0.7 ? pick(60) : pick(5000));
  }
  world.faultRate = 0;
  world.relay.isReachable = true;
  for (const { page } of tabs) {
    page.goOn();
    page.show();
  }
  open();
  await world.time.pass(240_000);

  const durable = world.relay.durable('document').getArray<string>('words').toArray();
  const found = words(durable);
  const alive = tabs.filter(({ running }) => running);
  for (const tab of tabs) {
    for (const word of tab.running ? tab.typed : tab.promised) assert.ok(found.has(word), `${word} is lost`);
    if (!tab.running) continue;
    assert.equal(tab.words, durable);
    assert.is(tab.handle.status.safe, 'server');
    assert.is(tab.handle.status.pending.updates, 0);
    assert.ok(tab.handle.status.synced);
  }
  assert.is(world.relay.connections, 1, `${alive.length} tabs`);
  for (const { handle } of tabs) handle.awareness.destroy();
  return { takeovers, typed };
}

test('C1 C2 C4 U1 whatever happens to tabs and relay: nothing is lost, nothing is doubled, nothing is called saved before it is', async () => {
  const given = process.env['TIDEWEAVE_SEED'];
  const first = given === undefined ? Math.floor(systemRandom() * 1e6) : Number(given);
  const count = given === undefined ? runs : 1;
  console.log(`seeds ${first} to ${first + count - 1}`);
  let takeovers = 0;
  let typed = 0;
  for (let seed = first; seed < first + count; seed += 1) {
    try {
      const made = await run(seed);
      takeovers += made.takeovers;
      typed += made.typed;
    } catch (error) {
      throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
    }
  }
  console.log(`${count} runs, ${typed} edits, ${takeovers} leaders ended`);
});

test.run();
