/** Writes whatever can be read of a damaged document to a file of JSON lines: its head, its snapshot, its entries. */
import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { chunkKey, recordRange, seqOfRecordKey } from './keys.ts';
import { Damage, chunkCount, readHead, readSnapshot } from './level-reader.ts';
import type { StoragePort } from './level-storage.ts';
import { decodeChunk, decodeRecord } from './record.ts';

/** Where such files lie, below the data folder. */
const asideFolder = 'aside';

/** The name of the file for a document, below the data folder. */
export function exportName(name: string): string {
  return `${asideFolder}/${createHash('sha256').update(name).digest('hex').slice(0, 16)}.jsonl`;
}

/** Writes the file, and returns how many entries are in it. `logId` is that of the last head that is known, if any. */
export async function exportDocument(
  path: string,
  storage: StoragePort,
  name: string,
  reason: string,
  logId: string | null,
): Promise<number> {
  const found = await readHead(storage, name);
  const stored = found instanceof Damage ? null : found;
  const lines: object[] = [{ document: name, reason, head: stored?.head ?? null }];
  if (stored !== null) {
    const snapshot = await readSnapshot(storage, stored);
    if (snapshot === null || !(snapshot instanceof Damage)) {
      if (snapshot !== null) lines.push({ snapshotSeq: snapshot.seq, update: base64(snapshot.update) });
    } else {
      for (let part = 0; part < chunkCount(stored); part += 1) {
        const key = chunkKey(stored.head.logId, stored.generation, part);
        const value = await storage.get(key).catch(() => undefined);
        const bytes = value === undefined ? null : decodeChunk(key, value);
        if (bytes !== null) lines.push({ snapshotPart: part, bytes: base64(bytes) });
      }
    }
  }
  const log = stored?.head.logId ?? logId;
  let count = 0;
  for (const { key, value } of log === null ? [] : await storage.pairs(recordRange(log, 0, Number.MAX_SAFE_INTEGER))) {
    for (const { seq, time, user, device, update } of decodeRecord(key, seqOfRecordKey(key), value) ?? []) {
      lines.push({ seq, time, user, device, update: base64(update) });
      count += 1;
    }
  }
  await mkdir(join(path, asideFolder), { recursive: true });
  const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
  await writeFile(join(path, exportName(name)), text, { flush: true });
  return count;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
