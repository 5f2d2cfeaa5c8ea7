/**
 * A document as the oracle of merge reports sees it: plain trees and lists with an identity for every type and every
 * unit, which knows nothing of items, clocks or merging.
 */
import * as Y from 'yjs';

export type Kind = 'map' | 'array' | 'text' | 'xmlElement' | 'xmlText';
export type Writer = 'base' | 'mine' | 'theirs';
export type Value = string | number | null | Node;

export interface Unit {
  readonly uid: number;
  readonly value: Value;
  readonly attributes: Record<string, unknown>;
}

export interface Node {
  /** The root's name, or the id that Yjs gave it when it was made. */
  label: string;
  readonly kind: Kind;
  readonly keys: Map<string, { value: Value; writer: Writer }>;
  units: Unit[];
  /** Where it is; null for a root. What is removed keeps it. */
  readonly parent: { readonly node: Node; readonly key: string | null } | null;
}

export type SharedType = Y.Map<unknown> | Y.Array<unknown> | Y.Text | Y.XmlElement;

/** A document as one side has it. */
export interface Model {
  /** Every type that is in the document now, by label. */
  alive(): Map<string, Node>;
  /** Keys that this side wrote or deleted since the base, by the label of their type. */
  readonly touched: ReadonlyMap<string, ReadonlySet<string>>;
}

/** The roots of a document, by name. */
export type Roots = Readonly<Record<string, Kind>>;

export function isNode(value: Value): value is Node {
  return value !== null && typeof value === 'object';
}

export function labelOf(type: SharedType): string {
  const id = type._item?.id;
  return id === undefined ? '' : `${id.client}:${id.clock}`;
}

/** Every type that a document shows, by label, through Yjs's public methods. */
export function typesIn(doc: Y.Doc, roots: Roots): Map<string, SharedType> {
  const found = new Map<string, SharedType>();
  const visit = (label: string, type: SharedType): void => {
    found.set(label, type);
    const children: unknown[] =
      type instanceof Y.Map ? [...type.values()] : type instanceof Y.Text ? [] : (type as Y.Array<unknown>).toArray();
    for (const child of children)
      if (child instanceof Y.AbstractType) visit(labelOf(child as SharedType), child as SharedType);
  };
  for (const [name, kind] of Object.entries(roots)) visit(name, rootOf(doc, name, kind));
  return found;
}

/** A root of a document, with its class. */
export function rootOf(doc: Y.Doc, name: string, kind: Kind): SharedType {
  if (kind === 'map') return doc.getMap(name);
  return kind === 'array' ? doc.getArray(name) : doc.getText(name);
}

export interface TextStep {
  insert: string;
  attributes?: Record<string, unknown>;
}

/** A node as the report writes it. */
export function nodeJson(node: Node): unknown {
  const keys = Object.fromEntries([...node.keys].map(([key, { value }]) => [key, valueJson(value)]));
  switch (node.kind) {
    case 'map':
      return { $: 'map', entries: keys };
    case 'array':
      return { $: 'array', items: node.units.map(({ value }) => valueJson(value)) };
    case 'text':
    case 'xmlText':
      return { $: node.kind, delta: textJson(node.units) };
    case 'xmlElement': {
      const children = node.units.map(({ value }) => valueJson(value));
      return { $: 'xmlElement', name: 'e', children, ...(node.keys.size > 0 ? { attributes: keys } : {}) };
    }
  }
}

export function valueJson(value: Value): unknown {
  return isNode(value) ? nodeJson(value) : value;
}

export function textJson(units: readonly Pick<Unit, 'value' | 'attributes'>[]): TextStep[] {
  const steps: TextStep[] = [];
  for (const { value, attributes } of units) {
    const last = steps.at(-1);
    if (last !== undefined && attributesText(last.attributes ?? {}) === attributesText(attributes))
      last.insert += value as string;
    else steps.push({ insert: value as string, ...(Object.keys(attributes).length > 0 ? { attributes } : {}) });
  }
  return steps;
}

export function attributesText(attributes: Record<string, unknown>): string {
  return JSON.stringify(Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The content of a Yjs text; its own delta may have several steps where one says the same. */
export function textOf(type: Y.Text): TextStep[] {
  const steps = type.toDelta() as TextStep[];
  return textJson(
    steps.flatMap(({ insert, attributes = {} }) => insert.split('').map((value) => ({ value, attributes }))),
  );
}

/** A Yjs value as the report writes it, through Yjs's public methods. */
export function yjsJson(value: unknown): unknown {
  if (value instanceof Y.XmlText) return { $: 'xmlText', delta: textOf(value) };
  if (value instanceof Y.Text) return { $: 'text', delta: textOf(value) };
  if (value instanceof Y.Map) {
    return { $: 'map', entries: Object.fromEntries([...value.entries()].map(([key, inner]) => [key, yjsJson(inner)])) };
  }
  if (value instanceof Y.Array) return { $: 'array', items: value.toArray().map(yjsJson) };
  if (value instanceof Y.XmlElement) {
    const attributes = value.getAttributes();
    const children = value.toArray().map(yjsJson);
    return { $: 'xmlElement', name: 'e', children, ...(Object.keys(attributes).length > 0 ? { attributes } : {}) };
  }
  return value;
}
