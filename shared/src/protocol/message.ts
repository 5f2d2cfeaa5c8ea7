import type { RefusalAction } from './close.ts';

/**
 * The native dialect's messages as values; `codec.ts` has their bytes and docs/PROTOCOL.md their rules. A document is
 * named once, in `open`; after that both sides use the number that `opened` gave it. The number belongs to the room, not
 * to the connection, so that one encoded frame serves every member.
 */

/** Asks for a document. `request` is the client's own number, echoed in the answer. */
export interface OpenMessage {
  readonly type: 'open';
  readonly request: number;
  readonly name: string;
  readonly token: string;
  /** How the device calls itself, stored beside its entries; may be empty. */
  readonly device: string;
  /** History that the client's copy belongs to; empty when it has none. */
  readonly epoch: string;
  /** From the last watermark; empty when there is none. */
  readonly cursor: Uint8Array;
  /** Yjs V1 state vector of the client's copy. */
  readonly stateVector: Uint8Array;
}

/** Leaves a document. */
export interface LeaveMessage {
  readonly type: 'leave';
  readonly doc: number;
}

/** An edit. Numbers grow within an open document; sending one again changes nothing. */
export interface PushMessage {
  readonly type: 'push';
  readonly doc: number;
  /**
   * This update contains every edit numbered up to here that no earlier push contained. 0 for one that hands back what
   * others wrote and no watermark confirmed.
   */
  readonly n: number;
  readonly update: Uint8Array;
}

/** The answer to `want`: everything the relay lacks, which stands for all pushes up to `n`. */
export interface ResyncMessage {
  readonly type: 'resync';
  readonly doc: number;
  readonly n: number;
  readonly update: Uint8Array;
}

/** Bytes that belong before those of the next `push`, `resync` or `update` of the document. */
export interface PartMessage {
  readonly type: 'part';
  readonly doc: number;
  readonly bytes: Uint8Array;
}

/** A y-protocols awareness update. */
export interface AwarenessMessage {
  readonly type: 'awareness';
  readonly doc: number;
  readonly update: Uint8Array;
}

/**
 * Asks whether the copy here is the relay's (C1): it was at `cursor`, nothing was unsaved, and its state vector and
 * deletions digest to `digest`.
 */
export interface CompareMessage {
  readonly type: 'compare';
  readonly doc: number;
  /** From the last watermark. */
  readonly cursor: Uint8Array;
  readonly digest: Uint8Array;
}

/** Asks who wrote the entries after a cursor; answered with `authors`. */
export interface WhoMessage {
  readonly type: 'who';
  readonly doc: number;
  /** From a watermark; empty for all that the log still has. */
  readonly cursor: Uint8Array;
}

/** Authorizes every document that is open on the connection anew (A1); later opens bring the same token. */
export interface TokenMessage {
  readonly type: 'token';
  readonly token: string;
}

export interface PingMessage {
  readonly type: 'ping';
}

export interface PongMessage {
  readonly type: 'pong';
}

/** The document is open; what the client lacks follows as updates up to `caughtUp`. */
export interface OpenedMessage {
  readonly type: 'opened';
  readonly request: number;
  readonly doc: number;
  /** Empty while nothing of the document is stored yet; the first watermark then brings it. */
  readonly epoch: string;
  readonly access: 'read' | 'write';
  /** Identity that the grant gave the session; may be empty. */
  readonly user: string;
  /** Bytes of the updates that follow, for a progress display. */
  readonly totalBytes: number;
}

export interface UpdateMessage {
  readonly type: 'update';
  readonly doc: number;
  readonly update: Uint8Array;
}

/** The other side has now been sent everything that the sender had when the document was opened. */
export interface CaughtUpMessage {
  readonly type: 'caught-up';
  readonly doc: number;
}

/** The relay lacks content that the client has: send what is beyond this state vector, as `resync`. */
export interface WantMessage {
  readonly type: 'want';
  readonly doc: number;
  readonly stateVector: Uint8Array;
}

/** Every push up to `n` is durable (D2). */
export interface AckMessage {
  readonly type: 'ack';
  readonly doc: number;
  readonly n: number;
}

/** Everything up to `cursor` is durable and has been sent to this session. */
export interface WatermarkMessage {
  readonly type: 'watermark';
  readonly doc: number;
  readonly epoch: string;
  readonly cursor: Uint8Array;
  /**
   * All that was sent of the document so far is durable; otherwise what was sent before the previous watermark of this
   * connection is.
   */
  readonly settled: boolean;
}

/** `elsewhere`: the relay is not, or not only, at the client's cursor, so that nothing can be said now. */
export type ComparisonResult = 'same' | 'elsewhere' | 'differs';

/** The answer to `compare`. What differs is told as what the relay has; one who may write answers with `resync`. */
export interface ComparedMessage {
  readonly type: 'compared';
  readonly doc: number;
  readonly result: ComparisonResult;
  /** Yjs V1 state vector; empty unless the result is `differs`. */
  readonly stateVector: Uint8Array;
  /** V1 delete set, after the document's parts; empty unless the result is `differs`. */
  readonly deletes: Uint8Array;
}

/** The answer to `who`: of the entries asked about, the newest, as far as the log has them. */
export interface AuthorsMessage {
  readonly type: 'authors';
  readonly doc: number;
  /** See `encodeEntryAuthors`. */
  readonly entries: Uint8Array;
}

/** When the grant of a document ends: after `opened` if it does, and for each document in answer to `token`. */
export interface GrantMessage {
  readonly type: 'grant';
  readonly doc: number;
  /** Milliseconds from now; 0 when it has no end. */
  readonly endsInMs: number;
}

/** What a refusal is about: the connection, an `open` request, or an open document. */
export type RefusalScope = 'connection' | 'request' | 'document';

/** A refusal; after it the request or document is closed, or the connection about to be. */
export interface RefuseMessage {
  readonly type: 'refuse';
  readonly scope: RefusalScope;
  /** The request's or the document's number; 0 for the connection. */
  readonly id: number;
  /** A `RefusalCode`, or one of a later version. */
  readonly code: string;
  readonly reason: string;
  readonly action: RefusalAction;
  readonly retryAfterMs: number;
}

export type ClientMessage =
  | OpenMessage
  | LeaveMessage
  | PushMessage
  | ResyncMessage
  | PartMessage
  | CaughtUpMessage
  | AwarenessMessage
  | CompareMessage
  | WhoMessage
  | TokenMessage
  | PingMessage
  | PongMessage;

/** What a relay says about one open document. */
export type ServerDocumentMessage =
  | UpdateMessage
  | PartMessage
  | CaughtUpMessage
  | WantMessage
  | AckMessage
  | WatermarkMessage
  | ComparedMessage
  | AuthorsMessage
  | AwarenessMessage;

/** What a relay says about the connection and its grants, or in answer to a request. */
export type ServerConnectionMessage = OpenedMessage | RefuseMessage | GrantMessage | PingMessage | PongMessage;

export type ServerMessage = ServerConnectionMessage | ServerDocumentMessage;
