/** What views of the merged document show: values under keys, lists, and the changes between two views of a list. */
import * as Y from 'yjs';
import { DeltaBuilder } from './delta-builder.ts';
import { isText, kindOf } from './kinds.ts';
import type { Attributes, DeltaOp, JsonValue, KeyState } from './report-types.ts';
import { canonical, depthMax, encodeValue, tooDeep } from './values.ts';
import { type SharedType, type View, emptyView, keyItem, keysOf, listItems } from './views.ts';

/** The values of an item's units, as `view` shows nested types. */
function encodeContent(item: Y.Item, view: View, depth = 0): JsonValue[] {
  const { content } = item;
  if (content instanceof Y.ContentAny || content instanceof Y.ContentJSON) {
    return content.arr.map((value: unknown) => encodeValue(value, depth));
  }
  if (content instanceof Y.ContentType) return [encodeType(content.type as SharedType, view, depth)];
  if (content instanceof Y.ContentBinary) return [encodeValue(content.content, depth)];
  if (content instanceof Y.ContentEmbed) return [encodeValue(content.embed, depth)];
  if (content instanceof Y.ContentString) return Array.from({ length: item.length }, (_, i) => content.str[i] ?? '');
  if (content instanceof Y.ContentDoc) {
    return [{ $: 'document', guid: content.doc.guid, options: encodeValue(content.opts, depth) }];
  }
  return [];
}

/** A shared type with all that is in it. */
export function encodeType(type: SharedType, view: View, depth = 0): JsonValue {
  if (depth > depthMax) return tooDeep;
  const kind = kindOf(type);
  const keys: Record<string, JsonValue> = Object.fromEntries(
    keysOf(type).flatMap((key): [string, JsonValue][] => {
      const item = keyItem(type, key, view);
      if (item === null || !view.shows(item)) return [];
      return [[key, encodeContent(item, view, depth + 1).at(-1) ?? null]];
    }),
  );
  if (kind === 'map') return { $: 'map', entries: keys };
  if (kind === 'xmlHook') return { $: 'xmlHook', name: (type as unknown as Y.XmlHook).hookName, entries: keys };
  const attributes = Object.keys(keys).length > 0 ? { attributes: keys } : {};
  if (isText(kind)) return { $: kind, delta: deltaOf(type, emptyView, view, depth + 1), ...attributes };
  const items: JsonValue[] = [];
  for (const item of listItems(type)) {
    if (item.countable && view.shows(item)) items.push(...encodeContent(item, view, depth + 1));
  }
  if (kind === 'array') return { $: 'array', items, ...attributes };
  if (kind === 'xmlFragment') return { $: 'xmlFragment', children: items };
  return { $: 'xmlElement', name: (type as unknown as Y.XmlElement).nodeName, children: items, ...attributes };
}

/** What a view shows under a key; `touched` tells a deletion from what never was. */
export function stateOf(type: SharedType, key: string, view: View, touched: boolean): KeyState {
  const item = keyItem(type, key, view);
  if (item === null || !view.shows(item)) return { state: touched ? 'deleted' : 'absent' };
  return { state: 'value', value: encodeContent(item, view).at(-1) ?? null };
}

type Formats = Map<string, JsonValue>;

/** The change that makes the list as `from` shows it into the list as `to` shows it. Empty: they show the same. */
export function deltaOf(type: SharedType, from: View, to: View, depth = 0): DeltaOp[] {
  const text = isText(kindOf(type));
  const ops = new DeltaBuilder();
  const before: Formats = new Map();
  const after: Formats = new Map();
  for (const item of listItems(type)) {
    const was = from.shows(item);
    const is = to.shows(item);
    if (!was && !is) continue;
    if (item.content instanceof Y.ContentFormat) {
      if (was) format(before, item.content);
      if (is) format(after, item.content);
    } else if (item.countable) {
      if (was && is) ops.retain(item.length, text ? difference(before, after) : undefined);
      else if (was) ops.delete(item.length);
      else insert(ops, item, to, text ? attributesOf(after) : undefined, text, depth);
    }
  }
  return ops.finish();
}

/** The content of one item as `view` shows it, as inserts. */
export function contentOf(item: Y.Item, view: View, formats: Attributes | undefined): DeltaOp[] {
  const ops = new DeltaBuilder();
  insert(ops, item, view, formats, item.content instanceof Y.ContentString || formats !== undefined, 0);
  return ops.finish();
}

/** Follows the formats that hold at each item of a text. */
export class FormatWalk {
  readonly #formats: Formats = new Map();

  step(item: Y.Item, view: View): void {
    if (item.content instanceof Y.ContentFormat && view.shows(item)) format(this.#formats, item.content);
  }

  get attributes(): Attributes | undefined {
    return attributesOf(this.#formats);
  }
}

/** Whether two views show the same list. */
export function sameList(type: SharedType, a: View, b: View): boolean {
  return deltaOf(type, a, b).length === 0;
}

/** The list as a view shows it. */
export function listOf(type: SharedType, view: View): DeltaOp[] {
  return deltaOf(type, emptyView, view);
}

function insert(
  ops: DeltaBuilder,
  item: Y.Item,
  view: View,
  attributes: Attributes | undefined,
  text: boolean,
  depth: number,
): void {
  if (text && item.content instanceof Y.ContentString) ops.insertText(item.content.str, attributes);
  else if (text) for (const value of encodeContent(item, view, depth)) ops.insertEmbed(value, attributes);
  else ops.insertValues(encodeContent(item, view, depth));
}

function format(formats: Formats, { key, value }: Y.ContentFormat): void {
  if ((value as unknown) === null) formats.delete(key);
  else formats.set(key, encodeValue(value));
}

function attributesOf(formats: Formats): Attributes | undefined {
  return formats.size === 0 ? undefined : Object.fromEntries([...formats].sort(byKey));
}

function difference(before: Formats, after: Formats): Attributes | undefined {
  if (before.size === 0 && after.size === 0) return undefined;
  const changed: [string, JsonValue][] = [];
  for (const key of new Set([...before.keys(), ...after.keys()])) {
    const value = after.get(key);
    if (canonical(before.get(key)) !== canonical(value)) changed.push([key, value ?? null]);
  }
  return changed.length === 0 ? undefined : Object.fromEntries(changed.sort(byKey));
}

function byKey([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : 1;
}
