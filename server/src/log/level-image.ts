/** What carrying a document into the embedded log writes: its parts under a new log id, and at last the head that makes them count. */
import { chunksPerBatch, imageRecordBytes } from './bounds.ts';
import type { DocumentImage, Entry } from './document-log.ts';
import { headKey, leftoverKey, quarantinedKey, recordKey } from './keys.ts';
import { chunkBatches, nameTrace } from './level-compaction.ts';
import type { WriteOperation } from './level-storage.ts';
import { encodeHead, encodeQuarantined, encodeRecord, type StoredHead } from './record.ts';

const generation = 1;

/** Batches in the order in which they are written. Cut short, all of it is cleared at the next start. */
export interface ImageBatches {
  readonly stored: StoredHead;
  readonly parts: Iterable<readonly WriteOperation[]>;
  /** Makes the document be there. */
  readonly last: readonly WriteOperation[];
}

export function imageBatches(image: DocumentImage, logId: string): ImageBatches {
  const { snapshot, quarantined } = image;
  const head = { ...image.head, logId };
  const stored = {
    head,
    generation: snapshot === null ? 0 : generation,
    indexBytes: snapshot?.index.byteLength ?? 0,
    quarantinedCount: quarantined.length,
  };
  const key = headKey(head.name);
  const last = [
    { key, value: encodeHead(key, stored) },
    nameTrace(head.name),
    { key: leftoverKey(logId), value: null },
  ];
  return { stored, parts: partsOf(image, logId), last };
}

function* partsOf({ snapshot, entries, quarantined }: DocumentImage, logId: string): Generator<WriteOperation[]> {
  yield [{ key: leftoverKey(logId), value: new Uint8Array(0) }];
  if (snapshot !== null) for (const batch of chunkBatches(logId, generation, snapshot)) yield [...batch];
  for (const record of recordsOf(entries)) {
    const key = recordKey(logId, record[0]?.seq ?? 0);
    yield [{ key, value: encodeRecord(key, record) }];
  }
  for (let at = 0; at < quarantined.length; at += chunksPerBatch) {
    yield quarantined.slice(at, at + chunksPerBatch).map((entry) => {
      const key = quarantinedKey(logId, entry.seq);
      return { key, value: encodeQuarantined(key, entry) };
    });
  }
}

/** Entries in runs of bounded size, each to be one record. */
function* recordsOf(entries: readonly Entry[]): Generator<readonly Entry[]> {
  let record: Entry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    if (record.length > 0 && bytes + entry.update.byteLength > imageRecordBytes) {
      yield record;
      record = [];
      bytes = 0;
    }
    record.push(entry);
    bytes += entry.update.byteLength;
  }
  if (record.length > 0) yield record;
}
