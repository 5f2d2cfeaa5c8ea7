/**
 * W3 and W4 against automerge-repo's sync server, with its own client: its protocol needs a document at both ends, so the
 * times hold the clients' work as well, and only the server's CPU compares.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type DocHandle, Repo, splice } from '@automerge/automerge-repo';
import { WebSocketClientAdapter } from '@automerge/automerge-repo-network-websocket';
import { BenchError } from '../errors.ts';
import type { Server } from '../load/server.ts';
import { Meter, peakBytes } from '../load/usage.ts';
import { defaultTrace } from '../replay/arguments.ts';
import { plainText } from '../replay/trace.ts';
import type { RunContext } from './run-context.ts';
import { type Measures, loadMeasures } from './workload.ts';

interface Paper {
  text: string;
}

const keystrokes = 10_000;
/** Keystrokes between two turns of the event loop, in which they are sent. */
const perTurn = 100;
const arriveMsMax = 60_000;
const storedMs = 1500;

function client(server: Server): Repo {
  return new Repo({ network: [new WebSocketClientAdapter(server.url)] });
}

async function textIs(handle: DocHandle<Paper>, expected: string): Promise<void> {
  const deadline = performance.now() + arriveMsMax;
  while (handle.doc().text !== expected) {
    if (performance.now() > deadline) throw new BenchError('the text did not arrive');
    await sleep(2);
  }
}

/** A writer types the beginning of the trace, a reader gets it; or, `coldOpen`, a client gets it from a restarted server. */
export async function typeWithAutomerge(context: RunContext, coldOpen: boolean): Promise<Measures> {
  const { transactions } = await defaultTrace('sequential');
  const typed = transactions.slice(0, context.scaled(keystrokes, 50));
  const text = plainText(typed);
  const server = await context.startServer();
  const writer = client(server);
  const reader = client(server);
  const mine = writer.create<Paper>({ text: '' });
  const theirs = await reader.find<Paper>(mine.url);
  await context.settle(server, 3000);
  const meter = new Meter(server.pid);
  for (const [at, { patches }] of typed.entries()) {
    mine.change((paper) => {
      for (const [position, deleted, inserted] of patches) splice(paper, ['text'], position, deleted, inserted);
    });
    if (at % perTurn === 0) await sleep(0);
  }
  await textIs(theirs, text);
  const cost = meter.stop();
  const lateCpuMs = await context.allWorkDone(server);
  await Promise.all([writer.shutdown(), reader.shutdown()]);
  if (!coldOpen) {
    return {
      updatesPerSecond: (typed.length * 1000) / cost.wallMs,
      settledPerSecond: (typed.length * 1000) / (cost.wallMs + lateCpuMs),
      cpuUsPerUpdate: ((cost.serverCpuMs + lateCpuMs) * 1000) / typed.length,
      peakMb: peakBytes(server.pid) / 1e6,
      ...loadMeasures(cost),
    };
  }
  await sleep(storedMs);
  await server.stop();
  const again = await context.startServer();
  await context.settle(again, 2000);
  const opening = new Meter(again.pid);
  const fresh = client(again);
  await textIs(await fresh.find<Paper>(mine.url), text);
  const opened = opening.stop();
  await fresh.shutdown();
  return {
    wallMs: opened.wallMs,
    firstMs: opened.wallMs,
    cpuMs: opened.serverCpuMs,
    peakMb: peakBytes(again.pid) / 1e6,
    ...loadMeasures(opened),
  };
}
