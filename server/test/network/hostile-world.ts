/** One document of a relay, a client of every kind on it, each behind a hostile proxy of its own, and an oracle. */
import { type Random, seededRandom } from '@tideweave/shared';
import * as assert from 'uvu/assert';
import * as Y from 'yjs';

import type { MemoryLog } from '../../src/log/memory-log.ts';
import { type Client, type ClientKind, clientKinds, clients } from '../conformance/client.ts';
import { readers, sameContent } from '../support/readers.ts';
import { type TestRelay, memoryLog, withRelay } from '../support/relay.ts';
import { pass, until } from '../support/wait.ts';
import { HostileProxy } from './hostile-proxy.ts';

/** The relay notices within this that a client is gone without a word. */
const connectionTimeoutMs = 8000;
const commitMsMax = 40;
const editEveryMs = 120;
const lookEveryMs = 5;
/** Stock clients take 33 s to notice a dead connection. */
const convergeMsMax = 90_000;
const name = 'document';

/** One client of a scenario. */
export class Participant {
  readonly kind: ClientKind;
  readonly proxy: HostileProxy;
  readonly client: Client;
  made = 0;

  constructor(kind: ClientKind, proxy: HostileProxy) {
    this.kind = kind;
    this.proxy = proxy;
    this.client = clients[kind]({ url: proxy.url, name });
  }

  /** One edit: a number in an array of its own, another deleted, and text that all write into. */
  edit(random: Random, bytes = 0): void {
    const { doc } = this.client;
    doc.transact(() => {
      this.made += 1;
      doc.getArray(this.kind).push([this.made]);
      const tombs = doc.getArray(`deleted ${this.kind}`);
      tombs.push([this.made]);
      if (tombs.length > 1) tombs.delete(0, tombs.length - 1);
      const text = doc.getText('text');
      text.insert(Math.floor(random() * (text.length + 1)), `<${this.made}>${'x'.repeat(bytes)}`);
      if (random() < 0.3) text.delete(Math.floor(random() * (text.length - 1)), 1);
    });
  }

  /** Items of its own: how many there are. */
  get clock(): number {
    return Y.getState(this.client.doc.store, this.client.doc.clientID);
  }
}

/** What a scenario works with while its clients type. */
export interface Network {
  readonly random: Random;
  readonly participants: readonly Participant[];
  readonly proxies: readonly HostileProxy[];
  /** The relay goes and comes back with its log. */
  restartRelay(): Promise<void>;
  /** Lets time pass. */
  pass(ms: number): Promise<void>;
}

export interface Scenario {
  readonly title: string;
  /** The weather in which clients connect for the first time. */
  readonly begin?: (network: Network) => void;
  /** What happens while they type; afterwards the network is in order. */
  readonly run: (network: Network) => Promise<void>;
  /** Bytes of text with each edit. */
  readonly editBytes?: number;
}

/** What was seen of a scenario. */
export interface Report {
  readonly edits: number;
  readonly faults: number;
  /** How often a client was looked at while it showed everything as saved. */
  readonly savedLooks: number;
}

/** Follows what is durable, and whether anybody says so too early. */
class Oracle {
  readonly durable: Y.Doc = new Y.Doc();
  savedLooks = 0;
  readonly lies: string[] = [];

  constructor(log: MemoryLog, random: Random) {
    log.faults.beforeAppend = () => pass(random() * commitMsMax);
    const append = log.append.bind(log);
    log.append = async (batch) => {
      const results = await append(batch);
      for (const [at, { entries }] of batch.entries()) {
        const result = results[at];
        if (result === undefined || 'refused' in result) continue;
        for (const { update } of entries) Y.applyUpdate(this.durable, update);
      }
      return results;
    };
  }

  look({ client, kind, clock }: Participant): void {
    if (client.isSaved !== true) return;
    this.savedLooks += 1;
    const held = Y.getState(this.durable.store, client.doc.clientID);
    if (held < clock) this.lies.push(`${kind} showed ${clock} items as saved, of which the log had ${held}`);
  }
}

/** A relay that can go and come back at its address. */
class Harbour {
  readonly log: MemoryLog = memoryLog();
  #stop: (() => void) | null = null;
  #ended: Promise<void> = Promise.resolve();
  #relay: TestRelay | null = null;

  async start(port = 0): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const limits = { connectionTimeoutMs, idleUnloadMs: 500 };
      this.#ended = withRelay({ log: this.log, port, limits }, async (relay) => {
        this.#relay = relay;
        await new Promise<void>((stop) => {
          this.#stop = stop;
          resolve();
        });
      });
      this.#ended.catch(reject);
    });
  }

  get relay(): TestRelay {
    if (this.#relay === null) throw new Error('no relay was started');
    return this.#relay;
  }

  async stop(): Promise<void> {
    this.#stop?.();
    await this.#ended;
  }
}

