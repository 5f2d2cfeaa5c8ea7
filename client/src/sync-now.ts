import type { Clock } from '@tideweave/shared';
import type { DocumentHandle } from './document-handle.ts';
import type { KeptDocument } from './kept-document.ts';
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
  /** Bytes of updates that waited here and are durable on the relay now. */
  readonly bytesUp: number;
  /** Bytes of updates that came from the relay. */
  readonly bytesDown: number;
  /** Whether others' edits came. */
  readonly changed: boolean;
  /** What the merge did when both sides had changed the document; null when not both had. */
  readonly merge: DocumentMerge | null;
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

/** Pushes, pulls and waits until it is durable, a few documents at a time. Never rejects: each document has its own error. */
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

async function syncOne(client: SyncNowClient, name: string, signal: AbortSignal): Promise<SyncResult> {
  let bytesUp = 0;
  let bytesDown = 0;
  let merge: DocumentMerge | null = null;
  const result = (error: Error | null): SyncResult => ({
    name,
    bytesUp,
    bytesDown,
    changed: bytesDown > 0,
    merge,
    error,
  });
  try {
    for (;;) {
      const document = client.document(name);
      if ('doc' in document) {
        bytesUp = Math.max(bytesUp, document.status.pending.bytes);
        const count = (update: Uint8Array, origin: unknown): void => {
          if (origin === document) bytesDown += update.length;
        };
        document.doc.on('update', count);
        try {
          await document.whenSynced({ signal });
          if (document.status.access === 'write') await document.whenSaved({ tier: 'server', signal });
        } finally {
          document.doc.off('update', count);
        }
        merge = (await document.link.merges?.settled()) ?? null;
        return result(null);
      }
      const seen = document.bytesDown;
      await document.whenLoaded(signal);
      if (!document.isClosed) bytesUp = Math.max(bytesUp, document.link.status.pending.bytes);
      await document.whenSettled(signal);
      merge = (await document.link.merges?.settled()) ?? null;
      bytesDown += document.bytesDown - seen;
      // The application has opened it meanwhile: what is left to do is that document's.
      if (!document.isClosed) return result(null);
    }
  } catch (error) {
    return result(error instanceof Error ? error : new Error(String(error)));
  }
}
