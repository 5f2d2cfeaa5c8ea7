/** W1: how many people see one person type, and what that costs; and everybody typing at once. */
import { setTimeout as sleep } from 'node:timers/promises';
import { mark, insertedBy, typing, type Typing } from '../load/keystrokes.ts';
import { Arrivals, SentTimes } from '../load/latency.ts';
import { type Line, burst, pace } from '../load/pace.ts';
import type { Participant } from '../load/participant.ts';
import { Meter, peakBytes, resetPeak, rssBytes } from '../load/usage.ts';
import { quantile } from '../statistics.ts';
import { startWarm } from './warm-up.ts';
import type { RunContext } from './run-context.ts';
import { type Measures, type Variant, type Workload, everybody, loadMeasures } from './workload.ts';

interface Room {
  /** Besides the writers. */
  readonly readers: number;
  readonly writers: number;
  /** Updates a second, all writers together; null for all at once. */
  readonly perSecond: number | null;
  readonly updates: number;
}

/** So many readers look at every update; the others count bytes and look for the mark. */
const watchedMax = 4;
const catchUpMsMax = 10_000;
const quickCatchUpMsMax = 4000;
const ackMsMax = 10_000;
const documentName = 'room';

async function run(context: RunContext, room: Room): Promise<Measures> {
  const writerCount = context.scaled(room.writers);
  const each = context.scaled(Math.ceil(room.updates / writerCount), 3);
  const typings = Array.from({ length: writerCount }, (_, at) => typing(1000 + at, each));
  const server = await startWarm(context);
  const readers = await context.joinAll(server, Array<string>(context.scaled(room.readers, 2)).fill(documentName));
  const writers = await context.joinAll(server, Array<string>(writerCount).fill(documentName));
  const audience = room.readers > 0 ? readers : writers;

  const times = new SentTimes(typings);
  const acks = new Arrivals(times);
  const ends = new Map(typings.map(({ client, end }) => [client, end]));
  const watched = audience.slice(0, watchedMax);
  const arrivals = watched.map(() => new Arrivals(times));
  let finished = 0;
  let allFinished: () => void = () => undefined;
  const everybodyHasAll = new Promise<void>((resolve) => {
    allFinished = resolve;
  });
  const oneFinished = (): void => {
    if (++finished === audience.length) allFinished();
  };
  for (const [at, participant] of watched.entries()) {
    const own = room.readers > 0 ? null : (typings[at]?.client ?? null);
    watch(participant, arrivals[at] ?? acks, new Map([...ends].filter(([client]) => client !== own)), oneFinished);
  }
  const marks = room.readers > 0 ? writerCount : writerCount - 1;
  for (const participant of audience.slice(watchedMax)) {
    // Of ours the acknowledgements of those who write are wanted too, for D1.
    if (room.readers === 0 && context.peer.isOurs) participant.onUpdate = countMarks(marks, oneFinished);
    else participant.socket.countOnly(mark, marks, oneFinished);
  }
  const lines = writers.map((writer, at) => lineOf(writer, typings[at], times, acks));

  const receivedBefore = audience.reduce((sum, { socket }) => sum + socket.receivedBytes, 0);
  await context.settle(server, 2000);
  resetPeak(server.pid);
  const rssBefore = rssBytes(server.pid);
  const meter = new Meter(server.pid);
  if (room.perSecond === null) await burst(lines);
  else await pace(lines, room.perSecond);
  const done = await Promise.race([
    everybodyHasAll.then(() => true),
    sleep(context.quick ? quickCatchUpMsMax : catchUpMsMax, false, { ref: false }),
  ]);
  const cost = meter.stop();
  context.checkConnected([...audience, ...writers]);
  const now = performance.now();
  const total = typings.reduce((sum, { updates }) => sum + updates.length, 0);
  // A writer does not need its own.
  const expected = total * audience.length - (room.readers > 0 ? 0 : total);
  const arrived = arrivals.reduce((sum, { arrived: count }) => sum + count, 0);
  const share = room.readers > 0 ? 1 : (writerCount - 1) / writerCount;
  const delivered = done ? 1 : Math.min(1, arrived / (total * watched.length * share));
  if (!done) for (const place of arrivals) place.giveUp(ends.keys(), now);
  const latencies = arrivals.flatMap(({ latenciesMs }) => latenciesMs);
  const received = audience.reduce((sum, { socket }) => sum + socket.receivedBytes, 0) - receivedBefore;
  const measures: Measures = {
    cpuUsPerDelivery: (cost.serverCpuMs * 1000) / (expected * delivered),
    cpuMs: cost.serverCpuMs / delivered,
    wallMs: cost.wallMs,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    delivered,
    bytesPerDelivery: received / (expected * delivered),
    peakMb: peakBytes(server.pid) / 1e6,
    grownMb: (peakBytes(server.pid) - rssBefore) / 1e6,
    ...loadMeasures(cost),
  };
  if (!context.peer.acknowledges) return measures;
  await allAcknowledged(acks, typings, context.peer.isOurs ? ackMsMax : 0);
  const clocks = new Map(typings.map(({ client }) => [client, acks.seen(client)]));
  await context.proveDurable(server, new Map([[documentName, clocks]]));
  return { ...measures, ackP50Ms: quantile(acks.latenciesMs, 0.5), ackP99Ms: quantile(acks.latenciesMs, 0.99) };
}

