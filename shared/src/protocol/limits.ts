/**
 * Every bound of the product, in one place (R6). `Limits` are those an operator may change (each has a flag and an
 * environment variable); the constants below them are part of the protocol or of the design and are not to be changed.
 * Names end in their unit.
 */
export interface Limits {
  /** Largest WebSocket message and HTTP body the relay reads. */
  readonly messageBytesMax: number;
  /** Largest single update, reassembled from its parts. */
  readonly updateBytesMax: number;
  /** Documents one connection may have open at a time. */
  readonly documentsPerConnectionMax: number;
  /** Connections the relay accepts at a time. */
  readonly connectionsMax: number;
  /** Bytes waiting in a socket at which its reader counts as slow and is resynchronised from the log later. */
  readonly socketBufferBytesMax: number;
  /** Largest awareness state of one client, as JSON. */
  readonly awarenessStateBytesMax: number;
  /** Awareness entries (client ids) one connection may hold in one document. */
  readonly awarenessClientsPerSessionMax: number;
  /** Awareness entries (client ids) in one document. */
  readonly awarenessClientsPerDocumentMax: number;
  /** Bytes of accepted updates that may wait for their commit, over all documents, before further ones are refused. */
  readonly uncommittedBytesMax: number;
  /** Bytes of snapshots kept in memory for joiners, over all documents. */
  readonly snapshotCacheBytesMax: number;
  /** How long a document without sessions stays loaded. */
  readonly idleUnloadMs: number;
  /** How long nothing may be heard from a connection before it is closed. */
  readonly connectionTimeoutMs: number;
  /** How long an authorizer may take to answer: whoever waits for it holds a connection that nobody authorized (A4). */
  readonly authorizeMs: number;
  /** How long SIGTERM waits for commits and sockets before the process ends. */
  readonly drainMs: number;
  /** Bytes of raw entries kept behind a snapshot so that devices can resume by cursor. */
  readonly rawWindowBytes: number;
}

/** The limits a relay starts with. */
export const defaultLimits: Limits = {
  messageBytesMax: 16 * 1024 * 1024,
  updateBytesMax: 64 * 1024 * 1024,
  documentsPerConnectionMax: 10_000,
  connectionsMax: 50_000,
  socketBufferBytesMax: 1024 * 1024,
  awarenessStateBytesMax: 16 * 1024,
  awarenessClientsPerSessionMax: 16,
  awarenessClientsPerDocumentMax: 4096,
  uncommittedBytesMax: 256 * 1024 * 1024,
  snapshotCacheBytesMax: 64 * 1024 * 1024,
  idleUnloadMs: 10_000,
  connectionTimeoutMs: 60_000,
  authorizeMs: 10_000,
  drainMs: 8000,
  rawWindowBytes: 256 * 1024,
};

/** Document names are Unicode, measured in UTF-8. */
export const nameBytesMax: number = 512;
/** A device or user id as stored beside an entry, in UTF-8. */
export const authorBytesMax: number = 128;
/** A token as sent in `open` and `token`, in UTF-8. */
export const tokenBytesMax: number = 8192;
/** A cursor on the wire. */
export const cursorBytesMax: number = 64;
/** A digest of a document's state on the wire: the first bytes of a SHA-256. */
export const digestBytes: number = 16;
/** Between two comparisons of one document that a relay makes for one session. */
export const comparisonMsMin: number = 1000;
/** Who wrote what, as a relay tells it at a time: about 5,000 keystrokes. One part of a transfer is as long. */
export const entryAuthorsBytesMax: number = 64 * 1024;
/** Bytes of updates that a relay looks into for that. */
export const entryAuthorsScannedBytesMax: number = 4 * 1024 * 1024;
/** Between two such answers about one document that a relay gives one session. */
export const entryAuthorsMsMin: number = 1000;
/** Between two new tokens of one connection that a relay looks at; a client of ours asks for one every 500 ms at most. */
export const tokensMsMin: number = 400;
/** Documents of one connection that the authorizer is asked about at a time, for a new token. */
export const authorizedAtOnceMax: number = 16;
/** An address in the hocuspocus dialect: a document name, a zero and a session id, in UTF-8. */
export const hocuspocusAddressBytesMax: number = nameBytesMax + 1 + 64;
/** A stateless message of the hocuspocus dialect, in UTF-8. */
export const statelessBytesMax: number = 64 * 1024;
/** Messages of a stock client that may wait until its document is authorized and loaded. */
export const earlyMessagesMax: number = 4096;
/** A state vector on the wire: about 10 bytes a client. */
export const stateVectorBytesMax: number = 4 * 1024 * 1024;
/** A refusal's reason on the wire, in UTF-8. A WebSocket close frame holds 123 bytes including the code. */
export const reasonBytesMax: number = 512;

/** Large transfers travel in parts of this size, so that a slow link shows progress and stays alive. */
export const partBytes: number = 64 * 1024;

/** Messages in one frame from a client: without a bound, a frame of 16 MiB is as many pings. */
export const messagesPerFrameMax: number = 10_000;

/** A client begins a new frame after this many bytes, so that no backlog is over what the relay reads at once. */
export const frameBytes: number = 256 * 1024;

/** The longest wait that a refusal can impose; what is longer does not fit a platform's timer either. */
export const retryAfterMsMax: number = 60 * 60 * 1000;

/** Bounds on what one Yjs update may hold; genuine ones stay far below (PEERS section 4 has what happens without). */
export interface UpdateLimits {
  /** Clients with structs, and clients with deletions, in one update. */
  readonly clientsMax: number;
  /** Ranges in the delete set of one update. */
  readonly deleteRangesMax: number;
  /** Distinct names of root types in one update. */
  readonly rootNamesMax: number;
  /** Nesting of JSON and Any values. */
  readonly valueDepthMax: number;
  /** Highest clock + length; Yjs counts every character and element of a client once. */
  readonly clockMax: number;
  /** Longest run of one GC or Skip struct, or one range of the delete set. */
  readonly runMax: number;
  /** Highest client id: lib0 writes what a double holds. */
  readonly clientMax: number;
}

export const updateLimits: UpdateLimits = {
  clientsMax: 4096,
  deleteRangesMax: 65_536,
  rootNamesMax: 64,
  valueDepthMax: 64,
  clockMax: 2 ** 40,
  runMax: 2 ** 31,
  clientMax: Number.MAX_SAFE_INTEGER,
};

/** The limits that count things; the others are about single values. */
export type UpdateCounts = Pick<UpdateLimits, 'clientsMax' | 'deleteRangesMax' | 'rootNamesMax'>;

/**
 * What a whole document may hold that an operator brings from another server: it grew there over years, update by
 * update, and nobody waits for the work.
 */
export const wholeDocumentCounts: UpdateCounts = {
  clientsMax: 262_144,
  deleteRangesMax: 4_194_304,
  rootNamesMax: 4096,
};
