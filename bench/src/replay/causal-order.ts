/**
 * Who may type what, when. A transaction's positions refer to the merge of its parents, so it may only be applied to a
 * document that holds its ancestors and *nothing else*: one keystroke too many of somebody else's would shift it.
 */
import * as Y from 'yjs';
import { ReplayError } from './errors.ts';
import { textName } from './peer.ts';
import type { Trace, Transaction } from './trace.ts';

/** A transaction as it was made: the update, and how to recognise that a document contains it. */
export interface Made {
  readonly update: Uint8Array;
  readonly client: number;
  /** The client's clock after it. */
  readonly endClock: number;
  readonly deleted: readonly { readonly client: number; readonly clock: number; readonly length: number }[];
}

/** Who made which transactions, and which ones each builds on. */
export class CausalOrder {
  readonly trace: Trace;
  /** By agent, the indices of their transactions. */
  readonly #byAgent: readonly number[][];
  /**
   * By transaction, how many of each agent's are among its ancestors. As an agent's own are ordered, those are the first
   * ones: a version vector in transactions.
   */
  readonly #ancestors: readonly Uint32Array[];

  /** Throws `ReplayError` when an agent's own transactions are not ordered. */
  constructor(trace: Trace) {
    const byAgent: number[][] = Array.from({ length: trace.agents }, () => []);
    const versions: Uint32Array[] = [];
    const ancestors: Uint32Array[] = [];
    for (const [at, { agent, parents }] of trace.transactions.entries()) {
      const known = new Uint32Array(trace.agents);
      for (const parent of parents) {
        for (const [other, count] of (versions[parent] ?? known).entries()) {
          known[other] = Math.max(known[other] ?? 0, count);
        }
      }
      const own = byAgent[agent] ?? [];
      if (known[agent] !== own.length) {
        throw new ReplayError(`${trace.name}: transaction ${at} does not follow the one before of the same agent`);
      }
      own.push(at);
      const version = known.slice();
      version[agent] = own.length;
      versions.push(version);
      ancestors.push(known);
    }
    this.trace = trace;
    this.#byAgent = byAgent;
    this.#ancestors = ancestors;
  }

  /** Indices of an agent's transactions. */
  madeBy(agent: number): readonly number[] {
    return this.#byAgent[agent] ?? [];
  }

  /** The first ancestor of transaction `at` that is missing where the first `holds` of each agent are; null if none. */
  firstMissing(at: number, holds: Uint32Array): number | null {
    let first = Infinity;
    for (const [agent, count] of this.#ancestors[at]?.entries() ?? []) {
      const held = holds[agent] ?? 0;
      if (held < count) first = Math.min(first, this.#byAgent[agent]?.[held] ?? Infinity);
    }
    return first === Infinity ? null : first;
  }
}

/** A person's document as that person saw it: the ancestors of what is typed next, to the transaction. */
export class AuthorDocument {
  readonly doc: Y.Doc = new Y.Doc();
  readonly #order: CausalOrder;
  /** How many transactions of each agent it holds. */
  readonly #holds: Uint32Array;

  constructor(agent: number, order: CausalOrder) {
    this.#order = order;
    this.#holds = new Uint32Array(order.trace.agents);
    // Where two type side by side Yjs orders by client id, and the recordings are in the order of the agents.
    this.doc.clientID = agent + 1;
  }

  /**
   * What has to be taken next before transaction `at` may be typed; null when the document is the merge of its parents.
   * In the order of the trace: what comes before what it builds on would only pile up in the document.
   */
  nextFor(at: number): number | null {
    return this.#order.firstMissing(at, this.#holds);
  }

  /** Takes a transaction of somebody else. */
  take(at: number, made: Made): void {
    Y.applyUpdate(this.doc, made.update);
    this.#hold(at);
  }

  /** Types a transaction. Throws `ReplayError` when its positions do not fit the document. */
  type(at: number): Made {
    const { patches } = this.#transaction(at);
    const { doc } = this;
    let update: Uint8Array = emptyUpdate;
    const deleted: Made['deleted'][number][] = [];
    doc.once('update', (bytes: Uint8Array) => (update = bytes));
    doc.once('afterTransaction', (transaction: Y.Transaction) => {
      for (const [client, ranges] of transaction.deleteSet.clients) {
        for (const { clock, len } of ranges) deleted.push({ client, clock, length: len });
      }
    });
    doc.transact(() => applyPatches(doc.getText(textName), patches));
    this.#hold(at);
    return { update, client: doc.clientID, endClock: Y.getState(doc.store, doc.clientID), deleted };
  }

  #hold(at: number): void {
    const { agent } = this.#transaction(at);
    this.#holds[agent] = (this.#holds[agent] ?? 0) + 1;
  }

  #transaction(at: number): Transaction {
    const transaction = this.#order.trace.transactions[at];
    if (transaction === undefined) throw new RangeError(`there is no transaction ${at}`);
    return transaction;
  }
}

export function applyPatches(text: Y.Text, patches: Transaction['patches']): void {
  for (const [position, deleted, inserted] of patches) {
    // Yjs would delete less without a word.
    if (position + deleted > text.length) {
      throw new ReplayError(
        `a patch at ${position} deletes ${deleted} of ${text.length} characters: the trace or its order is wrong`,
      );
    }
    if (deleted > 0) text.delete(position, deleted);
    if (inserted !== '') text.insert(position, inserted);
  }
}

/** Whether a document contains a transaction: all it inserted and all it deleted. */
export function contains({ store }: Y.Doc, made: Made): boolean {
  if (Y.getState(store, made.client) < made.endClock) return false;
  for (const { client, clock, length } of made.deleted) {
    if (Y.getState(store, client) < clock + length) return false;
    for (let at = clock; at < clock + length; at++) {
      if (!Y.getItem(store, Y.createID(client, at)).deleted) return false;
    }
  }
  return true;
}

/** The same by hand and without a network: what every replica of a concurrent trace has to arrive at. */
export function mergeLocally(trace: Trace): Y.Doc {
  const order = new CausalOrder(trace);
  const authors = Array.from({ length: trace.agents }, (_, agent) => new AuthorDocument(agent, order));
  const made: Made[] = [];
  const merged = new Y.Doc();
  for (const [at, { agent }] of trace.transactions.entries()) {
    const author = authors[agent];
    if (author === undefined) throw new Error('each agent has a document');
    for (let next = author.nextFor(at); next !== null; next = author.nextFor(at)) {
      const ancestor = made[next];
      if (ancestor === undefined) throw new Error('parents stand before their children');
      author.take(next, ancestor);
    }
    const one = author.type(at);
    made.push(one);
    Y.applyUpdate(merged, one.update);
  }
  for (const { doc } of authors) doc.destroy();
  return merged;
}

/** No structs, no deletions. */
const emptyUpdate = Uint8Array.of(0, 0);
