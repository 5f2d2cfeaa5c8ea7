/** What shows the content of a document: its types as JSON. Takes Yjs, so it runs in a thread of its own (content-pool.ts). */
import * as Y from 'yjs';

/** The task of the pool: the JSON text of a Yjs update's types, by their names. */
export default function run(update: Uint8Array): string {
  const document = new Y.Doc();
  Y.applyUpdate(document, update);
  const types = [...document.share.keys()].toSorted().map((name) => [name, jsonOf(document, name)] as const);
  return `${JSON.stringify(Object.fromEntries(types), null, 2)}\n`;
}

/** An update does not say of which kind a root type is; what is in it tells. Formatting of text is left out. */
function jsonOf(document: Y.Doc, name: string): unknown {
  const root = document.share.get(name);
  if (root === undefined) return null;
  if (root._map.size > 0) return document.getMap(name).toJSON();
  for (let item = root._start; item !== null; item = item.right) {
    if (item.content instanceof Y.ContentString || item.content instanceof Y.ContentFormat) {
      return document.getText(name).toJSON();
    }
    if (item.content instanceof Y.ContentType) {
      const { type } = item.content;
      if (type instanceof Y.XmlElement || type instanceof Y.XmlText) return document.getXmlFragment(name).toJSON();
    }
  }
  return document.getArray(name).toJSON();
}
