/** What one run works with: its server, its clients, and the proof that what was acknowledged is there (D1). */
import { mkdir } from 'node:fs/promises';
import { join as joinPath } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BenchError, within } from '../errors.ts';
import { Coverage } from '../load/keystrokes.ts';
import { type JoinOptions, type Participant, join } from '../load/participant.ts';
import { Server, type ServerOptions } from '../load/server.ts';
import { cpuBetween, cpuMark } from '../load/usage.ts';
import type { Peer } from '../peers/peers.ts';

/** For each document, the clocks that were acknowledged as durable. */
export type Acknowledged = ReadonlyMap<string, ReadonlyMap<number, number>>;

export interface RunContextOptions {
  readonly peer: Peer;
  /** Empty, and removed afterwards. */
  readonly folder: string;
  readonly quick: boolean;
  /** Sizes and times are multiplied by this: 1, or less in a smoke test. */
  readonly scale: number;
  /** The trace's updates, made once for all runs; see `corpus.ts`. */
  readonly corpus: string;
}

const joinMsMax = 30_000;
const joinsAtOnce = 50;
const answerMs = 1000;
const idleShare = 0.04;
const idleLookMs = 200;
/** What servers put off comes within this. */
const putOffMs = 6000;
const quickPutOffMs = 3000;
const allWorkMsMax = 30_000;

export class RunContext {
  readonly peer: Peer;
  readonly folder: string;
  readonly quick: boolean;
  readonly scale: number;
  readonly corpus: string;
  readonly #servers = new Set<Server>();
  readonly #participants = new Set<Participant>();

  constructor(options: RunContextOptions) {
    this.peer = options.peer;
    this.folder = options.folder;
    this.quick = options.quick;
    this.scale = options.scale;
    this.corpus = options.corpus;
  }

  /** A number of things, made small in a smoke test. */
  scaled(count: number, least = 1): number {
    return Math.max(least, Math.round(count * this.scale));
  }

  async startServer(options: ServerOptions & { readonly folder?: string } = {}): Promise<Server> {
    const folder = options.folder ?? joinPath(this.folder, 'data');
    await mkdir(folder, { recursive: true });
    const server = await Server.start(this.peer, folder, options);
    this.#servers.add(server);
    return server;
  }

  /** Connects without waiting for the document. */
  async connect(server: Server, name: string, options: JoinOptions = {}): Promise<Participant> {
    const participant = await join(this.peer.dialect, server.url, name, options);
    this.#participants.add(participant);
    return participant;
  }

  async join(server: Server, name: string, options: JoinOptions = {}): Promise<Participant> {
    const participant = await this.connect(server, name, options);
    await within(joinMsMax, `${name} to be joined`, participant.joined);
    return participant;
  }

  /** Joins one after the other, some at a time. */
  async joinAll(server: Server, names: readonly string[], options: JoinOptions = {}): Promise<Participant[]> {
    const joined: Participant[] = [];
    for (let from = 0; from < names.length; from += joinsAtOnce) {
      const some = names.slice(from, from + joinsAtOnce);
      joined.push(...(await Promise.all(some.map((name) => this.join(server, name, options)))));
    }
    return joined;
  }

  leave(participants: Iterable<Participant>): void {
    for (const participant of participants) {
      participant.close();
      this.#participants.delete(participant);
    }
  }

  /** Waits until the server has nothing to do any more, at most so long. False when it still has. */
  async settle(server: Server, atMostMs: number): Promise<boolean> {
    return (await this.#idleFor(server, idleLookMs, atMostMs)).isIdle;
  }

  /**
   * Waits until the server has also done what it put off until there was time: compacting, storing. Returns the CPU time
   * that took (ms).
   */
  async allWorkDone(server: Server): Promise<number> {
    const putOff = this.quick ? quickPutOffMs : putOffMs;
    return (await this.#idleFor(server, this.peer.stores ? putOff : idleLookMs, allWorkMsMax)).cpuMs;
  }

  async #idleFor(server: Server, restMs: number, atMostMs: number): Promise<{ cpuMs: number; isIdle: boolean }> {
    const first = cpuMark(server.pid);
    const started = performance.now();
    let before = first;
    let restsSince = started;
    let isIdle = false;
    for (let now = started; !isIdle && now - started < atMostMs; now = performance.now()) {
      await sleep(idleLookMs);
      const mark = cpuMark(server.pid);
      const looked = performance.now();
      if (cpuBetween(before, mark) >= idleShare * idleLookMs) restsSince = looked;
      isIdle = looked - restsSince >= restMs;
      before = mark;
    }
    return { cpuMs: cpuBetween(first, before), isIdle };
  }

  /**
   * D1: kills the server as a crash would, starts it again on its folder, and reads every document. Rejects with
   * `BenchError` when anything that was acknowledged is not there. A server that is not ours makes no such promise.
   */
  async proveDurable(server: Server, acknowledged: Acknowledged): Promise<void> {
    if (!this.peer.isOurs) return;
    const found = await this.afterCrash(server, acknowledged.keys());
    let lost = 0;
    for (const [name, clocks] of acknowledged) {
      for (const [client, clock] of clocks) lost += Math.max(0, clock - (found.get(name)?.clocks.get(client) ?? 0));
    }
    if (lost > 0) throw new BenchError(`D1 is broken: ${lost} acknowledged updates were not there after kill -9`);
  }

  /** Kills, restarts, reads back: what there is of each document. */
  async afterCrash(server: Server, names: Iterable<string>): Promise<ReadonlyMap<string, Coverage>> {
    this.leave(this.#participants);
    await server.kill();
    const again = await this.startServer();
    const found = new Map<string, Coverage>();
    const read = async (name: string): Promise<void> => {
      const coverage = new Coverage();
      found.set(name, coverage);
      const reader = await this.join(again, name, { onUpdate: (update) => coverage.add(update) });
      // A stock server may answer that it has nothing, and say a moment later what it has read.
      if (!this.peer.isOurs) await sleep(answerMs);
      this.leave([reader]);
    };
    const all = [...names];
    for (let from = 0; from < all.length; from += joinsAtOnce) {
      await Promise.all(all.slice(from, from + joinsAtOnce).map(read));
    }
    await again.stop();
    return found;
  }

  /** Throws `BenchError` when a server has thrown somebody out. */
  checkConnected(participants: Iterable<Participant>): void {
    for (const { ended, name } of participants) {
      if (ended !== null) throw new BenchError(`a connection to ${name} was lost: ${ended}`);
    }
  }

  /** Ends whatever is still there. */
  async end(): Promise<void> {
    this.leave(this.#participants);
    await Promise.all([...this.#servers].filter((server) => !server.hasEnded).map((server) => server.kill()));
  }
}
