/** Reads all of a document from any log, as of one moment, and tells whether two images are of the same content. */
import { RefusedError } from '@tideweave/shared';

import { readAttemptsMax } from './bounds.ts';
import type { DocumentImage, DocumentLog, Entry } from './document-log.ts';

/**
 * The document as it is now, a tombstone too; null when the name was never used. Throws RefusedError TW_DOCUMENT_CORRUPT
 * when it is damaged.
 */
export async function readImage(log: DocumentLog, name: string): Promise<DocumentImage | null> {
  for (let attempt = 0; attempt < readAttemptsMax; attempt += 1) {
    const head = await log.head(name);
    if (head === null) return null;
    if (head.deletedAt !== null) return { head, snapshot: null, entries: [], quarantined: [] };
    const snapshot = await log.snapshot(name);
    const entries = await entriesFrom(log, name, head.firstSeq);
    const quarantined = await log.quarantined(name);
    const after = await log.head(name);
    const same = after?.logId === head.logId && after.snapshotSeq === head.snapshotSeq && after.deletedAt === null;
    if (!same || entries === null) continue;
    // What was appended meanwhile belongs to a later image.
    return { head, snapshot, entries: entries.filter(({ seq }) => seq <= head.lastSeq), quarantined };
  }
  throw new RefusedError('TW_OVERLOADED', `document ${JSON.stringify(name)} changed again and again while it was read`);
}

/** Null when they were compacted away meanwhile. */
async function entriesFrom(log: DocumentLog, name: string, seq: number): Promise<readonly Entry[] | null> {
  return log.read(name, seq - 1).catch((error: unknown) => {
    if (error instanceof RangeError) return null;
    throw error;
  });
}

/** Whether two images are of one document with the same content. Their log ids differ where one was restored from the other. */
export function sameImage(a: DocumentImage, b: DocumentImage): boolean {
  const { logId: _one, ...headA } = a.head;
  const { logId: _other, ...headB } = b.head;
  return JSON.stringify(plain({ ...a, head: headA })) === JSON.stringify(plain({ ...b, head: headB }));
}

/** Bytes as text, so that values can be compared as JSON. */
function plain(image: object): object {
  return JSON.parse(
    JSON.stringify(image, (_key, value: unknown) =>
      value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value,
    ),
  ) as object;
}
