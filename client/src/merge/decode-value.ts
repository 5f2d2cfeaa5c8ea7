import * as Y from 'yjs';
import type { DeltaOp, JsonValue } from './report-types.ts';
import { tooDeep } from './values.ts';

/** Whether a value of a report can be made again: all of it is there. */
export function canDecode(value: JsonValue): boolean {
  return !JSON.stringify(value).includes(JSON.stringify(tooDeep));
}

type JsonObject = { readonly [key: string]: JsonValue | undefined };

/** The value that values.ts encoded; shared types are new ones with the same content, ready to be put into a document. */
export function decodeValue(value: JsonValue): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((item: JsonValue) => decodeValue(item));
  const object = value as JsonObject;
  switch (object['$']) {
    case undefined:
      return decodeEntries(object);
    case 'undefined':
      return undefined;
    case 'number':
      return Number(object['value']);
    case 'bigint':
      return BigInt(textIn(object, 'value'));
    case 'bytes':
      return Uint8Array.from(atob(textIn(object, 'base64')), (char) => char.charCodeAt(0));
    case 'object':
      return decodeEntries(objectIn(object, 'entries'));
    case 'document':
      return new Y.Doc({ guid: textIn(object, 'guid'), ...decodeEntries(objectIn(object, 'options')) });
    default:
      return decodeType(object);
  }
}

function decodeType(object: JsonObject): unknown {
  switch (object['$']) {
    case 'map':
      return fillMap(new Y.Map<unknown>(), object);
    case 'xmlHook':
      return fillMap(new Y.XmlHook(textIn(object, 'name')), object);
    case 'array':
      return Y.Array.from(listIn(object, 'items').map((item) => decodeValue(item) as object));
    case 'text':
      return fillText(new Y.Text(), object);
    case 'xmlText':
      return fillText(new Y.XmlText(), object);
    case 'xmlFragment':
      return fillXml(new Y.XmlFragment(), object);
    case 'xmlElement': {
      const element = new Y.XmlElement<Record<string, never>>(textIn(object, 'name'));
      for (const [key, item] of entriesIn(object, 'attributes')) element.setAttribute(key, decodeValue(item) as never);
      return fillXml(element, object);
    }
    default:
      throw new TypeError(`a report has no values of kind ${JSON.stringify(object['$'])}`);
  }
}

/** Steps of a report as Yjs takes them. */
export function decodeOps(ops: readonly DeltaOp[]): object[] {
  return ops.map((op) => {
    if (!('insert' in op)) return op;
    return { ...op, insert: decodeValue(op.insert), ...('attributes' in op ? decodeFormats(op.attributes) : {}) };
  });
}

function decodeFormats(attributes: JsonObject | undefined): object {
  return attributes === undefined ? {} : { attributes: decodeEntries(attributes) };
}

function fillMap<Shared extends Y.Map<unknown>>(map: Shared, object: JsonObject): Shared {
  for (const [key, item] of entriesIn(object, 'entries')) map.set(key, decodeValue(item));
  return map;
}

function fillText<Shared extends Y.Text>(text: Shared, object: JsonObject): Shared {
  text.applyDelta(decodeOps(listIn(object, 'delta') as readonly DeltaOp[]));
  for (const [key, item] of entriesIn(object, 'attributes')) text.setAttribute(key, decodeValue(item));
  return text;
}

function fillXml<Shared extends Y.XmlFragment>(xml: Shared, object: JsonObject): Shared {
  xml.insert(
    0,
    listIn(object, 'children').map((child) => decodeValue(child) as Y.XmlElement),
  );
  return xml;
}

function decodeEntries(entries: JsonObject): Record<string, unknown> {
  return Object.fromEntries(Object.entries(entries).map(([key, item]) => [key, decodeValue(item ?? null)]));
}

function textIn(object: JsonObject, key: string): string {
  const value = object[key];
  return typeof value === 'string' ? value : '';
}

function listIn(object: JsonObject, key: string): readonly JsonValue[] {
  const value = object[key];
  return Array.isArray(value) ? (value as readonly JsonValue[]) : [];
}

function objectIn(object: JsonObject, key: string): JsonObject {
  const value = object[key];
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as JsonObject) : {};
}

function entriesIn(object: JsonObject, key: string): [string, JsonValue][] {
  return Object.entries(objectIn(object, key)).map(([name, item]) => [name, item ?? null]);
}
