/** Updates, and what they make together. Runs in Node and in browsers. */
import * as assert from 'uvu/assert';
import * as Y from 'yjs';

import type { StoredDocument } from '../../src/store/offline-store.ts';

/** Updates of one client that set `<client>-1`, `<client>-2` … in a map, one each. */
export function edits(client: number, count: number): Uint8Array[] {
  const doc = new Y.Doc();
  doc.clientID = client;
  const updates: Uint8Array[] = [];
  doc.on('update', (update: Uint8Array) => updates.push(update));
  for (let n = 1; n <= count; n += 1) doc.getMap('map').set(`${client}-${n}`, n);
  return updates;
}

/** The update at `index`, which must be there. */
export function at<T>(list: readonly T[], index: number): T {
  const value = list[index];
  if (value === undefined) throw new Error(`nothing at ${index}`);
  return value;
}

/** Fails unless both lists hold the same bytes; without uvu's picture of every byte. */
export function sameUpdates(actual: readonly Uint8Array[], expected: readonly Uint8Array[]): void {
  assert.is(actual.length, expected.length);
  const differs = actual.findIndex((update, index) => {
    const other = at(expected, index);
    return update.length !== other.length || update.some((byte, offset) => byte !== other[offset]);
  });
  assert.is(differs, -1, `the update at ${differs} differs`);
}

/** Keys of the map that these updates make, sorted by client and number. */
export function keysOf(updates: readonly Uint8Array[]): string[] {
  const doc = new Y.Doc();
  for (const update of updates) Y.applyUpdate(doc, update);
  assert.is(doc.store.pendingStructs, null, 'no update is missing in between');
  const order = (key: string): number => key.split('-').reduce((sum, part) => sum * 100_000 + Number(part), 0);
  return [...doc.getMap('map').keys()].sort((a, b) => order(a) - order(b));
}

/** Keys that `edits(client, count)` sets. */
export const keysSet = (client: number, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${client}-${index + 1}`);

export function updatesOf({ base, received, delivered, pending }: StoredDocument): Uint8Array[] {
  const updates = [...received, ...delivered.map(({ update }) => update), ...pending.map(({ update }) => update)];
  return base === null ? updates : [base, ...updates];
}

export const contentOf = (stored: StoredDocument): string[] => keysOf(updatesOf(stored));

/** What the promise rejects with. */
export async function rejection(run: () => Promise<unknown>): Promise<Error> {
  try {
    await run();
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
  throw new Error('it did not reject');
}

/** Its `code`, or its message where it has none. */
export async function codeOf(run: () => Promise<unknown>): Promise<string> {
  const error = await rejection(run);
  return 'code' in error ? String(error.code) : error.message;
}

/** An `onError` where no error is expected. */
export function fail(error: Error): never {
  throw error;
}
