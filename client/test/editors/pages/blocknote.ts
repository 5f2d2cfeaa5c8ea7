import { BlockNoteEditor } from '@blocknote/core';
import { type Mount, textsOf } from '../editor-page.ts';

export const mount: Mount = (root, { doc, provider, user }) => {
  const editor = BlockNoteEditor.create({
    collaboration: { provider, fragment: doc.getXmlFragment('blocknote'), user, showCursorLabels: 'always' },
  });
  editor.mount(root);
  return {
    focus: () => editor.focus(),
    text: () => editor.prosemirrorState.doc.textBetween(0, editor.prosemirrorState.doc.content.size, '\n'),
    carets: () => textsOf(document, '.bn-collaboration-cursor__label'),
  };
};