/** Follows what one reader gets, until it has everything of everybody in `ends`. */
function watch(reader: Participant, arrivals: Arrivals, ends: ReadonlyMap<number, number>, done: () => void): void {
  const missing = new Set(ends.keys());
  reader.onUpdate = (update) => {
    const now = performance.now();
    insertedBy(update, (client, _clock, end) => {
      arrivals.upTo(client, end, now);
      if (end === ends.get(client) && missing.delete(client) && missing.size === 0) done();
    });
  };
}

function countMarks(enough: number, done: () => void): (update: Uint8Array) => void {
  let count = 0;
  return (update) => {
    const bytes = Buffer.from(update.buffer, update.byteOffset, update.byteLength);
    for (let at = bytes.indexOf(mark); at >= 0; at = bytes.indexOf(mark, at + mark.length)) {
      if (++count === enough) done();
    }
  };
}

function lineOf(writer: Participant, line: Typing | undefined, times: SentTimes, acks: Arrivals): Line {
  const { client = 0, updates = [] } = line ?? {};
  writer.onAck = (count) => acks.upTo(client, count, performance.now());
  return {
    writer,
    frames: writer.framesFor(updates),
    onSent: (index, now) => times.sent(client, index, now),
  };
}

async function allAcknowledged(acks: Arrivals, typings: readonly Typing[], atMostMs: number): Promise<void> {
  const deadline = performance.now() + atMostMs;
  const total = typings.reduce((sum, { updates }) => sum + updates.length, 0);
  while (acks.arrived < total && performance.now() < deadline) await sleep(5);
}

const seconds = 2.5;
const timeoutMs = 90_000;

function paced(readers: number, perSecond: number, quick: boolean): Variant {
  return {
    name: `${readers} readers, ${perSecond.toLocaleString('en')}/s`,
    peers: everybody,
    quick,
    timeoutMs,
    run: (context) =>
      run(context, { readers, writers: 1, perSecond, updates: Math.ceil(perSecond * (context.quick ? 1.5 : seconds)) }),
  };
}

function atOnce(readers: number, quick: boolean): Variant {
  return {
    name: `${readers} readers, burst of 10,000`,
    peers: everybody,
    quick,
    timeoutMs,
    run: (context) => run(context, { readers, writers: 1, perSecond: null, updates: 10_000 }),
  };
}

export const fanOut: Workload = {
  id: 'w1',
  title: 'W1 fan-out',
  variants: [
    paced(50, 200, false),
    paced(50, 2000, false),
    paced(50, 10_000, false),
    atOnce(50, false),
    paced(200, 200, true),
    paced(200, 2000, true),
    paced(200, 10_000, false),
    atOnce(200, false),
    {
      name: '200 people typing, 1,000/s together',
      peers: everybody,
      quick: true,
      timeoutMs,
      run: (context) =>
        run(context, {
          readers: 0,
          writers: 200,
          perSecond: 1000,
          updates: Math.ceil(1000 * (context.quick ? 1.5 : seconds)),
        }),
    },
  ],
};
