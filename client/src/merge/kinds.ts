import * as Y from 'yjs';
import type { TypeKind } from './report-types.ts';
import { type SharedType, listItems } from './views.ts';

const itemsLookedAt = 1000;

/**
 * What a shared type is. A root in a document that nobody asked for it by class has none yet: then what it holds tells,
 * and one that holds nothing recognizable counts as an array if it has items, else as a map.
 */
export function kindOf(type: SharedType): TypeKind {
  const shared: unknown = type;
  if (shared instanceof Y.XmlText) return 'xmlText';
  if (shared instanceof Y.Text) return 'text';
  if (shared instanceof Y.XmlHook) return 'xmlHook';
  if (shared instanceof Y.Map) return 'map';
  if (shared instanceof Y.Array) return 'array';
  if (shared instanceof Y.XmlElement) return 'xmlElement';
  if (shared instanceof Y.XmlFragment) return 'xmlFragment';
  let seen = 0;
  let guess: TypeKind | null = null;
  for (const { content } of listItems(type)) {
    if (content instanceof Y.ContentString || content instanceof Y.ContentFormat) return 'text';
    if (content instanceof Y.ContentEmbed) return 'text';
    // Text may hold types as well, so one alone is no proof.
    if (content instanceof Y.ContentType) guess ??= isXml(kindOf(content.type as SharedType)) ? 'xmlFragment' : 'array';
    else if (!(content instanceof Y.ContentDeleted)) return 'array';
    if (++seen === itemsLookedAt) break;
  }
  return guess ?? (type._start === null || type._map.size > 0 ? 'map' : 'array');
}

export function isText(kind: TypeKind): boolean {
  return kind === 'text' || kind === 'xmlText';
}

function isXml(kind: TypeKind): boolean {
  return kind === 'xmlElement' || kind === 'xmlText' || kind === 'xmlHook';
}
