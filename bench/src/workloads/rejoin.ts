/** W5: a device that was there comes back, and has missed a little. */
import { setTimeout as sleep } from 'node:timers/promises';
import { BenchError, within } from '../errors.ts';
import { Coverage, typing } from '../load/keystrokes.ts';
import type { JoinOptions } from '../load/participant.ts';
import type { Server } from '../load/server.ts';
import { Meter } from '../load/usage.ts';
import { quantile } from '../statistics.ts';
import { mediansOf } from './cold-open.ts';
import { typedDocument } from './corpus.ts';
import { taken } from './prepared.ts';
import { settleWarm, startWarm } from './warm-up.ts';
import type { RunContext } from './run-context.ts';
import { type Measures, type Variant, type Workload, keepers, loadMeasures } from './workload.ts';

interface Return {
  readonly missed: number;
  readonly clients: number;
  /** The server was restarted meanwhile, and has nothing in memory. */
  readonly cold: boolean;
  /** Ours by cursor; whoever has none, and everybody else, by state vector. */
  readonly by: 'cursor' | 'state vector';
}

const name = 'paper';
const otherClient = 4711;
const cursorMsMax = 10_000;
const arriveMsMax = 30_000;
const restarts = 3;
/** What a resumed session costs at least: the target leaves this much beside what was missed. */
const bytesFree = 200;

async function run(context: RunContext, { missed, clients, cold, by }: Return): Promise<Measures> {
  const { snapshot, stateVector } = await typedDocument(context);
  const server = await (cold ? context.startServer() : startWarm(context));
  const [writer, device] = await context.joinAll(server, [name, name]);
  if (writer === undefined || device === undefined) throw new BenchError('two have joined');
  const { acknowledges } = context.peer;
  const push = async (updates: readonly Uint8Array[], count: number): Promise<void> => {
    const frames = writer.framesFor(updates);
    const done = acknowledges ? taken(writer, true, count) : null;
    for (const frame of frames) writer.socket.write(frame);
    await (done ?? writer.socket.answered());
  };
  await push([snapshot], 1);
  if (context.peer.dialect === 'tideweave') await cursorOf(device);
  const resume = by === 'cursor' ? (device.resume ?? undefined) : undefined;
  context.leave([device]);
  // The last of `typing` is the mark, which is not wanted here.
  const updates = typing(otherClient, missed).updates.slice(0, missed);
  if (missed > 0) await push(updates, 1 + missed);
  const missedBytes = updates.reduce((sum, update) => sum + update.length, 0);
  const options: JoinOptions = { stateVector, ...(resume === undefined ? {} : { resume }) };
  if (!cold) {
    await settleWarm(context, server);
    const measures = await comeBack(context, server, { missed, count: context.scaled(clients), missedBytes }, options);
    if (context.peer.isOurs && acknowledges) {
      await context.proveDurable(server, new Map([[name, new Map([[otherClient, missed]])]]));
    }
    return measures;
  }
  await context.allWorkDone(server);
  context.leave([writer]);
  await sleep(500);
  await server.stop();
  const all: Measures[] = [];
  for (let round = 0; round < restarts; round++) {
    const again = await context.startServer();
    await context.settle(again, 2000);
    all.push(await comeBack(context, again, { missed, count: 1, missedBytes }, options));
    await again.kill();
  }
  return mediansOf(all);
}

async function cursorOf(device: { readonly resume: unknown }): Promise<void> {
  const deadline = performance.now() + cursorMsMax;
  while (device.resume === null) {
    if (performance.now() > deadline) throw new BenchError('no watermark came');
    await sleep(20);
  }
}

async function comeBack(
  context: RunContext,
  server: Server,
  { missed, count, missedBytes }: { readonly missed: number; readonly count: number; readonly missedBytes: number },
  options: JoinOptions,
): Promise<Measures> {
  const bytes: number[] = [];
  const times: number[] = [];
  const meter = new Meter(server.pid);
  const started = performance.now();
  const back = async (): Promise<void> => {
    const coverage = new Coverage();
    let covered: () => void = () => undefined;
    const all = new Promise<void>((resolve) => {
      covered = resolve;
    });
    if (missed === 0) covered();
    const device = await context.connect(server, name, {
      ...options,
      onUpdate: (update) => {
        coverage.add(update);
        if (coverage.has(otherClient, missed)) covered();
      },
    });
    await within(arriveMsMax, 'what was missed', Promise.all([device.joined, all]));
    times.push(performance.now() - started);
    bytes.push(device.socket.receivedBytes);
  };
  await Promise.all(Array.from({ length: count }, back));
  const cost = meter.stop();
  const bytesPerJoin = quantile(bytes, 0.5);
  return {
    cpuMs: cost.serverCpuMs,
    cpuMsPerJoin: cost.serverCpuMs / count,
    wallMs: Math.max(...times),
    p50Ms: quantile(times, 0.5),
    bytesPerJoin,
    ...(missed === 0 ? {} : { bytesOverMissed: Math.max(0, bytesPerJoin - bytesFree) / missedBytes }),
    ...loadMeasures(cost),
  };
}

function variant(missed: number, cold: boolean, by: Return['by'], quick: boolean): Variant {
  const clients = cold ? 1 : 100;
  return {
    name: `${missed.toLocaleString('en')} missed, ${cold ? 'cold, 1 client' : 'warm, 100 clients'}, by ${by}`,
    peers: by === 'cursor' ? keepers.filter((peer) => peer !== 'tideweave-stock') : keepers,
    quick,
    timeoutMs: 60_000,
    run: (context) => run(context, { missed, clients, cold, by }),
  };
}

export const rejoin: Workload = {
  id: 'w5',
  title: 'W5 coming back to the recorded document',
  variants: [
    variant(0, false, 'cursor', false),
    variant(0, false, 'state vector', false),
    variant(10, false, 'cursor', true),
    variant(10, false, 'state vector', true),
    variant(1000, false, 'cursor', false),
    variant(1000, false, 'state vector', false),
    variant(10, true, 'cursor', false),
    variant(10, true, 'state vector', false),
  ],
};
