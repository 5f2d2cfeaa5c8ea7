import { baseKeymap } from 'prosemirror-commands';
import { keymap } from 'prosemirror-keymap';
import { schema } from 'prosemirror-schema-basic';
import { EditorState } from 'prosemirror-state';
import { EditorView } from 'prosemirror-view';
import { yCursorPlugin, ySyncPlugin, yUndoPlugin } from 'y-prosemirror';
import { type Mount, textsOf } from '../editor-page.ts';

export const mount: Mount = (root, { doc, provider, user }) => {
  const fragment = doc.getXmlFragment('prosemirror');
  provider.awareness.setLocalStateField('user', user);
  // Not with initProseMirrorDoc: of an empty fragment it makes a document without a paragraph, in which everything is
  // selected, and stays so when content arrives. Whoever types then replaces all of it.
  const view = new EditorView(root, {
    state: EditorState.create({
      schema,
      plugins: [ySyncPlugin(fragment), yCursorPlugin(provider.awareness), yUndoPlugin(), keymap(baseKeymap)],
    }),
  });
  return {
    focus: () => view.focus(),
    text: () => view.state.doc.textBetween(0, view.state.doc.content.size, '\n'),
    carets: () => textsOf(root, '.ProseMirror-yjs-cursor > div'),
  };
};
