/** A folder with a document in it, as each server keeps it. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openLevelLog } from '@tideweave/server';
import { BenchError } from '../errors.ts';
import type { Participant } from '../load/participant.ts';
import { mark } from '../load/keystrokes.ts';
import type { Server } from '../load/server.ts';
import type { RunContext } from './run-context.ts';

const takenMsMax = 30_000;
const unloadMs = 200;
const storedMs = 1500;
const settleMsMax = 20_000;

/** Resolves when the server has taken all that was written: acknowledged it, or answered a ping behind it. */
export async function taken(writer: Participant, acknowledges: boolean, count: number): Promise<void> {
  if (!acknowledges) {
    await writer.socket.answered();
    return;
  }
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new BenchError('no acknowledgement came')), takenMsMax);
    writer.onAck = (acked) => {
      if (acked < count) return;
      clearTimeout(timer);
      resolve();
    };
  });
}

/** Stores an update as a document, and stops the server when it is kept as the server keeps documents nobody has open. */
export async function storeCompacted(context: RunContext, name: string, update: Uint8Array): Promise<void> {
  const server = await context.startServer({ env: { TIDEWEAVE_IDLE_UNLOAD_MS: `${unloadMs}` } });
  const writer = await context.join(server, name);
  const done = taken(writer, context.peer.acknowledges, 1);
  for (const frame of writer.framesFor([update])) writer.socket.write(frame);
  await (context.peer.acknowledges ? done : writer.socket.answered());
  context.leave([writer]);
  await sleep(storedMs);
  await context.settle(server, settleMsMax);
  await server.stop();
  if (!context.peer.isOurs) return;
  const log = await openLevelLog({ path: join(context.folder, 'data'), wallTime: Date.now });
  const head = await log.head(name);
  await log.close();
  if (head === null || head.snapshotSeq !== head.lastSeq) throw new BenchError('the document was not compacted');
}

/** Joins and resolves, with the milliseconds since `from`, when the mark at the document's end has arrived. */
export async function opened(context: RunContext, server: Server, name: string): Promise<number> {
  const from = performance.now();
  const client = await context.connect(server, name);
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new BenchError(`${name} did not arrive`)), takenMsMax);
    client.socket.countOnly(mark, 1, () => {
      clearTimeout(timer);
      resolve();
    });
  });
  return performance.now() - from;
}
