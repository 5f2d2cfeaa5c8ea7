import { EditorState } from '@codemirror/state';
import { EditorView, basicSetup } from 'codemirror';
import { yCollab } from 'y-codemirror.next';
import { type Mount, textsOf } from '../editor-page.ts';

export const mount: Mount = (root, { doc, provider, user }) => {
  const text = doc.getText('codemirror');
  provider.awareness.setLocalStateField('user', { ...user, colorLight: `${user.color}33` });
  const view = new EditorView({
    state: EditorState.create({
      doc: text.toJSON(),
      extensions: [basicSetup, yCollab(text, provider.awareness)],
    }),
    parent: root,
  });
  return {
    focus: () => view.focus(),
    text: () => view.state.doc.toString(),
    carets: () => textsOf(root, '.cm-ySelectionInfo'),
  };
};
