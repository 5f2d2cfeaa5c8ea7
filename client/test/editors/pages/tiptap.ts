import { Editor } from '@tiptap/core';
import { Collaboration } from '@tiptap/extension-collaboration';
import { CollaborationCaret } from '@tiptap/extension-collaboration-caret';
import { StarterKit } from '@tiptap/starter-kit';
import { type Mount, textsOf } from '../editor-page.ts';

export const mount: Mount = (root, { doc, provider, user }) => {
  const editor = new Editor({
    element: root,
    extensions: [
      StarterKit.configure({ undoRedo: false }),
      Collaboration.configure({ document: doc }),
      CollaborationCaret.configure({ provider, user }),
    ],
  });
  return {
    focus: () => editor.view.focus(),
    text: () => editor.getText({ blockSeparator: '\n' }),
    carets: () => textsOf(root, '.collaboration-carets__label'),
  };
};
