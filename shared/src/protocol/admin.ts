/**
 * What a relay answers to whoever looks after it, as JSON (`/api/admin`, docs/http-api.md): the inspector and the commands
 * read what the relay writes. Times are ISO 8601 where they are texts, and ms since 1970 where they are numbers.
 */

/** What a session speaks. */
export type Dialect = 'tideweave' | 'y-websocket' | 'hocuspocus';

/** What is known of a document without reading it. */
export interface HeadInfo {
  readonly name: string;
  /** Identity of the document's history (C6). */
  readonly epoch: string;
  /** Identity of this copy of the log (C7). */
  readonly logId: string;
  /** Sequence number of the newest entry; 0 when there is none. */
  readonly lastSeq: number;
  /** Entries up to here are contained in the snapshot. */
  readonly snapshotSeq: number;
  /** Oldest entry that is kept as it came. */
  readonly firstSeq: number;
  readonly snapshotBytes: number;
  /** Bytes of the entries after the snapshot. */
  readonly tailBytes: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly deletedAt: number | null;
}

/** A name that was ever used: what is there, or the code of the refusal that reading it ends in. */
export type ListedDocument = { readonly name: string; readonly connections: number } & (
  | { readonly head: HeadInfo }
  | { readonly refused: string }
);

/** A page of a list; `next` is asked for after it, and null at the end. */
export interface DocumentsPage {
  readonly documents: readonly ListedDocument[];
  readonly next: string | null;
}

/** Who has a document open. */
export interface SessionInfo {
  readonly user: string;
  readonly device: string;
  readonly dialect: Dialect;
  /** `behind` and `resuming`: a slow reader, that gets nothing until it has read. */
  readonly flow: 'live' | 'behind' | 'resuming';
  /** Entries of the log that it has not been sent, as its socket is full. */
  readonly behind: number;
  /** Bytes that wait to be sent over its socket, which other documents may share. */
  readonly bufferedBytes: number;
}

/** Clocks of one client that an update inserts or deletes. */
export interface ClockRange {
  readonly client: number;
  readonly clock: number;
  readonly length: number;
}

/** A log entry without its update. */
export interface EntryInfo {
  readonly seq: number;
  readonly time: string;
  readonly user: string;
  readonly device: string;
  readonly bytes: number;
  readonly inserts: readonly ClockRange[];
  readonly deletes: readonly ClockRange[];
}

/** Entries that are kept as they came, the oldest first. */
export interface LogPage {
  readonly epoch: string;
  readonly firstSeq: number;
  readonly entries: readonly EntryInfo[];
}

/** Everything about a document but its content. */
export interface DocumentInfo {
  readonly head: HeadInfo;
  readonly isLoaded: boolean;
  /** The code of the refusal that opening it ends in; null when it opens. */
  readonly refused: string | null;
  readonly sessions: readonly SessionInfo[];
  readonly setAside: readonly (EntryInfo & { readonly reason: string })[];
  /** How many clients have ever written, and the next clock of those who wrote most; null when it cannot be opened. */
  readonly clients: number | null;
  readonly stateVector: readonly { readonly client: number; readonly clock: number }[] | null;
}

/** Of the times in one sample (ms); null when there were none. */
export interface Quantiles {
  readonly p50: number | null;
  readonly p99: number | null;
}

/** What happened from the sample before until `time`, and how things are at it. */
export interface FiguresSample {
  readonly time: number;
  readonly perSecond: {
    readonly updates: number;
    readonly updateBytes: number;
    readonly deliveries: number;
    readonly commits: number;
    readonly requests: number;
    readonly refusals: number;
  };
  /** By code; how many since the sample before. */
  readonly refusals: Readonly<Record<string, number>>;
  readonly commitMs: Quantiles;
  readonly ackMs: Quantiles;
  readonly deliveryMs: Quantiles;
  /** How late the event loop was. */
  readonly eventLoopMs: { readonly p50: number; readonly p99: number; readonly max: number } | null;
  readonly rooms: number;
  readonly sessions: number;
  readonly connections: number;
  readonly socketBufferBytes: number;
  readonly uncommittedBytes: number;
  /** Null without webhooks. */
  readonly waitingWebhooks: number | null;
  readonly storageWorks: boolean;
  readonly residentBytes: number;
  readonly heapBytes: number;
  /** Processors that were busy with the process, its worker threads included. */
  readonly cpu: number;
}

export interface FiguresPage {
  readonly startedAt: number;
  readonly samples: readonly FiguresSample[];
}

/** Somebody was refused something. */
export interface RefusalInfo {
  readonly time: number;
  readonly code: string;
  readonly reason: string;
  /** The id of the connection or request in the log. */
  readonly id: string;
}

/** Attempts to send a webhook that failed in a row. */
export interface WebhookTrouble {
  readonly attempts: number;
  readonly error: string;
  readonly nextAt: number;
}

export interface WebhooksInfo {
  /** The address without what may be secret in it. */
  readonly receiver: string;
  readonly sent: number;
  readonly failedAttempts: number;
  readonly waiting: number;
  /** Why the oldest waits; null when the last attempt went well. */
  readonly trouble: WebhookTrouble | null;
  readonly oldest: readonly {
    readonly id: string;
    readonly type: string;
    readonly time: string;
    readonly document: string;
    readonly user: string;
  }[];
}
