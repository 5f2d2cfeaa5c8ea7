/** W3: a recorded session, keystroke by keystroke, from its writer to a reader, as fast as it goes. */
import { BenchError, within } from '../errors.ts';
import { mark } from '../load/keystrokes.ts';
import { burst } from '../load/pace.ts';
import { Meter, peakBytes } from '../load/usage.ts';
import { typeWithAutomerge } from './automerge.ts';
import { typedDocument, wholeTrace } from './corpus.ts';
import { opened } from './prepared.ts';
import { startWarm } from './warm-up.ts';
import type { RunContext } from './run-context.ts';
import { type Measures, type Workload, keepers, loadMeasures } from './workload.ts';

const arriveMsMax = 60_000;
const name = 'paper';

/** `joinAfter`: measure somebody who opens the document the moment it was typed (W4), instead of waiting for rest. */
export async function typeTrace(context: RunContext, joinAfter: boolean): Promise<Measures> {
  const { client, updates, end } = await typedDocument(context);
  const server = await startWarm(context);
  const [reader, writer] = await context.joinAll(server, [name, name]);
  if (reader === undefined || writer === undefined) throw new BenchError('two have joined');
  const frames = writer.framesFor(updates);
  const arrived = new Promise<void>((resolve) => {
    reader.socket.countOnly(mark, 1, resolve);
  });
  let acked = 0;
  const count = updates.length;
  const saved = context.peer.acknowledges
    ? new Promise<void>((resolve) => {
        writer.onAck = (n) => {
          acked = n;
          if (n >= count) resolve();
        };
      })
    : Promise.resolve();
  const meter = new Meter(server.pid);
  await burst([{ writer, frames, onSent: () => undefined }]);
  await within(arriveMsMax, 'the trace to arrive', arrived);
  if (joinAfter) {
    const measures: Measures = { wallMs: await opened(context, server, name), peakMb: peakBytes(server.pid) / 1e6 };
    await within(arriveMsMax, 'the trace to be saved', saved);
    if (context.peer.acknowledges) await context.proveDurable(server, new Map([[name, new Map([[client, end]])]]));
    return measures;
  }
  // Ours has to have it on the disk too; of Hocuspocus the acknowledgement says no more than that it was taken.
  await within(arriveMsMax, 'the trace to be saved', saved);
  const cost = meter.stop();
  context.checkConnected([reader, writer]);
  // Everybody leaves: what each server does with a document then, compaction with ours, belongs to the work.
  context.leave([reader, writer]);
  const lateCpuMs = await context.allWorkDone(server);
  const measures: Measures = {
    updatesPerSecond: (count * 1000) / cost.wallMs,
    settledPerSecond: (count * 1000) / (cost.wallMs + lateCpuMs),
    cpuUsPerUpdate: ((cost.serverCpuMs + lateCpuMs) * 1000) / count,
    peakMb: peakBytes(server.pid) / 1e6,
    ...loadMeasures(cost),
  };
  if (acked >= count) await context.proveDurable(server, new Map([[name, new Map([[client, end]])]]));
  return measures;
}

export const trace: Workload = {
  id: 'w3',
  title: `W3 a recorded session of ${wholeTrace.toLocaleString('en')} keystrokes`,
  variants: [
    {
      name: 'one writer, one reader',
      peers: [...keepers, 'automerge'],
      quick: true,
      timeoutMs: 180_000,
      run: (context) =>
        context.peer.name === 'automerge' ? typeWithAutomerge(context, false) : typeTrace(context, false),
    },
  ],
};
