/** Everything that is stored of one document, read and checked. */
import type { Entry, QuarantinedEntry, Snapshot } from './document-log.ts';
import { damageRange, headRange, type KeyRange, nameOfHeadKey, nameRange } from './keys.ts';
import { Damage, entriesOf, readHead, readQuarantined, readRecords, readSnapshot } from './level-reader.ts';
import type { StoragePort } from './level-storage.ts';
import type { StoredHead } from './record.ts';

/** A document that is complete as far as its head knows. */
export interface WholeDocument {
  readonly stored: StoredHead;
  /** Raw entries that are still kept, merged ones among them. */
  readonly entries: readonly Entry[];
  readonly snapshot: Snapshot | null;
  readonly quarantined: readonly QuarantinedEntry[];
}

/** Reads all that a head promises. */
export async function readDocument(storage: StoragePort, name: string): Promise<WholeDocument | Damage> {
  const stored = await readHead(storage, name);
  if (stored instanceof Damage) return stored;
  if (stored === null) return new Damage('head');
  const { head } = stored;
  if (head.deletedAt !== null) return { stored, entries: [], snapshot: null, quarantined: [] };
  const records = await readRecords(storage, stored, head.firstSeq, head.lastSeq);
  if (records instanceof Damage) return records;
  const snapshot = await readSnapshot(storage, stored);
  if (snapshot instanceof Damage) return snapshot;
  const quarantined = await readQuarantined(storage, stored);
  if (quarantined instanceof Damage) return quarantined;
  return { stored, entries: entriesOf(records, head.firstSeq, head.lastSeq), snapshot, quarantined };
}

/** Every name that the store knows of, from heads, their second traces and marks, in order. */
export async function allNames(storage: StoragePort): Promise<string[]> {
  const names = new Set<string>();
  for (const range of [headRange(null), nameRange, damageRange]) {
    for (const name of await namesOf(storage, range)) names.add(name);
  }
  return [...names].toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

async function namesOf(storage: StoragePort, range: KeyRange): Promise<string[]> {
  return (await storage.keys(range)).flatMap((key) => nameOfHeadKey(key) ?? []);
}
