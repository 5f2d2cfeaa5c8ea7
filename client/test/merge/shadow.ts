/** A model of a document that is changed by the same operations as the Yjs document beside it. */
import type { Random } from '@tideweave/shared';
import * as Y from 'yjs';
import {
  type Kind,
  type Model,
  type Node,
  type Roots,
  type SharedType,
  type Unit,
  type Value,
  type Writer,
  isNode,
  labelOf,
  rootOf,
  textOf,
} from '../../src/merge-oracle/model.ts';

export const below = (random: Random, limit: number): number => Math.floor(random() * limit);
export function pick<Choice>(random: Random, choices: readonly Choice[]): Choice {
  return choices[below(random, choices.length)] as Choice;
}

export const rootKinds: Roots = { m: 'map', a: 'array', t: 'text', n: 'map' };

export class Shadow implements Model {
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

  #unit(value: Value, attributes: Record<string, unknown>): Unit {
    return { uid: this.#uids.next++, value, attributes };
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
  if (node.parent === null) return rootOf(doc, node.label, node.kind);
  const { node: parent, key } = node.parent;
  const type = typeAt(doc, parent) as unknown as { get(place: string | number): SharedType | undefined };
  const place = key ?? parent.units.findIndex(({ value }) => value === node);
  const found = type.get(place);
  if (found === undefined || labelOf(found) !== node.label) throw new Error(`the model lost ${node.label}`);
  return found;
}
