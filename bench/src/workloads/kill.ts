/** W7: `kill -9` while somebody types: what was acknowledged, and what is there afterwards. */
import { setTimeout as sleep } from 'node:timers/promises';
import { BenchError } from '../errors.ts';
import { typing } from '../load/keystrokes.ts';
import { pace } from '../load/pace.ts';
import type { RunContext } from './run-context.ts';
import { type Measures, type Workload, keepers } from './workload.ts';

const name = 'letter';
const client = 1000;
const perSecond = 4000;

async function run(context: RunContext): Promise<Measures> {
  const seconds = context.quick ? 1.5 : 3;
  const count = context.scaled(perSecond * seconds, 50);
  const { updates } = typing(client, count);
  const server = await context.startServer();
  const writer = await context.join(server, name);
  let sent = 0;
  let acknowledged = 0;
  writer.onAck = (n) => (acknowledged = n);
  const frames = writer.framesFor(updates);
  // In full swing: half of it is sent, and acknowledgements are under way.
  const typed = pace([{ writer, frames, onSent: (index) => (sent = index + 1) }], perSecond);
  while (sent < frames.length / 2) await sleep(1);
  const acknowledgedThen = acknowledged;
  const sentThen = sent;
  const found = await context.afterCrash(server, [name]);
  await typed;
  const there = found.get(name)?.clocks.get(client) ?? 0;
  const lost = Math.max(0, acknowledgedThen - there);
  if (context.peer.isOurs && lost > 0) throw new BenchError(`D1 is broken: ${lost} acknowledged updates were lost`);
  return {
    ...(context.peer.acknowledges ? { acknowledged: acknowledgedThen, acknowledgedLost: lost } : {}),
    sent: sentThen,
    sentLost: Math.max(0, sentThen - there),
  };
}

export const kill: Workload = {
  id: 'w7',
  title: 'W7 kill -9 while typing 4,000/s',
  variants: [{ name: 'one writer', peers: keepers, quick: true, timeoutMs: 60_000, run }],
};
