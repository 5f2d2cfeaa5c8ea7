/**
 * A model of a document for the oracle: plain trees and lists with an identity for every type and every unit, changed by
 * the same operations as the Yjs document. It knows nothing of items, clocks or merging.
 */
import type { Random } from '@tideweave/shared';
import * as Y from 'yjs';

export type Kind = 'map' | 'array' | 'text' | 'xmlElement' | 'xmlText';
export type Writer = 'base' | 'mine' | 'theirs';
export type Value = string | number | null | Node;

export interface Unit {
  readonly uid: number;
  readonly value: Value;
  readonly attributes: Record<string, boolean>;
  readonly writer: Writer;
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

export const below = (random: Random, limit: number): number => Math.floor(random() * limit);
export function pick<Choice>(random: Random, choices: readonly Choice[]): Choice {
  return choices[below(random, choices.length)] as Choice;
}

function isNode(value: Value): value is Node {
  return value !== null && typeof value === 'object';
}

export function labelOf(type: SharedType): string {
  const id = type._item?.id;
  return id === undefined ? '' : `${id.client}:${id.clock}`;
}

const rootKinds: Record<string, Kind> = { m: 'map', a: 'array', t: 'text', n: 'map' };

export class Shadow {
  readonly roots: Map<string, Node>;
  /** What this side did to each type: keys it wrote or deleted. */
  readonly touched = new Map<string, Set<string>>();
  #uids: { next: number };
  writer: Writer = 'base';

  constructor(roots: Map<string, Node> | null = null, uids = { next: 0 }) {
    this.#uids = uids;
    this.roots =
      roots ??
      new Map(
        Object.entries(rootKinds).map(([name, kind]) => [
          name,
          { label: name, kind, keys: new Map(), units: [], parent: null },
        ]),
      );
  }

  /** A copy with the same identities that goes its own way. */
  fork(writer: Writer): Shadow {
    const roots = new Map([...this.roots].map(([name, node]) => [name, copy(node, null)]));
    const fork = new Shadow(roots, this.#uids);
    fork.writer = writer;
    return fork;
  }

  /** Every type that is in the document now, by label. */
  alive(): Map<string, Node> {
    const found = new Map<string, Node>();
    const visit = (node: Node): void => {
      found.set(node.label, node);
      for (const { value } of node.keys.values()) if (isNode(value)) visit(value);
      for (const { value } of node.units) if (isNode(value)) visit(value);
    };
    for (const node of this.roots.values()) visit(node);
    return found;
  }

  /** One random operation, done here and in `doc`. */
  edit(random: Random, doc: Y.Doc): void {
    const node = pick(random, [...this.alive().values()]);
    const type = typeAt(doc, node);
    const byKey = node.kind === 'map' || (node.kind === 'xmlElement' && random() < 0.4);
    if (byKey) this.#editKey(random, node, type as Y.Map<unknown> | Y.XmlElement);
    else if (node.kind === 'text' || node.kind === 'xmlText') this.#editText(random, node, type as Y.Text);
    else this.#editList(random, node, type as Y.Array<unknown> | Y.XmlElement);
  }

  #editKey(random: Random, node: Node, type: Y.Map<unknown> | Y.XmlElement): void {
    const key = pick(random, ['k', 'l', 'm']);
    if (random() < 0.25) {
      if (!node.keys.delete(key)) return;
      if (type instanceof Y.Map) type.delete(key);
      else type.removeAttribute(key);
    } else {
      const nested =
        type instanceof Y.Map && random() < 0.35 ? newType(random, ['map', 'array', 'text', 'xmlElement']) : null;
      // Few different values, so that both sides agree now and then.
      const scalar =
        random() < 0.3
          ? pick(random, ['same', 'other'])
          : type instanceof Y.Map && random() < 0.1
            ? null
            : `v${below(random, 1e9)}`;
      if (type instanceof Y.Map) type.set(key, nested?.type ?? scalar);
      else type.setAttribute(key, scalar ?? '');
      node.keys.set(key, { value: nested === null ? scalar : nodeOf(nested, node, key), writer: this.writer });
    }
    const keys = this.touched.get(node.label) ?? new Set();
    this.touched.set(node.label, keys.add(key));
  }

  #editList(random: Random, node: Node, type: Y.Array<unknown> | Y.XmlElement): void {
    const { length } = node.units;
    if (length > 0 && random() < 0.4) {
      const from = below(random, length);
      const count = 1 + below(random, Math.min(4, length - from));
      type.delete(from, count);
      node.units.splice(from, count);
      return;
    }
    const at = below(random, length + 1);
    const isXml = type instanceof Y.XmlElement;
    const count = 1 + below(random, 3);
    const entries = Array.from({ length: count }, () => {
      const nested =
        isXml || random() < 0.3 ? newType(random, isXml ? ['xmlElement', 'xmlText'] : ['map', 'array', 'text']) : null;
      return nested ?? below(random, 1e9);
    });
    const inserted = entries.map((entry) => (typeof entry === 'number' ? entry : entry.type));
    if (isXml) type.insert(at, inserted as Y.XmlElement[]);
    else type.insert(at, inserted);
    const units = entries.map((entry) => this.#unit(typeof entry === 'number' ? entry : nodeOf(entry, node, null), {}));
    node.units.splice(at, 0, ...units);
  }

