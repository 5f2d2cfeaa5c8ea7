/** The recorded trace as updates, made once for all runs: a file in the folder that they share. */
import { existsSync } from 'node:fs';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as Y from 'yjs';
import { mark } from '../load/keystrokes.ts';
import { defaultTrace } from '../replay/arguments.ts';
import type { RunContext } from './run-context.ts';

/** A document that was typed: every keystroke, and what it comes to. */
export interface TypedDocument {
  readonly client: number;
  /** The mark is the last. */
  readonly updates: readonly Uint8Array[];
  /** All of it as one update, garbage-collected: what a compacted document is. */
  readonly snapshot: Uint8Array;
  readonly stateVector: Uint8Array;
  /** The client's clock at the end. */
  readonly end: number;
}

const traceClient = 77;
export const wholeTrace = 259_778;
const quickTrace = 60_000;

/** How much of the trace a run types. */
function traceLength(context: RunContext): number {
  return context.scaled(context.quick ? quickTrace : wholeTrace, 100);
}

/** The first `count` keystrokes of the trace. */
export async function typedDocument(context: RunContext, count: number = traceLength(context)): Promise<TypedDocument> {
  const path = join(context.corpus, `trace-${count}.bin`);
  if (!existsSync(path)) await make(path, count);
  const bytes = await readFile(path);
  const updates: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = bytes.readUInt32LE(at);
    updates.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  const snapshot = updates.pop() ?? new Uint8Array();
  const stateVector = Y.encodeStateVectorFromUpdate(snapshot);
  const end = Y.decodeStateVector(stateVector).get(traceClient) ?? 0;
  return { client: traceClient, updates, snapshot, stateVector, end };
}

async function make(path: string, count: number): Promise<void> {
  const { transactions } = await defaultTrace('sequential');
  const doc = new Y.Doc();
  doc.clientID = traceClient;
  const text = doc.getText('text');
  const updates: Uint8Array[] = [];
  doc.on('update', (update: Uint8Array) => updates.push(update));
  for (const { patches } of transactions.slice(0, count)) {
    doc.transact(() => {
      for (const [position, deleted, inserted] of patches) {
        if (deleted > 0) text.delete(position, deleted);
        if (inserted !== '') text.insert(position, inserted);
      }
    });
  }
  text.insert(text.length, mark.toString());
  updates.push(Y.encodeStateAsUpdate(doc));
  const parts = updates.flatMap((update) => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(update.length);
    return [length, update];
  });
  await writeFile(`${path}.part`, Buffer.concat(parts));
  await rename(`${path}.part`, path);
}
