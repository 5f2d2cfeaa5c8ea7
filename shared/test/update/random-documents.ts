/**
 * Random Yjs documents for tests: histories of several clients that edit every kind of shared type, sync now and then
 * and undo, all from one seed. Other packages' tests import this file by its relative path.
 */
import * as Y from 'yjs';
import { type Random, seededRandom } from '../../src/base/random.ts';
import { varString, varUint } from './handmade.ts';

export interface HistoryOptions {
  /** Clients that edit; default 1 to 4. */
  readonly clients?: number;
  /** Edits in all; default 5 to 60. */
  readonly edits?: number;
  /** Whether deleted content is collected; default by chance. */
  readonly gc?: boolean;
  /** Chance of a sync between two clients before an edit; default 0.3. */
  readonly syncChance?: number;
  /**
   * Whether clients undo and redo; default true. Items that redo makes are where Yjs 13.6 itself does not converge in one
   * of some ten thousand histories, so tests that compare documents integrated in different orders go without.
   */
  readonly undo?: boolean;
  /** Only typing and deleting in one text. */
  readonly textOnly?: boolean;
}

export interface History {
  /** The clients' documents, not necessarily in sync with each other. */
  readonly documents: readonly Y.Doc[];
  /** Every update a client made itself, in an order that respects causes. */
  readonly updates: readonly Uint8Array[];
  /** For each update, the index of its document. */
  readonly authors: readonly number[];
}

/** Seed of a test run: `TIDEWEAVE_SEED`, or fresh; printed, so that a failure can be replayed. */
export function testSeed(title: string): number {
  const given = process.env['TIDEWEAVE_SEED'];
  const seed = given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
  console.log(`${title}: TIDEWEAVE_SEED=${seed}`);
  return seed;
}

/** The random source of case `index` of a run, so that one case can be replayed alone. */
export function caseRandom(seed: number, index: number): Random {
  return seededRandom(Math.imul(seed ^ 0x9e3779b9, index + 1) ^ index);
}

/** An integer in [0, below). */
export function below(random: Random, limit: number): number {
  return Math.floor(random() * limit);
}

/** One of the choices. */
export function pick<Choice>(random: Random, choices: readonly Choice[]): Choice {
  return choices[below(random, choices.length)]!;
}

/** The same items in a random order. */
export function shuffled<Item>(random: Random, items: readonly Item[]): Item[] {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i--) {
    const j = below(random, i + 1);
    [result[i], result[j]] = [result[j]!, result[i]!];
  }
  return result;
}

/** A document that holds `updates`. */
export function documentOf(updates: readonly Uint8Array[], gc = true): Y.Doc {
  const document = new Y.Doc({ gc });
  document.transact(() => {
    for (const update of updates) Y.applyUpdate(document, update);
  });
  return document;
}

/** A history of several clients over documents with every kind of shared type. */
export function randomHistory(random: Random, options: HistoryOptions = {}): History {
  const clients = options.clients ?? 1 + below(random, 4);
  const edits = options.edits ?? 5 + below(random, 56);
  const gc = options.gc ?? random() < 0.5;
  const syncChance = options.syncChance ?? 0.3;
  const undoes = options.undo ?? true;
  const updates: Uint8Array[] = [];
  const authors: number[] = [];
  const documents = Array.from({ length: clients }, () => new Y.Doc({ gc, guid: randomText(random) }));
  const undo: Y.UndoManager[] = [];
  documents.forEach((document, author) => {
    // Small ids make ids of several lengths and collisions of order more likely.
    document.clientID = (random() < 0.5 ? below(random, 300) : below(random, 2 ** 32)) * 8 + author * 2;
    document.on('update', (update: Uint8Array, origin: unknown) => {
      if (origin === syncOrigin) return;
      updates.push(update);
      authors.push(author);
    });
    const roots = [document.getText('t'), document.getArray('a'), document.getMap('m'), document.getXmlFragment('x')];
    undo.push(new Y.UndoManager(roots, { captureTimeout: 0 }));
  });
  for (let edit = 0; edit < edits; edit++) {
    const index = below(random, clients);
    const document = documents[index]!;
    if (clients > 1 && random() < syncChance) syncInto(document, pick(random, documents));
    const manager = undo[index]!;
    if (options.textOnly === true) editText(random, document.getText('t'), false);
    else if (undoes && random() < 0.08 && manager.canUndo()) manager.undo();
    else if (undoes && random() < 0.05 && manager.canRedo()) manager.redo();
    else if (random() < 0.03) insertLegacyJson(random, document);
    else if (random() < 0.2) document.transact(() => repeat(1 + below(random, 6), () => randomEdit(random, document)));
    else randomEdit(random, document);
  }
  for (const manager of undo) manager.destroy();
  return { documents, updates, authors };
}

