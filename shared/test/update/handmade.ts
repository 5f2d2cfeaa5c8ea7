/**
 * Updates written by hand, for what no Y.Doc would write: hostile ones, and the smallest examples of a rule.
 */

/** lib0's varUint. */
export function varUint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push(128 + (rest % 128));
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return bytes;
}

/** lib0's varString. */
export function varString(value: string): number[] {
  const bytes = new TextEncoder().encode(value);
  return varUint(bytes.length).concat(Array.from(bytes));
}

/** One id as items refer to it. */
export type Id = readonly [client: number, clock: number];

/** The bytes of one client's structs, from a clock on. */
export interface Section {
  readonly client: number;
  readonly clock: number;
  readonly structs: readonly (readonly number[])[];
}

/** A range of the delete set. */
export type Deletion = readonly [client: number, clock: number, length: number];

/** A whole update. */
export function update(sections: readonly Section[], deletions: readonly Deletion[] = []): Uint8Array {
  const parts: (readonly number[])[] = [varUint(sections.length)];
  for (const { client, clock, structs } of sections) {
    parts.push(varUint(structs.length), varUint(client), varUint(clock));
    for (const struct of structs) parts.push(struct);
  }
  parts.push(varUint(deletions.length));
  for (const [client, clock, length] of deletions) parts.push(varUint(client), [1], varUint(clock), varUint(length));
  return Uint8Array.from(parts.flat());
}

/** An update of client 1 with structs from clock 0 on. */
export function single(...structs: readonly (readonly number[])[]): Uint8Array {
  return singleOf(structs);
}

/** The same for more structs than a call has room for. */
export function singleOf(structs: readonly (readonly number[])[]): Uint8Array {
  return update([{ client: 1, clock: 0, structs }]);
}

export interface Links {
  readonly origin?: Id;
  readonly right?: Id;
  /** Name of the root type or id of the type it is in; needed only without origins. Default: root `t`. */
  readonly parent?: string | Id;
  readonly key?: string;
}

/** An item with content of `kind`. */
export function item(kind: number, content: readonly number[], links: Links = {}): number[] {
  const { origin, right, parent = 't', key } = links;
  const flags = (origin ? 0x80 : 0) | (right ? 0x40 : 0) | (key === undefined ? 0 : 0x20);
  const bytes = [kind | flags];
  if (origin) bytes.push(...varUint(origin[0]), ...varUint(origin[1]));
  if (right) bytes.push(...varUint(right[0]), ...varUint(right[1]));
  if (!origin && !right) {
    if (typeof parent === 'string') bytes.push(1, ...varString(parent));
    else bytes.push(0, ...varUint(parent[0]), ...varUint(parent[1]));
    if (key !== undefined) bytes.push(...varString(key));
  }
  return bytes.concat(content);
}

/** A text item. */
export function text(content: string, links?: Links): number[] {
  return item(4, varString(content), links);
}

export function gc(length: number): number[] {
  return [0, ...varUint(length)];
}

export function skip(length: number): number[] {
  return [10, ...varUint(length)];
}

/** An item of lib0 Any values, each given as bytes. */
export function any(values: readonly (readonly number[])[], links?: Links): number[] {
  return item(8, [...varUint(values.length), ...values.flat()], links);
}

/** An embed with this JSON text. */
export function embed(json: string, links?: Links): number[] {
  return item(5, varString(json), links);
}
