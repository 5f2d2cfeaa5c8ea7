/**
 * What a merge report says. All of it is plain JSON: it crosses to a worker and back, and is kept on the device until it
 * is dismissed.
 */
import type { EntryAuthor } from '@tideweave/shared';

/** A value as JSON; what JSON cannot say is an object with a `$` (see values.ts): nested types, undefined, bytes. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined };

/** Identity of what Yjs inserted: it stays when indexes move. */
export interface ItemId {
  readonly client: number;
  readonly clock: number;
}

/** Identity of a shared type: its name at the root of the document, or the item that holds it. */
export type TypeIdentity = { readonly root: string } | ItemId;

export type TypeKind = 'map' | 'array' | 'text' | 'xmlText' | 'xmlElement' | 'xmlFragment' | 'xmlHook';

/** Where something is, for people: keys and indexes from the root's name on. Indexes are those after the merge. */
export type Path = readonly (string | number)[];

export type Side = 'mine' | 'theirs';

/**
 * What is under a key. `absent`: nothing, and nobody there took it away. `deleted`: it was deleted. `large`: a value too
 * long for the report, of so many characters as JSON.
 */
export type KeyState =
  | { readonly state: 'absent' }
  | { readonly state: 'deleted' }
  | { readonly state: 'value'; readonly value: JsonValue }
  | { readonly state: 'large'; readonly chars: number };

/** One step of a change, in Quill's form. In arrays and XML `insert` is a list of values. */
export type DeltaOp =
  | { readonly retain: number; readonly attributes?: Attributes }
  | { readonly delete: number }
  | { readonly insert: JsonValue; readonly attributes?: Attributes };

export type Attributes = Readonly<Record<string, JsonValue>>;

/** A change, or content as a change of nothing. `truncated`: only its beginning is here. */
export interface Delta {
  readonly ops: readonly DeltaOp[];
  readonly truncated: boolean;
}

/**
 * One of the others who wrote. Where the relay could not tell any more there is only the name: user and device are empty
 * then, the times null.
 */
export interface ReportAuthor {
  /** Identity that the relay's grant gave whoever brought it; empty for anonymous. */
  readonly user: string;
  /** How the device calls itself; may be empty. */
  readonly device: string;
  /** How they call themselves in presence, which nobody has checked; empty where it is not known. */
  readonly name: string;
  /** When the relay got the first and the last of what they did meanwhile, by its clock, milliseconds since 1970. */
  readonly firstTime: number | null;
  readonly lastTime: number | null;
  /** Entries of the log, or where those are not known updates as they arrived. */
  readonly updates: number;
}

interface Located {
  /** Identity of the entry within its report. */
  readonly id: string;
  readonly path: Path;
  /** Whose doing the other side of it was: indexes into the report's `authors`. */
  readonly by: readonly number[];
}

/** A map key or XML attribute that both sides wrote. `agreed`: both to the same value, which is no conflict. */
export interface KeyEntry extends Located {
  readonly kind: 'key';
  readonly type: TypeIdentity;
  readonly of: TypeKind;
  readonly key: string;
  readonly base: KeyState;
  readonly mine: KeyState;
  readonly theirs: KeyState;
  /** Which of the two the merged document shows. */
  readonly outcome: Side | 'agreed';
}

/** A text, array or list of XML children that both sides edited; both changes are relative to the base. */
export interface ListEntry extends Located {
  readonly kind: 'list';
  readonly type: TypeIdentity;
  readonly of: TypeKind;
  readonly mine: Delta;
  readonly theirs: Delta;
  /** The merged content. */
  readonly merged: Delta;
  /** `agreed`: both did the same, and each sees its own version. */
  readonly outcome: 'merged' | 'agreed';
}

/** What a side changed in content that is gone. */
export type LostEdit =
  | {
      readonly kind: 'key';
      readonly path: Path;
      readonly key: string;
      readonly base: KeyState;
      readonly value: KeyState;
    }
  | { readonly kind: 'list'; readonly path: Path; readonly of: TypeKind; readonly delta: Delta };

/** A nested type that one side deleted while the other (`side`) edited it: none of these edits can be seen. */
export interface LostEntry extends Located {
  readonly kind: 'lost';
  /** Whose edits were lost. */
  readonly side: Side;
  /** What was deleted: the outermost deleted type around the edits. */
  readonly container: ItemId;
  readonly of: TypeKind;
  /** Where it was. */
  readonly parent: TypeIdentity;
  readonly parentOf: TypeKind;
  /** Its key in the parent, or null in a list. */
  readonly key: string | null;
  readonly edits: readonly LostEdit[];
  /** The deleted type as `side` left it. */
  readonly value: KeyState;
  /** What is under the key now; `deleted` in a list. */
  readonly replacedBy: KeyState;
}

/** Units that a side inserted one after another. */
export interface Insertion extends ItemId {
  readonly length: number;
  readonly content: Delta;
}

/**
 * An insertion amid content that the other side deleted on both sides of it: it is still there, without what it was
 * written into.
 */
export interface StrandedEntry extends Located {
  readonly kind: 'stranded';
  /** Whose insertion it is. */
  readonly side: Side;
  readonly type: TypeIdentity;
  readonly of: TypeKind;
  /** Where it begins in the merged content. */
  readonly index: number;
  readonly insertions: readonly Insertion[];
}

export type MergeEntry = KeyEntry | ListEntry | LostEntry | StrandedEntry;

/** What a merge of two sides did. Without entries the two sides touched different things. */
export interface MergeReport {
  readonly version: 1;
  /** Ordered by path. */
  readonly entries: readonly MergeEntry[];
  /** Entries found that are not `agreed`, those that were cut off included. */
  readonly conflicts: number;
  /** Entries found in which both sides did the same. */
  readonly agreed: number;
  /** The others who wrote meanwhile, as far as they are known. */
  readonly authors: readonly ReportAuthor[];
  /** Something did not fit: entries at the end, a long value or the end of a delta. */
  readonly truncated: boolean;
  /** False when an update builds on content that was not handed in; then there are no entries. */
  readonly complete: boolean;
}

/** Bounds of a report. A delta or value counts as many characters as its JSON has. */
export interface MergeReportLimits {
  readonly entriesMax: number;
  /** Edits listed in one entry. */
  readonly editsMax: number;
  readonly valueCharsMax: number;
  readonly reportCharsMax: number;
}

export const mergeReportLimits: MergeReportLimits = {
  entriesMax: 500,
  editsMax: 100,
  valueCharsMax: 256 * 1024,
  reportCharsMax: 4 * 1024 * 1024,
};

export interface MergeReportInput {
  /** V1 updates: the document at the last moment both sides agreed. */
  readonly base: readonly Uint8Array[];
  /** My raw pending updates. */
  readonly mine: readonly Uint8Array[];
  /** The updates of others since the base; my own that came back are recognized and left out. */
  readonly theirs: readonly Uint8Array[];
  /** Entries of the log that may have brought `theirs`, the newest first. */
  readonly entries?: readonly EntryAuthor[];
  /** How clients call themselves. */
  readonly names?: ReadonlyMap<number, string>;
  /** Default `mergeReportLimits`. */
  readonly limits?: Partial<MergeReportLimits>;
}
