/**
 * Merges a document's tail into its snapshot, in a worker thread: the only place of the relay that builds a Y.Doc.
 * An update may have valid framing and still be impossible to apply. Such a one is found here and left out, so that
 * every stored document loads (L1).
 */
import { isMainThread } from 'node:worker_threads';

import { UpdateScan, indexSnapshot, mergeUpdates, scanUpdate } from '@tideweave/shared';
import * as Y from 'yjs';

import { type LeftOut, type MergeResult, type MergeTask, unpackUpdates } from './merge-task.ts';

/** A document's state as one update, or why the attempt to get it failed. */
type Attempt =
  | { readonly update: Uint8Array }
  /** Something builds on content that is not there. */
  | { readonly failed: 'waits' }
  | { readonly failed: 'throws'; readonly reason: string };

/** What looking for culprits may cost, in bytes applied: a minimum, and multiples of what there is to merge. */
const searchBytesMin = 128 * 1024 * 1024;
const searchFactor = 40;
/** To scan and merge an update costs more than applying it from about here on: some twenty keystrokes in one. */
const shortBytesMax = 64;
/** What building a document costs however small it is. */
const attemptBytes = 1024;

// Yjs writes to the console about some strange documents; theirs is not the relay's log.
if (!isMainThread) {
  console.log = (): void => {};
  console.error = (): void => {};
}

/** The task of the pool. Its result is copied, not moved: that would take Piscina in here, which costs more to load. */
export default function run(task: MergeTask): MergeResult {
  return merge(task.snapshot, unpackUpdates(task));
}

/**
 * Merges updates into a snapshot. Throws when the snapshot itself does not load.
 */
export function merge(snapshot: Uint8Array | null, updates: readonly Uint8Array[]): MergeResult {
  const whole = attempt(snapshot, updates);
  if ('update' in whole) return finish(whole.update, updates.length, []);
  const base = attempt(snapshot, []);
  if ('failed' in base) throw new Error('the stored snapshot does not load');
  return new Search(base.update, updates).run();
}

/** Looks for the updates that cannot be applied: halves what fails until it is a single one, from the first to the last. */
class Search {
  readonly #base: Uint8Array;
  readonly #updates: readonly Uint8Array[];
  readonly #leftOut: LeftOut[] = [];
  readonly #waiting: number[] = [];
  /** The document with everything that was dealt with and did not fail. */
  #merged: Uint8Array;
  #count = 0;
  #bytesLeft: number;

  constructor(base: Uint8Array, updates: readonly Uint8Array[]) {
    this.#base = base;
    this.#updates = updates;
    this.#merged = base;
    const bytes = updates.reduce((sum, update) => sum + update.byteLength, base.byteLength);
    this.#bytesLeft = Math.max(searchBytesMin, searchFactor * bytes);
  }

