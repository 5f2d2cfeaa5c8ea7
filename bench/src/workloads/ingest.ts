/** W2: what a relay takes in: a hundred documents, a writer each, and nobody who reads along. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Typing, typing } from '../load/keystrokes.ts';
import { Arrivals, SentTimes } from '../load/latency.ts';
import { type Line, burst, pace } from '../load/pace.ts';
import { Meter, peakBytes, resetPeak } from '../load/usage.ts';
import { quantile } from '../statistics.ts';
import { startWarm } from './warm-up.ts';
import type { RunContext } from './run-context.ts';
import { type Measures, type Variant, type Workload, everybody, loadMeasures } from './workload.ts';

const documents = 100;
const answerMsMax = 30_000;

async function run(context: RunContext, perSecond: number | null, updates: number): Promise<Measures> {
  const count = context.scaled(documents, 2);
  const each = context.scaled(Math.ceil(updates / documents), 3);
  const names = Array.from({ length: count }, (_, at) => `document-${at}`);
  const typings = names.map((_, at) => typing(1000 + at, each));
  const server = await startWarm(context);
  const writers = await context.joinAll(server, names);
  const times = new SentTimes(typings);
  const acks = new Arrivals(times);
  const total = typings.reduce((sum, line) => sum + line.updates.length, 0);
  const lines = writers.map((writer, at): Line => {
    const { client = 0, updates: own = [] }: Partial<Typing> = typings[at] ?? {};
    writer.onAck = (acked) => acks.upTo(client, acked, performance.now());
    return { writer, frames: writer.framesFor(own), onSent: (index, now) => times.sent(client, index, now) };
  });

  await context.settle(server, 2000);
  resetPeak(server.pid);
  const meter = new Meter(server.pid);
  const started = performance.now();
  if (perSecond === null) await burst(lines);
  else await pace(lines, perSecond);
  // Taken: acknowledged, or where there is no such thing, answered a ping that was sent behind it.
  const { acknowledges } = context.peer;
  const taken = acknowledges
    ? untilAll(acks, total)
    : Promise.all(writers.map((writer) => writer.socket.answered())).then(() => true);
  const done = await Promise.race([taken, sleep(answerMsMax, false, { ref: false })]);
  const takenMs = performance.now() - started;
  const cost = meter.stop();
  context.checkConnected(writers);
  const lateCpuMs = await context.allWorkDone(server);
  const fraction = done || !acknowledges ? 1 : acks.arrived / total;
  if (!done)
    acks.giveUp(
      typings.map(({ client }) => client),
      performance.now(),
    );
  const measures: Measures = {
    updatesPerSecond: (total * fraction * 1000) / takenMs,
    settledPerSecond: (total * fraction * 1000) / (takenMs + lateCpuMs),
    cpuUsPerUpdate: ((cost.serverCpuMs + lateCpuMs) * 1000) / (total * fraction),
    peakMb: peakBytes(server.pid) / 1e6,
    ...(done ? {} : { delivered: fraction }),
    ...(acknowledges ? { ackP50Ms: quantile(acks.latenciesMs, 0.5), ackP99Ms: quantile(acks.latenciesMs, 0.99) } : {}),
    ...loadMeasures(cost),
  };
  const clocks = names.map((name, at) => {
    const client = typings[at]?.client ?? 0;
    return [name, new Map([[client, acks.seen(client)]])] as const;
  });
  await context.proveDurable(server, new Map(clocks));
  return measures;
}

async function untilAll(acks: Arrivals, total: number): Promise<boolean> {
  const deadline = performance.now() + answerMsMax;
  while (acks.arrived < total) {
    if (performance.now() > deadline) return false;
    await sleep(1);
  }
  return true;
}

function paced(perSecond: number, quick: boolean): Variant {
  return {
    name: `${perSecond.toLocaleString('en')}/s`,
    peers: everybody,
    quick,
    timeoutMs: 120_000,
    run: (context) => run(context, perSecond, Math.ceil(perSecond * (context.quick ? 1.5 : 3))),
  };
}

export const ingest: Workload = {
  id: 'w2',
  title: 'W2 ingest of 100 documents',
  variants: [
    {
      name: 'burst of 100,000',
      peers: everybody,
      quick: true,
      timeoutMs: 120_000,
      run: (context) => run(context, null, context.quick ? 50_000 : 100_000),
    },
    paced(2000, false),
    paced(10_000, true),
  ],
};
