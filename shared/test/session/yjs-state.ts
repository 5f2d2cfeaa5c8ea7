/** What a client tells its session of a Y.Doc, by the relay's own reading of its encoding. */
import * as Y from 'yjs';
import type { CopyDifference } from '../../src/session/comparisons.ts';
import { ByteWriter } from '../../src/update/byte-writer.ts';
import { DocumentState } from '../../src/update/document-state.ts';
import { IdRanges } from '../../src/update/id-ranges.ts';
import { scanUpdate } from '../../src/update/scanner.ts';
import { stateDigest } from '../../src/update/state-comparison.ts';
import { covers } from '../../src/update/state-vector.ts';
import { UpdateScan } from '../../src/update/update-scan.ts';

function stateOf(doc: Y.Doc): DocumentState {
  const state = new DocumentState();
  const scan = new UpdateScan();
  if (!scanUpdate(Y.encodeStateAsUpdate(doc), scan)) throw new Error(scan.error);
  state.apply(scan);
  return state;
}

export function digestOf(doc: Y.Doc): Uint8Array {
  return stateDigest(stateOf(doc));
}

/** `stated`: deletions that the relay does not know had to be said by somebody. */
export function differenceOf(doc: Y.Doc, there: Uint8Array, stated: boolean): CopyDifference {
  const here = stateOf(doc);
  const { ds, sv } = Y.decodeSnapshot(there);
  const deletes = new IdRanges();
  for (const [client, ranges] of ds.clients) {
    for (const { clock, len } of ranges) deletes.add(client, clock, clock + len);
  }
  const lacks = without(deletes, here.deletes);
  const surplus = without(here.deletes, deletes);
  const isStated = !covers(sv, here.stateVector) || (stated && surplus.size > 0);
  return {
    lacks: lacks.size > 0 ? deletionsOnly(lacks) : null,
    lacksInsertions: !covers(here.stateVector, sv),
    surplus: isStated ? Y.encodeStateAsUpdate(doc, Y.encodeStateVector(sv)) : deletionsOnly(surplus),
    isStated,
  };
}

function without(one: IdRanges, other: IdRanges): IdRanges {
  const rest = new IdRanges();
  one.forEach((client, start, end) => {
    for (let clock = start; clock < end; clock++) {
      if (!other.has(client, clock, clock + 1)) rest.add(client, clock, clock + 1);
    }
  });
  return rest;
}

function deletionsOnly(deletes: IdRanges): Uint8Array {
  const writer = new ByteWriter();
  writer.varUint(0);
  deletes.writeTo(writer);
  return writer.take();
}
