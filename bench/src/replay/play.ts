/**
 * The two ways to type a trace into a running relay: one author with somebody reading along, or several people at once,
 * each on a connection of their own. Both end when every replica is identical and everything is durable.
 */
import * as Y from 'yjs';
import { AuthorDocument, CausalOrder, type Made, applyPatches, contains } from './causal-order.ts';
import { ReplayError } from './errors.ts';
import { type Peer, textName } from './peer.ts';
import { type Progress, turn } from './progress.ts';
import type { Trace } from './trace.ts';

/** Milliseconds since the first keystroke. */
export interface PlayTimes {
  readonly typedMs: number;
  /** Every other replica is identical. */
  readonly identicalMs: number;
  /** Every edit is acknowledged as durable. */
  readonly durableMs: number;
}

/** Types a sequential trace at the writer, one Yjs transaction and one turn of the event loop per keystroke. */
export async function playSequential(trace: Trace, writer: Peer, reader: Peer, progress: Progress): Promise<PlayTimes> {
  await Promise.all([writer.whenSynced(), reader.whenSynced()]);
  const text = writer.doc.getText(textName);
  const started = performance.now();
  const since = (): number => performance.now() - started;
  progress.begin('typing');
  for (const { patches } of trace.transactions) {
    if (progress.stopped) break;
    for (const patch of patches) writer.doc.transact(() => applyPatches(text, [patch]));
    progress.typed();
    // A turn per keystroke: each leaves in a frame of its own, and what arrives is read in between.
    await turn();
  }
  return finish(since, [writer], [reader], () => writer.doc, progress);
}

/**
 * Types a concurrent trace, each agent at the peer of the same index.
 *
 * A peer's document gets whatever the network brings, when it brings it, and often in updates that the relay or a client
 * has merged: it is ahead of what its person is to know. So each person types in a second document, the author document,
 * which is fed transaction by transaction: before a transaction it takes exactly the ancestors it lacks, each only once
 * the *peer's* document contains it (its structs and its deletions), that is, once the network has brought it. What is
 * typed is then applied to the peer's document, which sends it. Somebody else's transaction is taken as the update that
 * its author made: out of a merged one, deletions cannot be told apart by transaction. That the bytes which came through
 * the relay say the same is what the comparison of all documents at the end shows.
 */
export async function playConcurrent(
  trace: Trace,
  peers: readonly Peer[],
  expected: Y.Doc,
  progress: Progress,
): Promise<PlayTimes> {
  const order = new CausalOrder(trace);
  /** By transaction; absent until it is typed. */
  const made: (Made | undefined)[] = [];
  const people = peers.map((peer, agent) => ({ agent, peer, author: new AuthorDocument(agent, order) }));
  /** Those who wait until there is something to take. */
  const waiting = new Set<() => void>();
  // That something was typed is news of its own: it may be in a document before it arrives there, as the deletion of what
  // has been deleted there too, and its arrival is then no event.
  const nextNews = (doc: Y.Doc): Promise<void> =>
    new Promise((resolve) => {
      const wake = (): void => {
        doc.off('update', wake);
        waiting.delete(wake);
        resolve();
      };
      doc.on('update', wake);
      waiting.add(wake);
    });
  await Promise.all(peers.map((peer) => peer.whenSynced()));
  const started = performance.now();
  const since = (): number => performance.now() - started;
  progress.begin('typing');

  const type = async ({ agent, peer, author }: (typeof people)[number]): Promise<void> => {
    for (const at of order.madeBy(agent)) {
      for (let next = author.nextFor(at); next !== null; next = author.nextFor(at)) {
        const ancestor = made[next];
        if (ancestor !== undefined && contains(peer.doc, ancestor)) author.take(next, ancestor);
        else await nextNews(peer.doc);
      }
      if (progress.stopped) return;
      const one = author.type(at);
      made[at] = one;
      Y.applyUpdate(peer.doc, one.update, author);
      progress.typed();
      for (const wake of waiting) wake();
      await turn();
    }
  };
  await Promise.all(people.map(type));
  for (const { author } of people) author.doc.destroy();
  return finish(since, peers, peers, () => expected, progress);
}

async function finish(
  since: () => number,
  writers: readonly Peer[],
  readers: readonly Peer[],
  expected: () => Y.Doc,
  progress: Progress,
): Promise<PlayTimes> {
  const typedMs = since();
  progress.begin('waiting for the others to have it all');
  const durable = async (): Promise<number> => {
    await Promise.all(writers.map((writer) => writer.whenDurable()));
    return since();
  };
  const identical = async (): Promise<number> => {
    await Promise.all(readers.map((reader) => becomesIdentical(reader.doc, expected(), progress)));
    return since();
  };
  // Ours is told what is durable while it goes on; for a stock client it can only be asked when the relay has it all.
  const canAskNow = writers.every(({ kind }) => kind === 'tideweave');
  const early = canAskNow ? durable() : null;
  const identicalMs = await identical();
  progress.begin('waiting for everything to be durable');
  return { typedMs, identicalMs, durableMs: await (early ?? durable()) };
}

async function becomesIdentical(doc: Y.Doc, expected: Y.Doc, progress: Progress): Promise<void> {
  const text = doc.getText(textName);
  const { length } = expected.getText(textName);
  const wanted = Y.snapshot(expected);
  const looksEqual = (): boolean =>
    text.length === length &&
    wanted.sv.size === doc.store.clients.size &&
    [...wanted.sv].every(([client, clock]) => Y.getState(doc.store, client) === clock);
  while (!looksEqual() || !Y.equalSnapshots(Y.snapshot(doc), wanted)) {
    if (progress.stopped) throw new ReplayError('the replay was given up');
    await nextUpdate(doc);
    progress.moved();
  }
}

function nextUpdate(doc: Y.Doc): Promise<void> {
  return new Promise((resolve) => {
    doc.once('update', () => resolve());
  });
}
