import type { DocumentStatus } from '@tideweave/shared';
import type { DocumentHandle } from './document-handle.ts';

/** What a handle needs of the client that it belongs to. */
export interface DocumentClient {
  statusOf(handle: DocumentHandle): DocumentStatus;
  /** Number of the newest edit made in the document. */
  lastEditOf(handle: DocumentHandle): number;
  /** Number of the newest edit that the device or the relay has durably. */
  durableEditOf(handle: DocumentHandle): number;
  /** The document is being read from the device. */
  isLoading(handle: DocumentHandle): boolean;
  edit(handle: DocumentHandle, update: Uint8Array): void;
  announce(handle: DocumentHandle, awarenessUpdate: Uint8Array): void;
  flush(): void;
  close(handle: DocumentHandle): void;
}
