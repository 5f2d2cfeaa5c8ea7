/** What a compaction writes to the embedded log, as batches: first the new snapshot's parts, then the one that switches to it. */
import { chunkBytes, chunksPerBatch } from './bounds.ts';
import type { Compaction, Snapshot } from './document-log.ts';
import { compacted } from './head-rules.ts';
import { chunkKey, headKey, nameKey, quarantinedKey, recordKey } from './keys.ts';
import { chunkCount, type StoredRecord } from './level-reader.ts';
import type { WriteOperation } from './level-storage.ts';
import { encodeChunk, encodeHead, encodeQuarantined, encodeRecord, type StoredHead } from './record.ts';

/** The second trace of a document, written once, when it is created. */
export function nameTrace(name: string): WriteOperation {
  return { key: nameKey(name), value: new Uint8Array(0) };
}

/** The parts of a snapshot, in batches of bounded size. */
export function* chunkBatches(
  logId: string,
  generation: number,
  { update, index }: Snapshot,
): Generator<readonly WriteOperation[]> {
  const whole = Buffer.concat([update, index]);
  let batch: WriteOperation[] = [];
  for (let at = 0, part = 0; at < whole.byteLength; at += chunkBytes, part += 1) {
    const key = chunkKey(logId, generation, part);
    batch.push({ key, value: encodeChunk(key, whole.subarray(at, at + chunkBytes)) });
    if (at + chunkBytes < whole.byteLength && batch.length < chunksPerBatch) continue;
    yield batch;
    batch = [];
  }
}

/**
 * The atomic step: head, old parts, raw records and quarantined entries together. `newest` is the head to replace, and
 * `merged` are the records that hold the entries from its `firstSeq` to the snapshot's.
 */
export function switchBatch(
  newest: StoredHead,
  compaction: Compaction,
  generation: number,
  merged: readonly StoredRecord[],
): { readonly batch: WriteOperation[]; readonly stored: StoredHead } {
  const { head } = newest;
  const { snapshot, keepFrom, quarantined } = compaction;
  const batch: WriteOperation[] = [];
  let mergedBytes = 0;
  for (const { key, entries } of merged) {
    for (const { seq, update } of entries) {
      if (seq > head.snapshotSeq && seq <= snapshot.seq) mergedBytes += update.byteLength;
    }
    const kept = entries.filter(({ seq }) => seq >= keepFrom);
    if (kept.length === entries.length) continue;
    batch.push({ key, value: null });
    if (kept.length === 0) continue;
    // A commit that lies across the border is stored again without what is dropped of it.
    const keptKey = recordKey(head.logId, keepFrom);
    batch.push({ key: keptKey, value: encodeRecord(keptKey, kept) });
  }
  for (let part = 0; part < chunkCount(newest); part += 1) {
    batch.push({ key: chunkKey(head.logId, newest.generation, part), value: null });
  }
  for (const entry of quarantined) {
    const key = quarantinedKey(head.logId, entry.seq);
    batch.push({ key, value: encodeQuarantined(key, entry) });
  }
  const stored = {
    head: compacted(head, compaction, mergedBytes),
    generation,
    indexBytes: snapshot.index.byteLength,
    quarantinedCount: newest.quarantinedCount + quarantined.length,
  };
  const key = headKey(head.name);
  batch.push({ key, value: encodeHead(key, stored) });
  return { batch, stored };
}
