import type { Clock, DocumentStatus } from '@tideweave/shared';
import type { DocumentHandle } from './document-handle.ts';
import type { Arrivals, KeptDocument } from './kept-document.ts';
import type { DocumentMerge } from './merge/document-merges.ts';
import type { refusedError } from './refused-error.ts';

export interface SyncNowOptions {
  /** Ends it early; documents that are not done then have its reason as their error. */
  readonly signal?: AbortSignal;
  /** How long it may take in all; default 60,000. What is not done then has the error TW_TIMEOUT. */
  readonly timeoutMs?: number;
}

/** What one `syncNow` did for one document. */
export interface SyncResult {
  readonly name: string;
  /** Edits that waited here and are durable on the relay now, and their bytes. */
  readonly updatesUp: number;
  readonly bytesUp: number;
  /** Updates that came from the relay, and their bytes; what was here already may be among them. */
  readonly updatesDown: number;
  readonly bytesDown: number;
  /** Whether others' edits changed the content here. */
  readonly changed: boolean;
  /** What the merge did when both sides had changed the document; null when not both had. */
  readonly merge: DocumentMerge | null;
  /** Whether the copy here was found to be the relay's document (C1). Asked where anything went up or came down. */
  readonly verified: boolean;
  /** Why the document is not in sync: `RefusedError`, the signal's reason, or what the device said. Null when it is. */
  readonly error: Error | null;
}

/** What `syncNow` needs of its client. */
export interface SyncNowClient {
  readonly clock: Pick<Clock, 'after'>;
  readonly refusedError: typeof refusedError;
  /** The document if the application has it open, and otherwise one that is kept. */
  document(name: string): DocumentHandle | KeptDocument;
}

/** Pushes, pulls, waits until it is durable and compares what it touched, a few documents at a time. Never rejects: each document has its own error. */
export async function syncNow(
  client: SyncNowClient,
  names: readonly string[],
  { signal, timeoutMs = 60_000 }: SyncNowOptions,
): Promise<SyncResult[]> {
  const controller = new AbortController();
  const abort = (): void => controller.abort(signal?.reason);
  signal?.addEventListener('abort', abort);
  if (signal?.aborted === true) abort();
  const cancel = client.clock.after(timeoutMs, () =>
    controller.abort(client.refusedError({ code: 'TW_TIMEOUT', reason: `not in sync after ${timeoutMs} ms` })),
  );
  const results: SyncResult[] = [];
  const queue = [...new Set(names)].entries();
  const work = async (): Promise<void> => {
    for (const [at, name] of queue) results[at] = await syncOne(client, name, controller.signal);
  };
  try {
    await Promise.all(Array.from({ length: atOnce }, work));
  } finally {
    cancel();
    signal?.removeEventListener('abort', abort);
  }
  return results;
}

/** Documents under way at the same time: each is in memory meanwhile. */
const atOnce = 8;

/** How long a document that is in sync waits to be compared: one that others write in may never be. */
const verifyMs = 5000;

async function syncOne(client: SyncNowClient, name: string, signal: AbortSignal): Promise<SyncResult> {
  let found = { updatesUp: 0, bytesUp: 0, updatesDown: 0, bytesDown: 0, changed: false };
  let merge: DocumentMerge | null = null;
  const result = (verified: boolean, error: Error | null): SyncResult => ({ name, ...found, verified, merge, error });
  /** What waits goes up; what was counted before, in a document that was closed meanwhile, went up as well. */
  const goingUp = ({ pending: { updates, bytes } }: DocumentStatus): void => {
    const isMore = updates > found.updatesUp;
    if (isMore) found = { ...found, updatesUp: updates, bytesUp: bytes };
  };
  const came = ({ updates, bytes, isChanged }: Arrivals): void => {
    const updatesDown = found.updatesDown + updates;
    found = { ...found, updatesDown, bytesDown: found.bytesDown + bytes, changed: found.changed || isChanged };
  };
  try {
    for (;;) {
      const document = client.document(name);
      const isTouched = (): boolean => found.updatesUp + found.updatesDown > 0;
      const inSync = async (): Promise<SyncResult> => {
        const { link } = document;
        const verified = isTouched() ? await whenVerified(document, client.clock, signal) : link.status.verified;
        merge = (await link.merges?.settled()) ?? null;
        return result(verified, null);
      };
      await document.whenStatus(() => !document.link.isLoading, signal);
      if ('doc' in document) {
        goingUp(document.status);
        const count = ({ length }: Uint8Array, origin: unknown): void => {
          if (origin === document) came({ updates: 1, bytes: length, isChanged: true });
        };
        document.doc.on('update', count);
        try {
          await document.whenSynced({ signal });
          if (document.status.access === 'write') await document.whenSaved({ tier: 'server', signal });
          return await inSync();
        } finally {
          document.doc.off('update', count);
        }
      }
      if (!document.isClosed) goingUp(document.link.status);
      document.watchArrivals();
      try {
        await document.whenStatus(isSettled, signal);
      } finally {
        came(document.takeArrivals());
      }
      // The application has opened it meanwhile: what is left to do is that document's.
      if (!document.isClosed) return await inSync();
    }
  } catch (error) {
    return result(false, error instanceof Error ? error : new Error(String(error)));
  }
}

/** All that the relay has is here, and all that was here is durable there. */
const isSettled = ({ synced, safe, access }: DocumentStatus): boolean =>
  synced && (safe === 'server' || access === 'read');

/** Whether the copy was found to be the relay's document before anybody lost patience. Rejects when it was refused. */
async function whenVerified(
  document: DocumentHandle | KeptDocument,
  clock: Pick<Clock, 'after'>,
  signal: AbortSignal,
): Promise<boolean> {
  const patience = new AbortController();
  const end = (): void => patience.abort();
  const cancel = clock.after(verifyMs, end);
  signal.addEventListener('abort', end);
  try {
    document.link.compareSoon();
    await document.whenStatus(({ verified }) => verified, patience.signal);
    return true;
  } catch (error) {
    if (patience.signal.aborted) return false;
    throw error;
  } finally {
    cancel();
    signal.removeEventListener('abort', end);
  }
}
