import Quill from 'quill';
import QuillCursors from 'quill-cursors';
import { QuillBinding } from 'y-quill';
import { type Mount, textsOf } from '../editor-page.ts';

Quill.register('modules/cursors', QuillCursors);

export const mount: Mount = (root, { doc, provider, user }) => {
  provider.awareness.setLocalStateField('user', user);
  const quill = new Quill(root, { modules: { cursors: true, history: { userOnly: true } } });
  const binding = new QuillBinding(doc.getText('quill'), quill, provider.awareness);
  return {
    focus: () => binding.quill.focus(),
    text: () => quill.getText(),
    carets: () => textsOf(root, '.ql-cursor-name'),
  };
};
