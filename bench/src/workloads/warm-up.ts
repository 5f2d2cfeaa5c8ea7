/** Servers in use are warm. Measured from a cold start, what is compared is how their first second is compiled. */
import { typing } from '../load/keystrokes.ts';
import { pace } from '../load/pace.ts';
import type { Server } from '../load/server.ts';
import type { RunContext } from './run-context.ts';

const rooms = 4;
/** In each of them. */
const people = 5;
/** Each of them; so few that no document of ours is compacted for it while something is measured. */
const keystrokes = 100;
const perSecond = 2000;
const joins = 50;
const firstClient = 9000;

/** A server in which people have typed and come and gone. Those who typed stay, as what happens when they go would be measured. */
export async function startWarm(context: RunContext): Promise<Server> {
  const server = await context.startServer();
  await warmUp(context, server, 'warm-up');
  return server;
}

/** People type, come and go in documents called `prefix` and a number. */
async function warmUp(context: RunContext, server: Server, prefix: string): Promise<void> {
  const names = Array.from({ length: rooms * people }, (_, at) => `${prefix}-${at % rooms}`);
  const writers = await context.joinAll(server, names);
  const lines = writers.map((writer, at) => ({
    writer,
    frames: writer.framesFor(typing(firstClient + at, context.scaled(keystrokes, 2)).updates),
    onSent: (): void => undefined,
  }));
  await pace(lines, perSecond);
  const comeAndGo = Array<string>(context.scaled(joins, 2)).fill(names[0] ?? '');
  context.leave(await context.joinAll(server, comeAndGo));
  await context.settle(server, 2000);
}

/**
 * Waits until a server has done what it put off, and warms it again: in that rest much of what a runtime had compiled has
 * gone cold, and a server in use never rests so long.
 */
export async function settleWarm(context: RunContext, server: Server): Promise<void> {
  await context.allWorkDone(server);
  await warmUp(context, server, 'meanwhile');
}
