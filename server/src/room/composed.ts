import type { Known } from './history.ts';

/**
 * What was composed a moment ago for somebody who has the same: a crowd that was disconnected together, by a restart or a
 * network, comes back together, and is served from one slice and one merge. Whoever changes the history clears it.
 */
export class Composed {
  #byKnown: Map<string, readonly Uint8Array[]> | null = null;

  get(known: Known): readonly Uint8Array[] | null {
    if (this.#byKnown === null || known.stateVector.size > clientsMax) return null;
    return this.#byKnown.get(keyOf(known)) ?? null;
  }

  set(known: Known, updates: readonly Uint8Array[]): void {
    if (known.stateVector.size > clientsMax) return;
    // Rooms are many and crowds are few: nothing is there until there is something to keep.
    this.#byKnown ??= new Map();
    if (this.#byKnown.size >= keptMax) this.#byKnown.clear();
    this.#byKnown.set(keyOf(known), updates);
  }

  clear(): void {
    this.#byKnown = null;
  }
}

/** Different states of a crowd that are remembered: those of the last moments before it was cut off. */
const keptMax = 16;
/** A state of more clients than this costs as much to compare as to serve. */
const clientsMax = 256;

function keyOf({ seq, stateVector }: Known): string {
  let key = `${seq}`;
  for (const [client, clock] of stateVector) key += `,${client}:${clock}`;
  return key;
}