  run(): MergeResult {
    this.#settle(0, this.#updates.length);
    const waiting = this.#waiting.filter((at) => !this.#apply(this.#updates.slice(at, at + 1)));
    const first = waiting[0];
    if (first !== undefined && first > 0 && this.#leftOut.length === 0) {
      // What it builds on may be on its way, from another relay. The next compaction begins with it, and is the last chance.
      const before = attempt(this.#base, this.#updates.slice(0, first));
      if ('update' in before) return finish(before.update, first, []);
    }
    for (const at of waiting) this.#leftOut.push({ at, reason: 'it builds on content that is not there' });
    this.#leftOut.sort((a, b) => a.at - b.at);
    return finish(this.#merged, this.#count, this.#leftOut);
  }

  #settle(from: number, to: number): void {
    if (this.#bytesLeft <= 0) return;
    const failed = this.#try(this.#updates.slice(from, to));
    if (failed === null) {
      this.#count = to;
    } else if (to - from === 1) {
      this.#count = to;
      if (failed.failed === 'waits') this.#waiting.push(from);
      else this.#leftOut.push({ at: from, reason: failed.reason });
    } else {
      const middle = (from + to) >>> 1;
      this.#settle(from, middle);
      if (this.#count === middle) this.#settle(middle, to);
    }
  }

  #apply(updates: readonly Uint8Array[]): boolean {
    return this.#bytesLeft > 0 && this.#try(updates) === null;
  }

  /** Goes on with these updates when they apply; how they fail otherwise. */
  #try(updates: readonly Uint8Array[]): Exclude<Attempt, { update: Uint8Array }> | null {
    this.#bytesLeft -= updates.reduce((sum, update) => sum + update.byteLength, this.#merged.byteLength + attemptBytes);
    const result = attempt(this.#merged, updates);
    if ('failed' in result) return result;
    this.#merged = result.update;
    return null;
  }
}

/** Applies everything in one transaction to a document of its own, and proves that the result loads and encodes again. */
function attempt(base: Uint8Array | null, updates: readonly Uint8Array[]): Attempt {
  try {
    const doc = emptyDoc();
    doc.transact(() => {
      if (base !== null) Y.applyUpdate(doc, base);
      for (const update of condensed(doc, updates)) Y.applyUpdate(doc, update);
    });
    if (waits(doc)) return { failed: 'waits' };
    const update = Y.encodeStateAsUpdate(doc);
    const again = emptyDoc();
    Y.applyUpdate(again, update);
    // Loading may delete more than the document itself did, after forged updates; what must not happen is that something is missing.
    if (waits(again) || !sameClocks(doc, again)) {
      return { failed: 'throws', reason: 'the document does not load with it' };
    }
    Y.encodeStateAsUpdate(again);
    return { update };
  } catch (error) {
    // The message may quote content; the class of the error does not.
    return { failed: 'throws', reason: `applying it throws ${error instanceof Error ? error.name : 'something'}` };
  }
}

/**
 * The updates as fewer, in order: what was typed letter by letter builds several times as fast from them. What is short and
 * continues the document is merged at the level of bytes. What reaches back into it stays alone: cut to what is new it
 * might apply here, and would still fail where somebody receives all of it.
 */
function* condensed(doc: Y.Doc, updates: readonly Uint8Array[]): Iterable<Uint8Array> {
  const scan = new UpdateScan();
  const ends = new Map<number, number>();
  let continuing: Uint8Array[] = [];
  for (const update of updates) {
    if (update.byteLength <= shortBytesMax && continues(update, scan, doc, ends)) {
      continuing.push(update);
      continue;
    }
    if (continuing.length > 0) yield mergeUpdates(continuing);
    yield update;
    continuing = [];
    // All of it is in the document by now.
    ends.clear();
  }
  if (continuing.length > 0) yield mergeUpdates(continuing);
}

/** Whether everything in an update is new, behind what the document and `ends`, which it adds to, have of each client. */
function continues(update: Uint8Array, scan: UpdateScan, doc: Y.Doc, ends: Map<number, number>): boolean {
  let isNew = scanUpdate(update, scan);
  for (let row = 0; row < scan.runCount; row++) {
    const client = scan.runClient[row] ?? 0;
    const known = ends.get(client) ?? Y.getState(doc.store, client);
    isNew &&= (scan.runClock[row] ?? 0) >= known;
    ends.set(client, Math.max(known, scan.runEnd[row] ?? 0));
  }
  return isNew;
}

function emptyDoc(): Y.Doc {
  const doc = new Y.Doc({ gc: true });
  // An id that no update can have: Yjs would otherwise change it, and say so, when it meets its own.
  doc.clientID = -1;
  return doc;
}

function waits(doc: Y.Doc): boolean {
  return doc.store.pendingStructs !== null || doc.store.pendingDs !== null;
}

function sameClocks(a: Y.Doc, b: Y.Doc): boolean {
  const clocks = Y.decodeStateVector(Y.encodeStateVector(a));
  const others = Y.decodeStateVector(Y.encodeStateVector(b));
  return clocks.size === others.size && [...clocks].every(([client, clock]) => others.get(client) === clock);
}

function finish(update: Uint8Array, count: number, leftOut: readonly LeftOut[]): MergeResult {
  return { update, index: indexSnapshot(update), count, leftOut };
}
