import { YjsEditor, slateNodesToInsertDelta, withCursors, withYHistory, withYjs } from '@slate-yjs/core';
import { useRemoteCursorOverlayPositions } from '@slate-yjs/react';
import { type FunctionComponent, createElement as h, useEffect, useRef, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { type Descendant, Editor, Node, Text, createEditor } from 'slate';
import { Editable, ReactEditor, Slate, withReact } from 'slate-react';
import * as Y from 'yjs';
import { type Mount, textsOf } from '../editor-page.ts';

const empty = (): Descendant[] => [{ type: 'paragraph', children: [{ text: '' }] } as Descendant];

/** The types of @slate-yjs are lost to a compiler that resolves as Node does: they import without endings. */
interface Caret {
  readonly clientId: number;
  readonly data?: { readonly name: string };
  readonly caretPosition: { readonly height: number; readonly top: number; readonly left: number } | null;
}

/** The carets of others, drawn over the text. */
const Carets: FunctionComponent = () => {
  const containerRef = useRef<HTMLDivElement>(null);
  const [carets] = useRemoteCursorOverlayPositions({ containerRef }) as readonly [readonly Caret[]];
  const labels = carets.map(({ clientId, data, caretPosition }) =>
    caretPosition === null
      ? null
      : h('b', { key: clientId, style: { position: 'absolute', ...caretPosition } }, data?.name),
  );
  return h('div', { ref: containerRef, className: 'carets' }, ...labels);
};

const lineOf = (paragraph: Descendant): string =>
  Array.from(Node.texts(paragraph), ([leaf]) => (Text.isText(leaf) ? leaf.text : '')).join('');

export const mount: Mount = async (root, { doc, provider, user, mayBootstrap }) => {
  const shared = doc.get('slate', Y.XmlText);
  // Slate wants at least one paragraph: the document's own, so it waits for that.
  while (!provider.synced) await new Promise(requestAnimationFrame);
  if (mayBootstrap && shared.length === 0) shared.applyDelta(slateNodesToInsertDelta(empty()));
  while (shared.length === 0) await new Promise(requestAnimationFrame);
  const collaborative = withYHistory(withYjs(createEditor(), shared)) as Editor;
  const editor = withReact(withCursors(collaborative, provider.awareness, { data: { ...user } }) as Editor);
  const Page: FunctionComponent = () => {
    const [value] = useState(empty);
    useEffect(() => {
      YjsEditor.connect(editor);
      return () => YjsEditor.disconnect(editor);
    }, []);
    const children = [h(Editable, { key: 'text' }), h(Carets, { key: 'carets' })];
    return h(Slate, { editor, initialValue: value, children });
  };
  createRoot(root).render(h(Page));
  while (root.querySelector('[data-slate-editor]') === null) await new Promise(requestAnimationFrame);
  return {
    focus: () => {
      ReactEditor.focus(editor);
      if (editor.selection === null) editor.select(Editor.end(editor, []));
    },
    text: () => editor.children.map(lineOf).join('\n'),
    carets: () => textsOf(root, '.carets > b'),
  };
};
