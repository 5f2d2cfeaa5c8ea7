/** Updates with valid framing that Yjs cannot apply, made by damaging genuine ones. */
import { type Random, seededRandom } from '@tideweave/shared';
import * as Y from 'yjs';

/** `edits` updates: what one client types into a document: text with formats, maps, arrays and nested types. */
export function genuineUpdates(seed: number, edits: number, clientID: number): Uint8Array[] {
  const random = seededRandom(seed);
  const doc = new Y.Doc();
  doc.clientID = clientID;
  const updates: Uint8Array[] = [];
  doc.on('update', (update: Uint8Array) => updates.push(update));
  // Not every edit changes something.
  for (let count = 0; updates.length < edits; count += 1) doc.transact(() => edit(doc, random, count));
  return updates;
}

function edit(doc: Y.Doc, random: Random, count: number): void {
  const text = doc.getText('text');
  const at = Math.floor(random() * (text.length + 1));
  const kind = Math.floor(random() * 7);
  if (kind <= 1) text.insert(at, 'abc'.repeat(1 + Math.floor(random() * 3)));
  else if (kind === 2 && text.length > 4) text.delete(0, 2);
  else if (kind === 3 && text.length > 4) text.format(1, 2, { bold: true });
  else if (kind === 4) doc.getMap('map').set(`key ${count % 5}`, { value: count });
  else if (kind === 5) doc.getArray('array').insert(0, [count, 'text', new Uint8Array([1, 2, 3])]);
  else doc.getMap('map').set('nested', new Y.Map([['inner', new Y.Text('x')]]));
}

/** Loads updates into a document; throws what Yjs throws, and when something is missing. */
export function load(updates: readonly Uint8Array[]): Y.Doc {
  const doc = new Y.Doc();
  doc.clientID = -1;
  for (const update of updates) Y.applyUpdate(doc, update);
  if (doc.store.pendingStructs !== null || doc.store.pendingDs !== null) throw new Error('pending');
  return doc;
}

/**
 * `count` updates that Yjs decodes and that throw when they are applied to what `base` makes, each of another mutation.
 * The same seed gives the same ones. (The scanner refuses most of them; `forgedOverlaps` has some that it cannot.)
 */
export function poison(
  seed: number,
  count: number,
  base: readonly Uint8Array[],
  victims: readonly Uint8Array[],
): Uint8Array[] {
  const random = seededRandom(seed);
  const snapshot = Y.encodeStateAsUpdate(load(base));
  const found = new Map<string, Uint8Array>();
  for (let attempt = 0; found.size < count; attempt += 1) {
    if (attempt > 200_000) throw new Error(`only ${found.size} of ${count} found`);
    const victim = victims[Math.floor(random() * victims.length)];
    if (victim === undefined) throw new Error('no updates to damage');
    const mutated = victim.slice();
    for (let flips = 1 + Math.floor(random() * 3); flips > 0; flips -= 1) {
      mutated[Math.floor(random() * mutated.byteLength)] = Math.floor(random() * 256);
    }
    if (decodes(mutated) && throwsOn([snapshot], mutated)) found.set(Buffer.from(mutated).toString('hex'), mutated);
  }
  return [...found.values()];
}

function decodes(update: Uint8Array): boolean {
  try {
    Y.decodeUpdate(update);
    return true;
  } catch {
    return false;
  }
}

function throwsOn(base: readonly Uint8Array[], update: Uint8Array): boolean {
  const doc = load(base);
  try {
    Y.applyUpdate(doc, update);
    return false;
  } catch {
    return true;
  }
}

/** Two concurrent entries under one key of a map: that of client 7 loses, and is collected as garbage at clocks 0 to 2. */
export function losingMaps(): Uint8Array[] {
  return [9, 7].map((clientID) => {
    const doc = new Y.Doc();
    doc.clientID = clientID;
    doc.getMap('map').set('nested', new Y.Map([['inner', new Y.Text('x')]]));
    return Y.encodeStateAsUpdate(doc);
  });
}

/**
 * Text of client 7 from clock 1 on, of several lengths: it overlaps the garbage that is there, and Yjs fails when it cuts
 * off what it knows. Scanner and admission cannot see that: it depends on what became garbage.
 */
export function forgedOverlaps(count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, index) => {
    const length = 3 + index;
    const text = Buffer.alloc(length, 'forged');
    const lengthBytes = length < 128 ? [length] : [(length & 127) | 128, length >>> 7];
    return Uint8Array.of(1, 1, 7, 1, 4, 1, 4, ...Buffer.from('text'), ...lengthBytes, ...text, 0);
  });
}
