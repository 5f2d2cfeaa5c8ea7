import * as Y from 'yjs';

/** All text in a document's shared types, in order: what an editor must show, whatever it makes of Yjs's types. */
export function textIn(doc: Y.Doc): string {
  return Array.from(doc.share.keys(), (name) => {
    const root = doc.get(name);
    // Nobody has said yet what a root that came from the relay is; its first item tells.
    const isFragment =
      root._start !== null && root._start.content instanceof Y.ContentType && !isText(root._start.content.type);
    return textOf(isFragment ? doc.getXmlFragment(name) : doc.get(name, Y.XmlText));
  }).join('\n');
}

function textOf(type: Y.XmlFragment | Y.XmlText): string {
  if (!(type instanceof Y.XmlText))
    return type
      .toArray()
      .map((child) => (isText(child) || child instanceof Y.XmlElement ? textOf(child) : ''))
      .join('\n');
  const delta = type.toDelta() as { insert: unknown }[];
  return delta
    .map(({ insert }) => (typeof insert === 'string' ? insert : isText(insert) ? textOf(insert) : ''))
    .join('\n');
}

const isText = (type: unknown): type is Y.XmlText => type instanceof Y.XmlText;
