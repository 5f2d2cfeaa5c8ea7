/** W8: devices that were edited offline return all at once; until everybody has everything and it is saved. */
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '@tideweave/shared';
import * as Y from 'yjs';
import { BenchError } from '../errors.ts';
import { Coverage } from '../load/keystrokes.ts';
import type { Server } from '../load/server.ts';
import { Meter, peakBytes } from '../load/usage.ts';
import { defaultTrace } from '../replay/arguments.ts';
import { quantile } from '../statistics.ts';
import { typedDocument } from './corpus.ts';
import { taken } from './prepared.ts';
import { settleWarm, startWarm } from './warm-up.ts';
import type { RunContext } from './run-context.ts';
import { type Measures, type Variant, type Workload, keepers, loadMeasures } from './workload.ts';

interface Device {
  readonly client: number;
  /** Everything it did offline. */
  readonly edits: Uint8Array;
  /** With its own edits. */
  readonly stateVector: Uint8Array;
  readonly end: number;
}

/** How a device edits its copy. */
type Edit = (text: Y.Text, device: number) => void;

const name = 'plan';
const warmUpName = 'an earlier plan';
const baseKeystrokes = 20_000;
const identicalMsMax = 60_000;
const firstClient = 1000;

function devicesOn(base: Uint8Array, count: number, edit: Edit): readonly Device[] {
  return Array.from({ length: count }, (_, at) => {
    const doc = new Y.Doc();
    doc.clientID = firstClient + at;
    Y.applyUpdate(doc, base);
    const before = Y.encodeStateVector(doc);
    doc.transact(() => edit(doc.getText('text'), at));
    return {
      client: doc.clientID,
      edits: Y.encodeStateAsUpdate(doc, before),
      stateVector: Y.encodeStateVector(doc),
      end: Y.decodeStateVector(Y.encodeStateVector(doc)).get(doc.clientID) ?? 0,
    };
  });
}

/** So many keystrokes in runs here and there, one in five deletes. */
function generated(keystrokes: number): Edit {
  return (text, device) => {
    const random = seededRandom(device + 1);
    let at = 0;
    for (let done = 0; done < keystrokes; done++) {
      if (done % 25 === 0) at = Math.floor(random() * (text.length + 1));
      if (random() < 0.2 && at > 0) text.delete(--at, 1);
      else text.insert(at++, String.fromCharCode(97 + Math.floor(random() * 26)));
    }
  };
}

/** Times since the crowd set out (ms). */
interface Returned {
  /** When each device had everything. */
  readonly identicalMs: readonly number[];
  /** When each device's edits were acknowledged; empty where there is no such thing. */
  readonly savedMs: readonly number[];
}

async function run(context: RunContext, count: number, editsOf: () => Promise<Edit> | Edit): Promise<Measures> {
  const { snapshot } = await typedDocument(context, context.scaled(baseKeystrokes, 100));
  const devices = devicesOn(snapshot, Math.max(2, context.scaled(count)), await editsOf());
  const server = await startWarm(context);
  const { acknowledges } = context.peer;
  for (const document of [warmUpName, name]) {
    const author = await context.join(server, document);
    const stored = acknowledges ? taken(author, true, 1) : null;
    for (const frame of author.framesFor([snapshot])) author.socket.write(frame);
    await (stored ?? author.socket.answered());
  }
  // As in a server in use, it is not the first crowd that returns.
  await comeBack(context, server, warmUpName, devices);
  await settleWarm(context, server);

  const meter = new Meter(server.pid);
  const { identicalMs, savedMs } = await comeBack(context, server, name, devices);
  const cost = meter.stop();
  const peakMb = peakBytes(server.pid) / 1e6;
  const lateCpuMs = await context.allWorkDone(server);
  const measures: Measures = {
    wallMs: Math.max(...identicalMs, ...savedMs),
    p50Ms: quantile(identicalMs, 0.5),
    cpuMs: cost.serverCpuMs,
    settledCpuMs: cost.serverCpuMs + lateCpuMs,
    peakMb,
    ...loadMeasures(cost),
  };
  const clocks = new Map(devices.map(({ client, end }) => [client, end]));
  if (acknowledges) await context.proveDurable(server, new Map([[name, clocks]]));
  return measures;
}

/** All connect at once and hand over what they did; resolves when everybody has everything and it is saved. */
async function comeBack(
  context: RunContext,
  server: Server,
  document: string,
  devices: readonly Device[],
): Promise<Returned> {
  const { acknowledges } = context.peer;
  const started = performance.now();
  const identicalMs: number[] = [];
  const savedMs: number[] = [];
  const participants = await Promise.all(
    devices.map(async ({ client, edits, stateVector, end }) => {
      const coverage = new Coverage();
      coverage.clocks.set(client, end);
      let waiting = true;
      const device = await context.connect(server, document, {
        stateVector,
        offline: edits,
        onUpdate: (update) => {
          coverage.add(update);
          if (waiting && devices.every((other) => coverage.has(other.client, other.end))) {
            waiting = false;
            identicalMs.push(performance.now() - started);
          }
        },
      });
      device.onAck = () => savedMs.push(performance.now() - started);
      return device;
    }),
  );
  const isDone = (): boolean =>
    identicalMs.length === devices.length && (!acknowledges || savedMs.length >= devices.length);
  const deadline = performance.now() + identicalMsMax;
  while (!isDone()) {
    context.checkConnected(participants);
    if (performance.now() > deadline) {
      throw new BenchError(
        `of ${devices.length} devices ${identicalMs.length} had everything, ${savedMs.length} were saved`,
      );
    }
    await sleep(1);
  }
  return { identicalMs, savedMs };
}

/** What each person of the recorded concurrent session typed, on a copy of their own. */
async function recorded(): Promise<Edit> {
  const { transactions } = await defaultTrace('concurrent');
  return (text, device) => {
    for (const { agent, patches } of transactions) {
      if (agent !== device) continue;
      for (const [position, deleted, inserted] of patches) {
        // The text is another than in the recording, where the others' edits are missing.
        const at = Math.min(position, text.length);
        text.delete(at, Math.min(deleted, text.length - at));
        text.insert(at, inserted);
      }
    }
  };
}

function variant(label: string, devices: number, edits: () => Promise<Edit> | Edit, quick: boolean): Variant {
  return { name: label, peers: keepers, quick, timeoutMs: 90_000, run: (context) => run(context, devices, edits) };
}

export const merge: Workload = {
  id: 'w8',
  title: 'W8 devices edited offline return at once',
  variants: [
    variant('2 devices, the recorded concurrent session', 2, recorded, false),
    variant('16 devices, 200 keystrokes each', 16, () => generated(200), false),
    variant('64 devices, 200 keystrokes each', 64, () => generated(200), true),
    variant('16 devices, 5,000 keystrokes each', 16, () => generated(5000), false),
  ],
};
