/**
 * The constants of Yjs's V1 update format that both readers (the scanner, which trusts nothing, and the struct reader,
 * which reads what was scanned) and the writers share.
 */

/** The kind of a struct: the low five bits of its info byte. */
export const Kind = {
  gc: 0,
  deleted: 1,
  json: 2,
  binary: 3,
  text: 4,
  embed: 5,
  format: 6,
  type: 7,
  any: 8,
  document: 9,
  skip: 10,
} as const;

/** Selects the kind in an info byte. */
export const kindBits = 0b0001_1111;
/** The item is a map entry; its key is written only beside its parent. */
export const hasParentSub = 0b0010_0000;
export const hasRightOrigin = 0b0100_0000;
export const hasOrigin = 0b1000_0000;

/** Shared types in the order of Yjs's type refs; the two with a name carry it behind the ref. */
export const TypeRef = { xmlElement: 3, xmlHook: 5, highest: 6 } as const;

/** lib0's tags of Any values, counted down from 127 so that the bytes below stay free for other uses. */
export const AnyTag = {
  bytes: 116,
  array: 117,
  object: 118,
  text: 119,
  true: 120,
  false: 121,
  bigint: 122,
  float64: 123,
  float32: 124,
  integer: 125,
  null: 126,
  undefined: 127,
} as const;
