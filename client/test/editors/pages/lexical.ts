import { LexicalCollaboration } from '@lexical/react/LexicalCollaborationContext';
import { CollaborationPlugin } from '@lexical/react/LexicalCollaborationPlugin';
import { LexicalComposer } from '@lexical/react/LexicalComposer';
import { ContentEditable } from '@lexical/react/LexicalContentEditable';
import { EditorRefPlugin } from '@lexical/react/LexicalEditorRefPlugin';
import { LexicalErrorBoundary } from '@lexical/react/LexicalErrorBoundary';
import { RichTextPlugin } from '@lexical/react/LexicalRichTextPlugin';
import type { Provider } from '@lexical/yjs';
import { $getRoot, type LexicalEditor } from 'lexical';
import { type RefObject, StrictMode, createElement as h } from 'react';
import { createRoot } from 'react-dom/client';
import type * as Y from 'yjs';
import { type Mount, textsOf } from '../editor-page.ts';

export const mount: Mount = async (root, { doc, provider, user, mayBootstrap }) => {
  const reference: RefObject<LexicalEditor | null> = { current: null };
  const cursors = document.body.appendChild(document.createElement('div'));
  const providerFactory = (id: string, documents: Map<string, Y.Doc>): Provider => {
    documents.set(id, doc);
    // Ours is one as it is (see provider-types.test-d.ts); y-websocket's types are not.
    return provider as unknown as Provider;
  };
  const plugins = [
    h(RichTextPlugin, {
      key: 'text',
      contentEditable: h(ContentEditable),
      ErrorBoundary: LexicalErrorBoundary,
    }),
    h(CollaborationPlugin, {
      key: 'collaboration',
      id: 'lexical',
      providerFactory,
      shouldBootstrap: mayBootstrap,
      username: user.name,
      cursorColor: user.color,
      cursorsContainerRef: { current: cursors },
    }),
    h(EditorRefPlugin, { key: 'reference', editorRef: reference }),
  ];
  const initialConfig = { namespace: 'page', editorState: null, onError: (error: Error) => console.error(error) };
  // StrictMode mounts everything twice, as it is in development: connect() comes twice as well.
  createRoot(root).render(
    // oxlint-disable-next-line typescript/no-deprecated -- it has a successor, but is what most applications have
    h(StrictMode, null, h(LexicalCollaboration, null, h(LexicalComposer, { initialConfig }, ...plugins))),
  );
  while (reference.current === null) await new Promise(requestAnimationFrame);
  const editor = reference.current;
  return {
    focus: () => editor.getRootElement()?.focus(),
    text: () => editor.getEditorState().read(() => $getRoot().getTextContent()),
    carets: () => textsOf(cursors, 'span > span').filter((name) => name !== ''),
  };
};
