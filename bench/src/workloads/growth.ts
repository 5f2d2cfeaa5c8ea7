/** How the cost of an update and of a join grows with the document, the room and the number of documents: tenfold, three times. */
import { Meter } from '../load/usage.ts';
import { type Typing, typing } from '../load/keystrokes.ts';
import { pace } from '../load/pace.ts';
import type { Participant } from '../load/participant.ts';
import type { Server } from '../load/server.ts';
import { typedDocument, wholeTrace } from './corpus.ts';
import { storeCompacted } from './prepared.ts';
import type { RunContext } from './run-context.ts';
import type { Measures, Variant, Workload } from './workload.ts';

const keystrokes = 2000;
const keystrokesPerSecond = 2000;
const joins = 50;
const takenMsMax = 20_000;
const firstClient = 100_000;
const name = 'growing';

/** What it costs to type into a document, and to join it. */
async function costs(context: RunContext, server: Server, names: readonly string[]): Promise<Measures> {
  const count = context.scaled(keystrokes, 20);
  const writers = await context.joinAll(server, names);
  const each = Math.max(1, Math.floor(count / writers.length));
  const clocks = new Map<string, Map<number, number>>();
  const lines = writers.map((writer, at) => {
    const acknowledged = new Map<number, number>();
    clocks.set(names[at] ?? name, acknowledged);
    return lineOf(writer, typing(firstClient + at, each), acknowledged);
  });
  await context.settle(server, 3000);
  const typed = new Meter(server.pid);
  const all = Promise.all(lines.map(({ acknowledged }) => acknowledged));
  await pace(lines, keystrokesPerSecond);
  await Promise.race([all, new Promise((resolve) => setTimeout(resolve, takenMsMax).unref())]);
  const perUpdate = typed.stop();
  context.leave(writers);
  await context.allWorkDone(server);
  const joined = new Meter(server.pid);
  const joinCount = context.scaled(joins, 2);
  for (let at = 0; at < joinCount; at++) {
    context.leave([await context.join(server, names[at % names.length] ?? name)]);
  }
  const perJoin = joined.stop();
  await context.proveDurable(server, clocks);
  return {
    cpuUsPerUpdate: (perUpdate.serverCpuMs * 1000) / (each * lines.length),
    cpuMsPerJoin: perJoin.serverCpuMs / joinCount,
  };
}

function lineOf(
  writer: Participant,
  { client, updates, end }: Typing,
  clocks: Map<number, number>,
): Parameters<typeof pace>[0][number] & { acknowledged: Promise<void> } {
  const acknowledged = new Promise<void>((resolve) => {
    writer.onAck = (n) => {
      // A character each, and the mark at once.
      clocks.set(client, n < updates.length ? n : end);
      if (n >= updates.length) resolve();
    };
  });
  return { writer, frames: writer.framesFor(updates), onSent: () => undefined, acknowledged };
}

async function ofDocument(context: RunContext, size: number): Promise<Measures> {
  const { snapshot } = await typedDocument(context, context.scaled(size, 20));
  await storeCompacted(context, name, snapshot);
  return costs(context, await context.startServer(), [name]);
}

async function ofRoom(context: RunContext, size: number): Promise<Measures> {
  const server = await context.startServer();
  await context.joinAll(server, Array<string>(context.scaled(size)).fill(name));
  return costs(context, server, [name]);
}

async function ofDocuments(context: RunContext, size: number): Promise<Measures> {
  const server = await context.startServer();
  const names = Array.from({ length: context.scaled(size) }, (_, at) => `${name}-${at}`);
  const others = await context.joinAll(server, names);
  for (const [at, other] of others.entries()) {
    other.socket.write(Buffer.concat(other.framesFor(typing(1000 + at, 20).updates)));
  }
  // A hundred of them are typed into, however many there are.
  return costs(context, server, names.slice(0, 100));
}

const steps = [1000, 100, 10, 1] as const;

function variants(
  unit: string,
  sizes: readonly number[],
  run: (context: RunContext, size: number) => Promise<Measures>,
): Variant[] {
  return sizes.map((size) => ({
    name: `${size.toLocaleString('en')} ${unit}`,
    peers: ['tideweave'],
    quick: false,
    roundsMax: 1,
    timeoutMs: 120_000,
    size,
    unit,
    run: (context) => run(context, size),
  }));
}

export const growth: Workload = {
  id: 'growth',
  title: 'Growth',
  variants: [
    ...variants(
      'keystrokes in the document',
      steps.map((step) => Math.floor(wholeTrace / step)),
      ofDocument,
    ),
    ...variants('readers in the room', [1, 10, 100, 1000], ofRoom),
    ...variants('open documents', [10, 100, 1000, 10_000], ofDocuments),
  ],
};
