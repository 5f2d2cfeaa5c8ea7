/** W10: something like a day: thousands of documents, few of them hot; people come, type, move their cursors and go. */
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '@tideweave/shared';
import { messageOf } from '../errors.ts';
import { insertedBy, typing } from '../load/keystrokes.ts';
import type { Participant } from '../load/participant.ts';
import type { Server } from '../load/server.ts';
import { Meter, peakBytes } from '../load/usage.ts';
import { quantile } from '../statistics.ts';
import { startWarm } from './warm-up.ts';
import type { RunContext } from './run-context.ts';
import { type Measures, type Workload, keepers, loadMeasures } from './workload.ts';

const documents = 3000;
const people = 400;
const keystrokesPerSecond = 1000;
const movesPerSecond = 20;
const tickMs = 5;
const keystrokesEach = 400;
/** Of every hundred people, so many are in one of the first ten documents. */
const hotShare = 0.3;
const hotDocuments = 10;
const ackMsMax = 10_000;

interface Person {
  readonly name: string;
  readonly client: number;
  readonly participant: Participant;
  readonly frames: readonly Uint8Array[];
  readonly sentAt: Float64Array;
  sent: number;
  acked: number;
}

class Day {
  readonly #context: RunContext;
  readonly #server: Server;
  readonly #random = seededRandom(1);
  readonly #everybody = new Map<number, Person>();
  readonly #here: Person[] = [];
  readonly joinMs: number[] = [];
  readonly latencyMs: number[] = [];
  readonly failures: string[] = [];
  typed = 0;

  constructor(context: RunContext, server: Server) {
    this.#context = context;
    this.#server = server;
  }

  async come(): Promise<void> {
    const random = this.#random;
    const hot = random() < hotShare;
    const name = `document-${Math.floor(random() * (hot ? hotDocuments : this.#context.scaled(documents, 20)))}`;
    const client = 1000 + this.#everybody.size;
    const { updates } = typing(client, keystrokesEach);
    const started = performance.now();
    // What somebody who joins is sent was typed before, some of it long ago.
    let isThere = false;
    const participant = await this.#context.join(this.#server, name, {
      onUpdate: (update) => {
        if (isThere) this.#seen(name, update);
      },
    });
    isThere = true;
    this.joinMs.push(performance.now() - started);
    const frames = participant.framesFor(updates.slice(0, keystrokesEach));
    const person: Person = {
      name,
      client,
      participant,
      frames,
      sentAt: new Float64Array(frames.length),
      sent: 0,
      acked: 0,
    };
    participant.onAck = (n) => (person.acked = n);
    this.#everybody.set(client, person);
    this.#here.push(person);
  }

  #seen(name: string, update: Uint8Array): void {
    const now = performance.now();
    insertedBy(update, (client, _clock, end) => {
      const person = this.#everybody.get(client);
      const sent = person?.name === name ? person.sentAt[end - 1] : undefined;
      if (sent !== undefined && sent > 0) this.latencyMs.push(now - sent);
    });
  }

  type(): void {
    const person = this.#here[Math.floor(this.#random() * this.#here.length)];
    const frame = person?.frames[person.sent];
    if (person === undefined || frame === undefined) return;
    person.sentAt[person.sent++] = performance.now();
    person.participant.socket.write(frame);
    this.typed++;
  }

  /** One goes, another comes. Whoever goes waits until what they typed is acknowledged, as people do who look. */
  move(): void {
    const [person] = this.#here.splice(Math.floor(this.#random() * this.#here.length), 1);
    const changed = async (): Promise<void> => {
      if (person !== undefined) {
        await this.#acknowledged(person);
        this.#context.leave([person.participant]);
      }
      await this.come();
    };
    changed().catch((error: unknown) => this.failures.push(messageOf(error)));
  }

  async end(): Promise<ReadonlyMap<string, ReadonlyMap<number, number>>> {
    for (const person of this.#here) await this.#acknowledged(person);
    const clocks = new Map<string, Map<number, number>>();
    for (const { name, client, acked } of this.#everybody.values()) {
      const ofDocument = clocks.get(name) ?? new Map<number, number>();
      clocks.set(name, ofDocument.set(client, acked));
    }
    return clocks;
  }

  async #acknowledged(person: Person): Promise<void> {
    if (!this.#context.peer.acknowledges) return;
    const deadline = performance.now() + ackMsMax;
    while (person.acked < person.sent && performance.now() < deadline) await sleep(5);
  }
}

async function run(context: RunContext): Promise<Measures> {
  const server = await startWarm(context);
  const day = new Day(context, server);
  for (let at = 0; at < context.scaled(people, 5); at++) await day.come();
  await context.settle(server, 2000);
  day.joinMs.length = 0;
  const seconds = context.quick ? 5 : 12;
  const meter = new Meter(server.pid);
  const started = performance.now();
  let typed = 0;
  let moved = 0;
  for (let elapsed = 0; elapsed < seconds * 1000; elapsed = performance.now() - started) {
    for (; typed < (elapsed * context.scaled(keystrokesPerSecond)) / 1000; typed++) day.type();
    for (; moved < (elapsed * context.scaled(movesPerSecond)) / 1000; moved++) day.move();
    await sleep(tickMs);
  }
  const cost = meter.stop();
  const clocks = await day.end();
  const measures: Measures = {
    cpuMs: cost.serverCpuMs,
    cpuUsPerUpdate: (cost.serverCpuMs * 1000) / day.typed,
    p50Ms: quantile(day.latencyMs, 0.5),
    p99Ms: quantile(day.latencyMs, 0.99),
    joinP50Ms: quantile(day.joinMs, 0.5),
    joinP99Ms: quantile(day.joinMs, 0.99),
    failed: day.failures.length,
    peakMb: peakBytes(server.pid) / 1e6,
    ...loadMeasures(cost),
  };
  if (context.peer.acknowledges) await context.proveDurable(server, clocks);
  return measures;
}

export const day: Workload = {
  id: 'w10',
  title: 'W10 something like a day',
  variants: [
    {
      name: `${people} people in ${documents.toLocaleString('en')} documents`,
      peers: keepers,
      quick: true,
      timeoutMs: 120_000,
      run,
    },
  ],
};
