/** W6: what it costs to have people and documents there who do nothing, and what comes back when they go. */
import { setTimeout as sleep } from 'node:timers/promises';
import { typing } from '../load/keystrokes.ts';
import { collectGarbage } from '../load/inspector.ts';
import type { Participant } from '../load/participant.ts';
import { freePort } from '../load/server.ts';
import { rssBytes } from '../load/usage.ts';
import type { RunContext } from './run-context.ts';
import { type Measures, type Variant, type Workload, everybody } from './workload.ts';

const full = 10_000;
const quickCount = 1500;
/** After 5 s of quiet our relay gives back what it keeps for joiners. The others wait for nothing. */
const restMs = 7000;
const restMsOfOthers = 2000;
/** Our relay keeps a document that nobody has open for 10 s more, so that a reload of the page finds it; then it compacts. */
const forgetMs = 14_000;
/** Nobody is looked at before it has nothing to do: ours compacts every document that was closed. */
const workMsMax = 90_000;
/** What every document holds: a short note. */
const noteCharacters = 300;
const noteClient = 1;
/** So many of the documents are read back after a `kill -9`. */
const provenMax = 100;
const warmUp = 20;

/** Bytes: what the system counts, and what objects take of it. */
interface Memory {
  readonly rss: number;
  readonly heap: number;
}

async function run(context: RunContext, documentEach: boolean): Promise<Measures> {
  const count = context.scaled(context.quick ? quickCount : full, 20);
  const inspectorPort = await freePort();
  const server = await context.startServer({ nodeFlags: [`--inspect=127.0.0.1:${inspectorPort}`] });
  const rest = async (): Promise<Memory> => {
    await sleep(context.scaled(context.peer.isOurs ? restMs : restMsOfOthers));
    await context.settle(server, workMsMax);
    const heap = await collectGarbage(inspectorPort);
    return { heap, rss: rssBytes(server.pid) };
  };
  // One of each kind of thing is there before, and some have come and gone: code and pools are not what is asked for.
  const note = typing(noteClient, noteCharacters).updates;
  const first = await context.joinAll(server, names('warm', warmUp, documentEach));
  if (documentEach) write(first, note);
  await sleep(context.scaled(restMsOfOthers));
  context.leave(first);
  if (context.peer.isOurs) await sleep(context.scaled(forgetMs));
  const before = await rest();

  const participants = await context.joinAll(server, names('idle', count, documentEach));
  const acknowledged = documentEach
    ? acknowledgements(participants.slice(0, provenMax))
    : new Map<string, Map<number, number>>();
  if (documentEach) write(participants, note);
  const open = await rest();
  context.checkConnected(participants);
  context.leave(participants);
  if (context.peer.isOurs) await sleep(context.scaled(forgetMs));
  const after = await rest();
  await context.proveDurable(server, acknowledged);
  return {
    kbEach: (open.rss - before.rss) / count / 1024,
    heapKbEach: (open.heap - before.heap) / count / 1024,
    returned: (open.rss - after.rss) / (open.rss - before.rss),
    heapReturned: (open.heap - after.heap) / (open.heap - before.heap),
    peakMb: open.rss / 1e6,
  };
}

function names(prefix: string, count: number, documentEach: boolean): string[] {
  return Array.from({ length: count }, (_, at) => (documentEach ? `${prefix}-${at}` : 'lobby'));
}

function write(participants: readonly Participant[], note: readonly Uint8Array[]): void {
  for (const participant of participants) participant.socket.write(Buffer.concat(participant.framesFor(note)));
}

/** What of their notes is acknowledged, as it comes in. */
function acknowledgements(participants: readonly Participant[]): Map<string, Map<number, number>> {
  return new Map(
    participants.map((participant, at) => {
      const clocks = new Map<number, number>();
      participant.onAck = (n) => clocks.set(noteClient, Math.min(n, noteCharacters));
      return [`idle-${at}`, clocks];
    }),
  );
}

function variant(name: string, documentEach: boolean, quick: boolean): Variant {
  return {
    name,
    peers: everybody,
    quick,
    roundsMax: 1,
    timeoutMs: 330_000,
    run: (context) => run(context, documentEach),
  };
}

export const memory: Workload = {
  id: 'w6',
  title: `W6 memory of what is idle (${full.toLocaleString('en')})`,
  variants: [
    variant('connections to one document', false, false),
    variant('connections with a document each', true, false),
  ],
};