const syncOrigin = 'sync';

/** Brings `from`'s content into `into`, as a peer would. */
export function syncInto(into: Y.Doc, from: Y.Doc): void {
  if (into !== from) Y.applyUpdate(into, Y.encodeStateAsUpdate(from, Y.encodeStateVector(into)), syncOrigin);
}

function repeat(times: number, run: () => void): void {
  for (let i = 0; i < times; i++) run();
}

type Shared = Y.AbstractType<unknown>;

/** One edit somewhere in the document. */
function randomEdit(random: Random, document: Y.Doc): void {
  const types: Shared[] = [];
  for (const root of [
    document.getText('t'),
    document.getArray('a'),
    document.getMap('m'),
    document.getXmlFragment('x'),
  ]) {
    collect(root as unknown as Shared, types, 0);
  }
  const target = pick(random, types);
  if (target instanceof Y.XmlText || target instanceof Y.Text) editText(random, target, true);
  else if (target instanceof Y.Array) editArray(random, target as Y.Array<unknown>);
  else if (target instanceof Y.Map) editMap(random, target as Y.Map<unknown>);
  else if (target instanceof Y.XmlFragment) editXml(random, target);
}

/** Collects the live shared types under `type`; chance keeps the depth small. */
function collect(type: Shared, into: Shared[], depth: number): void {
  into.push(type);
  if (depth > 5) return;
  const children: unknown[] = [];
  if (type instanceof Y.Array) children.push(...(type as Y.Array<unknown>).toArray());
  else if (type instanceof Y.Map) children.push(...(type as Y.Map<unknown>).values());
  else if (type instanceof Y.XmlFragment) children.push(...type.toArray());
  else if (type instanceof Y.Text) for (const part of type.toDelta()) children.push(part.insert);
  for (const child of children) if (child instanceof Y.AbstractType) collect(child as Shared, into, depth + 1);
}

const pieces = ['a', 'b', ' ', 'the ', 'é', '漢字', '😀', '👩‍👩‍👧', '\u0000', '"\\', '\ufeff', '\u2028', 'x'.repeat(200)];

function randomText(random: Random): string {
  let text = '';
  repeat(1 + below(random, 4), () => (text += pick(random, pieces)));
  return text;
}

function randomKey(random: Random): string {
  return random() < 0.8 ? pick(random, ['k', 'key', 'ключ', '']) : randomText(random);
}

/** A value as applications put into arrays and maps. */
function randomValue(random: Random, depth = 0): unknown {
  const kind = below(random, depth > 3 ? 10 : 13);
  switch (kind) {
    case 0:
      return undefined;
    case 1:
      return null;
    case 2:
      return random() < 0.5;
    case 3:
      return below(random, 200) - 100;
    case 4:
      return pick(random, [2 ** 31 - 1, -(2 ** 31), 2 ** 31, 2 ** 40, Number.MAX_SAFE_INTEGER, -0, 127, 128, 63, 64]);
    case 5:
      return pick(random, [0.5, 0.1, -1.25, Math.PI, Infinity, Number.NaN, 1e300]);
    case 6:
      return BigInt(below(random, 2 ** 31)) * 4_294_967_296n;
    case 7:
    case 8:
      return randomText(random);
    case 9:
      return Uint8Array.from({ length: below(random, 20) }, () => below(random, 256));
    case 10:
      return Array.from({ length: below(random, 4) }, () => randomValue(random, depth + 1));
    default: {
      const value: Record<string, unknown> = {};
      repeat(below(random, 4), () => (value[randomKey(random)] = randomValue(random, depth + 1)));
      return value;
    }
  }
}

/** A value as JSON knows it, for embeds and formats. */
function randomJson(random: Random, depth = 0): object | string | number | boolean | null {
  switch (below(random, depth > 3 ? 5 : 7)) {
    case 0:
      return null;
    case 1:
      return random() < 0.5;
    case 2:
      return pick(random, [0, -1, 1e21, 1.5e-7, 42]);
    case 3:
    case 4:
      return randomText(random);
    case 5:
      return Array.from({ length: below(random, 4) }, () => randomJson(random, depth + 1));
    default:
      return { [randomKey(random)]: randomJson(random, depth + 1), '"\u0001\n': 1 };
  }
}

function randomType(random: Random): Shared {
  switch (below(random, 7)) {
    case 0:
      return new Y.Text(random() < 0.5 ? randomText(random) : undefined) as unknown as Shared;
    case 1:
      return new Y.Array() as unknown as Shared;
    case 2:
      return new Y.Map() as unknown as Shared;
    case 3:
      return new Y.XmlFragment() as unknown as Shared;
    case 4:
      return new Y.XmlText(randomText(random)) as unknown as Shared;
    case 5:
      return new Y.XmlHook(randomKey(random)) as unknown as Shared;
    default:
      return new Y.XmlElement(pick(random, ['p', 'div', 'näme'])) as unknown as Shared;
  }
}

