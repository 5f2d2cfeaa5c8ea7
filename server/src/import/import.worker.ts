/** The part of an import that takes Yjs: building documents, and comparing what was stored with what came. */
import { createHash } from 'node:crypto';
import { isMainThread } from 'node:worker_threads';

import {
  IdRanges,
  UpdateScan,
  encodeStateVector,
  indexSnapshot,
  scanUpdate,
  wholeDocumentCounts,
} from '@tideweave/shared';
import * as Y from 'yjs';

import { merge } from '../compaction/compaction.worker.ts';
import { type LeftOut, type MergeTask, unpackUpdates } from '../compaction/merge-task.ts';
import type {
  BuiltFromJson,
  Compared,
  CompareTask,
  FromJsonTask,
  Prepared,
  PrepareTask,
  Relation,
} from './import-task.ts';
import { documentOfJson } from '../content/json-document.worker.ts';

// Yjs writes to the console about some strange documents; theirs is not the operator's.
if (!isMainThread) {
  console.log = (): void => {};
  console.error = (): void => {};
}

/** The task of the pool. */
export default function run(task: PrepareTask | CompareTask | FromJsonTask): Prepared | Compared | BuiltFromJson {
  switch (task.kind) {
    case 'prepare':
      return prepare(task);
    case 'compare':
      return compare(task);
    case 'from json':
      return documentOfJson(task.json);
  }
}

const scan = new UpdateScan();

/** Throws when the document cannot be built. */
function prepare({ source, salvage }: PrepareTask): Prepared {
  const updates = unpackUpdates(source);
  const bad: LeftOut[] = [];
  const sound: number[] = [];
  for (const [at, update] of updates.entries()) {
    // Before anything is applied: a few bytes can stand for gigabytes.
    if (scanUpdate(update, scan, wholeDocumentCounts)) sound.push(at);
    else bad.push({ at, reason: `${scan.error} at byte ${scan.errorOffset}` });
  }
  const update = bad.length > 0 && !salvage ? null : build(updates, sound, salvage, bad);
  if (update === null) return { update: nothing, index: nothing, isEntry: false, isEmpty: false, bad };
  return {
    update,
    index: indexSnapshot(update),
    isEntry: scanUpdate(update, scan),
    isEmpty: update.length === emptyUpdateBytes,
    bad,
  };
}

/** One update of all that can be applied; what cannot goes to `bad`. */
function build(
  updates: readonly Uint8Array[],
  sound: readonly number[],
  salvage: boolean,
  bad: LeftOut[],
): Uint8Array | null {
  const chosen = sound.map((at) => updates[at] ?? nothing);
  const { update, count, leftOut } = merge(null, chosen);
  for (const { at, reason } of leftOut) bad.push({ at: sound[at] ?? 0, reason });
  for (let at = count; at < chosen.length; at += 1)
    bad.push({ at: sound[at] ?? 0, reason: 'it builds on content that is not there' });
  bad.sort((a, b) => a.at - b.at);
  if (bad.length === 0) return update;
  return salvage
    ? integrated(
        update,
        bad.map(({ at }) => updates[at] ?? nothing),
      )
    : null;
}

/** What of these updates fits on a document, as a user of the other server saw it; Yjs keeps the rest apart. */
function integrated(base: Uint8Array, updates: readonly Uint8Array[]): Uint8Array {
  let state = base;
  for (const update of updates) {
    if (!scanUpdate(update, scan, wholeDocumentCounts)) continue;
    try {
      const doc = load([state, update]);
      doc.store.pendingStructs = null;
      doc.store.pendingDs = null;
      state = merge(null, [Y.encodeStateAsUpdate(doc)]).update;
    } catch {
      // It cannot be applied, which its reason says.
    }
  }
  return state;
}

function compare({ stored, source }: CompareTask): Compared {
  const ours = loadTask(stored);
  const theirs = loadTask(source);
  const before = stateOf(ours);
  const other = stateOf(theirs);
  const content = canonical(ours);
  const digest = createHash('sha256')
    .update(encodeStateVector(before.clocks))
    .update(before.deletes.encode())
    .update(content)
    .digest('hex');
  const relation = relationOf(before, other, () => Buffer.compare(content, canonical(theirs)) === 0);
  if (relation !== 'behind') return { relation, digest, missing: null };
  const known = Y.encodeStateVector(ours);
  Y.applyUpdate(ours, Y.encodeStateAsUpdate(theirs));
  return { relation, digest, missing: Y.encodeStateAsUpdate(ours, known) };
}

interface State {
  readonly clocks: Map<number, number>;
  readonly deletes: IdRanges;
}

function relationOf(ours: State, theirs: State, hasSameContent: () => boolean): Relation {
  if (ours.clocks.size === 0) return theirs.clocks.size === 0 ? 'same' : 'empty';
  const has = includes(ours, theirs);
  if (has && includes(theirs, ours)) return hasSameContent() ? 'same' : 'differs';
  if (has) return 'more';
  return [...theirs.clocks.keys()].some((client) => ours.clocks.has(client)) ? 'behind' : 'unrelated';
}

function includes(whole: State, part: State): boolean {
  for (const [client, clock] of part.clocks) {
    if ((whole.clocks.get(client) ?? 0) < clock) return false;
  }
  let all = true;
  part.deletes.forEach((client, start, end) => (all &&= whole.deletes.has(client, start, end)));
  return all;
}

function stateOf(doc: Y.Doc): State {
  const deletes = new IdRanges();
  for (const [client, items] of Y.createDeleteSetFromStructStore(doc.store).clients) {
    for (const { clock, len } of items) deletes.add(client, clock, clock + len);
  }
  return { clocks: Y.decodeStateVector(Y.encodeStateVector(doc)), deletes };
}

/** The same bytes for the same content, however the document came to it. */
function canonical(doc: Y.Doc): Uint8Array {
  return Y.encodeStateAsUpdate(load([Y.encodeStateAsUpdate(doc)]));
}

function loadTask(task: MergeTask): Y.Doc {
  return load([...(task.snapshot === null ? [] : [task.snapshot]), ...unpackUpdates(task)]);
}

function load(updates: readonly Uint8Array[]): Y.Doc {
  const doc = new Y.Doc({ gc: true });
  // An id that no update can have: Yjs would otherwise change it, and say so, when it meets its own.
  doc.clientID = -1;
  doc.transact(() => {
    for (const update of updates) Y.applyUpdate(doc, update);
  });
  return doc;
}

const nothing = new Uint8Array(0);
/** No clients, no deletions. */
const emptyUpdateBytes = 2;
