/** Imports into a data folder directly. Small documents become durable many at a time, in one commit. */
import { RefusedError, nameBytesMax } from '@tideweave/shared';

import { systemClock } from '../clock.ts';
import type { DocumentLog, NewEntry } from '../log/document-log.ts';
import { WriteBatcher } from '../log/write-batcher.ts';
import { entryBytesMax, inFlightBytesMax } from './bounds.ts';
import type { Prepared } from './import-task.ts';
import type { Target } from './target.ts';

/** Time between two commits; each costs an fsync, whatever is in it. */
const gatherMs = 20;
/** An update of nothing: what a snapshot that has no entries behind it stands for. */
const nothing = Uint8Array.of(0, 0);

export class LogTarget implements Target {
  readonly #log: DocumentLog;
  readonly #batcher: WriteBatcher;
  #failed: ((error: Error) => void)[] = [];

  /** The log is closed with the target. */
  constructor(log: DocumentLog) {
    this.#log = log;
    this.#batcher = new WriteBatcher({
      log,
      clock: systemClock,
      gatherMs,
      uncommittedBytesMax: 2 * inFlightBytesMax,
      // A relay waits until its disk has room again; whoever imports wants to know, and runs it again.
      onHealth: (health, error) => {
        if (health !== 'failing') return;
        this.#batcher.stop();
        const why = new RefusedError(
          'TW_STORAGE_FAILED',
          `the storage fails: ${error instanceof Error ? error.message : 'unknown'}`,
        );
        for (const fail of this.#failed.splice(0)) fail(why);
      },
    });
  }

  async read(name: string): Promise<readonly Uint8Array[] | null> {
    const bytes = Buffer.byteLength(name);
    if (bytes === 0 || bytes > nameBytesMax)
      throw new RefusedError('TW_INVALID_NAME', `a document name has 1 to ${nameBytesMax} bytes`);
    const head = await this.#log.head(name);
    if (head === null) return null;
    if (head.deletedAt !== null) throw new RefusedError('TW_DOCUMENT_DELETED', 'it was deleted here');
    const snapshot = await this.#log.snapshot(name);
    const tail = head.lastSeq > head.snapshotSeq ? await this.#log.read(name, head.snapshotSeq) : [];
    return [...(snapshot === null ? [] : [snapshot.update]), ...tail.map(({ update }) => update)];
  }

  async put(name: string, document: Prepared): Promise<void> {
    if (document.isEntry && document.update.length <= entryBytesMax) return this.add(name, document.update);
    const { update, index } = document;
    // Two steps: cut short between them, there is an empty document, which the next run fills.
    const before = await this.#log.head(name);
    if (before === null || before.lastSeq === before.snapshotSeq) await this.add(name, nothing);
    const head = await this.#log.head(name);
    if (head === null) throw new RefusedError('TW_INTERNAL', 'the document is gone');
    const { epoch, snapshotSeq, lastSeq } = head;
    const snapshot = { seq: lastSeq, update, index };
    await this.#log.compact(name, { snapshot, from: { epoch, snapshotSeq }, keepFrom: lastSeq + 1, quarantined: [] });
  }

  add(name: string, update: Uint8Array): Promise<void> {
    const entry: NewEntry = { time: systemClock.wallTime(), user: '', device: 'import', update };
    return new Promise((resolve, reject) => {
      if (!this.#batcher.hasRoomFor(update.length)) {
        reject(new RefusedError('TW_STORAGE_FAILED', 'the storage fails'));
        return;
      }
      this.#failed.push(reject);
      this.#batcher.enqueue(name, null, [entry], (result) => {
        this.#failed.splice(this.#failed.indexOf(reject), 1);
        if ('refused' in result) reject(result.refused);
        else resolve();
      });
    });
  }

  async close(): Promise<void> {
    await this.#batcher.drain();
    await this.#log.close();
  }
}
