/** W4: opening a document that nobody has open. */
import { Meter, peakBytes } from '../load/usage.ts';
import { median } from '../statistics.ts';
import { typeWithAutomerge } from './automerge.ts';
import { typedDocument } from './corpus.ts';
import { opened, storeCompacted } from './prepared.ts';
import type { RunContext } from './run-context.ts';
import { typeTrace } from './trace.ts';
import { type Measures, type Variant, type Workload, keepers, loadMeasures } from './workload.ts';

const name = 'paper';
const restarts = 3;

async function run(context: RunContext, clients: number): Promise<Measures> {
  const { snapshot } = await typedDocument(context);
  await storeCompacted(context, name, snapshot);
  const count = context.scaled(clients);
  const all: Measures[] = [];
  for (let round = 0; round < restarts; round++) {
    const server = await context.startServer();
    await context.settle(server, 2000);
    const meter = new Meter(server.pid);
    const times = await Promise.all(Array.from({ length: count }, () => opened(context, server, name)));
    const cost = meter.stop();
    all.push({
      wallMs: Math.max(...times),
      firstMs: Math.min(...times),
      cpuMs: cost.serverCpuMs,
      peakMb: peakBytes(server.pid) / 1e6,
      ...loadMeasures(cost),
    });
    await server.kill();
  }
  return mediansOf(all);
}

/** The median of each measure. */
export function mediansOf(all: readonly Measures[]): Measures {
  const names = [...new Set(all.flatMap((one) => Object.keys(one)))] as (keyof Measures)[];
  return Object.fromEntries(names.map((metric) => [metric, median(all.flatMap((one) => one[metric] ?? []))]));
}

function compacted(clients: number): Variant {
  return {
    name: `compacted, ${clients === 1 ? '1 client' : `${clients} at once`}`,
    // Its client carries a document: a hundred of them would measure the load generator.
    peers: clients === 1 ? [...keepers, 'automerge'] : keepers,
    quick: clients === 1,
    timeoutMs: 90_000,
    run: (context) => (context.peer.name === 'automerge' ? typeWithAutomerge(context, true) : run(context, clients)),
  };
}

export const coldOpen: Workload = {
  id: 'w4',
  title: 'W4 cold open of the recorded document',
  variants: [
    compacted(1),
    compacted(100),
    {
      name: 'right after it was typed in a burst',
      peers: keepers,
      quick: true,
      timeoutMs: 180_000,
      run: (context) => typeTrace(context, true),
    },
  ],
};
