/** W9: cursors. Everybody in one document moves ten times a second. */
import { setTimeout as sleep } from 'node:timers/promises';
import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import { Meter, peakBytes, resetPeak, rssBytes } from '../load/usage.ts';
import { pace } from '../load/pace.ts';
import { quantile } from '../statistics.ts';
import { startWarm } from './warm-up.ts';
import type { RunContext } from './run-context.ts';
import { type Measures, type Workload, everybody, loadMeasures } from './workload.ts';

const people = 500;
const perSecond = 10;
const watchedMax = 4;
const catchUpMsMax = 15_000;
const quickCatchUpMsMax = 4000;
const lastWord = Buffer.from('that-is-all');
const firstClient = 5000;

/** One entry, as y-protocols encodes it. */
function awarenessUpdate(client: number, clock: number, isLast: boolean): Uint8Array {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, 1);
  encoding.writeVarUint(encoder, client);
  encoding.writeVarUint(encoder, clock);
  const position = { client: 77, clock: clock * 3 };
  const user = { name: `Person ${client}`, color: '#30bced', ...(isLast ? { word: lastWord.toString() } : {}) };
  encoding.writeVarString(encoder, JSON.stringify({ user, cursor: { anchor: position, head: position } }));
  return encoding.toUint8Array(encoder);
}

function entriesOf(update: Uint8Array, seen: (client: number, clock: number) => void): void {
  const decoder = decoding.createDecoder(update);
  for (let left = decoding.readVarUint(decoder); left > 0; left--) {
    const client = decoding.readVarUint(decoder);
    seen(client, decoding.readVarUint(decoder));
    decoding.readVarString(decoder);
  }
}

async function run(context: RunContext): Promise<Measures> {
  const count = context.scaled(people, 8);
  const moves = Math.max(2, Math.round(perSecond * (context.quick ? 1.5 : 3)));
  const server = await startWarm(context);
  const participants = await context.joinAll(server, Array<string>(count).fill('board'));
  const sentAt = new Map(participants.map((_, at) => [firstClient + at, new Float64Array(moves + 1)]));
  const latencies: number[] = [];
  let finished = 0;
  let allFinished: () => void = () => undefined;
  const everybodyHasAll = new Promise<void>((resolve) => {
    allFinished = resolve;
  });
  const oneFinished = (): void => {
    if (++finished === count) allFinished();
  };
  const watched = participants.slice(0, watchedMax).map((participant, own) => {
    const clocks = new Map<number, number>();
    let complete = 0;
    participant.onAwareness = (update) => {
      const now = performance.now();
      entriesOf(update, (client, clock) => {
        const known = clocks.get(client) ?? 0;
        const times = sentAt.get(client);
        if (clock <= known || times === undefined || client === firstClient + own) return;
        clocks.set(client, clock);
        latencies.push(now - (times[clock] ?? Number.NaN));
        if (clock === moves && ++complete === count - 1) oneFinished();
      });
    };
    return clocks;
  });
  for (const participant of participants.slice(watchedMax)) {
    participant.socket.countOnly(lastWord, count - 1, oneFinished);
  }
  const lines = participants.map((writer, at) => ({
    writer,
    frames: Array.from({ length: moves }, (_, move) =>
      writer.awarenessFrame(awarenessUpdate(firstClient + at, move + 1, move === moves - 1)),
    ),
    onSent: (index: number, now: number): void => {
      const times = sentAt.get(firstClient + at);
      if (times !== undefined) times[index + 1] = now;
    },
  }));

  await context.settle(server, 2000);
  resetPeak(server.pid);
  const rssBefore = rssBytes(server.pid);
  const meter = new Meter(server.pid);
  await pace(lines, count * perSecond);
  const done = await Promise.race([
    everybodyHasAll.then(() => true),
    sleep(context.quick ? quickCatchUpMsMax : catchUpMsMax, false, { ref: false }),
  ]);
  const cost = meter.stop();
  context.checkConnected(participants);
  const reached = watched.map((clocks) => [...clocks.values()].reduce((sum, clock) => sum + clock, 0));
  const delivered = done ? 1 : quantile(reached, 0.5) / (moves * (count - 1));
  return {
    cpuMs: cost.serverCpuMs / delivered,
    cpuUsPerUpdate: (cost.serverCpuMs * 1000) / (count * moves * delivered),
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    delivered,
    wallMs: cost.wallMs,
    peakMb: peakBytes(server.pid) / 1e6,
    grownMb: (peakBytes(server.pid) - rssBefore) / 1e6,
    ...loadMeasures(cost),
  };
}

export const presence: Workload = {
  id: 'w9',
  title: 'W9 presence',
  variants: [{ name: '500 cursors at 10 Hz', peers: everybody, quick: true, timeoutMs: 90_000, run }],
};
