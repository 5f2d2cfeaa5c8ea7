/**
 * Made-up traces for machines without the recorded ones, from a seed: people who type runs of characters, delete what
 * they just typed, and move about, at about the proportions of the recordings.
 */
import { type Random, seededRandom } from '@tideweave/shared';
import * as Y from 'yjs';
import { textName, textOf } from './peer.ts';
import type { Patch, Trace, Transaction } from './trace.ts';

/** As many keystrokes as automerge-paper has, and transactions as clownschool has. */
export const generatedCounts = { sequential: 259_778, concurrent: 23_136 } as const;

const letters = 'etaoin shrdlu cmfwyp vbgkqjxz\n';

/** Decides one keystroke after the other, for a text whose length it is told. */
class Typist {
  readonly #random: Random;
  #cursor = 0;
  #runLeft = 0;
  #deleting = false;

  constructor(random: Random) {
    this.#random = random;
  }

  next(length: number): Patch {
    if (this.#runLeft === 0) this.#newRun(length);
    this.#runLeft--;
    this.#cursor = Math.min(this.#cursor, length);
    if (this.#deleting && this.#cursor > 0) {
      this.#cursor--;
      return [this.#cursor, 1, ''];
    }
    const letter = letters[Math.floor(this.#random() * letters.length)] ?? ' ';
    this.#cursor++;
    return [this.#cursor - 1, 0, letter];
  }

  #newRun(length: number): void {
    this.#deleting = this.#random() < 0.4;
    // Runs of deletion are shorter: three in ten keystrokes delete, as in the recording.
    this.#runLeft = 1 + Math.floor(this.#random() * (this.#deleting ? 12 : 20));
    // A run of deletion mostly takes back what was typed last; a run of typing begins elsewhere now and then.
    if (this.#random() < (this.#deleting ? 0.05 : 0.25)) this.#cursor = Math.floor(this.#random() * (length + 1));
  }
}

/** One author, one character per transaction. */
export function generateSequential(count: number, seed: number): Trace {
  const typist = new Typist(seededRandom(seed));
  const transactions: Transaction[] = [];
  let text = '';
  for (let at = 0; at < count; at++) {
    const patch = typist.next(text.length);
    text = text.slice(0, patch[0]) + patch[2] + text.slice(patch[0] + patch[1]);
    transactions.push({ agent: 0, parents: [], patches: [patch] });
  }
  return { name: `generated (seed ${seed})`, kind: 'sequential', agents: 1, transactions, endContent: text };
}

/** Two people who hear of each other at random moments, so that stretches of what they type are concurrent. */
export function generateConcurrent(count: number, seed: number): Trace {
  const random = seededRandom(seed);
  const people = [0, 1].map((agent) => {
    const doc = new Y.Doc();
    doc.clientID = agent + 1;
    return { agent, doc, typist: new Typist(random), last: -1, heard: -1 };
  });
  const transactions: Transaction[] = [];
  for (let at = 0; at < count; at++) {
    const [me, other] = random() < 0.5 ? [people[0], people[1]] : [people[1], people[0]];
    if (me === undefined || other === undefined) throw new Error('there are two people');
    // Heads of what this person knows: their own last one, and the other's where that does not lie below it.
    const parents = [me.last];
    if (random() < 0.3 && other.last > me.heard) {
      Y.applyUpdate(me.doc, Y.encodeStateAsUpdate(other.doc, Y.encodeStateVector(me.doc)));
      me.heard = other.last;
      parents.push(other.last);
    }
    const text = me.doc.getText(textName);
    const [position, deleted, inserted] = me.typist.next(text.length);
    me.doc.transact(() => {
      text.delete(position, deleted);
      text.insert(position, inserted);
    });
    me.last = at;
    transactions.push({
      agent: me.agent,
      parents: parents.filter((parent) => parent >= 0),
      patches: [[position, deleted, inserted]],
    });
  }
  const merged = new Y.Doc();
  for (const { doc } of people) Y.applyUpdate(merged, Y.encodeStateAsUpdate(doc));
  const endContent = textOf(merged);
  return { name: `generated (seed ${seed})`, kind: 'concurrent', agents: 2, transactions, endContent };
}
