/**
 * What the tabs of one browser say to each other. A tab that leads answers `hello` on the channel that all of them hear;
 * everything else goes over a link, a channel of its own for each attempt of a tab to connect, so that nothing of an
 * earlier one is ever taken for this one's. A link carries the native dialect's frames, and beside them what only the
 * leader knows.
 */
import type { ConnectionState, Divergence, DocumentStatus, RefusalStatus } from '@tideweave/shared';
import type { DocumentMerge } from '../merge/document-merges.ts';

/**
 * Part of the name of every channel and lock: tabs of versions that do not understand each other never meet, and have a
 * connection each; so is the version of the native dialect. To be raised with every change of the messages below.
 */
export const tabsVersion = 2;

/** On the channel that all tabs hear. */
export type ControlMessage =
  /** The sender leads from now on. */
  | { readonly type: 'leader' }
  /** The sender listens on this link and wants to be welcomed there. */
  | { readonly type: 'hello'; readonly link: string };

/** On a link, numbered from 1 in each direction. */
export type LinkMessage =
  | { readonly type: 'welcome' }
  /** A frame of the native dialect; the leader speaks as the relay does. */
  | { readonly type: 'frame'; readonly frame: Uint8Array }
  | { readonly type: 'client'; readonly facts: ClientFacts }
  | { readonly type: 'document'; readonly name: string; readonly facts: DocumentFacts }
  /** The relay refused something for now; what it refuses for good travels as a frame. */
  | { readonly type: 'refused'; readonly name: string; readonly error: RefusalStatus }
  /** The leader's copy was found to differ from the relay's, and was mended. */
  | { readonly type: 'diverged'; readonly name: string; readonly divergence: Divergence }
  /** The leader could not read the document from the device, or cannot keep it there. */
  | { readonly type: 'storefailed'; readonly name: string; readonly reason: string }
  | MergesMessage
  /** From a tab: forget these merge reports. */
  | { readonly type: 'dismiss'; readonly name: string; readonly ids: readonly string[] }
  /** From a tab: what it shows, and this leader did not name. Answered with `merges`. */
  | { readonly type: 'adopt'; readonly name: string; readonly merges: readonly DocumentMerge[] }
  /** From a tab: say `settled` when the merge reports under way are made, and were told. */
  | { readonly type: 'settle'; readonly name: string }
  | { readonly type: 'settled'; readonly name: string }
  /** From a tab: its user wants to be connected, whatever the relay said before. */
  | { readonly type: 'connect' }
  | { readonly type: 'bye' };

/** The merge reports of a document; the first one on a link tells a tab of all that there are. */
export interface MergesMessage {
  readonly type: 'merges';
  readonly name: string;
  /** Those that nobody has dismissed, oldest first. */
  readonly ids: readonly string[];
  /** What the tab has not got: new ones, those that have grown, and those that are told and not kept. */
  readonly merges: readonly DocumentMerge[];
}

/** Of the connection that all tabs share. */
export interface ClientFacts {
  readonly connection: ConnectionState;
  readonly error: RefusalStatus | null;
}

/** Of a document as the leader has it, with all frames before this message taken into account. */
export interface DocumentFacts {
  /** `pending.since` is how long ago that was (ms): tabs have different clocks. */
  readonly status: DocumentStatus;
  /** All that this tab had when it opened the document has got to the leader. */
  readonly complete: boolean;
  /** Newest edit of this tab that the leader has got on this link. */
  readonly receivedN: number;
  /** Newest edit of this tab that the device, or the relay, has durably. */
  readonly durableN: number;
}

export type Numbered<Message> = { readonly seq: number; readonly message: Message };

/** Null for what is none of ours. */
export function controlMessage(data: unknown): ControlMessage | null {
  const { type, link } = fields(data);
  if (type === 'leader') return { type };
  return type === 'hello' && typeof link === 'string' && link.length <= linkLengthMax ? { type, link } : null;
}

/** Null for what is none of ours. What a tab of the same version sends is not looked at more closely. */
export function linkMessage(data: unknown): Numbered<LinkMessage> | null {
  const { seq, message } = fields(data);
  const { type, frame } = fields(message);
  if (typeof seq !== 'number' || !linkTypes.has(type)) return null;
  if (type === 'frame' && !(frame instanceof Uint8Array)) return null;
  return { seq, message: message as LinkMessage };
}

const linkLengthMax = 64;
const linkTypes = new Set<unknown>([
  'welcome',
  'frame',
  'client',
  'document',
  'refused',
  'diverged',
  'storefailed',
  'merges',
  'dismiss',
  'adopt',
  'settle',
  'settled',
  'connect',
  'bye',
] satisfies LinkMessage['type'][]);

function fields(data: unknown): Readonly<Record<string, unknown>> {
  return typeof data === 'object' && data !== null ? (data as Readonly<Record<string, unknown>>) : {};
}