  #editText(random: Random, node: Node, type: Y.Text): void {
    const { length } = node.units;
    const chance = random();
    if (length > 0 && chance < 0.35) {
      const from = below(random, length);
      const count = 1 + below(random, Math.min(8, length - from));
      type.delete(from, count);
      node.units.splice(from, count);
    } else if (length > 0 && chance < 0.5) {
      const from = below(random, length);
      const count = 1 + below(random, Math.min(8, length - from));
      const name = pick(random, ['bold', 'em']);
      const on = random() < 0.7;
      type.format(from, count, { [name]: on ? true : null });
      node.units = node.units.map((unit, index) => {
        if (index < from || index >= from + count) return unit;
        const { [name]: _, ...rest } = unit.attributes;
        return { ...unit, attributes: on ? { ...rest, [name]: true } : rest };
      });
    } else {
      const at = below(random, length + 1);
      const text = Array.from({ length: 1 + below(random, 5) }, () => String.fromCharCode(97 + below(random, 26))).join(
        '',
      );
      const attributes: Record<string, boolean> = random() < 0.2 ? { bold: true } : {};
      // A copy: Yjs writes into what it is given.
      type.insert(at, text, { ...attributes });
      node.units.splice(at, 0, ...text.split('').map((char) => this.#unit(char, attributes)));
    }
  }

  /**
   * Takes over the formats that the texts of `doc` have. Yjs tidies its marks when it deletes, and now and then a format
   * then reaches further than it was asked to (13.6): what a side shows is what its user saw. Characters must agree.
   */
  settle(doc: Y.Doc): void {
    for (const node of this.alive().values()) {
      if (node.kind !== 'text' && node.kind !== 'xmlText') continue;
      const chars = textOf(typeAt(doc, node) as Y.Text).flatMap(({ insert, attributes = {} }) =>
        insert.split('').map((char) => ({ char, attributes })),
      );
      if (chars.length !== node.units.length) throw new Error(`the model of ${node.label} has another length`);
      node.units = node.units.map((unit, index) => {
        const { char, attributes } = chars[index] ?? {};
        if (char !== unit.value) throw new Error(`the model of ${node.label} has other characters`);
        return { ...unit, attributes: attributes ?? {} };
      });
    }
  }

  #unit(value: Value, attributes: Record<string, boolean>): Unit {
    return { uid: this.#uids.next++, value, attributes, writer: this.writer };
  }
}

function copy(node: Node, parent: Node['parent']): Node {
  const { label, kind } = node;
  const made: Node = { label, kind, keys: new Map(), units: [], parent };
  const inner = (value: Value, key: string | null): Value => (isNode(value) ? copy(value, { node: made, key }) : value);
  for (const [key, { value, writer }] of node.keys) made.keys.set(key, { value: inner(value, key), writer });
  made.units = node.units.map((unit) => ({ ...unit, value: inner(unit.value, null) }));
  return made;
}

interface NewType {
  readonly kind: Kind;
  readonly type: SharedType;
}

function newType(random: Random, kinds: readonly Kind[]): NewType {
  const kind = pick(random, kinds);
  switch (kind) {
    case 'map':
      return { kind, type: new Y.Map() };
    case 'array':
      return { kind, type: new Y.Array() };
    case 'text':
      return { kind, type: new Y.Text() };
    case 'xmlElement':
      return { kind, type: new Y.XmlElement('e') };
    case 'xmlText':
      return { kind, type: new Y.XmlText() };
  }
}

function nodeOf({ kind, type }: NewType, parent: Node, key: string | null): Node {
  return { label: labelOf(type), kind, keys: new Map(), units: [], parent: { node: parent, key } };
}

/** The Yjs type of a node, found by where it is. */
function typeAt(doc: Y.Doc, node: Node): SharedType {
  if (node.parent === null) {
    if (node.kind === 'map') return doc.getMap(node.label);
    return node.kind === 'array' ? doc.getArray(node.label) : doc.getText(node.label);
  }
  const { node: parent, key } = node.parent;
  const type = typeAt(doc, parent) as unknown as { get(place: string | number): SharedType | undefined };
  const place = key ?? parent.units.findIndex(({ value }) => value === node);
  const found = type.get(place);
  if (found === undefined || labelOf(found) !== node.label) throw new Error(`the model lost ${node.label}`);
  return found;
}

/** Every type that a document shows, by label, through Yjs's public methods. */
export function typesIn(doc: Y.Doc): Map<string, SharedType> {
  const found = new Map<string, SharedType>();
  const visit = (label: string, type: SharedType): void => {
    found.set(label, type);
    const children: unknown[] =
      type instanceof Y.Map ? [...type.values()] : type instanceof Y.Text ? [] : (type as Y.Array<unknown>).toArray();
    for (const child of children)
      if (child instanceof Y.AbstractType) visit(labelOf(child as SharedType), child as SharedType);
  };
  for (const [name, kind] of Object.entries(rootKinds)) {
    visit(name, kind === 'map' ? doc.getMap(name) : kind === 'array' ? doc.getArray(name) : doc.getText(name));
  }
  return found;
}

interface TextStep {
  insert: string;
  attributes?: Record<string, boolean>;
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
