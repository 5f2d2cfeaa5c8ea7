/**
 * Documents as JSON, out and in. Out: root types by name, and what JSON does not have as an object with the key `$yjs`.
 * In: what came out, where no such object is in it; what its types were is told from their JSON.
 */
import { createHash } from 'node:crypto';

import * as Y from 'yjs';

import type { BuiltFromJson } from '../import/import-task.ts';

/** The key of an object that stands for something that JSON does not have; its value says what. */
const marker = '$yjs';

/** The JSON text of a Yjs update's types, by their names. An update does not say of which kind a root is: what is in it tells. */
export function jsonOfDocument(update: Uint8Array): string {
  const document = new Y.Doc();
  Y.applyUpdate(document, update);
  const roots = [...document.share.keys()].toSorted().map((name) => [name, jsonOf(rootOf(document, name))] as const);
  return `${JSON.stringify(Object.fromEntries(roots), null, 2)}\n`;
}

function rootOf(document: Y.Doc, name: string): unknown {
  const root = document.share.get(name);
  if (root === undefined) return null;
  if (root._map.size > 0) return document.getMap(name);
  for (let item = root._start; item !== null; item = item.right) {
    if (item.content instanceof Y.ContentString || item.content instanceof Y.ContentFormat) {
      return document.getText(name);
    }
    if (item.content instanceof Y.ContentType) {
      const { type } = item.content;
      if (type instanceof Y.XmlElement || type instanceof Y.XmlText) return document.getXmlFragment(name);
    }
  }
  return document.getArray(name);
}

/** Formatting of text is left out. */
function jsonOf(value: unknown): unknown {
  if (value instanceof Y.XmlFragment || value instanceof Y.XmlText) return { [marker]: 'xml', text: value.toJSON() };
  if (value instanceof Y.XmlHook) return { [marker]: 'xml', text: value.hookName };
  if (value instanceof Y.Text) return value.toJSON();
  if (value instanceof Y.Map) return objectOf(value.entries());
  if (value instanceof Y.Array) return value.toArray().map(jsonOf);
  if (value instanceof Y.Doc) return { [marker]: 'document', guid: value.guid };
  if (value instanceof Uint8Array) return { [marker]: 'bytes', base64: Buffer.from(value).toString('base64') };
  if (value === undefined) return { [marker]: 'undefined' };
  if (typeof value === 'bigint') return { [marker]: 'bigint', text: String(value) };
  if (typeof value === 'number' && !Number.isFinite(value)) return { [marker]: 'number', text: String(value) };
  if (Array.isArray(value)) return value.map(jsonOf);
  return value !== null && typeof value === 'object' ? objectOf(Object.entries(value)) : value;
}

function objectOf(entries: Iterable<[string, unknown]>): Record<string, unknown> {
  return Object.fromEntries([...entries].map(([key, value]) => [key, jsonOf(value)]));
}

/** Why a JSON text is no document; the message has its place and nothing of its content. */
class NoDocumentError extends Error {}

/**
 * The update of a document with these roots: an object is a `Y.Map`, an array a `Y.Array`, a string a `Y.Text`. Within
 * them objects and arrays are such types too, strings are plain. The same text gives the same update, to the byte, so that
 * importing it again is recognised.
 */
export function documentOfJson(text: string): BuiltFromJson {
  try {
    return { update: Y.encodeStateAsUpdate(documentOf(parse(text), text)), problem: null };
  } catch (error) {
    if (error instanceof NoDocumentError) return { update: null, problem: error.message };
    throw error;
  }
}

function parse(text: string): object {
  let roots: unknown;
  try {
    roots = JSON.parse(text);
  } catch {
    throw new NoDocumentError('it is not JSON');
  }
  if (roots === null || typeof roots !== 'object' || Array.isArray(roots)) {
    throw new NoDocumentError('it is no object with root types by their names');
  }
  return roots;
}

function documentOf(roots: object, text: string): Y.Doc {
  const document = new Y.Doc();
  document.clientID = createHash('sha256').update(text).digest().readUInt32LE();
  document.transact(() => {
    for (const [name, value] of Object.entries(roots)) addRoot(document, name, value);
  });
  return document;
}

function addRoot(document: Y.Doc, name: string, value: unknown): void {
  const place = JSON.stringify(name);
  checkText(name, place);
  if (typeof value === 'string') document.getText(name).insert(0, checkText(value, place));
  else if (Array.isArray(value)) document.getArray(name).push(itemsOf(value, place));
  else if (value !== null && typeof value === 'object') {
    const map = document.getMap(name);
    for (const [key, item] of entriesOf(value, place)) map.set(key, item);
  } else {
    const found = value === null ? 'null' : `a ${typeof value}`;
    throw new NoDocumentError(`${place} is ${found}; a root is an object, an array or a string`);
  }
}

function itemsOf(values: readonly unknown[], place: string): unknown[] {
  return values.map((value, at) => itemOf(value, `${place}[${at}]`));
}

function entriesOf(value: object, place: string): [string, unknown][] {
  if (marker in value) {
    throw new NoDocumentError(`${place} is what JSON does not have (${marker}): bring it as a Yjs update instead`);
  }
  return Object.entries(value).map(([key, item]) => {
    const itsPlace = `${place}.${JSON.stringify(key)}`;
    checkText(key, itsPlace);
    return [key, itemOf(item, itsPlace)];
  });
}

function itemOf(value: unknown, place: string): unknown {
  if (typeof value === 'string') return checkText(value, place);
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw new NoDocumentError(`${place} is larger than numbers are`);
  }
  if (Array.isArray(value)) return Y.Array.from(itemsOf(value, place) as never[]);
  return value !== null && typeof value === 'object' ? new Y.Map(entriesOf(value, place)) : value;
}

/** Half a surrogate pair would come out as another character. */
function checkText(text: string, place: string): string {
  if (/\p{Surrogate}/u.test(text)) throw new NoDocumentError(`${place} has half a character (a lone surrogate)`);
  return text;
}
