/** Documents whose every byte is known, in a folder of real LevelDB files, and what is left of them after damage. */
import { RefusedError, seededRandom } from '@tideweave/shared';

import type { DocumentLog, Snapshot } from '../../src/log/document-log.ts';
import { openLevelLog } from '../../src/log/level-log.ts';
import { accepted, append, entry, headOf, snapshotAt } from '../log/log-fixtures.ts';

export const documents = 24;
const deletedDocument = 'document 23';
/** From here on nobody writes after the first third: what such documents have is in tables. */
const quietFrom = 16;
const windowEntries = 5;
const cached = new Map<number, Snapshot>();
const snapshotBytes = 90_000;

/** What must be there of a document: entries up to here, and a snapshot up to there. */
export interface Truth {
  readonly name: string;
  readonly lastSeq: number;
  readonly snapshotSeq: number;
  readonly deleted: boolean;
}

/** `short` is what must never be: less than was acknowledged, without a word. */
export type Outcome = 'intact' | 'refused' | 'short';

function snapshotOf(seq: number): Snapshot {
  const found = cached.get(seq) ?? snapshotAt(seq, snapshotBytes);
  cached.set(seq, found);
  return found;
}

/** Bytes of the update of an entry: mostly keystrokes, now and then something large. */
function updateBytes(document: number, seq: number): number {
  return (document * 31 + seq * 17) % 50 === 0 ? 60_000 : 20 + ((document * 7 + seq * 13) % 400);
}

function entryOf(document: number, seq: number): ReturnType<typeof entry> {
  return entry(document * 100_000 + seq, updateBytes(document, seq));
}

/** Writes documents as a relay does, group commits and compactions among them; returns what was acknowledged. */
export async function writeDocuments(path: string, seed: number, rounds: number): Promise<readonly Truth[]> {
  const random = seededRandom(seed);
  const log = await openLevelLog({ path, wallTime: () => 1_700_000_000_000 });
  const lastSeqs = Array.from({ length: documents }, () => 0);
  for (let round = 0; round < rounds; round += 1) {
    const busy = round < rounds / 3 ? documents : quietFrom;
    const writing = lastSeqs.flatMap((_, document) => (document < busy && random() < 0.5 ? [document] : []));
    const results = await log.append(
      writing.map((document) => {
        const from = (lastSeqs[document] ?? 0) + 1;
        const count = 1 + Math.floor(random() * 3);
        const added = Array.from({ length: count }, (_, index) => entryOf(document, from + index));
        return { name: `document ${document}`, epoch: null, entries: added };
      }),
    );
    for (const [index, document] of writing.entries()) lastSeqs[document] = accepted(results[index]).lastSeq;
    if (round % 20 === 10) await compactSome(log, round % 60 === 10 ? 0 : 1);
  }
  await log.delete(deletedDocument);
  const truths: Truth[] = [];
  for (const [document, lastSeq] of lastSeqs.entries()) {
    const name = `document ${document}`;
    const { snapshotSeq } = await headOf(log, name);
    truths.push({ name, lastSeq, snapshotSeq, deleted: name === deletedDocument });
  }
  // Nothing is closed: the process ends as one does that is killed.
  return truths;
}

async function compactSome(log: DocumentLog, remainder: number): Promise<void> {
  for (let document = remainder; document < documents; document += 3) {
    const name = `document ${document}`;
    const head = await log.head(name);
    if (head === null || head.lastSeq === head.snapshotSeq) continue;
    await log.compact(name, {
      snapshot: snapshotOf(head.lastSeq),
      from: { epoch: head.epoch, snapshotSeq: head.snapshotSeq },
      keepFrom: Math.max(1, head.firstSeq, head.lastSeq - windowEntries),
      quarantined: [],
    });
  }
}

/** Compares everything that a relay would read of each document with what was acknowledged. */
export async function outcomesOf(log: DocumentLog, truths: readonly Truth[]): Promise<Record<string, Outcome>> {
  const outcomes: Record<string, Outcome> = {};
  for (const [document, truth] of truths.entries()) outcomes[truth.name] = await outcomeOf(log, document, truth);
  return outcomes;
}

async function outcomeOf(log: DocumentLog, document: number, truth: Truth): Promise<Outcome> {
  try {
    const head = await log.head(truth.name);
    if (truth.deleted) return head?.deletedAt === null || head === null ? 'short' : 'intact';
    if (head === null || head.deletedAt !== null || head.lastSeq < truth.lastSeq) {
      // As a relay does it: the head may be an old one, and reading behind it tells.
      if (head !== null) await log.read(truth.name, head.snapshotSeq);
      return 'short';
    }
    const snapshot = await log.snapshot(truth.name);
    const read = await log.read(truth.name, Math.max(head.firstSeq - 1, 0));
    const from = snapshot?.seq ?? 0;
    const isWhole =
      (snapshot === null || Buffer.compare(snapshot.update, snapshotOf(snapshot.seq).update) === 0) &&
      read.at(-1)?.seq === (head.lastSeq === head.firstSeq - 1 ? undefined : head.lastSeq) &&
      (read[0]?.seq ?? from + 1) <= from + 1 &&
      read.every(
        ({ seq, update }) => seq > truth.lastSeq || Buffer.compare(update, entryOf(document, seq).update) === 0,
      );
    return isWhole ? 'intact' : 'short';
  } catch (error) {
    if (error instanceof RefusedError && error.code === 'TW_DOCUMENT_CORRUPT') return 'refused';
    throw error;
  }
}

/** Writes one entry more to a document that is served; throws when that is refused. */
export async function goOn(log: DocumentLog, name: string): Promise<void> {
  await append(log, name, [entry(1)]);
}
