import * as Y from 'yjs';

/**
 * One update that brings what all of `updates` bring, made by Yjs, which every client has. In a tree: Yjs takes time by
 * the square of their number.
 */
export function mergeUpdates(updates: readonly Uint8Array[]): Uint8Array {
  let layer = [...updates];
  while (layer.length > 1) {
    const next: Uint8Array[] = [];
    for (let at = 0; at < layer.length; at += fanOut) next.push(Y.mergeUpdates(layer.slice(at, at + fanOut)));
    layer = next;
  }
  return layer[0] ?? Y.mergeUpdates([]);
}

/** Updates merged at once. */
const fanOut = 128;
