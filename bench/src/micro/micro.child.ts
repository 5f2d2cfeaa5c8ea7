/** Each part of the core against the Yjs function that it replaces, in a process of its own. Sends `MicroResult[]`. */
import {
  UpdateScan,
  decodeClientMessages,
  decodeStateVector,
  encodeMessages,
  indexSnapshot,
  mergeUpdates,
  scanUpdate,
  sliceSnapshot,
} from '@tideweave/shared';
import * as decoding from 'lib0/decoding';
import * as encoding from 'lib0/encoding';
import { Bench } from 'tinybench';
import * as sync from 'y-protocols/sync';
import * as Y from 'yjs';
import { typing } from '../load/keystrokes.ts';
import type { MicroResult } from '../runner/results.ts';
import { RunContext } from '../workloads/run-context.ts';
import { typedDocument } from '../workloads/corpus.ts';
import { peers } from '../peers/peers.ts';

interface Pair {
  readonly name: string;
  readonly input: string;
  readonly against: string;
  /** Operations in one call of either. */
  readonly operations: number;
  /** Bytes that one operation reads. */
  readonly bytes: number;
  readonly ours: () => unknown;
  readonly yjs: () => unknown;
}

const timeMs = 400;
const documentKeystrokes = 60_000;
const updateBytesMax = 2 ** 26;
const scan = new UpdateScan();

function pairs(keystrokes: readonly Uint8Array[], paste: Uint8Array, snapshot: Uint8Array): readonly Pair[] {
  const keystrokeBytes = keystrokes.reduce((sum, update) => sum + update.length, 0) / keystrokes.length;
  const index = indexSnapshot(snapshot);
  const full = Y.decodeStateVector(Y.encodeStateVectorFromUpdate(snapshot));
  const missing = new Map([...full].map(([client, clock]) => [client, Math.max(0, clock - 1000)]));
  const known = Y.encodeStateVector(missing);
  const pushes = keystrokes.map((update, at) => encodeMessages([{ type: 'push', doc: 1, n: at + 1, update }]));
  const stock = keystrokes.map((update) => {
    const encoder = encoding.createEncoder();
    encoding.writeVarUint(encoder, 0);
    sync.writeUpdate(encoder, update);
    return encoding.toUint8Array(encoder);
  });
  return [
    {
      name: 'scanner',
      input: 'a keystroke',
      against: 'Y.applyUpdate',
      operations: keystrokes.length,
      bytes: keystrokeBytes,
      ours: () => keystrokes.forEach((update) => scanUpdate(update, scan)),
      yjs: () => {
        const doc = new Y.Doc();
        keystrokes.forEach((update) => Y.applyUpdate(doc, update));
      },
    },
    {
      name: 'scanner',
      input: 'a paste of 1,000 characters',
      against: 'Y.applyUpdate',
      operations: 1,
      bytes: paste.length,
      ours: () => scanUpdate(paste, scan),
      yjs: () => Y.applyUpdate(new Y.Doc(), paste),
    },
    {
      name: 'scanner',
      input: 'the recorded document',
      against: 'Y.applyUpdate',
      operations: 1,
      bytes: snapshot.length,
      ours: () => scanUpdate(snapshot, scan),
      yjs: () => Y.applyUpdate(new Y.Doc(), snapshot),
    },
    {
      name: 'slicer',
      input: 'the last 1,000 clocks of the recorded document',
      against: 'Y.diffUpdate',
      operations: 1,
      bytes: snapshot.length,
      ours: () => sliceSnapshot(snapshot, index, decodeStateVector(known)),
      yjs: () => Y.diffUpdate(snapshot, known),
    },
    {
      name: 'merge',
      input: `${keystrokes.length.toLocaleString('en')} keystrokes of one person`,
      against: 'Y.mergeUpdates',
      operations: 1,
      bytes: keystrokeBytes * keystrokes.length,
      ours: () => mergeUpdates(keystrokes),
      yjs: () => Y.mergeUpdates([...keystrokes]),
    },
    {
      name: 'codec',
      input: 'one pushed keystroke, decoded',
      against: 'y-protocols read',
      operations: pushes.length,
      bytes: keystrokeBytes,
      ours: () => pushes.forEach((frame) => decodeClientMessages(frame, updateBytesMax)),
      yjs: () =>
        stock.forEach((frame) => {
          const decoder = decoding.createDecoder(frame);
          decoding.readVarUint(decoder);
          decoding.readVarUint(decoder);
          decoding.readVarUint8Array(decoder);
        }),
    },
    {
      name: 'codec',
      input: 'one update, encoded',
      against: 'y-protocols writeUpdate',
      operations: keystrokes.length,
      bytes: keystrokeBytes,
      ours: () => keystrokes.forEach((update) => encodeMessages([{ type: 'update', doc: 1, update }])),
      yjs: () =>
        keystrokes.forEach((update) => {
          const encoder = encoding.createEncoder();
          encoding.writeVarUint(encoder, 0);
          sync.writeUpdate(encoder, update);
          return encoding.toUint8Array(encoder);
        }),
    },
  ];
}

async function medianNs(run: () => unknown, operations: number, time: number): Promise<number> {
  const bench = new Bench({ time, warmupTime: time / 4 });
  bench.add('it', () => void run());
  const [task] = await bench.run();
  const { result } = task ?? {};
  if (result?.state !== 'completed') throw new Error(`it ended as ${result?.state ?? 'nothing'}`);
  return (result.latency.p50 * 1e6) / operations;
}

const corpus = process.argv[2] ?? '';
const scale = Number(process.argv[3] ?? '1');
const context = new RunContext({ peer: peers.tideweave, folder: corpus, quick: true, scale, corpus });
const { snapshot } = await typedDocument(context, context.scaled(documentKeystrokes, 2000));
const keystrokes = typing(1, context.scaled(1000, 50)).updates;
const doc = new Y.Doc();
doc.getText('text').insert(0, 'lorem ipsum '.repeat(90).slice(0, 1000));
const results: MicroResult[] = [];
for (const { name, input, against, operations, bytes, ours, yjs } of pairs(
  keystrokes,
  Y.encodeStateAsUpdate(doc),
  snapshot,
)) {
  const oursNs = await medianNs(ours, operations, timeMs * scale);
  const yjsNs = await medianNs(yjs, operations, timeMs * scale);
  results.push({ name, input, oursNs, against, yjsNs, bytes });
}
process.send?.(results, () => process.exit(0));
