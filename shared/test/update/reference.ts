/**
 * The reference that ours is compared with: what Yjs reads in an update, in the terms of `UpdateScan`, and all that
 * counts in a document, without what depends on the order in which it learned it.
 */
import * as Y from 'yjs';
import type { UpdateScan } from '../../src/update/update-scan.ts';

export type Range = readonly [client: number, clock: number, end: number];

export interface Ranges {
  readonly runs: readonly Range[];
  readonly gone: readonly Range[];
  readonly deletes: readonly Range[];
}

/** The ranges of an update as `Y.decodeUpdate` reads them; throws where it throws. */
export function yjsRanges(update: Uint8Array): Ranges {
  const { structs, ds } = Y.decodeUpdate(update);
  const runs: [number, number, number][] = [];
  const gone: [number, number, number][] = [];
  for (const struct of structs) {
    if (struct instanceof Y.Skip) continue;
    extend(runs, struct.id.client, struct.id.clock, struct.id.clock + struct.length);
    const isGone = struct instanceof Y.GC || (struct instanceof Y.Item && struct.content instanceof Y.ContentDeleted);
    if (isGone) extend(gone, struct.id.client, struct.id.clock, struct.id.clock + struct.length);
  }
  const deletes: Range[] = [];
  for (const [client, ranges] of ds.clients) {
    for (const range of ranges) deletes.push([client, range.clock, range.clock + range.len]);
  }
  return { runs, gone, deletes };
}

function extend(ranges: [number, number, number][], client: number, clock: number, end: number): void {
  const last = ranges.at(-1);
  if (last !== undefined && last[0] === client && last[2] === clock) last[2] = end;
  else ranges.push([client, clock, end]);
}

/** The same out of a scan. */
export function scannedRanges(scan: UpdateScan): Ranges {
  const runs: Range[] = [];
  const gone: Range[] = [];
  const deletes: Range[] = [];
  for (let row = 0; row < scan.runCount; row++) {
    runs.push([scan.runClient[row]!, scan.runClock[row]!, scan.runEnd[row]!]);
  }
  for (let row = 0; row < scan.goneCount; row++) {
    gone.push([scan.goneClient[row]!, scan.goneClock[row]!, scan.goneEnd[row]!]);
  }
  // Yjs keeps the ranges of a client together, should the delete set name it twice.
  const byClient = new Map<number, Range[]>();
  for (let row = 0; row < scan.deleteCount; row++) {
    const client = scan.deleteClient[row]!;
    const clock = scan.deleteClock[row]!;
    const ranges = byClient.get(client) ?? [];
    ranges.push([client, clock, clock + scan.deleteLength[row]!]);
    byClient.set(client, ranges);
  }
  deletes.push(...[...byClient.values()].flat());
  return { runs, gone, deletes };
}

export interface Content {
  readonly roots: readonly unknown[];
  readonly state: readonly (readonly [client: number, clock: number])[];
  readonly deleted: readonly unknown[];
  readonly pending: readonly unknown[];
}

/**
 * Everything in a document that must not depend on how its updates came: what its types hold, formats and attributes
 * included, its state vector and its deletions. How structs are cut up, and whether the content of deleted ones is
 * still there, does depend on it.
 */
export function contentOf(document: Y.Doc): Content {
  const whole = Y.decodeUpdate(Y.encodeStateAsUpdate(document));
  return {
    roots: [
      plain(document.getText('t')),
      plain(document.getArray('a')),
      plain(document.getMap('m')),
      plain(document.getXmlFragment('x')),
    ],
    state: [...Y.decodeStateVector(Y.encodeStateVector(document))].sort((a, b) => a[0] - b[0]),
    deleted: [...whole.ds.clients].map(([client, ranges]) => [client, ranges.map((range) => [range.clock, range.len])]),
    pending: [document.store.pendingStructs, document.store.pendingDs],
  };
}

/** A shared type or value in terms that can be compared. */
function plain(value: unknown): unknown {
  if (value instanceof Y.Text) {
    const attributes: unknown = value instanceof Y.XmlText ? value.getAttributes() : {};
    return [
      value.constructor.name,
      attributes,
      value.toDelta().map((part: Y.YTextEvent['delta'][number]) => [plain(part.insert), part.attributes]),
    ];
  }
  if (value instanceof Y.Array) return ['YArray', value.toArray().map(plain)];
  if (value instanceof Y.Map) {
    const entries = [...value.entries()].map(([key, entry]) => [key, plain(entry)] as const);
    return [value.constructor.name, entries.sort((a, b) => (a[0] < b[0] ? -1 : 1))];
  }
  if (value instanceof Y.XmlElement)
    return ['YXmlElement', value.nodeName, sortedEntries(value.getAttributes()), value.toArray().map(plain)];
  if (value instanceof Y.XmlFragment) return ['YXmlFragment', value.toArray().map(plain)];
  if (value instanceof Y.Doc) return ['Doc', value.guid];
  return value;
}

function sortedEntries(value: object): [string, unknown][] {
  return Object.entries(value).sort((a, b) => (a[0] < b[0] ? -1 : 1));
}