/** Runs a scenario and checks everything that must hold. */
export async function play(scenario: Scenario, seed: number): Promise<Report> {
  const random = seededRandom(seed);
  const harbour = new Harbour();
  const oracle = new Oracle(harbour.log, random);
  await harbour.start();
  const { port } = harbour.relay;
  const proxies = await Promise.all(clientKinds.map(() => HostileProxy.listen(port, random)));
  const participants: Participant[] = [];
  const network: Network = {
    random,
    participants,
    proxies,
    pass,
    restartRelay: async () => {
      await harbour.stop();
      await pass(200);
      await harbour.start(port);
    },
  };
  scenario.begin?.(network);
  for (const [at, kind] of clientKinds.entries()) {
    const proxy = proxies[at];
    if (proxy !== undefined) participants.push(new Participant(kind, proxy));
  }
  try {
    if (scenario.begin === undefined) {
      await until('everybody to be synced', () => participants.every(({ client }) => client.isSynced));
    }
    await whileTyping(participants, random, oracle, scenario.editBytes ?? 0, () => scenario.run(network));
    for (const proxy of proxies) proxy.heal();
    await whileLooking(participants, oracle, () => converged(participants, harbour.relay, oracle.durable));
    check(participants, oracle);
    await comesBack(participants, harbour.relay);
  } finally {
    for (const { client } of participants) client.destroy();
    for (const proxy of proxies) await proxy.close();
    await harbour.stop();
  }
  return {
    edits: participants.reduce((sum, { made }) => sum + made, 0),
    faults: proxies.reduce((sum, { faults }) => sum + faults, 0),
    savedLooks: oracle.savedLooks,
  };
}

async function whileTyping(
  participants: readonly Participant[],
  random: Random,
  oracle: Oracle,
  bytes: number,
  run: () => Promise<void>,
): Promise<void> {
  let going = true;
  const typing = (async () => {
    while (going) {
      for (const participant of participants) if (random() < 0.5) participant.edit(random, bytes);
      await pass(random() * editEveryMs * 2);
    }
  })();
  try {
    await whileLooking(participants, oracle, run);
  } finally {
    going = false;
    await typing;
  }
  // Everybody has something to bring when the network is back.
  for (const participant of participants) participant.edit(random);
}

async function whileLooking(
  participants: readonly Participant[],
  oracle: Oracle,
  run: () => Promise<void>,
): Promise<void> {
  let going = true;
  const looking = (async () => {
    while (going) {
      for (const participant of participants) oracle.look(participant);
      await pass(lookEveryMs);
    }
  })();
  try {
    await run();
  } finally {
    going = false;
    await looking;
  }
}

/** C1: everybody and the relay have the same, and everybody who can say so says that it is saved. */
async function converged(participants: readonly Participant[], { url }: TestRelay, durable: Y.Doc): Promise<void> {
  const state = (): string =>
    participants
      .map(({ kind, client }) => `${kind} ${client.isSynced ? '' : 'not '}synced, saved: ${client.isSaved}`)
      .join('; ');
  try {
    await until(
      'everybody to be synced and to have saved',
      () => participants.every(({ client }) => client.isSynced && client.isSaved !== false),
      convergeMsMax,
    );
    await until('everybody to have the same', async () => {
      const held = await readers.http(url, name);
      // A reader is served what waits for its commit, too.
      return [durable, ...participants.map(({ client }) => client.doc)].every((doc) => sameContent(doc, held));
    });
  } catch (error) {
    throw new Error(state(), { cause: error });
  }
}

function check(participants: readonly Participant[], { durable, lies }: Oracle): void {
  assert.equal(lies, [], 'U1: nobody showed as saved what the log did not hold');
  for (const { kind, made, client } of participants) {
    const numbers = Array.from({ length: made }, (_, at) => at + 1);
    assert.equal(durable.getArray(kind).toArray(), numbers, `${kind}: every edit once, in order`);
    assert.equal(durable.getArray(`deleted ${kind}`).toArray(), [made], `${kind}: its deletions`);
    assert.match(client.refusal, /^$|^TW_SHUTTING_DOWN/, `${kind} was refused nothing`);
  }
  assert.ok(durable.store.pendingStructs === null && durable.store.pendingDs === null, 'C5');
}

/** The relay has exactly the connections that are alive, and nothing when everybody is gone. */
async function comesBack(participants: readonly Participant[], { relay }: TestRelay): Promise<void> {
  await until('the relay to have let go of dead connections', () => relay.stats.connections === participants.length);
  for (const { client } of participants) client.destroy();
  await until('the relay to have no connections and no documents', () => {
    const { connections, documents } = relay.stats;
    return connections + documents === 0;
  });
}