function randomEntry(random: Random): unknown {
  const chance = random();
  if (chance < 0.25) return randomType(random);
  if (chance < 0.3) {
    const options = pick(random, [{}, { autoLoad: true }, { gc: false }, { meta: { a: [1, 'x', null] } }]);
    return new Y.Doc({ guid: randomText(random), ...options });
  }
  return randomValue(random);
}

function editText(random: Random, text: Y.Text, rich: boolean): void {
  const units = unitsOf(text);
  const length = units.length;
  const at = between(units, below(random, length + 1));
  const chance = random();
  if (length > 0 && chance < 0.25) {
    const from = between(units, below(random, length));
    text.delete(from, between(units, Math.min(length, from + 1 + below(random, 12))) - from);
  } else if (!rich || chance < 0.6) {
    // No half surrogate pairs: the author's own Y.Doc treats them unlike everyone who reads them as U+FFFD.
    text.insert(random() < 0.5 ? length : at, randomText(random));
  } else if (chance < 0.7) {
    text.insert(at, randomText(random), { [pick(random, ['bold', 'link', ''])]: randomJson(random) });
  } else if (length > 0 && chance < 0.88) {
    const from = between(units, below(random, length));
    const to = between(units, from + 1 + below(random, Math.max(1, length - from)));
    text.format(from, to - from, { [pick(random, ['bold', 'link'])]: randomJson(random) });
  } else if (chance < 0.95) {
    text.insertEmbed(at, { embed: randomJson(random) });
  } else {
    text.insertEmbed(at, randomType(random));
  }
}

/** The text with one unit for each embed, so that its indexes are Yjs's. */
function unitsOf(text: Y.Text): string {
  const parts: unknown[] = text.toDelta().map((part: { insert: unknown }) => part.insert);
  return parts.map((part) => (typeof part === 'string' ? part : '\u0001')).join('');
}

/**
 * The index, or the next one if it lies within a surrogate pair. A pair that is cut becomes two U+FFFD in the documents
 * that saw the cut before they encoded it and stays whole in the others: Yjs itself does not converge then.
 */
function between(units: string, index: number): number {
  const isPair = /^[\ud800-\udbff][\udc00-\udfff]$/.test(units.slice(index - 1, index + 1));
  return index > 0 && isPair ? index + 1 : index;
}

function editArray(random: Random, array: Y.Array<unknown>): void {
  const length = array.length;
  if (length > 0 && random() < 0.3) {
    const from = below(random, length);
    array.delete(from, 1 + below(random, Math.min(length - from, 5)));
    return;
  }
  const entries = Array.from({ length: 1 + below(random, 4) }, () => {
    const entry = randomEntry(random);
    // Yjs takes these inside of entries, but not as one.
    return entry === undefined || typeof entry === 'bigint' ? [entry] : entry;
  });
  array.insert(random() < 0.5 ? length : below(random, length + 1), entries);
}

function editMap(random: Random, map: Y.Map<unknown>): void {
  if (random() < 0.2) map.delete(randomKey(random));
  else map.set(randomKey(random), randomEntry(random));
}

function editXml(random: Random, xml: Y.XmlFragment): void {
  const chance = random();
  if (xml instanceof Y.XmlElement && chance < 0.3) {
    xml.setAttribute(randomKey(random), randomText(random));
  } else if (xml.length > 0 && chance < 0.5) {
    xml.delete(below(random, xml.length), 1);
  } else {
    const child = random() < 0.5 ? new Y.XmlElement(pick(random, ['p', 'li'])) : new Y.XmlText(randomText(random));
    xml.insert(below(random, xml.length + 1), [child]);
  }
}

/**
 * Inserts an array entry as Yjs wrote it before it had Any (ContentJSON), under a client id beside the document's own:
 * no call of today's API makes one, but documents of that time are still around.
 */
function insertLegacyJson(random: Random, document: Y.Doc): void {
  const values: unknown[] = Array.from({ length: 1 + below(random, 3) }, () => randomJson(random));
  if (random() < 0.3) values.push(undefined);
  const client = document.clientID + 1;
  const clock = Y.decodeStateVector(Y.encodeStateVector(document)).get(client) ?? 0;
  const texts = values.map((value) => (value === undefined ? 'undefined' : JSON.stringify(value)));
  const struct = [2, 1, ...varString('a'), ...varUint(values.length), ...texts.flatMap((text) => varString(text))];
  Y.applyUpdate(document, Uint8Array.from([1, 1, ...varUint(client), ...varUint(clock), ...struct, 0]));
}
