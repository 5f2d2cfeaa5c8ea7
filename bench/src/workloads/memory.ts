/** W6: what it costs to have people and documents there who do nothing, and what comes back when they go. */
import { setTimeout as sleep } from 'node:timers/promises';
import * as Y from 'yjs';
import { BenchError } from '../errors.ts';
import { collectGarbage } from '../load/inspector.ts';
import type { Participant } from '../load/participant.ts';
import { type Server, freePort } from '../load/server.ts';
import { rssBytes } from '../load/usage.ts';
import { typedDocument } from './corpus.ts';
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
/** What every document holds: keystrokes of the recorded trace. */
const noteKeystrokes = 300;
const pageKeystrokes = 5000;
/**
 * It arrives in so many updates. With an update for each keystroke of the note there are three millions, which Hocuspocus
 * is still at work on after four minutes; this is about documents at rest.
 */
const writes = 10;
/** People come one after the other: what a server needs while ten thousand write at once is not what an idle document takes. */
const comePerSecond = 250;
const comeAtOnce = 50;
/** So many of the documents are read back after a `kill -9`. */
const provenMax = 100;
const warmUp = 20;

/** Bytes: what the system counts, and what objects take of it. */
interface Memory {
  readonly rss: number;
  readonly heap: number;
}

/** The updates that make a document, and the clock of its writer that each of them leads to. */
interface Text {
  readonly client: number;
  readonly updates: readonly Uint8Array[];
  readonly clocks: readonly number[];
}

/** `keystrokes`: what is in each of the documents; null when there is one, and nothing in it. */
async function run(context: RunContext, keystrokes: number | null): Promise<Measures> {
  const count = context.scaled(context.quick ? quickCount : full, 20);
  const text = keystrokes === null ? null : await textOf(context, keystrokes);
  const inspectorPort = await freePort();
  const server = await context.startServer({ nodeFlags: [`--inspect=127.0.0.1:${inspectorPort}`] });
  const rest = async (): Promise<Memory> => {
    await sleep(context.scaled(context.peer.isOurs ? restMs : restMsOfOthers));
    if (!(await context.settle(server, workMsMax))) {
      throw new BenchError(`the server is still at work ${workMsMax / 1000} s after everything was sent`);
    }
    const heap = await collectGarbage(inspectorPort);
    return { heap, rss: rssBytes(server.pid) };
  };
  // One of each kind of thing is there before, and some have come and gone: code and pools are not what is asked for.
  const first = await context.joinAll(server, names('warm', warmUp, text !== null));
  if (text !== null) write(first, text);
  await sleep(context.scaled(restMsOfOthers));
  context.leave(first);
  if (context.peer.isOurs) await sleep(context.scaled(forgetMs));
  const before = await rest();

  const { participants, acknowledged } = await arrive(context, server, count, text);
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

interface Arrived {
  readonly participants: readonly Participant[];
  /** Of the first of them: per document, what was acknowledged, as it comes in. */
  readonly acknowledged: ReadonlyMap<string, Map<number, number>>;
}

/** Everybody joins, at a steady pace, and writes the text where there is one. */
async function arrive(context: RunContext, server: Server, count: number, text: Text | null): Promise<Arrived> {
  const participants: Participant[] = [];
  const acknowledged = new Map<string, Map<number, number>>();
  const started = performance.now();
  for (const some of chunked(names('idle', count, text !== null), comeAtOnce)) {
    const came = await context.joinAll(server, some);
    if (text !== null) {
      const proven = Math.max(0, provenMax - participants.length);
      for (const participant of came.slice(0, proven)) noteAcknowledged(participant, text, acknowledged);
      write(came, text);
    }
    participants.push(...came);
    await sleep(started + (participants.length / comePerSecond) * 1000 - performance.now());
  }
  return { participants, acknowledged };
}

function* chunked(all: readonly string[], size: number): Iterable<string[]> {
  for (let at = 0; at < all.length; at += size) yield all.slice(at, at + size);
}

function names(prefix: string, count: number, documentEach: boolean): string[] {
  return Array.from({ length: count }, (_, at) => (documentEach ? `${prefix}-${at}` : 'lobby'));
}

async function textOf(context: RunContext, keystrokes: number): Promise<Text> {
  const typed = await typedDocument(context, keystrokes);
  const each = Math.ceil(typed.updates.length / writes);
  const updates = Array.from({ length: writes }, (_, at) =>
    Y.mergeUpdates(typed.updates.slice(at * each, (at + 1) * each)),
  );
  const clocks = updates.map((_, at) =>
    Y.decodeStateVector(Y.encodeStateVectorFromUpdate(Y.mergeUpdates(updates.slice(0, at + 1)))),
  );
  return { client: typed.client, updates, clocks: clocks.map((clock) => clock.get(typed.client) ?? 0) };
}

function write(participants: readonly Participant[], { updates }: Text): void {
  for (const participant of participants) participant.socket.write(Buffer.concat(participant.framesFor(updates)));
}

/** What of the text is acknowledged, as it comes in. */
function noteAcknowledged(
  participant: Participant,
  { client, clocks }: Text,
  acknowledged: Map<string, Map<number, number>>,
): void {
  const clockOf = new Map<number, number>();
  acknowledged.set(participant.name, clockOf);
  participant.onAck = (n) => void clockOf.set(client, clocks[n - 1] ?? 0);
}

function variant(name: string, keystrokes: number | null): Variant {
  return {
    name,
    peers: everybody,
    quick: false,
    roundsMax: 1,
    timeoutMs: 330_000,
    run: (context) => run(context, keystrokes),
  };
}

export const memory: Workload = {
  id: 'w6',
  title: `W6 memory of what is idle (${full.toLocaleString('en')})`,
  variants: [
    variant('connections to one document', null),
    variant('connections with a note each (300 keystrokes)', noteKeystrokes),
    variant('connections with a page each (5,000 keystrokes)', pageKeystrokes),
  ],
};
